"""``check_suite``: HumanEval's form, and tests that are unusable."""

from __future__ import annotations

import pytest

from mrlm.sandbox import Sandbox, SuiteJob

GOOD = "def f(x):\n    return x + 1\n"


def test_the_first_failing_assertion_is_told(sandbox: Sandbox) -> None:
    test = "def check(c):\n    assert c(1) == 2\n    assert c(2) == 4, 'four'\n"
    verdict = sandbox.check_suite(GOOD, test, "f")
    assert (verdict.status, verdict.tests_passed, verdict.tests_total) == ("failed", 0, 1)
    assert verdict.message == "assert c(2) == 4, 'four' (AssertionError: four)"
    verdict = sandbox.check_suite(GOOD, "def check(c):\n    assert c(1) == 2", "f")
    assert (verdict.status, verdict.tests_passed) == ("passed", 1)


def test_arguments_and_results_cross_in_both_directions(sandbox: Sandbox) -> None:
    code = "def f(*args, **kwargs):\n    return args, kwargs\n"
    test = (
        "def check(f):\n"
        "    big = 10 ** 400\n"
        "    value = [1, 1.5, True, None, 'x', (1,), {1: {2}}, b'y', 2j, ..., big]\n"
        "    args, kwargs = f(*value, key=[1])\n"
        "    assert list(args) == value and kwargs == {'key': [1]}\n"
        "    assert list(map(type, args)) == list(map(type, value))\n"
    )
    assert sandbox.check_suite(code, test, "f").message == ""


@pytest.mark.parametrize(
    ("raised", "caught"),
    [
        ("ValueError('bad')", "ValueError"),
        ("KeyError('k')", "LookupError"),
        ("type('Own', (IndexError,), {})('x')", "IndexError"),
        ("type('Own', (Exception,), {})('x')", "Exception"),
        ("FileNotFoundError(2, 'gone')", "OSError"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'y')", "UnicodeDecodeError"),
    ],
)
def test_tests_can_expect_exceptions(raised: str, caught: str, sandbox: Sandbox) -> None:
    code = f"def f():\n    raise {raised}\n"
    test = (
        "def check(f):\n    try:\n        f()\n"
        f"    except {caught} as error:\n        assert error.args\n"
        "    else:\n        assert False\n"
    )
    assert sandbox.check_suite(code, test, "f").message == ""
    assert not sandbox.check_suite("def f(): pass", test, "f").passed


def test_an_unexpected_exception_is_the_candidates_error(sandbox: Sandbox) -> None:
    verdict = sandbox.check_suite("def f(x):\n    return 1 / 0\n", "def check(f): f(1)", "f")
    assert verdict.status == "error"
    assert verdict.message == "f raised ZeroDivisionError: division by zero (line 2)"


def test_a_test_cannot_swallow_the_end_of_the_candidate(sandbox: Sandbox) -> None:
    test = "def check(f):\n    try:\n        f(1)\n    except BaseException:\n        pass\n"
    verdict = sandbox.check_suite("import os\ndef f(x):\n    os._exit(0)\n", test, "f")
    assert verdict.status == "crash"


def test_a_wrong_type_that_breaks_the_tests_is_a_wrong_answer(sandbox: Sandbox) -> None:
    verdict = sandbox.check_suite("def f(x): pass", "def check(f):\n    assert len(f(1))", "f")
    assert verdict.status == "failed"
    assert "TypeError" in verdict.message


def test_helpers_come_from_the_tests_and_never_from_the_candidate(sandbox: Sandbox) -> None:
    prompt = "def double(x):\n    return 2 * x\n\n\ndef f(x):\n    '''Twice.'''\n"
    test = "def check(candidate):\n    assert candidate(4) == double(4)\n"
    cheat = "def f(x):\n    return 0\n\n\ndef double(x):\n    return 0\n"
    assert sandbox.check_suite(prompt + "    return x + x\n", prompt + test, "f").passed
    assert sandbox.check_suite(cheat, prompt + test, "f").status == "failed"
    verdict = sandbox.check_suite(cheat, test, "f")
    assert verdict.status == "invalid"
    assert "pass the prompt and the test" in verdict.message


def test_tests_may_name_the_function_itself(sandbox: Sandbox) -> None:
    assert sandbox.check_suite(GOOD, "def check(_):\n    assert f(1) == 2", "f").passed
    assert sandbox.check_suite(GOOD, "assert f(1) == 2\ndef check(_): pass", "f").passed


