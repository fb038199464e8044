"""Code problems of the user's own as rows of the code task: functions, classes and programs.

Tests may have any of the forms in ``forms``. The first one stands in the prompt, because it tells
what the arguments are; all the others are hidden. Everything here is only parsed; code runs in the
sandbox, when a reward runs it.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.code.extraction import READS, extract_code
from mrlm.tasks.code.families import Case
from mrlm.tasks.code.forms import FORMS, GivenTests, parse_source, read_tests
from mrlm.tasks.code.jobs import EXACT, OUTPUT, TOLERANCE, TOLERANCE_OF_OUTPUT
from mrlm.tasks.code.problems import format_program_prompt, format_prompt, format_solution
from mrlm.tasks.code.program import (
    assertion_case,
    find_definition,
    signature_of,
    tested_function,
    used_classes,
)

__all__ = ["USER_ROWS"]

_NAME = (
    "the name of a function or class, or such as Solution().f, or a solution that defines the "
    "function that all tests call"
)
_ENTRY_POINT = re.compile(r"[^\W\d]\w*(?:(?:\(\))?\.[^\W\d]\w*)?")
# What LeetCode has imported before a solution; stands before the code of such problems.
_LEETCODE = """\
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from typing import *"""


def _build(row: Mapping[str, Any]) -> dict[str, Any]:
    description = _description(row["description"])
    tests = read_tests("tests", row["tests"])
    if row.get("hidden_tests"):
        tests = _joined(tests, read_tests("hidden_tests", row["hidden_tests"]))
    name = _given_name(row.get("function_name")) or tests.name
    source = _solution(row.get("solution"), name)
    setup = _setup(row.get("setup"))
    if _is_program(tests, name, source):
        return _program_row(row, description, tests, source, setup)
    name = _name(name, source, tests)
    if not setup and ("." in name or tests.comparison in ("json", "wrapped")):
        setup = _LEETCODE
    cases, suite, text = list(tests.cases), "", description
    if tests.program:
        # What makes the arguments of a function is the solution's as well.
        classes = used_classes(source, [tests.program], name) if tests.first else []
        needed = f"from solution import {', '.join([name, *classes])}" if classes else ""
        suite = "\n\n".join(part for part in (setup, needed, tests.program) if part)
        case = _first_case(tests.first, name)
        cases = [case] if case else []
        text += f"\n\nIt must pass: {tests.first}" if tests.first else ""
    elif not all(map(_is_literal, cases)):
        raise ColumnError("tests", FORMS)
    signature = row.get("signature") or _signature(source, name)
    if not isinstance(signature, str):
        raise ColumnError("signature", "text")
    return {
        "prompt": format_prompt(text, signature, name, [] if suite else cases[:1]),
        "description": description,
        "function_name": name,
        "signature": signature,
        "solution": format_solution(source.strip()) if source.strip() else "",
        "test_cases": cases[:1],
        # One test alone has to be both.
        "hidden_tests": [] if suite else cases[1:] or cases,
        "suite": suite,
        "setup": setup,
        "comparison": "" if suite else _comparison(row, tests),
        "tolerance": _tolerance(row, TOLERANCE),
        "family": name,
    }


def _program_row(
    row: Mapping[str, Any], description: str, tests: GivenTests, source: str, setup: str
) -> dict[str, Any]:
    shown = list(tests.cases[:1])
    return {
        "prompt": format_program_prompt(description, shown),
        "description": description,
        "function_name": "",
        "signature": "",
        "solution": format_solution(source.strip()) if source.strip() else "",
        "test_cases": shown,
        "hidden_tests": list(tests.cases[1:]) or shown,
        "suite": "",
        "setup": setup,
        "comparison": OUTPUT,
        "tolerance": _tolerance(row, TOLERANCE_OF_OUTPUT),
        "family": "program",
    }


def _description(given: Any) -> str:
    if isinstance(given, Sequence) and not isinstance(given, str):  # a conversation
        asked = [
            m.get("content") for m in given if isinstance(m, Mapping) and m.get("role") == "user"
        ]
        given = asked[-1] if asked else None
    if not isinstance(given, str) or not given.strip():
        raise ColumnError("description", "text, or a conversation with a user's message")
    return given.strip()


def _given_name(given: Any) -> str:
    """A name as it is, or as LiveCodeBench's metadata have it."""
    if isinstance(given, str) and given.strip().startswith("{"):
        try:
            given = json.loads(given)
        except ValueError:
            raise ColumnError("function_name", _NAME) from None
    if isinstance(given, Mapping):
        given = given.get("func_name") or given.get("fn_name")
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or not _ENTRY_POINT.fullmatch(given):
        raise ColumnError("function_name", _NAME)
    return given


