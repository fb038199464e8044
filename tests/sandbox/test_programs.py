"""``check_program``: standard input to standard output."""

from __future__ import annotations

import pytest

from mrlm.sandbox import Sandbox, Verdict


def check(sandbox: Sandbox, code: str, *cases: tuple[str, str]) -> Verdict:
    return sandbox.check_program(code, [{"input": a, "output": b} for a, b in cases])


@pytest.mark.parametrize(
    "code",
    [
        "print(sum(map(int, input().split())))",
        "import sys\nfor line in sys.stdin:\n    print(sum(map(int, line.split())))",
        "import sys\nsys.stdout.write(str(sum(map(int, sys.stdin.read().split()))))",
        "print(sum(map(int, open(0).read().split())))",
        "import os\nos.write(1, b'%d' % sum(map(int, os.read(0, 99).split())))",
        "import sys\ntotal = sum(map(int, sys.stdin.buffer.read().split()))\n"
        "sys.stdout.buffer.write(b'%d' % total)",
        "def main():\n    print(sum(map(int, input().split())))\n"
        "if __name__ == '__main__':\n    main()",
        "import sys\nprint(sum(map(int, input().split())))\nsys.exit()",
        "print(sum(map(int, input().split())))\nraise SystemExit(0)",
        "print(sum(map(int, input().split())))\nexit()",
        "print(sum(map(int, input().split())))\nquit(0)",
        "import sys\nsys.__stdout__.write(str(sum(map(int, input().split()))))",
        "import threading\nthreading.stack_size(1 << 26)\n"
        "threading.Thread(target=lambda: print(sum(map(int, input().split())))).start()",
        "import sys, threading\nthreading.stack_size(1 << 29)\nsys.setrecursionlimit(10 ** 7)\n"
        "def main():\n    print(sum(map(int, input().split())))\n"
        "t = threading.Thread(target=main)\nt.start()\nt.join()",
        "import atexit\ntotal = sum(map(int, input().split()))\natexit.register(print, total)",
        "print(sum(map(int, input().split())), ' \\n\\n')",
    ],
)
def test_programs_as_they_are_written(code: str, sandbox: Sandbox) -> None:
    verdict = check(sandbox, code, ("1 2\n", "3\n"), ("10 -4\n", "6"))
    assert (verdict.status, verdict.message) == ("passed", "")


@pytest.mark.parametrize(
    ("printed", "wanted", "passes"),
    [
        ("a\\nb", "a\nb\n", True),
        ("a  \\nb\\n\\n", "a\nb", True),
        ("a\\r\\nb", "a\nb", True),
        ("", "", True),
        (" ", "", True),
        ("  a", "a", False),
        ("a\\n\\nb", "a\nb", False),
        ("a b", "a  b", False),
        ("3.0", "3", False),
        ("a", "a\nb", False),
        ("a\\nb", "a", False),
        ("é\\u2028x", "é\u2028x", True),
    ],
)
def test_white_space(printed: str, wanted: str, passes: bool, sandbox: Sandbox) -> None:
    assert check(sandbox, f"print('{printed}')", ("", wanted)).passed == passes


def test_each_case_is_a_new_process(sandbox: Sandbox) -> None:
    code = "import os, sys\nprint(os.path.exists('left'), hasattr(sys, 'left'))\n"
    code += "open('left', 'w').close()\nsys.left = 1\n"
    assert check(sandbox, code, ("", "False False"), ("", "False False")).passed


def test_message_and_output_of_the_first_failure(sandbox: Sandbox) -> None:
    code = "x = int(input())\nprint('line')\nprint(x * x if x < 3 else 0)"
    verdict = check(sandbox, code, ("2\n", "line\n4"), ("3\n", "line\n9"), ("4\n", "line\n16"))
    assert (verdict.status, verdict.tests_passed, verdict.tests_total) == ("failed", 1, 3)
    assert verdict.message == "Test 2 of 3: input '3\\n': line 2 is '0', expected '9'"
    assert verdict.output == "line\n0\n"


@pytest.mark.parametrize(
    ("code", "status", "part"),
    [
        ("print(3)\n1 / 0", "error", "ZeroDivisionError: division by zero (line 2)"),
        ("print(3)\nimport sys; sys.exit(2)", "error", "SystemExit"),
        ("print(3)\nimport sys; sys.exit('bad')", "error", "bad"),
        ("print(3)\nimport os; os._exit(7)", "error", "did not end normally"),
        ("print(3)\nimport ctypes; ctypes.string_at(0)", "crash", "SIGSEGV"),
        ("print(3)\nwhile True: pass", "timeout", "in time"),
        ("print(3)\nx = bytearray(10 ** 12)", "memory", "MemoryError"),
        ("print(3)\nimport os; os.fork()", "blocked", "PermissionError"),
        ("input()", "error", "EOFError"),
        ("print(", "error", "SyntaxError"),
    ],
)
def test_a_right_answer_is_not_enough(
    code: str, status: str, part: str, quick_sandbox: Sandbox
) -> None:
    verdict = check(quick_sandbox, code, ("", "3"))
    assert verdict.status == status
    assert part in verdict.message


def test_the_time_limit_is_for_all_cases_together() -> None:
    code = "import time\ntime.sleep(0.5)\nprint(1)"
    with Sandbox(workers=1, time_limit=3.0) as sandbox:
        verdict = check(sandbox, code, *[("", "1")] * 9)
    assert verdict.status == "timeout"
    assert 1 <= verdict.tests_passed <= 5


def test_surrogates_and_bytes(sandbox: Sandbox) -> None:
    code = "import sys\nprint(len(sys.stdin.buffer.read()))"
    assert check(sandbox, code, ("\ud800", "3"), ("é", "2"), ("\x00", "1")).passed
    assert check(sandbox, "print('\\ud800')", ("", "\\ud800")).passed
    assert not check(sandbox, "import os; os.write(1, b'\\xff')", ("", "x")).passed


def test_more_expected_output_than_the_limit_says_nothing_about_the_code() -> None:
    with Sandbox(workers=1, output_limit=100) as sandbox:
        assert check(sandbox, "print('x' * 100)", ("", "x" * 100)).passed
        verdict = check(sandbox, "print('x' * 101)", ("", "y"), ("", "x" * 101))
        assert (verdict.status, verdict.tests_passed) == ("invalid", 0)
        assert "test 2 expects more output than the limit, 100 bytes" in verdict.message
        assert check(sandbox, "print(0)", ("", "é" * 51)).status == "invalid"


def test_messages_are_bounded_and_can_be_written(sandbox: Sandbox) -> None:
    verdict = check(sandbox, "raise ValueError('\\ud800' * 400)", ("\0" * 300, "1"))
    assert verdict.status == "error"
    assert len(verdict.message) <= 2000
    assert "\\ud800" in verdict.message
    assert verdict.message.encode()


def test_runs_draw_numbers_of_their_own(sandbox: Sandbox) -> None:
    draw = "import random\nprint('drawn', random.random())"
    first, second = (check(sandbox, draw, ("", "drawn\n")).message for _ in range(2))
    assert "drawn" in first and first != second