@pytest.mark.parametrize(
    ("test", "part"),
    [
        ("def check(:", "do not compile"),
        ("def check(f): pass\n\x00", "do not compile"),
        ("", "no function check"),
        ("def check(f): pass", "never called"),
        ("import numpy\ndef check(f): f(1)", "numpy"),
        ("def check(f): assert f(1) == nothing", "nothing"),
        ("def check(f): f(lambda: 1)", "cannot be sent"),
        ("def check(f, g): f(1)", "unusable"),
        ("def check(f): assert False", "unusable"),
    ],
)
def test_unusable_tests_say_nothing_about_the_code(test: str, part: str, sandbox: Sandbox) -> None:
    verdict = sandbox.check_suite(GOOD, test, "f")
    assert verdict.status == "invalid"
    assert part in verdict.message


def test_the_tests_are_locked_down_as_well(quick_sandbox: Sandbox) -> None:
    for attack in ("import os; os.fork()", "open('/etc/passwd')", "import socket; socket.socket()"):
        test = f"def check(f):\n    f(1)\n    {attack}\n"
        verdict = quick_sandbox.check_suite(GOOD, test, "f")
        assert verdict.status == "failed"
        assert "PermissionError" in verdict.message
    verdict = quick_sandbox.check_suite(GOOD, "def check(f):\n    f(1)\n    while True: pass", "f")
    assert verdict.status == "timeout"


def test_an_answer_cannot_make_tests_look_unusable(sandbox: Sandbox) -> None:
    test = "def check(f):\n    assert f(f(1)) == 3\n"
    deep = "def f(x):\n    for _ in range(99): x = [x]\n    return x\n"
    assert sandbox.check_suite(deep, test, "f").status == "error"
    name = "def f(x):\n    raise NameError('nothing')\n"
    assert sandbox.check_suite(name, test, "f").status == "error"


def test_wrong_jobs_are_errors_of_the_caller() -> None:
    with pytest.raises(ValueError, match="test is a NoneType"):
        SuiteJob("x", None, "f")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="entry_point is ''"):
        SuiteJob("x", "y", "")


def test_a_name_error_in_disguise_is_the_candidates_error(sandbox: Sandbox) -> None:
    """A candidate must not be able to make tests look unusable, which would be no score at all."""
    test = (
        "def check(f):\n    try:\n        f(1)\n"
        "    except Exception as error:\n        raise type(error)(str(error))\n"
    )
    verdict = sandbox.check_suite("def f(x):\n    raise NameError('g')\n", test, "f")
    assert (verdict.status, verdict.tests_passed) == ("failed", 0)
    verdict = sandbox.check_suite(GOOD, "def check(f):\n    f(1)\n    g\n", "f")
    assert verdict.status == "invalid"


def test_tests_do_not_share_standard_input_with_the_candidate(sandbox: Sandbox) -> None:
    code = "import os\ntry: os.pwrite(0, b'secret', 0)\nexcept OSError: pass\ndef f(): return ''\n"
    test = "import os\ndef check(f):\n    assert f() == os.read(0, 99).decode()\n"
    assert sandbox.check_suite(code, test, "f").message == ""


def test_a_candidate_cannot_keep_the_tests_from_binding_a_name(sandbox: Sandbox) -> None:
    for test in (
        "try:\n    f(1)\nexcept KeyError as error:\n    args = error.args\nassert args",
        "for x in f(1):\n    last = x\nassert last == 1",
        "def check(f):\n    for x in f(1):\n        last = x\n    assert last == 1",
    ):
        assert sandbox.check_suite("def f(x): return []", test, "f").status == "failed"


def test_each_assertion_and_each_test_function_counts(sandbox: Sandbox) -> None:
    asserts = "x = f(1)\nassert x == 2\nassert f(2) == 0\nassert f(f(1)) == 3\n"
    functions = "def test_a():\n    assert f(1) == 2\ndef test_b():\n    assert f(1) == 3\n"
    skipped = f"import pytest\n{functions}def test_c():\n    pytest.skip('later')\n"
    for test, passed, total in [(asserts, 2, 3), (functions, 1, 2), (skipped, 1, 2)]:
        verdict = sandbox.check_suite(GOOD, test, "f")
        counts = (verdict.status, verdict.tests_passed, verdict.tests_total)
        assert counts == ("failed", passed, total), verdict
    assert sandbox.check_suite("def f(x): 1 / 0", asserts, "f").status == "error"


@pytest.mark.parametrize(
    "test",
    [
        "import pytest\ndef test_a(tmp_path):\n    assert f(1) == 2\n",
        "import pytest\n@pytest.mark.skip\ndef test_a():\n    assert f(1) == 2\n",
        "import pytest\ndef test_a():\n    pytest.skip('later')\n",
        "def test_a():\n    assert 1 == 1\n",
        "from elsewhere import g\ndef test_a():\n    assert g(1) == 2\n",
        "assert 1 == 1\n",
    ],
)
def test_tests_that_test_nothing_are_unusable(test: str, sandbox: Sandbox) -> None:
    assert sandbox.check_suite(GOOD, test, "f").status == "invalid"
