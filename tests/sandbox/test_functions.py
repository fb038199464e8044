"""``check_function``: what counts as right, how values cross, what a verdict says."""

from __future__ import annotations

import pytest

from mrlm.sandbox import FunctionJob, Sandbox, Verdict


def check(sandbox: Sandbox, code: str, *cases: tuple[str, str]) -> Verdict:
    named = [{"input": given, "output": wanted} for given, wanted in cases]
    return sandbox.check_function(code, "f", named)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("[1, 2]", "([1, 2],)"),
        ("3, 'ab'", "(3, 'ab')"),
        ("", "()"),
        (" ", "()"),
        ("1,", "(1,)"),
        ("(1, 2)", "((1, 2),)"),
        ("[1,\n 2],\n'x'", "([1, 2], 'x')"),
        ("-1, +2, 1 + 2j", "(-1, 2, 1+2j)"),
        ("{'a': [1, {2}]}, b'x', None, True, ...", "({'a': [1, {2}]}, b'x', None, True, ...)"),
        ("1e999, nan", "(inf, nan)"),
        ("'é\\ud800\\x00\\n'", "('é\\ud800\\x00\\n',)"),
        ("1" + "0" * 4000, "(1" + "0" * 4000 + ",)"),
        ("set()", "(set(),)"),
    ],
)
def test_arguments_arrive_and_return_as_they_are(given: str, wanted: str, sandbox: Sandbox) -> None:
    verdict = check(sandbox, "def f(*args):\n    return args", (given, wanted))
    assert (verdict.status, verdict.message) == ("passed", "")


def test_keyword_arguments(sandbox: Sandbox) -> None:
    assert check(sandbox, "def f(a, b=0):\n    return a - b", ("5, b=2", "3")).passed


@pytest.mark.parametrize(
    ("expression", "wanted", "passes"),
    [
        ("1", "1", True),
        ("True", "1", False),
        ("1", "True", False),
        ("1.0", "1", False),
        ("1", "1.0", False),
        ("[1]", "(1,)", False),
        ("(1, 2)", "[1, 2]", False),
        ("[True]", "[1]", False),
        ("{1: 2}", "{True: 2}", False),
        ("{1.0}", "{1}", False),
        ("{(1, True)}", "{(1, 1)}", False),
        ("0.1 + 0.2", "0.3", True),
        ("0.30001", "0.3", False),
        ("1e20 + 1e10", "1e20", True),
        ("[0.1 + 0.2]", "[0.3]", True),
        ("{'a': (0.1 + 0.2,)}", "{'a': (0.3,)}", True),
        ("float('nan')", "nan", True),
        ("[float('nan')]", "[nan]", True),
        ("float('nan')", "0.0", False),
        ("0.0", "nan", False),
        ("float('inf')", "inf", True),
        ("float('-inf')", "inf", False),
        ("-0.0", "0.0", True),
        ("complex(0.1 + 0.2, 1)", "0.3 + 1j", True),
        ("{2: 0, 1: 0}", "{1: 0, 2: 0}", True),
        ("{3, 1, 2}", "{1, 2, 3}", True),
        ("frozenset([1])", "{1}", False),
        ("bytearray(b'x')", "b'x'", False),
        ("__import__('collections').Counter('aab')", "{'a': 2, 'b': 1}", True),
        ("__import__('collections').defaultdict(int, a=1)", "{'a': 1}", True),
        ("__import__('collections').OrderedDict(a=1)", "{'a': 1}", True),
        ("__import__('decimal').Decimal(1)", "1", False),
        ("__import__('enum').IntEnum('E', 'a').a", "1", False),
        ("range(3)", "[0, 1, 2]", False),
        ("None", "None", True),
        ("''", "None", False),
        ("2 ** 4000", str(2**4000), True),
    ],
)
def test_comparison(expression: str, wanted: str, passes: bool, sandbox: Sandbox) -> None:
    verdict = check(sandbox, f"def f():\n    return {expression}", ("", wanted))
    assert verdict.passed == passes, verdict


