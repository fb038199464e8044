"""The forms in which code tests are written down, brought into the two that the sandbox runs.

| form | where it is from |
|---|---|
| a list of assert statements | MBPP |
| a program with ``check(candidate)``, test functions or assert statements | HumanEval, pytest |
| a list of objects with ``input`` and ``output`` | this project, LiveCodeBench (``testtype``) |
| an object with ``inputs``, ``outputs`` and maybe ``fn_name`` | APPS, TACO, verl |

Each may be JSON in a text. LiveCodeBench's hidden tests are JSON that was pickled, packed and
encoded; they are read without running anything. Tests are only parsed here; they run in the
sandbox.

Not covered: special judges (several right outputs), interactive problems, files.
"""

from __future__ import annotations

import ast
import base64
import binascii
import io
import json
import pickle
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mrlm.errors import ColumnError
from mrlm.tasks.code.families import Case

__all__ = ["FORMS", "GivenTests", "parse_source", "read_tests"]

FORMS = (
    "a list of assert statements, a test program (check(candidate), test functions or asserts), a "
    "list of objects with input (the text between the call's parentheses, or what a program reads) "
    "and output (a Python literal, or what it prints), or an object with inputs, outputs and "
    "maybe fn_name"
)
MAX_UNPACKED = 64 << 20  # bytes
_STDIN, _FUNCTIONAL = ("stdin",), ("functional", "call", "call_based")
# Longer integers cannot be read in a process that keeps Python's limit on them.
_DIGITS = re.compile(r"\d{4000,}")


class GivenTests(NamedTuple):
    """Tests in one of two forms.

    Attributes:
        program: Source of a test program, or empty.
        cases: Else inputs and outputs.
        calls: Whether the cases are calls of a function (``True``), runs of a program (``False``),
            or either (``None``).
        name: The function that they name themselves.
        comparison: How the results of calls compare; empty where the form does not say.
        first: The first assert statement, for the prompt.
    """

    program: str = ""
    cases: Sequence[Case] = ()
    calls: bool | None = None
    name: str = ""
    comparison: str = ""
    first: str = ""


def read_tests(column: str, given: Any) -> GivenTests:
    """The tests in a column.

    Raises:
        ColumnError: They are in no form that is known.
    """
    if isinstance(given, str):
        given = _parse_text(given)
    if isinstance(given, Mapping) and "ground_truth" in given:  # verl's reward_model
        return read_tests(column, given["ground_truth"])
    if isinstance(given, str):
        tests = _read_program(given)
    elif isinstance(given, Mapping):
        tests = _read_inputs_and_outputs(given)
    elif isinstance(given, Sequence) and given and all(isinstance(test, str) for test in given):
        tests = _read_asserts(list(given))
    elif isinstance(given, Sequence) and given and all(isinstance(t, Mapping) for t in given):
        tests = _read_pairs(list(given))
    else:
        tests = None
    if tests is None:
        raise ColumnError(column, FORMS)
    return tests


def parse_source(source: str) -> list[ast.stmt]:
    """Statements; none where the text is not Python."""
    try:
        return ast.parse(_DIGITS.sub("9", source).strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _parse_text(text: str) -> Any:
    """What a text holds as JSON, plain or packed; else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        unpacker = zlib.decompressobj()
        packed = base64.b64decode(text.encode(), validate=True)
        data = unpacker.decompress(packed, MAX_UNPACKED)
        return json.loads(_TextUnpickler(io.BytesIO(data)).load())
    except (ValueError, TypeError, EOFError, binascii.Error, zlib.error, pickle.UnpicklingError):
        return text


class _TextUnpickler(pickle.Unpickler):
    """Reads a text that was pickled, and nothing that would run code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} in a pickle of tests")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("a reference in a pickle of tests")


def _read_program(source: str) -> GivenTests | None:
    body = parse_source(source)
    names = [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    is_test = any(name == "check" or name.lower().startswith("test") for name in names)
    asserts = [node for node in body if isinstance(node, ast.Assert)]
    if not is_test and not asserts and not any(_is_test_case(node) for node in body):
        return None
    first = ast.unparse(asserts[0]) if asserts and not is_test else ""
    return GivenTests(program=source, name=_imported_name(body), first=first)


def _is_test_case(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and any("TestCase" in ast.unparse(b) for b in node.bases)


def _imported_name(body: Sequence[ast.stmt]) -> str:
    """What tests import as the only name of a module with one of the usual names."""
    usual = ("solution", "main", "candidate", "your_module", "module", "answer", "code")
    found = [
        alias.name
        for node in body
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in usual
        for alias in node.names
    ]
    called = [  # HumanEval's tests may end with the call itself
        node.value.args[0].id
        for node in body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "check"
        and node.value.args
        and isinstance(node.value.args[0], ast.Name)
    ]
    names = found or called
    return names[0] if len(set(names)) == 1 and names[0] != "*" else ""


def _read_asserts(tests: list[str]) -> GivenTests | None:
    for test in tests:
        if not any(isinstance(node, ast.Assert) for node in parse_source(test)):
            return None
    return GivenTests(program="\n".join(test.strip() for test in tests), first=tests[0].strip())


def _read_pairs(tests: Sequence[Mapping[str, Any]]) -> GivenTests | None:
    kinds = {str(test.get("testtype") or test.get("type") or "").lower() for test in tests}
    if len(kinds) > 1 or any("input" not in test or "output" not in test for test in tests):
        return None
    (kind,) = kinds
    if kind in _FUNCTIONAL:
        inputs, outputs = [t["input"] for t in tests], [t["output"] for t in tests]
        return _read_inputs_and_outputs({"inputs": inputs, "outputs": outputs}, functional=True)
    texts = [(_text(test["input"]), _text(test["output"])) for test in tests]
    cases = [Case(input=a, output=b) for a, b in texts if a is not None and b is not None]
    if len(cases) < len(tests):
        return None
    return GivenTests(cases=cases, calls=False if kind in _STDIN else None)


def _text(value: Any) -> str | None:
    """What a program reads or prints: a text, or its lines."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return value if isinstance(value, str) else None


def _read_inputs_and_outputs(
    given: Mapping[str, Any], functional: bool = False
) -> GivenTests | None:
    inputs, outputs = given.get("inputs"), given.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        return None
    if not inputs or len(inputs) != len(outputs):
        return None
    name = given.get("fn_name") or ""
    if not isinstance(name, str):
        return None
    if not name and not functional:
        return _read_pairs(
            [
                {"input": given, "output": wanted, "type": "stdin"}
                for given, wanted in zip(inputs, outputs, strict=True)
            ]
        )
    try:
        if all(isinstance(text, str) for text in inputs):  # one argument a line, all as JSON
            inputs = [[json.loads(line) for line in text.split("\n") if line] for text in inputs]
            outputs = [json.loads(out) if isinstance(out, str) else out for out in outputs]
    except ValueError:
        return None
    if not all(isinstance(arguments, list) for arguments in inputs):
        return None
    cases = [
        Case(input=", ".join(map(repr, arguments)), output=repr(output))
        for arguments, output in zip(inputs, outputs, strict=True)
    ]
    boxed = all(isinstance(output, list) and len(output) == 1 for output in outputs)
    return GivenTests(cases=cases, calls=True, name=name, comparison="wrapped" if boxed else "json")
