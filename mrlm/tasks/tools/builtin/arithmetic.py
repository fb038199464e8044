"""The calculator: exact arithmetic on one expression, bounded in time and memory.

simpleeval walks the syntax tree; only the nodes, operators and functions listed here exist. Numbers
are fractions, so ``0.1 + 0.2`` is 0.3 and ``1/3*3`` is 1; roots and fractional powers fall back to
floating point. Every intermediate result is bounded *before* it is computed, so ``9**9**9`` is
refused at once.

Does not cover: variables, complex numbers, units, symbolic results.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

__all__ = ["MAX_EXPRESSION_LENGTH", "Number", "calculator", "evaluate"]

MAX_EXPRESSION_LENGTH = 300
_MAX_BITS = 1000  # of a numerator or denominator; floats reach further
_DIGITS = 12  # of results that no finite decimal writes
_ALLOWED = "numbers, + - * / // % **, parentheses, abs, round, min, max, sqrt, pi, e"

Number = Fraction | float


def calculator(expression: str) -> str:
    """Work out an arithmetic expression.

    Args:
        expression: For example "12 * (3 + 4)".

    Returns:
        The result.
    """
    value, _ = evaluate(expression)
    return render(value)


def evaluate(expression: str) -> tuple[Number, list[Number]]:
    """The value of an expression, a fraction where it is exact, and the numbers written in it.

    Raises:
        ValueError: Not an expression, too long, too large, or outside the real numbers.
    """
    text = expression.strip() if isinstance(expression, str) else ""
    if not 0 < len(text) <= MAX_EXPRESSION_LENGTH or "\0" in text:
        raise ValueError(f"expression must be text of 1 to {MAX_EXPRESSION_LENGTH} characters")
    try:
        evaluator = _Evaluator()
        # Parsed here: simpleeval itself would work out the first of several statements.
        value = evaluator.eval(text, previously_parsed=ast.parse(text, mode="eval").body)
    except (InvalidExpression, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"not an expression that I can work out; allowed: {_ALLOWED}") from error
    except ZeroDivisionError as error:
        raise ValueError("division by zero") from error
    if not isinstance(value, Fraction | float):
        raise ValueError(f"not a single number; allowed: {_ALLOWED}")
    return value, evaluator.literals


def render(value: Number) -> str:
    """A number as people write it: an integer, a decimal, or 12 significant digits."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        return f"{value:.{_DIGITS}g}"
    if value.denominator == 1:
        return str(value.numerator)
    twos, rest = 0, value.denominator
    while rest % 2 == 0:
        twos, rest = twos + 1, rest // 2
    fives = 0
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    places = max(twos, fives)
    if rest != 1 or places > _DIGITS:
        return f"{float(value):.{_DIGITS}g}"
    digits = str(abs(value.numerator) * (10**places // value.denominator)).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _bounded(value: Number) -> Number:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("the result is too large or no real number")
        return value
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise ValueError("the result is too large")
    return value


def _number(value: Any) -> Number:
    if type(value) is int:
        return _bounded(Fraction(value))
    if type(value) is float and math.isfinite(value):
        return _bounded(Fraction(repr(value)))  # the decimal that was written
    raise ValueError(f"only numbers are allowed, got {type(value).__name__}")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if size > 1 and size * abs(exponent.numerator) > 2 * _MAX_BITS:
            raise ValueError("the result is too large")
        # 0, 1 and -1 have powers of any size: their exponent's parity says all.
        n = exponent.numerator if size > 1 else _parity(exponent.numerator)
        return Fraction(base) ** n
    try:
        result = float(base) ** float(exponent)
    except OverflowError as error:
        raise ValueError("the result is too large") from error
    if isinstance(result, complex):
        raise ValueError("the result is no real number")
    return _exact(result)


def _parity(n: int) -> int:
    return int(math.copysign(2 + n % 2, n)) if n else 0


def _exact(value: float) -> Number:
    """A root that came out whole is exact."""
    return Fraction(int(value)) if value.is_integer() and abs(value) < 2**53 else value


def _sqrt(value: Number) -> Number:
    if value < 0:
        raise ValueError("the square root of a negative number is not real")
    if isinstance(value, Fraction):
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


def _round(value: Number, digits: Number = Fraction(0)) -> Number:
    if digits != int(digits) or not -_DIGITS <= digits <= _DIGITS:
        raise ValueError(f"round to at most {_DIGITS} places")
    return Fraction(round(Fraction(value), int(digits)))


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: Fraction(a) // Fraction(b),
    ast.Mod: lambda a, b: a % b,
    ast.Pow: _power,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: lambda a: a,
    ast.USub: lambda a: -a,
}
_FUNCTIONS = {"abs": abs, "round": _round, "min": min, "max": max, "sqrt": _sqrt}


class _Evaluator(SimpleEval):  # type: ignore[misc]  # simpleeval has no type hints
    """simpleeval with numbers only: no strings, attributes, comparisons or assignments."""

    nodes: dict[Any, Any]

    def __init__(self) -> None:
        super().__init__(
            operators=_BINARY | _UNARY,
            functions=_FUNCTIONS,
            names={"pi": math.pi, "e": math.e},
        )
        self.literals: list[Number] = []
        kept = (ast.Expr, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name)
        self.nodes = {node: self.nodes[node] for node in kept} | {ast.Constant: self._literal}

    def _literal(self, node: ast.Constant) -> Number:
        self.literals.append(_number(node.value))
        return self.literals[-1]

    def _eval(self, node: ast.AST) -> Any:
        value = super()._eval(node)
        if isinstance(value, int):
            value = Fraction(value)
        return _bounded(value) if isinstance(value, Fraction | float) else value
