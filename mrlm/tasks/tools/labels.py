"""Labelled calls of any tool: which values are allowed, and a call that is right.

Labels come in three shapes: a value for each parameter (logs, glaive), a value or a list of allowed
ones (a column ``calls``), or always a list of allowed ones, nested in objects as well (BFCL's
ground truth). All become the last, which ``bfcl.check_call`` reads.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.tasks.tools.bfcl import Verdict, check_call
from mrlm.tasks.tools.schemas import check_arguments, read_arguments, shown

__all__ = [
    "CALLS",
    "as_allowed",
    "gold_arguments",
    "literal",
    "read_steps",
    "schema_of",
    "self_check",
]

CALLS = (
    "a list of calls that do not depend on each other, or of steps of such calls, "
    '{"name": ..., "arguments": {parameter: value or list of allowed values}}; [] where no call '
    "is right"
)

Step = list[dict[str, Any]]


def read_steps(calls: Any, schemas: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Right calls of a column, step by step.

    Args:
        calls: A flat list of calls is one step. A call is ``{"name", "arguments"}``, OpenAI's, or
            BFCL's ``{name: {parameter: [allowed values]}}``.
        schemas: The tools on offer.

    Raises:
        ValueError: This is no list of calls, or one is not a call that its tool accepts.
    """
    if not isinstance(calls, list) or not all(isinstance(one, list | Mapping) for one in calls):
        raise ValueError(f"{shown(calls)} is no list of calls")
    steps = calls if calls and all(isinstance(one, list) for one in calls) else [calls]
    if any(isinstance(one, list) for step in steps for one in step):
        raise ValueError("calls and lists of calls stand beside each other")
    return [[_read_call(call, schemas) for call in step] for step in steps if step]


def as_allowed(
    name: str, allowed: Mapping[str, Any], schemas: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A right call, of which every parameter lists its allowed values.

    Raises:
        ValueError: The tool is not on offer, or would not be called so.
    """
    schema = schema_of(name, schemas)
    empty = [key for key, values in allowed.items() if not isinstance(values, list) or not values]
    if empty:
        raise ValueError(f"{name}: {empty[0]} has no allowed value")
    call = {"name": name, "arguments": dict(allowed)}
    verdict = self_check(call, schema)
    if not verdict:
        raise ValueError(f"{name}: {verdict.message}")
    return call


def self_check(call: Mapping[str, Any], schema: Mapping[str, Any]) -> Verdict:
    """Whether a right call, made of its first allowed values, counts as one."""
    return check_call(call["name"], gold_arguments(call, schema), schema, call["arguments"])


def gold_arguments(call: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments out of the first allowed values, without those that may be left out."""
    required = schema["function"]["parameters"].get("required") or ()
    arguments = {}
    for key, values in call["arguments"].items():
        if key in required:
            values = [one for one in values if one != ""] or values
        if values and (values[0] != "" or key in required):
            arguments[key] = _first(values[0])
    return arguments


def literal(value: Any) -> Any:
    """A value as an allowed one: in an object, each key lists what is allowed."""
    if isinstance(value, Mapping):
        return {key: [one] for key, one in value.items()}
    if isinstance(value, list):
        return [literal(one) if isinstance(one, Mapping) else one for one in value]
    return value


def schema_of(name: Any, schemas: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The schema of a tool on offer.

    Raises:
        ValueError: It is not on offer.
    """
    names = [schema["function"]["name"] for schema in schemas]
    if name not in names:
        raise ValueError(f"{shown(name)} is called, on offer are {', '.join(names) or 'no tools'}")
    return schemas[names.index(name)]


def _read_call(call: Any, schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    inner = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        if isinstance(call, Mapping) and len(call) == 1:
            ((name, allowed),) = call.items()
            if isinstance(allowed, Mapping):
                return as_allowed(name, allowed, schemas)
        raise ValueError(f"{shown(call)} is no call")
    name = inner["name"]
    schema = schema_of(name, schemas)
    arguments = read_arguments(inner.get("arguments"), schema["function"]["parameters"])
    if not isinstance(arguments, Mapping):
        raise ValueError(f"{name}: its arguments are {shown(arguments)}, no object")
    allowed = {key: _options(key, value, schema) for key, value in arguments.items()}
    right = as_allowed(name, allowed, schemas)
    problems = check_arguments(gold_arguments(right, schema), schema)
    if problems:
        raise ValueError(f"{name}: {'; '.join(problems)}")
    return right


def _options(key: str, value: Any, schema: Mapping[str, Any]) -> list[Any]:
    """A value, or a list of allowed ones: a list counts as the value where the tool takes it."""
    if isinstance(value, list) and not _is_value(key, value, schema):
        return [literal(one) for one in value]
    return [literal(value)]


def _is_value(key: str, value: Any, schema: Mapping[str, Any]) -> bool:
    properties = schema["function"]["parameters"].get("properties") or {}
    one = {"function": {"parameters": {"properties": {key: properties.get(key, {})}}}}
    return not check_arguments({key: value}, one)


def _first(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _first_of(one) for key, one in value.items() if _first_of(one) != ""}
    if isinstance(value, list):
        return [_first(one) if isinstance(one, Mapping) else one for one in value]
    return copy.deepcopy(value)


def _first_of(options: Any) -> Any:
    return options[0] if isinstance(options, list) and options else options
