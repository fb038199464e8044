"""Reading trusted programs of the real data sets: functions, assert statements, docstrings.

Only parses, and only what a data set ships; a model's code is never read here.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Sequence

from mrlm.tasks.code.families import Case
from mrlm.tasks.code.forms import parse_source

__all__ = [
    "assertion_case",
    "docstring_cases",
    "find_definition",
    "find_function",
    "signature_of",
    "tested_function",
    "used_classes",
]

_VISIBLE = 3
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign


def find_function(source: str, name: str) -> ast.FunctionDef | None:
    """The last function of this name on the top level of a program."""
    found = find_definition(source, name)
    return found if isinstance(found, ast.FunctionDef) else None


def find_definition(source: str, name: str) -> Definition | None:
    """What defines an entry point last: a function, a class, a name that is given a value.

    Of ``Solution().f``, and of ``f`` where only a class ``Solution`` has it, the class.
    """
    owner, _, method = name.rpartition(".")
    body = parse_source(source)
    found = (
        [node for node in body if owner.removesuffix("()") in _names(node)]
        if owner
        else [node for node in body if method in _names(node)]
    )
    if not owner and not found:
        found = [node for node in body if "Solution" in _names(node)]
        owner = "Solution"
    if not found or not isinstance(found[-1], Definition):
        return None
    last = found[-1]
    if owner and isinstance(last, ast.ClassDef):
        return last if any(method in _names(node) for node in last.body) else None
    return last


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def signature_of(node: Definition) -> str:
    """The line that defines a function; of a class, with those of its public methods."""
    if isinstance(node, ast.ClassDef):
        bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
        methods = [
            f"    {signature_of(item)}"
            for item in node.body
            if isinstance(item, ast.FunctionDef)
            and (item.name == "__init__" or not item.name.startswith("_"))
        ]
        return "\n".join([f"class {node.name}{bases}:", *methods])
    if isinstance(node, ast.Assign):
        name = ast.unparse(node.targets[0])
        arguments = ast.unparse(node.value.args) if isinstance(node.value, ast.Lambda) else "..."
        return f"def {name}({arguments}):"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}:"


def tested_function(source: str, tests: Sequence[str]) -> str | None:
    """What a program defines and all its tests call; the first one where they call several."""
    defined = {name for node in parse_source(source) for name in _names(node)}
    called: list[list[str]] = []
    for test in tests:
        body = parse_source(test) if isinstance(test, str) else []
        if not body:
            return None
        calls = [node for part in body for node in ast.walk(part) if isinstance(node, ast.Call)]
        called.append([node.func.id for node in calls if isinstance(node.func, ast.Name)])
        # A function may also be handed over: map(f, ...).
        called[-1] += [a.id for node in calls for a in node.args if isinstance(a, ast.Name)]
    shared = defined.intersection(*called) if called else set()
    # Of a class that makes arguments and the function that takes them, the function is tested.
    ordered = [name for name in called[0] if name in shared] if called else []
    return ordered[0] if ordered else None


def used_classes(source: str, tests: Sequence[str], name: str) -> list[str]:
    """Classes of a program's that its tests make objects of, to call the function ``name``."""
    classes = [node.name for node in parse_source(source) if isinstance(node, ast.ClassDef)]
    used = {
        node.id
        for test in tests
        for part in parse_source(test)
        for node in ast.walk(part)
        if isinstance(node, ast.Name)
    }
    return [cls for cls in classes if cls in used and cls != name]


def assertion_case(test: str, name: str) -> Case | None:
    """``assert name(1, 2) == 3`` as a test by input and output, where it has this form."""
    statements = parse_source(test)
    statement = statements[0] if len(statements) == 1 else None
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
    except (ValueError, TypeError):
        return None
