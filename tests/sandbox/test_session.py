"""``Sandbox.session``: a prompt with state that survives what is run in it."""

from __future__ import annotations

import pytest

from mrlm.sandbox import Sandbox, SandboxError


def test_state_and_values(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run("x = 3\nprint('hi')\nx + 1").output == "hi\n4\n"
        assert session.run("def f(): return x * 2").output == ""
        assert session.run("f()").output == "6\n"
        assert session.run("None").output == ""
        assert session.run("'a'").output == "'a'\n"
        assert session.run("import math; math.pi").output.startswith("3.14")
        assert session.run("").passed
        result = session.run("for i in range(3):\n    print(i)")
        assert (result.status, result.output, result.message) == ("passed", "0\n1\n2\n", "")


def test_errors_leave_the_state_alone(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = 1")
        result = session.run("print('before')\n1 / 0")
        assert (result.status, result.output) == ("error", "before\n")
        assert result.message == "ZeroDivisionError: division by zero (line 2)"
        assert session.run("x +").status == "error"
        assert session.run("open('/etc/passwd')").status == "blocked"
        assert session.run("bytearray(10 ** 12)").status == "memory"
        assert session.run("raise SystemExit").status == "error"
        assert session.run("'\ud800'").status == "error"
        assert session.run("\x00").status == "error"
        assert session.run("x").output == "1\n"


def test_a_lost_session_starts_again(quick_sandbox: Sandbox) -> None:
    with quick_sandbox.session() as session:
        for code, status in [
            ("print('before', flush=True)\nwhile True: pass", "timeout"),
            ("print('before', flush=True)\nimport os; os._exit(0)", "crash"),
            ("print('before', flush=True)\nimport ctypes; ctypes.string_at(0)", "crash"),
            ("print('before', flush=True)\nimport os; os.closerange(3, 99)", "crash"),
        ]:
            session.run("x = 1")
            result = session.run(code)
            assert (result.status, result.output) == (status, "before\n"), result
            assert "restarted" in result.message
            assert session.run("x").status == "error"


def test_output_is_bounded_in_each_run() -> None:
    with Sandbox(output_limit=50) as sandbox, sandbox.session() as session:
        for _ in range(3):
            assert session.run("print('x' * 200)").output == "x" * 50
        assert session.run("print('y')").output == "y\n"


def test_a_forged_answer_is_not_believed(sandbox: Sandbox) -> None:
    code = "import os, json\nb = json.dumps({'nonce': '', 'raised': []}).encode()\n"
    code += "for n in range(3, 20):\n    try: os.write(n, len(b).to_bytes(4, 'big') + b)\n"
    code += "    except OSError: pass"
    with sandbox.session() as session:
        assert session.run(code).status == "error"
        assert session.run("1").output == "1\n"


def test_hostile_answers_cannot_hurt_the_trainer(sandbox: Sandbox) -> None:
    for body in ("b'[' * 60000", "b'9' * 60000", "b'x' * 10 ** 7", "b'NaN'"):
        code = f"import os\nb = {body}\nos.write(3, len(b).to_bytes(4, 'big') + b)\n" + (
            "for n in range(3, 20):\n"
            "    try: os.write(n, len(b).to_bytes(4, 'big') + b)\n    except OSError: pass"
        )
        with sandbox.session() as session:
            assert session.run(code).status == "error"
            assert session.run("1").output == "1\n"


def test_sessions_do_not_share_and_do_not_take_workers() -> None:
    with Sandbox(workers=1) as sandbox, sandbox.session() as one, sandbox.session() as two:
        one.run("x = 1")
        assert two.run("x").status == "error"
        case = {"input": "", "output": "1"}
        assert sandbox.check_function("def f(): return 1", "f", [case]).passed
        one.run("open('kept', 'w').write('secret')")
        assert two.run("open('kept').read()").status == "error"


def test_files_and_variables_end_with_the_session(sandbox: Sandbox) -> None:
    for _ in range(3):
        with sandbox.session() as session:
            assert session.run("x").status == "error"
            assert session.run("import os; os.listdir()").output == "[]\n"
            session.run("x = 1\nopen('kept', 'w').write('secret')")


def test_messages_can_be_written(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        result = session.run("raise ValueError('\\ud800')")
        assert result.message.encode() == b"ValueError: \\ud800 (line 1)"


def test_results_name_the_isolation(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run("1").isolation == session.run("import os; os._exit(0)").isolation
        assert session.run("1").isolation == "full"
    with Sandbox(workers=1, isolation="rlimits-unsafe") as unsafe, unsafe.session() as session:
        assert session.run("1").isolation == "rlimits-unsafe"
        assert session.run("import os; os._exit(0)").isolation == "rlimits-unsafe"


def test_misuse(sandbox: Sandbox) -> None:
    with sandbox.session() as session, pytest.raises(ValueError, match="code is a NoneType"):
        session.run(None)  # type: ignore[arg-type]
    with pytest.raises(SandboxError, match="session is closed"):
        session.run("1")
    session.close()