def test_every_case_is_run_and_the_first_failure_is_told(sandbox: Sandbox) -> None:
    code = "def f(x):\n    if x == 2:\n        raise ValueError('two')\n    return x"
    verdict = check(sandbox, code, ("1", "1"), ("2", "2"), ("3", "4"), ("5", "5"))
    assert verdict.status == "error"
    assert (verdict.tests_passed, verdict.tests_total) == (2, 4)
    assert verdict.message == "Test 2 of 4: f(2) raised ValueError: two (line 3)"
    verdict = check(sandbox, code, ("1", "1"), ("3", "'x'"))
    assert verdict.status == "failed"
    assert verdict.message == "Test 2 of 2: f(3) returned 3, expected 'x'"


def test_arguments_are_fresh_for_each_case(sandbox: Sandbox) -> None:
    code = "def f(xs):\n    xs.append(1)\n    return len(xs)"
    assert check(sandbox, code, ("[]", "1"), ("[]", "1")).passed


def test_a_changed_argument_changes_no_expected_value(sandbox: Sandbox) -> None:
    assert not check(sandbox, "def f(xs):\n    xs.clear()", ("[1]", "[]")).passed


def test_output_is_kept_up_to_the_limit_and_printing_never_fails() -> None:
    code = "def f():\n    print('é' * 30)\n    print('x' * 1000)\n    return 1"
    with Sandbox(workers=1, output_limit=100) as sandbox:
        verdict = check(sandbox, code, ("", "1"))
    assert verdict.passed
    assert verdict.output.startswith("é" * 30 + "\nx")
    assert len(verdict.output.encode()) == 100


def test_output_does_not_leak_into_the_next_verdict(sandbox: Sandbox) -> None:
    check(sandbox, "print('first')\ndef f(): return 1", ("", "1"))
    assert check(sandbox, "def f(): return 1", ("", "1")).output == ""


@pytest.mark.parametrize(
    ("code", "status", "part"),
    [
        ("def f(:", "error", "SyntaxError"),
        ("1 / 0", "error", "ZeroDivisionError: division by zero (line 1)"),
        ("def g(): pass", "error", "no function named 'f'; it defines g"),
        ("f = 3", "error", "'f' is not a function"),
        ("import numpy\ndef f(): return 1", "error", "numpy"),
        ("def f(): raise PermissionError('own')", "error", "own"),
        ("def f(): open('/etc/passwd')", "blocked", "PermissionError"),
        ("def f(): raise MemoryError", "memory", "MemoryError"),
        ("def f(): return lambda: 1", "error", "'function' is not plain data"),
        ("def f(): return iter([1])", "error", "'list_iterator' is not plain data"),
    ],
)
def test_status_and_message(code: str, status: str, part: str, sandbox: Sandbox) -> None:
    verdict = check(sandbox, code, ("", "1"))
    assert verdict.status == status
    assert part in verdict.message


