"""Function problems of the user's own as rows of the code task.

Tests are ``assert`` statements, as in MBPP, or inputs and outputs. The first one stands in the
prompt, because it tells what the arguments are; all the others are hidden. Everything here is only
parsed; code runs in the sandbox, when a reward runs it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.code.families import Case
from mrlm.tasks.code.problems import format_prompt, format_solution
from mrlm.tasks.code.program import assertion_case, find_function, tested_function

__all__ = ["USER_ROWS"]

_TESTS = (
    "a list of assert statements, or of objects with input (the text between the call's "
    "parentheses) and output (a Python literal)"
)
_NAME = "a function's name, or a solution that defines the function that all tests call"


def _build(row: Mapping[str, Any]) -> dict[str, Any]:
    description = row["description"]
    if not isinstance(description, str) or not description.strip():
        raise ColumnError("description", "text")
    source = row.get("solution") or ""
    if not isinstance(source, str):
        raise ColumnError("solution", "the source of a function, or nothing")
    source = source.replace("\r\n", "\n").expandtabs(4)
    tests = _tests(row["tests"])
    name = _name(row.get("function_name"), source, tests)
    cases, suite = _cases(tests, name), ""
    if cases is None:
        suite = _suite([test for test in tests if isinstance(test, str)], name)
        cases = []
    signature = row.get("signature") or _signature(source, name)
    shown, text = cases[:1], description.strip()
    if suite:
        text += f"\n\nIt must pass: {str(tests[0]).strip()}"
    return {
        "prompt": format_prompt(text, signature, name, shown),
        "description": description.strip(),
        "function_name": name,
        "signature": signature,
        "solution": format_solution(source.strip()) if source.strip() else "",
        "test_cases": shown,
        # One test alone has to be both.
        "hidden_tests": cases[1:] or cases,
        "suite": suite,
        "setup": row.get("setup") or "",
        "family": name,
    }


def _tests(given: Any) -> list[Any]:
    if isinstance(given, str):  # a cell of a CSV file
        try:
            given = json.loads(given)
        except ValueError:
            raise ColumnError("tests", f"{_TESTS}; in a text, as JSON") from None
    if not isinstance(given, list) or not given:
        raise ColumnError("tests", _TESTS)
    asserts = [isinstance(test, str) and _is_assert(test) for test in given]
    pairs = [isinstance(test, Mapping) and _is_pair(test) for test in given]
    if not (all(asserts) or all(pairs)):
        raise ColumnError("tests", _TESTS)
    return given


def _parse(source: str) -> list[ast.stmt]:
    """Statements; none where the text is not Python."""
    try:
        return ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _is_assert(test: str) -> bool:
    return [type(node) for node in _parse(test)] == [ast.Assert]


def _is_pair(test: Mapping[str, Any]) -> bool:
    """A call's arguments and a literal."""
    call, output = test.get("input"), test.get("output")
    if not isinstance(call, str) or not isinstance(output, str):
        return False
    try:
        ast.literal_eval(output.strip())
        ast.literal_eval(f"[{call}\n]")
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def _name(given: Any, source: str, tests: list[Any]) -> str:
    if not given and source and all(isinstance(test, str) for test in tests):
        given = tested_function(source, tests)
    if not given and source:
        defined = [node.name for node in _parse(source) if isinstance(node, ast.FunctionDef)]
        given = defined[0] if len(defined) == 1 else None
    if not isinstance(given, str) or not given.isidentifier():
        raise ColumnError("function_name", _NAME)
    if source and find_function(source, given) is None:
        raise ColumnError("solution", f"Python source that defines {given}")
    return given


def _cases(tests: list[Any], name: str) -> list[Case] | None:
    """The tests by input and output; ``None`` where one has not this form."""
    cases = [
        assertion_case(test.strip(), name)
        if isinstance(test, str)
        else Case(input=test["input"], output=test["output"])
        for test in tests
    ]
    found = [case for case in cases if case is not None]
    return found if len(found) == len(cases) else None


def _suite(asserts: list[str], name: str) -> str:
    """A test program for the sandbox that calls the candidate by its name."""
    lines = [f"    {ast.unparse(node)}" for test in asserts for node in _parse(test)]
    return "\n".join(
        ["def check(candidate):", f"    global {name}", f"    {name} = candidate", *lines]
    )


def _signature(source: str, name: str) -> str:
    function = find_function(source, name) if source else None
    if function is None:
        return f"def {name}(...):"
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"def {name}({ast.unparse(function.args)}){returns}:"


USER_ROWS = UserRows(
    needs={"description": "text", "tests": _TESTS},
    takes={
        "function_name": _NAME,
        "solution": "the source of a function that passes the tests",
        "signature": "the line that the prompt shows",
        "setup": "code that runs before the tests",
    },
    build=_build,
)
