"""Reading trusted programs of the real data sets: functions, assert statements, docstrings.

Only parses, and only what a data set ships; a model's code is never read here.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Sequence

from mrlm.tasks.code.families import Case

__all__ = ["assertion_case", "docstring_cases", "find_function", "tested_function"]

_VISIBLE = 3


def find_function(source: str, name: str) -> ast.FunctionDef | None:
    """The last function of this name on the top level of a program."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1] if found else None


def tested_function(source: str, asserts: Sequence[str]) -> str | None:
    """The function of a program that all its assert statements call."""
    try:
        defined = {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
        called = [
            {
                node.func.id
                for node in ast.walk(ast.parse(test))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            for test in asserts
        ]
    except (SyntaxError, TypeError):
        return None
    names = defined.intersection(*called) if called else set()
    return min(names) if names else None


def assertion_case(test: str, name: str) -> Case | None:
    """``assert name(1, 2) == 3`` as a test by input and output, where it has this form."""
    statement = ast.parse(test).body[0]
    if not isinstance(statement, ast.Assert) or not isinstance(statement.test, ast.Compare):
        return None
    comparison = statement.test
    if len(comparison.ops) != 1 or not isinstance(comparison.ops[0], ast.Eq):
        return None
    return _case(comparison.left, comparison.comparators[0], name)


def docstring_cases(docstring: str, name: str) -> list[Case]:
    """The first examples ``>>> name(1, 2)`` of a docstring that are plain data."""
    cases = []
    try:
        for example in doctest.DocTestParser().get_examples(docstring):
            call = ast.parse(example.source.strip(), mode="eval").body
            output = ast.parse(example.want.strip(), mode="eval").body
            cases.append(_case(call, output, name))
    except (SyntaxError, ValueError):  # some are written in a form of their own
        pass
    return [case for case in cases if case is not None][:_VISIBLE]


def _case(call: ast.expr, output: ast.expr, name: str) -> Case | None:
    if not isinstance(call, ast.Call) or call.keywords or ast.unparse(call.func) != name:
        return None
    try:
        arguments = [repr(ast.literal_eval(argument)) for argument in call.args]
        return {"input": ", ".join(arguments), "output": repr(ast.literal_eval(output))}
    except ValueError:
        return None
