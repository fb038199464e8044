"""Function calls against a ground truth, by the rules of BFCL's AST checker.

The Berkeley Function Calling Leaderboard (https://gorilla.cs.berkeley.edu/leaderboard.html)
compares calls without running them: the function's name, every required parameter, nothing unknown,
types, and values out of a list of allowed ones. Strings are compared without case, spaces and the
marks ``,./-_*^``. An ``""`` among the allowed values means that the parameter may be left out.

``check_calls`` covers the categories simple, multiple, parallel, parallel multiple and irrelevance
in Python, and agrees with the checker of bfcl-eval but where docs/tools.md says otherwise: parallel
calls are matched perfectly where the reference is greedy, a call holds one name, and what makes the
reference raise is a wrong call. Not covered: Java and JavaScript types, the multi-turn categories.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.tasks.tools.schemas import read_arguments, shown

__all__ = ["Compare", "Verdict", "check_call", "check_calls", "match"]

Compare = Callable[[Any, Any], bool]

# BFCL's names, then those of JSON schemas. By BFCL's rule "any" is a text, or of the type that the
# ground truth holds.
_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
    "number": float,
    "double": float,
    "list": list,
    "object": dict,
    "null": type(None),
}
_IGNORED = re.compile(r"[ ,./\-_*^]")
_OMITTED = ""


@dataclass(frozen=True)
class Verdict:
    """Whether calls are right.

    Attributes:
        valid: All of them are, and none is missing or too many.
        error: The rule that was broken, such as ``"wrong_count"`` or ``"value_error"``; empty when
            valid.
        message: What came and what is allowed.
    """

    valid: bool
    error: str = ""
    message: str = ""

    def __bool__(self) -> bool:
        return self.valid


_VALID = Verdict(True)


def check_calls(
    calls: Sequence[Any],
    function_schemas: Sequence[Mapping[str, Any]],
    ground_truth: Sequence[Mapping[str, Mapping[str, Sequence[Any]]]],
) -> Verdict:
    """Check a model's calls of one turn against BFCL's ground truth.

    Args:
        calls: Each ``{name: {parameter: value}}`` as BFCL decodes them, ``{"name": ...,
            "arguments": {...}}``, or an OpenAI tool call (``{"function": {...}}``). Anything
            else counts as a wrong call.
        function_schemas: The functions on offer, as BFCL or OpenAI writes them.
        ground_truth: ``[{name: {parameter: [allowed values]}}, ...]``; several calls may come in
            any order. An empty list means that no call is right (irrelevance).

    Raises:
        ValueError: The ground truth names a function that is not on offer.
    """
    schemas = [_function(schema) for schema in function_schemas]
    expected = []
    for entry in ground_truth:
        ((name, allowed),) = entry.items()
        schema = next((s for s in schemas if _plain(s["name"]) == _plain(name)), None)
        if schema is None:
            raise ValueError(f"The ground truth calls {name!r}, which is not among the functions.")
        expected.append((schema, allowed))
    if len(calls) != len(expected):
        return Verdict(
            False, "wrong_count", f"{len(calls)} calls were made, {len(expected)} are right"
        )
    verdicts = [
        [check_call(*_name_and_arguments(call), schema, allowed) for schema, allowed in expected]
        for call in calls
    ]
    if match([[bool(verdict) for verdict in row] for row in verdicts]) is not None:
        return _VALID
    if len(calls) == 1:
        return verdicts[0][0]
    hopeless = [row for row in verdicts if not any(row)] or verdicts
    return Verdict(False, "cannot_match_calls", f"no one-to-one match: {hopeless[0][0].message}")


def check_call(
    name: Any,
    arguments: Any,
    schema: Mapping[str, Any],
    allowed: Mapping[str, Sequence[Any]],
    compare: Mapping[str, Compare] | None = None,
) -> Verdict:
    """Check one call.

    Args:
        name: The function that was called.
        arguments: What it was called with; an object, or JSON text as OpenAI's interface has it.
            ``None`` and an empty text stand for an object without keys where none is required.
        schema: Of the right function.
        allowed: Right values by parameter.
        compare: For parameters with many right values: ``(value, allowed value) -> bool`` in place
            of equality.
    """
    function = _function(schema)
    parameters = function.get("parameters") or {}
    details = parameters.get("properties") or {}
    if not isinstance(name, str) or _plain(name) != _plain(function["name"]):
        return Verdict(False, "wrong_function", f"{function['name']} is right, not {shown(name)}")
    arguments = read_arguments(arguments, parameters)
    if not isinstance(arguments, Mapping):
        return Verdict(False, "wrong_arguments", "arguments are no object")
    for parameter in parameters.get("required") or ():
        if parameter not in arguments:
            return Verdict(False, "missing_required", f"parameter {parameter!r} is missing")
    for parameter, value in arguments.items():
        if parameter not in details or parameter not in allowed:
            return Verdict(False, "unexpected_parameter", f"parameter {shown(parameter)}")
        verdict = _check_value(
            parameter, value, allowed[parameter], details[parameter], (compare or {}).get(parameter)
        )
        if not verdict:
            return verdict
    for parameter, values in allowed.items():
        if parameter not in arguments and _OMITTED not in values:
            return Verdict(False, "missing_optional", f"parameter {parameter!r} is missing")
    return _VALID


def match(fits: Sequence[Sequence[bool]]) -> list[int] | None:
    """Give every row a column of its own (Kuhn's bipartite matching).

    Args:
        fits: ``fits[i][j]``: row ``i`` may have column ``j``.

    Returns:
        The column of each row, ``None`` when that cannot be done.
    """
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in seen:
                seen.add(column)
                if column not in owner or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    if not all(place(row, set()) for row in range(len(fits))):
        return None
    columns = {row: column for column, row in owner.items()}
    return [columns[row] for row in range(len(fits))]


def _check_value(
    parameter: str,
    value: Any,
    allowed: Sequence[Any],
    schema: Mapping[str, Any],
    compare: Compare | None,
) -> Verdict:
    kinds, inner = _kinds(schema), _inner_kinds(schema)
    # At the top an integer may stand for a float, and a tuple for the list that JSON made of it.
    if type(value) is int and float in kinds and int not in kinds:
        value = _float(value)
    elif type(value) is tuple and schema.get("type") == "tuple":
        value = list(value)
    if not (_type_fits(value, allowed, kinds) and _items_fit(value, allowed, kinds, inner)):
        expected = schema.get("type")
        return Verdict(
            False, "type_error", f"{parameter} must be {expected}, not {type(value).__name__}"
        )
    if compare is not None:
        found = any(compare(value, one) for one in allowed if one != _OMITTED)
    else:
        found = _is_allowed(value, allowed, kinds, inner)
    if found:
        return _VALID
    return Verdict(False, "value_error", f"{parameter} is {shown(value)}, not one of the allowed")


def _kinds(schema: Mapping[str, Any]) -> tuple[type, ...]:
    """The Python types of a schema; none where it names none, and anything goes."""
    expected = schema.get("type")
    names = [expected] if isinstance(expected, str) else list(expected or ())
    return tuple(_TYPES[name] for name in names if name in _TYPES)


def _inner_kinds(schema: Mapping[str, Any]) -> tuple[type, ...]:
    """The types of a list's items; none where the schema does not say."""
    items = schema.get("items")
    is_list = list in _kinds(schema)
    return _kinds(items) if is_list and isinstance(items, Mapping) else ()


def _kind_allowed(allowed: Any) -> type | None:
    """The type of the first allowed value; another one than the schema's marks a variable."""
    values = allowed if isinstance(allowed, list | tuple | str | dict) else ()
    return next((type(one) for one in values if one != _OMITTED), None)


def _type_fits(value: Any, allowed: Any, kinds: Sequence[type]) -> bool:
    # Exact types: True is no integer.
    return not kinds or type(value) in kinds or type(value) is _kind_allowed(allowed)


def _items_fit(
    value: Any, allowed: Sequence[Any], kinds: Sequence[type], inner: Sequence[type]
) -> bool:
    """Items are looked into one level deep, and held against one of the allowed lists."""
    if not inner or type(value) is not list or list not in kinds:
        return True
    return any(
        type(one) is not list or all(_type_fits(item, one, inner) for item in value)
        for one in allowed
    )


def _is_allowed(
    value: Any, allowed: Sequence[Any], kinds: Sequence[type], inner: Sequence[type]
) -> bool:
    kind = _kind_allowed(allowed)
    if kinds and (type(value) not in kinds or (kind is not None and kind not in kinds)):
        return _is_in(value, allowed)  # a variable: its name, as it is written
    if type(value) is dict:
        return any(_same_object(value, one) for one in allowed if one != _OMITTED)
    if type(value) is list and dict in inner:
        return any(_same_objects(value, one) for one in allowed)
    if type(value) is list:
        lists = [_standard_items(one) for one in allowed]
        return _is_in(_standard_items(value), lists)
    return _is_in(_standard(value), [_standard(one) for one in allowed])


def _same_objects(value: Sequence[Any], allowed: Any) -> bool:
    if not isinstance(allowed, list | str) or len(value) != len(allowed):
        return False
    return all(
        one != _OMITTED and _same_object(item, one)
        for item, one in zip(value, allowed, strict=True)
    )


def _same_object(value: Any, allowed: Any) -> bool:
    """In a ground truth's object each key holds a list of allowed values."""
    if not isinstance(value, dict) or not isinstance(allowed, dict):
        return False
    for key, inner in value.items():
        if key not in allowed:
            return False
        options = allowed[key] if isinstance(allowed[key], list) else [allowed[key]]
        if not _is_in(_standard(inner), [_standard(one) for one in options]):
            return False
    return all(
        key in value or (isinstance(options, list | str) and _OMITTED in options)
        for key, options in allowed.items()
    )


def _standard_items(values: Any) -> list[Any]:
    return [_standard(one) for one in values] if isinstance(values, list | tuple | str) else []


def _is_in(value: Any, allowed: Sequence[Any]) -> bool:
    try:
        return value in allowed
    except RecursionError:
        return False


def _float(value: int) -> float | int:
    try:
        return float(value)
    except OverflowError:
        return value


def _standard(value: Any) -> Any:
    """A text without case, spaces and some marks; anything else as it is."""
    if not isinstance(value, str):
        return value
    return _IGNORED.sub("", value).lower().replace("'", '"')


def _plain(name: str) -> str:
    """Some interfaces allow no dots in names; BFCL writes underscores for them."""
    return name.replace(".", "_")


def _function(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    inner: Mapping[str, Any] = schema.get("function", schema)
    return inner


def _name_and_arguments(call: Any) -> tuple[Any, Any]:
    """The name and the arguments of a call in any of the three forms."""
    if not isinstance(call, Mapping):
        return None, None
    call = call["function"] if isinstance(call.get("function"), Mapping) else call
    if "name" in call and "arguments" in call:
        return call["name"], call["arguments"]
    if len(call) == 1:
        ((name, arguments),) = call.items()
        return name, arguments
    return None, None
