"""Tools as datasets describe them, as JSON schemas in OpenAI's form, which chat templates render.

BFCL writes ``dict``, ``float``, ``tuple`` and ``any``; xLAM Python's hints (``List[int]``,
``str, optional``) in a flat object of parameters; glaive and logs of OpenAI's older interface leave
out the ``{"type": "function", ...}`` around a function.

Not covered: the types of BFCL's Java and JavaScript rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.tasks.tools.schemas import shown

__all__ = ["TOOL_SCHEMAS", "standard_tools"]

TOOL_SCHEMAS = (
    'a list of functions as JSON schemas, {"name": ..., "description": ..., "parameters": '
    '{"type": "object", "properties": {...}, "required": [...]}}'
)
# No type: any value.
_TYPES: dict[str, str | None] = {
    **{name: name for name in ("string", "integer", "number", "boolean", "array", "object")},
    "null": "null",
    "any": None,
    "str": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
    "tuple": "array",
    "set": "array",
}
# Whose values are schemas, by name or in a list.
_BY_NAME = ("properties", "$defs", "definitions", "patternProperties")
_INNER = ("items", "additionalProperties", "anyOf", "oneOf", "allOf", "not")
_GENERIC = re.compile(r"(\w+)\[(.*)\]", re.DOTALL)
_OPTIONAL = re.compile(r",\s*(?:optional|default\b).*\Z", re.DOTALL)
_MAX_DEPTH = 32


def standard_tools(tools: Any) -> list[dict[str, Any]]:
    """Functions in OpenAI's form.

    Args:
        tools: A list of functions, one function, or JSON text of these.

    Raises:
        ValueError: This is no list of functions; the message says what is wrong.
    """
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            raise ValueError("the text is no JSON") from None
    listed = [tools] if isinstance(tools, Mapping) else tools
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise ValueError(f"{shown(tools)} is no list")
    found = [_standard(tool) for tool in listed]
    names = [tool["function"]["name"] for tool in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the function {twice[0]!r} stands there twice")
    return found


def _standard(tool: Any) -> dict[str, Any]:
    inner = tool.get("function", tool) if isinstance(tool, Mapping) else None
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(name, str) or not name:
        raise ValueError(f"{shown(tool)} has no name of a function")
    parameters = inner.get("parameters", inner.get("input_schema"))
    if parameters is None:
        parameters = {}
    if not isinstance(parameters, Mapping):
        raise ValueError(f"{name}: its parameters are no object")
    if "properties" not in parameters and parameters and "type" not in parameters:
        parameters = _from_flat(name, parameters)
    properties = parameters.get("properties")
    if properties is not None and not isinstance(properties, Mapping):
        raise ValueError(f"{name}: its properties are no object")
    schema = _schema(name, {"type": "object", "properties": {}, **_without_none(parameters)}, 0)
    schema["type"] = "object"
    description = inner.get("description")
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description if isinstance(description, str) else "",
            "parameters": schema,
        },
    }


def _from_flat(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """xLAM's parameters: by name, without a schema around them."""
    if not all(isinstance(value, Mapping) for value in parameters.values()):
        raise ValueError(f"{name}: its parameters have no properties")
    required = [
        key
        for key, value in parameters.items()
        if "default" not in value and "optional" not in str(value.get("type"))
    ]
    return {"properties": dict(parameters), "required": required}


def _schema(place: str, schema: Any, depth: int) -> Any:
    """The same schema with JSON schema's names of types, at every depth."""
    if not isinstance(schema, Mapping):
        return schema
    if depth > _MAX_DEPTH:
        raise ValueError(f"{place}: its schema is nested too deeply")
    made: dict[str, Any] = {}
    for key, value in _without_none(schema).items():
        if key == "type":
            made |= _type(place, value)
        elif key in _BY_NAME and isinstance(value, Mapping):
            made[key] = {
                inner: _schema(f"{place}.{inner}", one, depth + 1)
                for inner, one in _without_none(value).items()
            }
        elif key in _INNER and isinstance(value, list):
            made[key] = [_schema(place, one, depth + 1) for one in value]
        elif key in _INNER:
            made[key] = _schema(place, value, depth + 1)
        else:
            made[key] = value
    return made


def _type(place: str, value: Any) -> dict[str, Any]:
    """``{"type": ...}``, with ``items`` where the type says them; empty where anything goes."""
    if isinstance(value, list):
        names = [_type(place, one).get("type") for one in value]
        return {} if None in names else {"type": names}
    if not isinstance(value, str):
        raise ValueError(f"{place}: its type is {shown(value)}")
    text = _OPTIONAL.sub("", value).strip()
    generic = _GENERIC.fullmatch(text)
    base, inner = generic.groups() if generic else (text, "")
    if base == "Optional":
        return _type(place, inner)
    if base in ("Union", "Callable", "Any"):
        return {}
    # Google's schemas spell them in capitals; String alone is Java's.
    base = base.lower() if base.isupper() else base
    base = base.lower() if base in ("List", "Dict", "Tuple", "Set") else base
    if base not in _TYPES:
        raise ValueError(
            f"{place}: its type is {value!r}; known are {', '.join(_TYPES)}, and Python's hints "
            "such as List[int]"
        )
    known = _TYPES[base]
    made: dict[str, Any] = {} if known is None else {"type": known}
    if inner and known == "array" and "," not in inner:
        made["items"] = _type(place, inner)
    return made


def _without_none(value: Mapping[str, Any]) -> dict[str, Any]:
    """Tables fill the keys that one row has and another lacks with ``None``."""
    return {key: one for key, one in value.items() if one is not None}
