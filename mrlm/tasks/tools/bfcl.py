"""Function calls against a ground truth, by the rules of BFCL's AST checker.

The Berkeley Function Calling Leaderboard (https://gorilla.cs.berkeley.edu/leaderboard.html)
compares calls without running them: the function's name, every required parameter, nothing unknown,
types, and values out of a list of allowed ones. Strings are compared without case, spaces and the
marks ``,./-_*^``. An ``""`` among the allowed values means that the parameter may be left out.

``check_calls`` covers the categories simple, multiple, parallel, parallel multiple and irrelevance
in Python. Where the reference matches parallel calls greedily, ours finds a perfect matching
whenever there is one. Not covered: Java and JavaScript types, and the multi-turn categories.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.tasks.tools.schemas import shown

__all__ = ["Compare", "Verdict", "check_call", "check_calls", "match"]

Compare = Callable[[Any, Any], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (float, int),
    "float": (float, int),
    "double": (float, int),
    "string": (str,),
    "any": (),
    "boolean": (bool,),
    "array": (list,),
    "list": (list,),
    "tuple": (list, tuple),
    "dict": (dict,),
    "object": (dict,),
    "null": (type(None),),
}
_IGNORED = re.compile(r"[ ,./\-_*^]")
_DEEPEST = 16
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
        arguments: What it was called with.
        schema: Of the right function.
        allowed: Right values by parameter.
        compare: For parameters with many right values: ``(value, allowed value) -> bool`` in place
            of equality.
    """
    function = _function(schema)
    parameters = function["parameters"]
    details = parameters.get("properties", {})
    if not isinstance(name, str) or _plain(name) != _plain(function["name"]):
        return Verdict(False, "wrong_function", f"{function['name']} is right, not {shown(name)}")
    if not isinstance(arguments, Mapping):
        return Verdict(False, "wrong_arguments", "arguments are no object")
    for parameter in parameters.get("required", ()):
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
        if parameter not in arguments and not any(_equal(_OMITTED, one) for one in values):
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
    if not _has_type(value, schema) and not _is_variable(value, allowed, schema):
        expected = schema.get("type")
        return Verdict(
            False, "type_error", f"{parameter} must be {expected}, not {type(value).__name__}"
        )
    same = compare or _equal
    if any(same(value, one) for one in allowed if not (compare and one == _OMITTED)):
        return _VALID
    return Verdict(False, "value_error", f"{parameter} is {shown(value)}, not one of the allowed")


def _has_type(value: Any, schema: Mapping[str, Any], depth: int = 0) -> bool:
    expected = schema.get("type", "any")
    names = [expected] if isinstance(expected, str) else list(expected)
    if "any" in names:
        return True
    kinds = tuple(kind for name in names for kind in _TYPES.get(name, ()))
    # Exact types: True is no integer. An integer may stand for a float, never the reverse.
    if type(value) not in kinds or depth > _DEEPEST:
        return False
    if isinstance(value, list | tuple) and "items" in schema:
        return all(_has_type(item, schema["items"], depth + 1) for item in value)
    return True


def _is_variable(value: Any, allowed: Sequence[Any], schema: Mapping[str, Any]) -> bool:
    """The ground truth itself holds another type than the schema's: a variable's name, say."""
    kinds = {type(one) for one in allowed if one != _OMITTED}
    return type(value) in kinds and not any(_has_type(one, schema) for one in allowed if one != "")


def _equal(value: Any, allowed: Any, depth: int = 0) -> bool:
    """Equality as BFCL has it: strings standardised, containers by content."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, str) and isinstance(allowed, str):
        standard = _standard(allowed)
        return value == allowed or (standard != "" and _standard(value) == standard)
    if isinstance(value, list | tuple) and isinstance(allowed, list | tuple):
        return len(value) == len(allowed) and all(
            _equal(a, b, depth + 1) for a, b in zip(value, allowed, strict=True)
        )
    if isinstance(value, Mapping) and isinstance(allowed, Mapping):
        return _equal_objects(value, allowed, depth)
    if isinstance(value, bool) or isinstance(allowed, bool):
        return value is allowed
    if isinstance(value, int | float) and isinstance(allowed, int | float):
        return value == allowed  # never true of NaN
    return value is None and allowed is None


def _equal_objects(value: Mapping[str, Any], allowed: Mapping[str, Any], depth: int) -> bool:
    """In a ground truth's object each key holds a list of allowed values."""
    for key, inner in value.items():
        options = allowed.get(key)
        options = options if isinstance(options, list) else [options]
        if key not in allowed or not any(_equal(inner, one, depth + 1) for one in options):
            return False
    return all(
        key in value or (isinstance(options, list) and _OMITTED in options)
        for key, options in allowed.items()
    )


def _standard(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')


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
        arguments = call["arguments"]
        return call["name"], _parsed(arguments) if isinstance(arguments, str) else arguments
    if len(call) == 1:
        ((name, arguments),) = call.items()
        return name, arguments
    return None, None


def _parsed(arguments: str) -> Any:
    """OpenAI's interface gives arguments as JSON text; what is malformed is not repaired."""
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return None
