"""When a value that a candidate returned equals the expected one.

Four rules, chosen by whoever gives inputs and outputs (asserts mean what Python means):

- ``exact``: stricter than ``==`` about types, because ``True == 1`` and ``[1] == [1.0]`` hide wrong
  answers.
- ``equal``: Python's ``==``; generators, ranges and views stand for the list of what they yield.
- ``json``: as ``equal``, where the expected value was JSON, which has no tuples: they equal lists.
- ``wrapped``: as ``json``, and an expected list of one element stands for the element as well
  (APPS writes most results so).

All are more lenient than ``==`` about floats, because two correct orders of additions differ in the
last digit.
"""

from __future__ import annotations

import ast
import math
import reprlib
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from mrlm.sandbox.plain_types import is_view, numpy_value

__all__ = [
    "COMPARISONS",
    "TOLERANCE",
    "agrees",
    "equal",
    "parse_arguments",
    "parse_literal",
    "short_repr",
]

COMPARISONS = ("exact", "equal", "json", "wrapped")
TOLERANCE = 1e-9  # relative or absolute, whichever is wider

_SPECIAL_FLOATS = {"nan": math.nan, "inf": math.inf}
SHOWN_BITS = 1000  # of an integer; writing out a million digits takes seconds


class _ShortRepr(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        if x.bit_length() > SHOWN_BITS:
            return f"<integer of {x.bit_length()} bits>"
        return super().repr_int(x, level)


_REPR = _ShortRepr()
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxfrozenset = _REPR.maxdict = 20
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 200


def agrees(value: Any, expected: Any, comparison: str, tolerance: float = TOLERANCE) -> bool:
    """Whether a value is the expected one, by one of ``COMPARISONS``."""
    if comparison == "exact":
        return equal(value, expected, tolerance)
    as_json = comparison != "equal"
    if type(expected) is list and isinstance(value, Iterator):
        value = list(islice(value, len(expected) + 1))  # once: it may be tried twice below
    if _alike(value, expected, tolerance, as_json):
        return True
    wrapped = comparison == "wrapped" and type(expected) is list and len(expected) == 1
    return wrapped and _alike(value, expected[0], tolerance, as_json)


def equal(value: Any, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two plain values are equal: exact types, floats within ``tolerance``, NaN equal NaN.

    Floats inside sets and as keys of dicts are compared exactly.
    """
    kind = type(expected)
    if type(value) is not kind:
        return False
    if kind is float:
        return _close(value, expected, tolerance)
    if kind is complex:
        parts = ((value.real, expected.real), (value.imag, expected.imag))
        return all(_close(*pair, tolerance) for pair in parts)
    if kind in (list, tuple):
        return len(value) == len(expected) and all(
            equal(*pair, tolerance) for pair in zip(value, expected, strict=True)
        )
    if kind is dict:
        found = {_key(key): item for key, item in value.items()}
        wanted = {_key(key): item for key, item in expected.items()}
        return found.keys() == wanted.keys() and all(
            equal(found[key], item, tolerance) for key, item in wanted.items()
        )
    if kind in (set, frozenset):
        return {_key(item) for item in value} == {_key(item) for item in expected}
    return bool(value == expected)


def _close(value: float, expected: float, tolerance: float) -> bool:
    if math.isnan(value) or math.isnan(expected):
        return math.isnan(value) and math.isnan(expected)
    return math.isclose(value, expected, rel_tol=tolerance, abs_tol=tolerance)


def _alike(value: Any, expected: Any, tolerance: float, as_json: bool) -> bool:
    """Equality of plain values as ``==`` has it, with the leniencies that the module names."""
    value = numpy_value(value)
    if isinstance(expected, (float, complex)) or isinstance(value, (float, complex)):
        return _close_numbers(value, expected, tolerance)
    if type(expected) is list and (is_view(value) or isinstance(value, Iterator)):
        value = list(islice(value, len(expected) + 1))
    if as_json and type(expected) is list and isinstance(value, tuple):
        value = list(value)
    if type(expected) in (list, tuple) and isinstance(value, type(expected)):
        return len(value) == len(expected) and all(
            _alike(*pair, tolerance, as_json) for pair in zip(value, expected, strict=True)
        )
    if type(expected) is dict and type(value) is dict:
        if as_json:  # which has texts for keys only
            value = {key if type(key) is str else str(key): item for key, item in value.items()}
            expected = {str(key): item for key, item in expected.items()}
        return value.keys() == expected.keys() and all(
            _alike(value[key], item, tolerance, as_json) for key, item in expected.items()
        )
    return bool(value == expected)


def _close_numbers(value: Any, expected: Any, tolerance: float) -> bool:
    numbers = (bool, int, float, complex, Fraction, Decimal)
    if type(value) not in numbers or type(expected) not in numbers:
        return False
    try:
        found, wanted = complex(value), complex(expected)
    except OverflowError:  # an integer that no float holds
        return bool(value == expected)
    parts = ((found.real, wanted.real), (found.imag, wanted.imag))
    return all(_close(*pair, tolerance) for pair in parts)


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
    except (ValueError, RecursionError):
        text = f"<{type(value).__name__} too large to show>"
    return text if len(text) <= 300 else f"{text[:297]}..."
