"""However a program ends that we can see end, what it holds on the disk is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mrlm
from mrlm import termination

pytestmark = pytest.mark.integration

ROOT = Path(mrlm.__file__).parents[1]
HOLDS_A_FOLDER = """
import sys, time
from mrlm.tasks.tools.environment import make_environment
from mrlm.termination import exit_on_sigterm
exit_on_sigterm()
environment = make_environment(["file_system"])
environment.reset(files={"a.txt": "text"})
assert environment.file_system(action="read", path="a.txt") == "text"
print("holds", flush=True)
end = sys.stdin.readline().strip()
if end == "raise":
    raise RuntimeError
while end == "wait":
    time.sleep(0.05)  # signal.pause would sleep on if the signal came just before it
"""


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Python with a folder of its own for temporary files."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, *command],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


@pytest.mark.parametrize(
    ("end", "sent", "code"),
    [
        ("return", None, 0),
        ("raise", None, 1),
        ("wait", signal.SIGINT, -signal.SIGINT),
        ("wait", signal.SIGTERM, 128 + signal.SIGTERM),
    ],
)
def test_tools_leave_no_folder(
    end: str, sent: signal.Signals | None, code: int, tmp_path: Path
) -> None:
    with start(tmp_path, "-c", HOLDS_A_FOLDER) as process:
        assert process.stdin and process.stdout and process.stdout.readline() == "holds\n"
        assert [path.name.startswith("mrlm-tools-") for path in tmp_path.iterdir()] == [True]
        process.stdin.write(f"{end}\n")
        process.stdin.flush()
        if sent:
            process.send_signal(sent)
        assert process.wait(600) == code
    assert list(tmp_path.iterdir()) == []


def test_a_command_leaves_no_half_written_output(tmp_path: Path) -> None:
    out = tmp_path / "made"
    command = ("data", "--task", "math", "--size", "1000000", "--out", str(out))
    with start(tmp_path, "-m", "mrlm.cli", *command) as process:
        deadline = time.monotonic() + 600
        while not list(tmp_path.glob(".made.*")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.terminate()
        assert process.wait(600) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_signal_during_a_deletion_is_not_lost(tmp_path: Path) -> None:
    program = (
        "import os, signal, time\n"
        "from mrlm.termination import exit_on_sigterm\n"
        "exit_on_sigterm()\n"
        "class Held:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        len('')  # here Python runs the handler\n"
        "Held()\n"
        "try: time.sleep(600)\n"
        "finally: print('unwound')\n"
    )
    with start(tmp_path, "-c", program) as process:
        assert process.wait(600) == 128 + signal.SIGTERM
        assert process.stdout and process.stdout.read() == "unwound\n"


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("DatasetError('the reason')", 2),
        ("ModelError('the reason')", 2),
        ("SystemExit('the reason')", 2),
        ("HubError('the reason')", 1),
        ("SandboxError('the reason')", 1),
        ("PermissionError('the reason')", 2),
    ],
)
def test_a_mistake_is_one_message(raised: str, code: int) -> None:
    program = f"""
from mrlm.errors import *
from mrlm.termination import run_program
def main():
    raise {raised}
run_program(main)
"""
    done = _run(program)
    assert done.returncode == code
    assert done.stderr == "-c: error: the reason\n"


def test_what_libraries_refuse_is_a_message_and_how_to_see_more() -> None:
    program = """
from mrlm.termination import run_program
def main():
    raise ImportError("You need the package x")
run_program(main)
"""
    done = _run(program)
    assert done.returncode == 2
    assert done.stderr == (
        "-c: error: You need the package x\n"
        "MRLM_TRACEBACK=1 in the environment shows where this comes from.\n"
    )
    shown = _run(program, MRLM_TRACEBACK="1")
    assert shown.returncode == 1 and "Traceback" in shown.stderr


def test_ctrl_c_is_no_traceback() -> None:
    program = """
from mrlm.termination import run_program
def main():
    raise KeyboardInterrupt
run_program(main)
"""
    done = _run(program)
    assert (done.returncode, done.stderr) == (130, "-c: interrupted\n")


def test_windows_is_told_before_anything_runs() -> None:
    program = """
import sys
from mrlm.termination import run_program
sys.platform = "win32"
run_program(lambda: print("ran"))
"""
    done = _run(program)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("-c: error: mrlm does not run on Windows itself")
    assert "WSL 2" in done.stderr and done.stderr.count("\n") == 1


def test_one_of_several_processes_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for it to end them, and speak themselves if it does not."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.delenv("RANK", raising=False)
    termination.let_main_process_speak()
    monkeypatch.setenv("RANK", "0")
    termination.let_main_process_speak()
    assert not waited
    monkeypatch.setenv("RANK", "3")
    termination.let_main_process_speak()
    assert waited == [30.0]


def test_a_fault_keeps_its_traceback_and_an_exit_its_code() -> None:
    fault = _run(
        "from mrlm.termination import run_program\n"
        "def main():\n    raise KeyError('ours')\n"
        "run_program(main)"
    )
    assert fault.returncode == 1 and "Traceback" in fault.stderr
    program = (
        "import sys\nfrom mrlm.termination import run_program\nrun_program(lambda: sys.exit(7))"
    )
    assert _run(program).returncode == 7


def _run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        text=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