def _solution(given: Any, name: str) -> str:
    """The first solution where there are several (APPS: a list as JSON)."""
    if isinstance(given, str) and given.lstrip().startswith("["):
        with contextlib.suppress(ValueError):  # Python source that begins with a list
            given = json.loads(given)
    if isinstance(given, list):
        given = given[0] if given else ""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise ColumnError("solution", "the source of a solution, a list of such, or nothing")
    source = given.replace("\r\n", "\n").expandtabs(4)
    return (extract_code(source, name) or "") if "```" in source else source


def _setup(given: Any) -> str:
    lines = given if isinstance(given, list) else [given or ""]
    if not all(isinstance(line, str) for line in lines):
        raise ColumnError("setup", "Python source, or a list of its lines")
    return "\n".join(lines).strip("\n")


def _joined(tests: GivenTests, more: GivenTests) -> GivenTests:
    """Tests of two columns, the visible ones first."""
    if bool(tests.program) != bool(more.program) or tests.calls != more.calls:
        raise ColumnError("hidden_tests", "tests of the same form as in the column tests")
    program = f"{tests.program}\n{more.program}" if more.program else ""
    return tests._replace(cases=[*tests.cases, *more.cases], program=program)


def _is_program(tests: GivenTests, name: str, source: str) -> bool:
    """Whether the problem is one of standard input and output."""
    if tests.program or tests.calls is not None:
        return tests.calls is False
    if name:
        return False
    return not source or bool(READS.search(source)) or not _defined(source)


def _defined(source: str) -> list[str]:
    body = parse_source(source)
    return [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]


def _name(given: str, source: str, tests: GivenTests) -> str:
    if not given and source and tests.program:
        given = tested_function(source, [tests.program]) or ""
    if not given and source:
        defined = _defined(source)
        given = defined[0] if len(defined) == 1 else ""
    if not given:
        raise ColumnError("function_name", _NAME)
    if source and find_definition(source, given) is None:
        raise ColumnError("solution", f"Python source that defines {given}")
    return given


def _first_case(test: str, name: str) -> Case | None:
    return assertion_case(test, name) if test and len(parse_source(test)) == 1 else None


def _is_literal(case: Case) -> bool:
    """Whether a test is a call's arguments and a literal."""
    try:
        ast.literal_eval(_short(case["output"].strip()))
        call = ast.parse(f"f({_short(case['input'])}\n)", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return False
        for value in [*call.args, *(word.value for word in call.keywords)]:
            ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def _short(text: str) -> str:
    """Without what only the sandbox's process reads: long integers, and floats by name."""
    return re.sub(r"\b(?:nan|inf)\b", "0.0", re.sub(r"\d{4000,}", "9", text))


def _comparison(row: Mapping[str, Any], tests: GivenTests) -> str:
    exact = row.get("exact_types")
    if exact not in (None, True, False, "true", "false", "True", "False", ""):
        raise ColumnError("exact_types", "true or false")
    return EXACT if exact in (True, "true", "True") else tests.comparison or "equal"


def _tolerance(row: Mapping[str, Any], default: float) -> float:
    given = row.get("tolerance")
    try:
        tolerance = default if given in (None, "") else float(given)
    except (TypeError, ValueError):
        tolerance = -1.0
    if not 0 <= tolerance < 1:
        raise ColumnError("tolerance", "a number from 0 to below 1")
    return tolerance


def _signature(source: str, name: str) -> str:
    found = find_definition(source, name) if source else None
    if found is not None:
        return signature_of(found)
    owner, _, method = name.rpartition(".")
    if owner:
        return f"class {owner.removesuffix('()')}:\n    def {method}(self, ...):"
    return f"def {name}(...):"


USER_ROWS = UserRows(
    needs={"description": "text", "tests": FORMS},
    takes={
        "function_name": _NAME,
        "solution": "the source of a solution that passes the tests",
        "signature": "the lines that the prompt shows",
        "setup": "code that runs before the solution and before the tests",
        "exact_types": "whether an output must have the expected one's types (1 is not True)",
        "tolerance": "how far floats may be off, relative or absolute",
    },
    build=_build,
)
