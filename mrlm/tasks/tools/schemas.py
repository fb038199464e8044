"""JSON schemas of tools, and the check of a call's arguments before the tool runs.

TRL passes what the model wrote to the tool unchecked. ``check_arguments`` says in words what is
wrong and what is allowed, because the model reads it. ``json_schema`` gives what transformers'
``get_json_schema`` gives (a test compares them) without importing transformers, so that a task's
data and reward stay light.

Not covered: schema keywords that ``get_json_schema`` does not write (``pattern``, ``minimum``,
``$ref``), and type hints beyond scalars, ``Literal``, ``list`` and ``dict``.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

__all__ = ["check_arguments", "json_schema", "read_arguments", "shown"]

_SCALARS: dict[type, str] = {int: "integer", float: "number", str: "string", bool: "boolean"}
_BARE: dict[Any, str] = {**_SCALARS, list: "array", dict: "object"}
_MAX_DEPTH = 8  # levels of nesting that are looked into
_MAX_SHOWN = 60  # characters of a wrong value that a message repeats


def json_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The schema of a typed function with a Google docstring, as chat templates render it.

    Raises:
        ValueError: A parameter has no type hint, no description, or a hint that is not covered.
    """
    text = inspect.getdoc(function) or ""
    description = re.split(r"\n\s*(?:Args|Returns|Raises):", text, maxsplit=1)[0].strip()
    told = _argument_descriptions(text)
    hints = get_type_hints(function)
    properties, required = {}, []
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        if name not in hints or name not in told:
            raise ValueError(
                f"{function.__name__}: parameter {name!r} needs a type hint and a line under "
                "'Args:' in the docstring, because the model reads both."
            )
        properties[name] = _type_schema(hints[name]) | {"description": told[name]}
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    schema: dict[str, Any] = {"name": function.__name__, "description": description}
    schema["parameters"] = parameters
    if "return" in hints:
        returned = re.search(r"\n\s*Returns:\n\s*(.*?)\s*(?:\n\s*Raises:|\Z)", text, re.DOTALL)
        schema["return"] = _type_schema(hints["return"])
        if returned:
            schema["return"]["description"] = returned.group(1)
    return {"type": "function", "function": schema}


def _argument_descriptions(text: str) -> dict[str, str]:
    block = re.search(r"\n\s*Args:\n(.*?)(?:\n\s*(?:Returns|Raises):|\Z)", text, re.DOTALL)
    found: dict[str, str] = {}
    indent, name = None, ""
    for line in block.group(1).splitlines() if block else ():
        depth = len(line) - len(line.lstrip())
        indent = depth if indent is None else indent
        entry = re.match(r"\s*(\w+):\s*(.*)", line)
        if entry and depth == indent:
            name = entry.group(1)
            found[name] = entry.group(2).strip()
        elif line.strip() and name:
            found[name] += " " + line.strip()
    return found


def _type_schema(hint: Any) -> dict[str, Any]:
    if hint in _BARE:
        return {"type": _BARE[hint]}
    arguments = get_args(hint)
    if get_origin(hint) is Literal and len({type(value) for value in arguments}) == 1:
        return {"type": _SCALARS[type(arguments[0])], "enum": list(arguments)}
    if get_origin(hint) is list:
        return {"type": "array", "items": _type_schema(arguments[0])}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": _type_schema(arguments[1])}
    raise ValueError(f"The type hint {hint!r} is not covered: use a scalar, Literal, list or dict.")


def read_arguments(arguments: Any, parameters: Mapping[str, Any] | None = None) -> Any:
    """The arguments of a call, whatever interface wrote them.

    OpenAI's gives JSON text, which is parsed and not repaired. For a function that requires none,
    ``null`` and an empty text are an object without keys.

    Args:
        arguments: What the call holds.
        parameters: Of the function's schema; without them, only text is parsed.

    Returns:
        An object where it is one; anything else as it came.
    """
    if isinstance(arguments, str) and arguments.strip():
        try:
            parsed = json.loads(arguments)
        except (ValueError, RecursionError):
            return arguments
        # A text in a text is no object either; it stays what it was.
        arguments = parsed if parsed is None or isinstance(parsed, dict) else arguments
    empty = arguments is None or (isinstance(arguments, str) and not arguments.strip())
    if empty and parameters is not None and not parameters.get("required"):
        return {}
    return arguments


def check_arguments(arguments: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with a call's arguments; an empty list when nothing is.

    Args:
        arguments: What the model wrote; anything at all.
        schema: As ``json_schema`` or ``get_json_schema`` gives it.

    Returns:
        Sentences for the model. ``True`` is no integer, and NaN and infinities are no numbers.
    """
    parameters = schema["function"].get("parameters") or {}
    properties = parameters.get("properties") or {}
    arguments = read_arguments(arguments, parameters)
    usage = f"allowed: {', '.join(properties) or 'none'}"
    if not isinstance(arguments, dict):
        return [f"arguments must be an object, got {shown(arguments)}; {usage}"]
    problems = [
        f"unknown argument {shown(name)}; {usage}" for name in arguments if name not in properties
    ]
    for name, expected in properties.items():
        if name in arguments:
            problems += _value_problems(name, arguments[name], expected, 0)
        elif name in (parameters.get("required") or ()):
            problems.append(f"missing argument {name!r} ({_expected(expected)})")
    return problems


def _value_problems(path: str, value: Any, schema: Mapping[str, Any], depth: int) -> list[str]:
    if depth > _MAX_DEPTH:
        return [f"{path} is nested too deeply; at most {_MAX_DEPTH} levels are allowed"]
    if "anyOf" in schema:
        options = [_value_problems(path, value, option, depth + 1) for option in schema["anyOf"]]
        return [] if not all(options) else [f"{path} fits none of the allowed types"]
    if value is None and schema.get("nullable"):
        return []
    if not _has_type(value, schema.get("type")) or (
        "enum" in schema and not any(_same(value, allowed) for allowed in schema["enum"])
    ):
        return [f"{path} must be {_expected(schema)}, got {shown(value)}"]
    parts: Iterable[tuple[Any, Any]] = ()
    inner: Any = None
    if isinstance(value, list):
        parts, inner = enumerate(value), schema.get("items")
    elif isinstance(value, dict):
        parts, inner = value.items(), schema.get("additionalProperties")
    if not isinstance(inner, Mapping):
        return []
    for key, item in parts:  # the first problem says enough
        found = _value_problems(f"{path}[{shown(key)}]", item, inner, depth + 1)
        if found:
            return found
    return []


def _has_type(value: Any, expected: str | list[str] | None) -> bool:
    if expected is None:
        return True
    if isinstance(expected, list):
        return any(_has_type(value, one) for one in expected)
    if expected == "null":
        return value is None
    if expected == "integer":
        return type(value) is int
    if expected == "number":
        return type(value) is int or (type(value) is float and math.isfinite(value))
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict}
    return expected in kinds and isinstance(value, kinds[expected])


def _same(value: Any, allowed: Any) -> bool:
    return type(value) is type(allowed) and bool(value == allowed)


def _expected(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(repr(value) for value in schema["enum"])
    expected = schema.get("type", "any value")
    return " or ".join(expected) if isinstance(expected, list) else str(expected)


def shown(value: Any) -> str:
    """A short, safe picture of an untrusted value, for a message."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'an array'} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "a huge integer"
    text = repr(value[:_MAX_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= 2 * _MAX_SHOWN else text[: 2 * _MAX_SHOWN] + "..."
