"""Candidates that use too much: each costs its own time and nothing else."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import sandbox_processes, until

from mrlm.sandbox import FunctionJob, Job, ProgramJob, Sandbox, SandboxError, SuiteJob
from mrlm.sandbox.watch import Watch

pytestmark = pytest.mark.xdist_group("sandbox")

CASES = [{"input": "", "output": "1"}]

BOMBS = {
    "recursion": ("def f():\n    return f()", {"error"}),
    "recursion in C": (
        "import sys\nsys.setrecursionlimit(10 ** 9)\n"
        "class A:\n    def __repr__(self): return repr(self)\n"
        "def f(): return repr(A())",
        {"crash", "error"},
    ),
    "memory at once": ("def f(): return bytearray(10 ** 12)", {"memory"}),
    "memory in large pieces": (
        "def f():\n    x = []\n    while True: x.append('x' * 10 ** 6)",
        {"memory"},
    ),
    "memory on import": ("x = [0]\nwhile True: x += x", {"memory"}),
    "memory for the one who reads": ("def f(): return [[]] * 100_000", {"failed"}),
    "memory mapped": (
        "import mmap\nk = []\ndef f():\n    while True: k.append(mmap.mmap(-1, 1 << 26))",
        {"memory"},
    ),
    "integer": ("def f(): return 1 << 10 ** 10", {"memory", "error"}),
    "output": ("def f():\n    while True: print('x' * 1000)", {"timeout"}),
    "output past Python": (
        "import os\ndef f():\n    while True: os.write(1, b'x' * 10000)",
        {"error"},
    ),
    "one large file": (
        "def f():\n    with open('x', 'wb') as x:\n        while True: x.write(b'x' * 10 ** 5)",
        {"error"},
    ),
    "many large files": (
        "def f():\n    for i in range(10 ** 6): open(str(i), 'wb').write(b'x' * 10 ** 6)",
        {"blocked"},
    ),
    "many files": (
        "def f():\n    for i in range(10 ** 6): open(str(i), 'w').close()",
        {"blocked"},
    ),
    "descriptors": ("import os\ndef f():\n    while True: os.pipe()", {"error"}),
    "forks": ("import os\ndef f():\n    while True: os.fork()", {"blocked"}),
    "processes": (
        "import subprocess, sys\ndef f():\n    while True: subprocess.Popen([sys.executable])",
        {"blocked"},
    ),
    "threads": (
        "import threading, time\nthreading.stack_size(32768)\ndef f():\n"
        "    while True: threading.Thread(target=time.sleep, args=[99], daemon=True).start()",
        {"blocked"},
    ),
    "busy threads": (
        "import threading\nthreading.stack_size(1 << 18)\n"
        "def g():\n    while True: pass\ndef f():\n"
        "    for _ in range(30): threading.Thread(target=g).start()",
        {"timeout"},
    ),
    "busy threads outside Python's lock": (
        "import hashlib, threading\nthreading.stack_size(1 << 16)\n"
        "def g():\n    while True: hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10 ** 6)\n"
        "def f():\n    for _ in range(50): threading.Thread(target=g).start()",
        {"blocked", "timeout"},  # the latter where others leave it less than one processor
    ),
    "sleep": ("import time\ndef f(): time.sleep(99)", {"timeout"}),
    "loop": ("def f():\n    while True: pass", {"timeout"}),
    "loop that catches everything": (
        "def f():\n    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass",
        {"timeout"},
    ),
    "loop that ignores signals": (
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\ndef f():\n    while True: pass",
        {"timeout"},
    ),
    "loop in C": ("def f(): return 10 ** 10 ** 9 % 7", {"timeout", "memory"}),
    "regular expression": (
        "import re\ndef f(): return re.match('(a+)+$', 'a' * 40 + 'b')",
        {"timeout"},
    ),
    "loop on import": ("while True: pass", {"timeout"}),
    "lock": (
        "import threading\ndef f():\n    x = threading.Lock(); x.acquire(); x.acquire()",
        {"timeout"},
    ),
    "segmentation fault": ("import ctypes\ndef f(): ctypes.string_at(0)", {"crash"}),
    "abort": ("import os\ndef f(): os.abort()", {"crash"}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, quick_sandbox: Sandbox, patient_sandbox: Sandbox) -> None:
    code, statuses = BOMBS[name]
    sandbox = quick_sandbox if "timeout" in statuses else patient_sandbox
    before = len(sandbox_processes(os.getpid()))
    verdict = sandbox.check_function(code, "f", CASES)
    assert verdict.status in statuses, verdict
    assert sandbox.check_function("def f(): return 1", "f", CASES).passed
    # At most a zygote more; what the candidate started is gone.
    assert until(lambda: len(sandbox_processes(os.getpid())) <= before + 1)


@pytest.mark.integration
def test_a_hanging_candidate_costs_its_own_time_and_nobody_elses() -> None:
    good: list[Job] = [
        FunctionJob("def f(): return 1", "f", CASES),
        SuiteJob("def f(): return 1", "def check(f):\n    assert f() == 1", "f"),
        ProgramJob("print(1)", CASES),
    ] * 10
    hanging: list[Job] = [
        FunctionJob("def f():\n    while True: pass", "f", CASES),
        SuiteJob("while True: pass", "def check(f): f()", "f"),
        ProgramJob("import time\ntime.sleep(99)", CASES),
    ]
    with Sandbox(workers=2, time_limit=2.0) as sandbox:
        verdicts = sandbox.check_many([hanging[0], *good[:15], hanging[1], *good[15:], hanging[2]])
    statuses = [verdict.status for verdict in verdicts]
    assert statuses == ["timeout", *["passed"] * 15, "timeout", *["passed"] * 15, "timeout"]
    for job in hanging:
        with Sandbox(workers=2, time_limit=60) as sandbox, ThreadPoolExecutor(1) as thread:
            hangs = thread.submit(sandbox.check_many, [job])
            assert all(verdict.passed for verdict in sandbox.check_many(good))
            assert not hangs.done()
            sandbox.close()
            with pytest.raises(SandboxError):
                hangs.result()


def test_more_than_one_processor_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still makes one busy thread look like many."""
    watch = Watch(os.getpid())
    watch.look()
    watch.ahead = 0.0  # this process is old, unlike a child

    def burn(seconds: float) -> None:
        until_then = time.process_time() + seconds
        while time.process_time() < until_then:
            pass

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watch.look()
    started = watch.ahead
    burn(0.3)
    watch.look()
    assert 0.2 < watch.ahead - started < 0.5
    assert watch.threads == len(os.listdir("/proc/self/task"))
    now += 10
    watch.look()
    assert watch.ahead == 0  # and no credit for the time that it was idle
    burn(0.3)
    watch.look()
    assert 0.2 < watch.ahead < 0.5


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": 1.5}, "workers is 1.5"),
        ({"workers": True}, "workers is True"),
        ({"time_limit": 0}, "time_limit is 0"),
        ({"time_limit": "5"}, "time_limit is '5'"),
        ({"time_limit": float("nan")}, "time_limit is nan"),
        ({"memory_mb": 16}, "memory_mb is 16"),
        ({"output_limit": -1}, "output_limit is -1"),
        ({"isolation": "none"}, "choose one of full, rlimits-unsafe"),
    ],
)
def test_wrong_limits(settings: dict, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Sandbox(**settings)
