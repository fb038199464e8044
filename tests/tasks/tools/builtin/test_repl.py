"""Python in the sandbox, as a tool: state, bounds, and attacks that must not reach this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import sandbox_processes

from mrlm.tasks.tools.builtin import PythonSession, make_python_repl, python_repl
from mrlm.tasks.tools.builtin import repl as repl_module


@pytest.fixture
def session() -> Iterator[PythonSession]:
    opened = PythonSession()
    yield opened
    opened.close()


def test_state_is_kept_and_sessions_are_apart(session: PythonSession) -> None:
    tool = make_python_repl(session)
    tool("x = 41\ndef double(y):\n    return 2 * y")
    assert tool("print(double(x))") == "82"
    assert tool("x + 1") == "42", "the value of a last expression is shown, as at a prompt"
    assert "NameError" in make_python_repl()("print(x)")
    assert tool("y = 1") == "No output: print what you want to see."
    session.close()
    assert "NameError" in tool("print(x)")


def test_errors_are_told(session: PythonSession) -> None:
    tool = make_python_repl(session)
    assert "ZeroDivisionError" in tool("print('before')\n1 / 0")
    assert "before" in tool("print('before')\n1 / 0")
    assert "SyntaxError" in tool("def")


def test_more_sessions_than_may_live_keep_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repl_module, "MAX_LIVE", 2)
    sessions = [PythonSession() for _ in range(4)]
    tools = [make_python_repl(session) for session in sessions]
    for i, tool in enumerate(tools):
        tool(f"total = {i}")
        tool("total += 10")
        if i == 1:
            two_live = len(sandbox_processes(os.getpid()))
    assert [tool("print(total)") for tool in tools] == ["10", "11", "12", "13"]
    assert len(sandbox_processes(os.getpid())) <= two_live
    for session in sessions:
        session.close()


def test_a_loop_ends_and_says_that_the_state_is_gone(session: PythonSession) -> None:
    tool = make_python_repl(session)
    tool("x = 1")
    assert "variables are gone" in tool("while True: pass")
    assert "NameError" in tool("print(x)")


@pytest.mark.parametrize(
    "attack",
    [
        "import os; os.kill(os.getppid(), 9); print('parent is dead')",
        "import os; os._exit(0)",
        "print(open('/etc/passwd').read())",
        "open('{root}/made.txt', 'w').write('x'); print('wrote')",
        "import socket; socket.create_connection(('127.0.0.1', 22), 1); print('connected')",
        "import subprocess; print(subprocess.run(['id'], capture_output=True).stdout)",
        "import os\nwhile True: os.fork()",
        "x = 'a' * 10**11",
        "print('x' * 10**8)",
        "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
        "import ctypes; ctypes.string_at(0)",
        "import os; print(os.environ)",
    ],
)
def test_attacks_stay_inside(session: PythonSession, attack: str, tmp_path: Path) -> None:
    os.environ["MRLM_TEST_SECRET"] = "hidden-value"
    told = make_python_repl(session)(attack.replace("{root}", str(tmp_path)))
    for leak in ("root:", "parent is dead", "wrote", "connected", "uid=", "hidden-value"):
        assert leak not in told
    assert not list(tmp_path.iterdir())
    assert len(told) < 200_000
    assert make_python_repl(session)("print(6 * 7)") == "42", "the session still works"


@pytest.mark.parametrize("code", ["", "  ", "x" * 4001, "1\x00", None, 5, ["print(1)"]])
def test_what_is_no_code_is_refused(code: object) -> None:
    with pytest.raises(ValueError, match="code must be text"):
        python_repl(code)  # type: ignore[arg-type]
