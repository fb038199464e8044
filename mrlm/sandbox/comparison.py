"""When a value that a candidate returned equals the expected one.

Stricter than ``==`` about types, because ``True == 1`` and ``[1] == [1.0]`` hide wrong answers;
more lenient about floats, because two correct orders of additions differ in the last digit.
"""

from __future__ import annotations

import ast
import math
import reprlib
from typing import Any

__all__ = ["TOLERANCE", "equal", "parse_arguments", "parse_literal", "short_repr"]

TOLERANCE = 1e-9  # relative or absolute, whichever is wider

_SPECIAL_FLOATS = {"nan": math.nan, "inf": math.inf}
_REPR = reprlib.Repr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 200


def equal(value: Any, expected: Any) -> bool:
    """Whether two plain values are equal: exact types, floats within ``TOLERANCE``, NaN equal NaN.

    Floats inside sets and as keys of dicts are compared exactly.
    """
    kind = type(expected)
    if type(value) is not kind:
        return False
    if kind is float:
        if math.isnan(value) or math.isnan(expected):
            return math.isnan(value) and math.isnan(expected)
        return math.isclose(value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if kind is complex:
        return equal(value.real, expected.real) and equal(value.imag, expected.imag)
    if kind in (list, tuple):
        return len(value) == len(expected) and all(map(equal, value, expected))
    if kind is dict:
        found = {_key(key): item for key, item in value.items()}
        wanted = {_key(key): item for key, item in expected.items()}
        return found.keys() == wanted.keys() and all(
            equal(found[key], item) for key, item in wanted.items()
        )
    if kind in (set, frozenset):
        return {_key(item) for item in value} == {_key(item) for item in expected}
    return bool(value == expected)


def _key(value: Any) -> Any:
    """A hashable stand-in for ``value`` that tells ``1``, ``1.0`` and ``True`` apart."""
    kind = type(value)
    if kind in (tuple, frozenset):
        return (kind, kind(_key(item) for item in value))
    return (kind, "nan") if value != value else (kind, value)


def parse_literal(text: str) -> Any:
    """A Python literal as ``repr`` writes it, ``nan`` and ``inf`` included.

    Raises:
        ValueError: it is something else.
    """
    try:
        return _literal(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a Python literal: {short_repr(text)}") from error


def parse_arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments written between the parentheses of a call, all of them literals.

    ``"[1, 2]"`` is one list, ``"3, 'ab'"`` are two arguments, ``""`` is none.

    Raises:
        ValueError: it is something else.
    """
    try:
        call = ast.parse(f"f({text}\n)", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("more than one call")
        keywords = {str(word.arg): _literal(word.value) for word in call.keywords}
        if "None" in keywords:
            raise ValueError("** is not a literal")
        return [_literal(argument) for argument in call.args], keywords
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not literal arguments: {short_repr(text)}") from error


class _FloatNames(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = _SPECIAL_FLOATS.get(node.id)
        return node if value is None else ast.Constant(value)


def _literal(node: ast.expr) -> Any:
    return ast.literal_eval(_FloatNames().visit(node))


def short_repr(value: Any) -> str:
    """``repr`` of a plain value in a few hundred characters, whatever its size."""
    try:
        text = _REPR.repr(value)
    except (ValueError, RecursionError):  # more digits than int's limit
        text = f"<{type(value).__name__} too large to show>"
    return text if len(text) <= 300 else f"{text[:297]}..."