@pytest.mark.parametrize(
    "code",
    [
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass P:\n    x: int\ndef f(): return P(1).x",
        "import asyncio\nasync def g():\n    await asyncio.sleep(0.001)\n    return 1\n"
        "def f(): return asyncio.run(g())",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def f():\n    with ThreadPoolExecutor(8) as pool: return sum(pool.map(int, '10'))",
        "import tempfile\ndef f():\n    with tempfile.TemporaryFile('w+') as t:\n"
        "        t.write('1'); t.seek(0); return int(t.read())",
        "import hashlib, zoneinfo, decimal, uuid, bz2, lzma, zlib, pickle\n"
        "def f(): return pickle.loads(pickle.dumps(len(hashlib.md5(b'').digest()) - 15))",
        "import datetime, zoneinfo\n"
        "def f(): return datetime.datetime(2020, 7, 1, tzinfo=zoneinfo.ZoneInfo('UTC')).day",
        "import csv, difflib, email, graphlib, html, logging, secrets, tokenize, unittest\n"
        "import xml.etree.ElementTree, multiprocessing, subprocess, socket, argparse, doctest\n"
        "def f(): return 1",
        "import sys\nsys.setrecursionlimit(10 ** 6)\n"
        "def g(n): return 1 if n == 0 else g(n - 1)\ndef f(): return g(50_000)",
        "import sqlite3\ndef f():\n    db = sqlite3.connect(':memory:')\n"
        "    db.execute('create table t (x)')\n    db.execute('insert into t values (1)')\n"
        "    return db.execute('select x from t').fetchone()[0]",
        "import sys, threading\nthreading.stack_size(512 << 20)\nsys.setrecursionlimit(10 ** 6)\n"
        "def g(n): return 1 if n == 0 else g(n - 1)\n"
        "def f():\n    out = []\n"
        "    thread = threading.Thread(target=lambda: out.append(g(20_000)))\n"
        "    thread.start()\n    thread.join()\n    return out[0]",
        "def f(): return len(str(10 ** 9000)) - 9000",
        "if __name__ == '__main__':\n    input()\ndef f(): return 1",
        "f = lambda: 1",
        "class f:\n    def __new__(cls): return 1",
        "from functools import lru_cache\n@lru_cache\ndef f(): return 1",
    ],
)
def test_ordinary_python_works(code: str, sandbox: Sandbox) -> None:
    verdict = check(sandbox, code, ("", "1"))
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("given", ["f(1)", "1)(2", "x", "*[1]", "**{'a': 1}", "1;2", "(", "\x00"])
def test_unusable_input_says_nothing_about_the_code(given: str, sandbox: Sandbox) -> None:
    verdict = check(sandbox, "def f(*a): return 1", (given, "1"))
    assert verdict.status == "invalid"
    assert "not literal arguments" in verdict.message


@pytest.mark.parametrize("wanted", ["", "f(1)", "1, 2 = 3", "__import__('os')", "[" * 5000])
def test_unusable_output_says_nothing_about_the_code(wanted: str, sandbox: Sandbox) -> None:
    assert check(sandbox, "def f(): return 1", ("", wanted)).status == "invalid"


def test_cases_that_cannot_be_sent_say_nothing_about_the_code(sandbox: Sandbox) -> None:
    deep = "[" * 101 + "]" * 101
    for given in (repr("é" * 2_000_000), deep):
        verdict = check(sandbox, "def f(x): return 1", (given, "1"))
        assert verdict.status == "invalid", verdict.message[-100:]
        assert len(verdict.message) <= 2000


def test_code_that_cannot_be_sent_is_the_codes_fault(sandbox: Sandbox) -> None:
    verdict = check(sandbox, "def f(): return 1\n#" + "\U0001f600" * 900_000, ("", "1"))
    assert (verdict.status, verdict.tests_passed) == ("error", 0)


def test_a_megabyte_of_code_runs_and_more_is_refused(sandbox: Sandbox) -> None:
    code = "def f(): return 1\n"
    assert check(sandbox, code + "#" * 1_000_000, ("", "1")).passed
    verdict = check(sandbox, code + "#" * 1_100_000, ("", "1"))
    assert verdict.status == "error"
    assert "longer than" in verdict.message


def test_large_values(sandbox: Sandbox) -> None:
    given = str(list(range(20_000)))
    assert check(sandbox, "def f(xs): return xs[::-1][::-1]", (given, given)).passed


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((None, "f", [{"input": "", "output": "1"}]), "code is a NoneType"),
        ((b"x", "f", [{"input": "", "output": "1"}]), "code is a bytes"),
        (("x", "f(1)", [{"input": "", "output": "1"}]), "function_name is 'f(1)'"),
        (("x", None, [{"input": "", "output": "1"}]), "function_name is None"),
        (("x", "f", []), "at least one test case"),
        (("x", "f", "[]"), "at least one test case"),
        (("x", "f", None), "at least one test case"),
        (("x", "f", [{"input": ""}]), r"cases\[0\]"),
        (("x", "f", [{"input": "", "output": 1}]), r"cases\[0\]"),
        (("x", "f", ["ab"]), r"cases\[0\]"),
    ],
)
def test_wrong_jobs_are_errors_of_the_caller(arguments: tuple, part: str) -> None:
    with pytest.raises(ValueError, match=part.replace("(", r"\(").replace(")", r"\)")):
        FunctionJob(*arguments)
