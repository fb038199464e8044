"""Function calls in the text of an answer, as BFCL's leaderboard reads them.

``[f(a=1), g.h(b="x")]`` is read as Python and nothing of it is run: literals are taken as they are,
names and nested calls as their text, arithmetic on literal numbers is done here.
"""

from __future__ import annotations

import ast
import operator
from typing import Any, NoReturn

__all__ = ["decode_calls"]

_MAX_TEXT = 20_000  # characters of an answer that is read


def decode_calls(text: str) -> list[dict[str, dict[str, Any]]] | None:
    """The calls that an answer makes, as BFCL reads it; nothing of it is run.

    Returns:
        ``[{name: {parameter: value}}, ...]``, empty for no call; ``None`` where the answer is not
        in the form that was asked for.
    """
    text = text.strip("`\n ")
    text = text if text.startswith("[") else f"[{text}"
    text = text if text.endswith("]") else f"{text}]"
    if len(text) > _MAX_TEXT:
        return None
    try:
        body = ast.parse(text.strip().strip("'"), mode="eval").body
        calls = [body] if isinstance(body, ast.Call) else getattr(body, "elts", None)
        return None if calls is None else [_call(call) for call in calls]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, ArithmeticError):
        return None


def _call(node: ast.expr) -> dict[str, dict[str, Any]]:
    if not isinstance(node, ast.Call):
        _refuse(node)
    arguments = {word.arg or "": _value(word.value) for word in node.keywords}
    return {_name(node.func): arguments}


def _name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _value(node: ast.expr) -> Any:
    """A literal; a name or a nested call stands for itself, as text."""
    match node:
        case ast.Constant(value=value):
            return "..." if value is ... else value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand)
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            return {
                _value(key): _value(value)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.BinOp():
            return _number(node)
        case ast.Name(id=name):
            return name
        case ast.Call(keywords=[_, *_]):
            return _call(node)
        case ast.Call() | ast.Subscript():
            return ast.unparse(node)
    _refuse(node)


def _number(node: ast.expr) -> int | float:
    """Arithmetic on literal numbers, without powers: what it gives is no longer than the text."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            found: int | float = _OPERATORS[type(sign)](_number(left), _number(right))
            return found
    _refuse(node)


def _refuse(node: ast.expr) -> NoReturn:
    raise ValueError(f"{type(node).__name__} is no call and no literal")
