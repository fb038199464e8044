"""Processes, threads, forks, memory: what a long training run depends on."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import resident_bytes, sandbox_processes, until

import mrlm
from mrlm.sandbox import FunctionJob, ProgramJob, Sandbox, SandboxError, SuiteJob
from mrlm.sandbox import worker as worker_module

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("sandbox")]

CASES = [{"input": "", "output": "1"}]
GOOD = FunctionJob("def f(): return 1", "f", CASES)


@pytest.fixture(autouse=True)
def own_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Other processes make folders of sandboxes as well."""
    tmp_path_factory.getbasetemp()  # made when first asked for, and not in here
    with tempfile.TemporaryDirectory(prefix="mrlm-test-") as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


def folders() -> set[str]:
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("mrlm-sandbox-")}


def passes(sandbox: Sandbox) -> bool:
    return sandbox.check_many([GOOD])[0].passed


def processes() -> set[int]:
    return set(sandbox_processes(os.getpid()))


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def run_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """A trainer of its own, with the package as it is here."""
    root = str(Path(mrlm.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": f"{root}:{Path(__file__).parent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nothing_starts_before_it_is_needed_and_nothing_is_left() -> None:
    others, before = processes(), folders()
    with Sandbox(workers=2) as sandbox:
        assert processes() == others
        assert passes(sandbox)
        assert len(processes() - others) == 1
    assert until(lambda: processes() == others)
    assert folders() <= before
    with pytest.raises(SandboxError, match="closed"):
        passes(sandbox)


def test_a_forgotten_sandbox_ends_with_its_last_reference() -> None:
    others, before = processes(), folders()
    sandbox = Sandbox(workers=1)
    session = sandbox.session()
    assert session.run("1").passed
    with pytest.warns(ResourceWarning):
        del sandbox, session
        gc.collect()
        assert until(lambda: processes() == others)
    assert until(lambda: folders() <= before)


def test_a_forgotten_session_gives_its_process_back() -> None:
    others = processes()
    with Sandbox(workers=1) as sandbox:
        for _ in range(5):
            session = sandbox.session()
            assert session.run("1").output == "1\n"
            del session
            gc.collect()
        assert until(lambda: len(processes() - others) == 1)
        session = sandbox.session()
    with pytest.raises(SandboxError):
        session.run("1")


def test_close_ends_what_is_running() -> None:
    others = processes()
    sandbox = Sandbox(workers=1, time_limit=60)
    raised: list[BaseException] = []

    def hang() -> None:
        try:
            sandbox.check_program("while True: pass", CASES)
        except SandboxError as error:
            raised.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    assert until(lambda: len(processes() - others) == 2)  # the zygote and the candidate
    sandbox.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(raised) == 1


KILLED = """
import sys, threading
from mrlm.sandbox import Sandbox
sandbox = Sandbox(workers=3, time_limit=600)
cases = [{"input": "", "output": "1"}]
for work in (
    lambda: sandbox.check_program("import time; time.sleep(600)", cases),
    lambda: sandbox.check_function("def f():\\n while True: pass", "f", cases),
    lambda: sandbox.check_suite("def f(): pass", "def check(f):\\n f()\\n while True: pass", "f"),
    lambda: sandbox.session().run("while True: pass"),
):
    threading.Thread(target=work).start()
print("started", flush=True)
"""


def test_kill_9_of_the_trainer_ends_everything() -> None:
    before = folders()
    with run_script(KILLED) as trainer:
        assert trainer.stdout and trainer.stdout.readline() == "started\n"
        # 4 zygotes, 4 candidates, 2 oracles.
        assert until(lambda: len(sandbox_processes(trainer.pid)) == 10, 30)
        trainer.kill()
        assert until(lambda: not sandbox_processes(trainer.pid))
    assert until(lambda: folders() <= before)


def test_a_zygote_whose_trainer_ended_while_it_started_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    package, nobody = str(Path(mrlm.__file__).parent), "1"
    with ours, theirs:
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                worker_module.BOOTSTRAP,
                package,
                str(theirs.fileno()),
                nobody,
                str(folder),
                "rlimits-unsafe",
                str(1 << 30),
                "{}",
            ],
            pass_fds=[theirs.fileno()],
            check=False,
            timeout=600,
        )
    assert done.returncode == 1
    assert not folder.exists()


def test_a_zygote_that_cannot_be_started_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = folders()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Sandbox(workers=1) as sandbox, pytest.raises(FileNotFoundError):
        sandbox.check_program("print(1)", CASES)
    assert folders() <= before


def test_kill_9_of_a_zygote_ends_its_run_and_costs_one_error() -> None:
    others = processes()
    with Sandbox(workers=1, time_limit=60) as sandbox:
        passes(sandbox)
        (zygote,) = processes() - others
        killer = threading.Timer(0.5, os.kill, [zygote, signal.SIGKILL])
        killer.start()
        with pytest.raises(SandboxError, match="own process is gone"):
            sandbox.check_function("def f():\n    while True: pass", "f", CASES)
        assert until(lambda: str(zygote) not in map(_parent, processes()))
        assert passes(sandbox)


def _parent(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return ""


FORKED = """
import os, sys, threading
from processes import sandbox_processes
from mrlm.sandbox import Sandbox, SandboxError
cases = [{"input": "", "output": "1"}]
with Sandbox(workers=1) as sandbox:
    good = lambda: sandbox.check_function("def f(): return 1", "f", cases).passed
    assert good()
    session = sandbox.session()
    session.run("x = 7")
    slow = "import time; time.sleep(1)"
    busy = threading.Thread(target=sandbox.check_program, args=[slow, cases])
    busy.start()
    child = os.fork()
    if child == 0:
        assert good() and good()
        assert len(sandbox_processes(os.getpid())) == 1, "a zygote of its own"
        try:
            session.run("x")
        except SandboxError:
            sandbox.close()
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert good()
    assert session.run("x").output == "7\\n"
    session.close()
    busy.join()
print("good")
"""


def test_a_forked_process_has_zygotes_of_its_own() -> None:
    with run_script(FORKED) as trainer:
        output, errors = trainer.communicate(timeout=600)
    assert output == "good\n", errors


def test_pickling_gives_a_sandbox_with_the_same_limits() -> None:
    with Sandbox(3, 1.5, 256, 99) as sandbox, pickle.loads(pickle.dumps(sandbox)) as copy:
        settings = ("workers", "time_limit", "memory_mb", "output_limit", "isolation")
        assert [getattr(copy, name) for name in settings] == [3, 1.5, 256, 99, "full"]
        assert passes(copy)


def test_many_threads_share_a_sandbox() -> None:
    others = processes()
    with Sandbox(workers=2) as sandbox:
        wrong: list[object] = []

        def work(number: int) -> None:
            cases = [{"input": str(i), "output": str(i * number)} for i in range(3)]
            jobs = [FunctionJob(f"def f(x): return x * {number}", "f", cases)] * 5
            wrong.extend(v for v in sandbox.check_many(jobs) if not v.passed)

        threads = [threading.Thread(target=work, args=[n]) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert until(lambda: len(processes() - others) <= 2)


def test_verdicts_keep_the_order_of_the_jobs() -> None:
    jobs = [
        ProgramJob(f"import time\ntime.sleep({0.2 if n % 4 == 0 else 0})\nprint({n})", CASES)
        for n in range(12)
    ]
    with Sandbox(workers=3) as sandbox:
        assert [v.output for v in sandbox.check_many(jobs)] == [f"{n}\n" for n in range(12)]
        assert sandbox.check_many([]) == []
        assert sandbox.check_many(iter(jobs[:2]))[1].output == "1\n"


def test_ctrl_c_in_the_trainer_ends_the_run_and_keeps_the_sandbox_usable() -> None:
    with Sandbox(workers=1, time_limit=60) as sandbox:
        passes(sandbox)
        interrupt = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            sandbox.check_program("while True: pass", CASES)
        interrupt.join()
        assert passes(sandbox)


def mixed_jobs(count: int) -> list[FunctionJob | SuiteJob | ProgramJob]:
    """All kinds of jobs and ends but those that take their whole time."""
    kinds = [
        GOOD,
        SuiteJob("def f(): return 1", "def check(f):\n    assert f() == 1", "f"),
        ProgramJob("print(1)", CASES),
        FunctionJob("def f(): return 2", "f", CASES),
        FunctionJob("import os\nos._exit(1)", "f", CASES),
        FunctionJob("def f(): return 'x' * 100_000", "f", CASES),
        FunctionJob("def f(): raise ValueError('x' * 10 ** 6)", "f", CASES),
        ProgramJob("print('x' * 10 ** 6)", CASES),
        SuiteJob("def f(): return [[]] * 10_000", "def check(f):\n    assert f() == 1", "f"),
        ProgramJob(
            "open('left', 'w').write('x' * 1000)\nimport ctypes\nctypes.string_at(0)", CASES
        ),
    ]
    return [kinds[index % len(kinds)] for index in range(count)]


def check_that_nothing_grows(runs: int) -> None:
    others = processes()
    with Sandbox(workers=2) as sandbox:
        sandbox.check_many(mixed_jobs(100))
        gc.collect()
        zygotes, before = processes() - others, folders()
        assert len(zygotes) == 2
        memory, descriptors = resident_bytes(), open_descriptors()
        for _ in range(runs // 100):
            statuses = [verdict.status for verdict in sandbox.check_many(mixed_jobs(100))]
            assert statuses.count("passed") == 30
        gc.collect()
        assert processes() - others == zygotes
        assert folders() == before
        assert open_descriptors() == descriptors
        assert resident_bytes() - memory < 4 << 20
        assert all(len(os.listdir(f"/proc/{pid}/fd")) < 20 for pid in zygotes)
    assert until(lambda: not zygotes & processes())


def in_a_process_of_its_own(runs: int) -> None:
    """A process that ran other tests gives their memory back, or not, while this one measures."""
    done = subprocess.run(
        [sys.executable, __file__, str(runs)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_nothing_grows_over_500_runs() -> None:
    in_a_process_of_its_own(500)


@pytest.mark.slow
def test_nothing_grows_over_10_000_runs() -> None:
    in_a_process_of_its_own(10_000)


if __name__ == "__main__":
    check_that_nothing_grows(int(sys.argv[1]))
