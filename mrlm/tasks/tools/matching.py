"""Calls of an episode against the right ones: each made, in order, and what was too much.

Names, parameters, types and values are checked by BFCL's rules (``bfcl.py``). Three parameters have
many right values and are compared by what they mean: an expression by its value and its numbers, a
query by the name it must hold, code by what it printed and by what it was given. A step's calls may
come in any order (bipartite matching); calls of a later step must come in a later turn, because
before that the model could only guess what to call with.

Calls and results belong together by id; where messages carry no ids (TRL's), by name, if the tool
was called once in that turn. Position is never used: TRL appends results of asynchronous tools
last. A call without a known result cannot be a right call of Python.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mrlm.tasks.tools.bfcl import Compare, Verdict, check_call, match
from mrlm.tasks.tools.builtin.arithmetic import evaluate
from mrlm.tasks.tools.environment import SCHEMAS
from mrlm.tasks.tools.schemas import read_arguments

__all__ = ["MAX_COMPARED", "Call", "Match", "Schemas", "fits", "match_calls", "read_calls"]

Schemas = Mapping[str, Mapping[str, Any]]

_MAX_QUERY_WORDS = 12
_MAX_CODE_LENGTH = 4000
MAX_COMPARED = 32  # more are certainly wrong and would take long to match


@dataclass(frozen=True)
class Call:
    """A call that the model made.

    Attributes:
        turn: Which of the assistant's turns made it, from 0.
        name: The tool's name, whatever the model wrote there.
        arguments: Parsed arguments, whatever the model wrote there.
        result: What the tool returned; ``None`` when that is not known.
    """

    turn: int
    name: Any
    arguments: Any
    result: str | None


@dataclass(frozen=True)
class Match:
    """How an episode's calls stand against the right ones.

    Attributes:
        complete: Every right call was made, in order.
        extra: Calls beyond those, malformed ones included.
    """

    complete: bool
    extra: int


def read_calls(messages: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The calls in a conversation, with their results.

    Text that looks like a call or a result is text: only ``tool_calls`` and messages of the role
    ``tool`` count, which a model cannot write.
    """
    calls: list[Call] = []
    turn = -1
    for i, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        turn += 1
        listed = message.get("tool_calls")
        listed = listed if isinstance(listed, list | tuple) else []
        made = [call for call in listed if isinstance(call, Mapping)]
        results = _results(messages, i + 1)
        names = [_function(call).get("name") for call in made]
        for call, name in zip(made, names, strict=True):
            arguments = read_arguments(_function(call).get("arguments"))
            calls.append(Call(turn, name, arguments, _result_of(call, name, names, results)))
    return calls


def match_calls(
    calls: Sequence[Call],
    steps: Sequence[Sequence[Mapping[str, Any]]],
    schemas: Schemas = MappingProxyType({}),
) -> Match:
    """Match calls with the right ones.

    Args:
        calls: Of one episode, in order.
        steps: Right calls (``Reference.to_dict``), step by step.
        schemas: Of the tools that the row brings, by name; the others are builtin.
    """
    right = sum(len(step) for step in steps)
    if len(calls) > MAX_COMPARED:
        return Match(False, len(calls) - right)
    last = -1
    for step in steps:
        taken = _earliest(calls, step, last, schemas)
        if taken is None:
            return Match(False, max(0, len(calls) - right))
        last = max(calls[i].turn for i in taken)
    return Match(True, len(calls) - right)


def fits(
    call: Call, reference: Mapping[str, Any], schemas: Schemas = MappingProxyType({})
) -> Verdict:
    """Whether a call is the right call ``reference``; ``schemas`` as in ``match_calls``."""
    name = reference["name"]
    if name in schemas:
        return check_call(call.name, call.arguments, schemas[name], reference["arguments"])
    verdict = check_call(
        call.name, call.arguments, SCHEMAS[name], reference["arguments"], _COMPARE.get(name)
    )
    if not verdict or "result" not in reference:
        return verdict
    return _check_code(call, reference)


def _earliest(
    calls: Sequence[Call], step: Sequence[Mapping[str, Any]], after: int, schemas: Schemas
) -> list[int] | None:
    """Indices of the calls that make up a step, done as early as can be after a turn."""
    table = [[bool(fits(call, reference, schemas)) for call in calls] for reference in step]
    for end in sorted({call.turn for call in calls if call.turn > after}):
        allowed = [after < call.turn <= end for call in calls]
        found = match([[fit and ok for fit, ok in zip(row, allowed, strict=True)] for row in table])
        if found is not None:
            return found
    return None


# ------------------------------------------------------------------ parameters with many values


def _same_expression(value: Any, allowed: Any) -> bool:
    """Same value from the same numbers: ``47 * 23`` for ``23 * 47``, not ``1081``."""
    try:
        given, numbers = evaluate(value)
        right, expected = evaluate(allowed)
    except ValueError:
        return False
    return math.isclose(given, right, rel_tol=1e-9) and sorted(numbers) == sorted(expected)


def _mentions(value: Any, allowed: Any) -> bool:
    words = re.findall(r"\w+", value.casefold()) if isinstance(value, str) else []
    return len(words) <= _MAX_QUERY_WORDS and set(allowed.casefold().split()) <= set(words)


def _same_path(value: Any, allowed: Any) -> bool:
    return isinstance(value, str) and posixpath.normpath(value) == posixpath.normpath(allowed)


def _same_text(value: Any, allowed: Any) -> bool:
    return isinstance(value, str) and value.strip() == allowed.strip()


def _is_code(value: Any, allowed: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_CODE_LENGTH


_COMPARE: dict[str, dict[str, Compare]] = {
    "calculator": {"expression": _same_expression},
    "web_search": {"query": _mentions},
    "file_system": {"path": _same_path, "content": _same_text},
    "python_repl": {"code": _is_code},
}


def _check_code(call: Call, reference: Mapping[str, Any]) -> Verdict:
    """Code is right when it printed the result, out of what it was given, not as a literal."""
    code, result = call.arguments["code"], reference["result"]
    given = [value for values in reference["uses"] for value in values]
    for values in reference["uses"]:
        if not any(_stands_in(value, code) for value in values):
            return Verdict(False, "value_error", f"the code does not use {values[0]}")
    # Ranges and counters start with these numbers: there they are no guess.
    common = {"0", "1", "2"}
    if result not in common.union(given) and _stands_in(result, code):
        return Verdict(False, "value_error", "the code holds the result as a literal")
    printed, expected = _tokens(call.result or ""), _tokens(result)
    if printed[-len(expected) :] != expected:
        return Verdict(False, "wrong_result", "the code did not print the result")
    return Verdict(True)


def _stands_in(value: str, code: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(value)}(?![\w.]|\.\d)", code) is not None


def _tokens(text: str) -> list[str]:
    return re.findall(r"-?\w+(?:\.\w+)*", text[-1000:])


# ------------------------------------------------------------------ messages


def _function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = call.get("function", call)
    return inner if isinstance(inner, Mapping) else {}


def _results(messages: Sequence[Mapping[str, Any]], start: int) -> list[Mapping[str, Any]]:
    """The tool messages that follow an assistant's turn."""
    end = start
    while end < len(messages) and messages[end].get("role") == "tool":
        end += 1
    return list(messages[start:end])


def _result_of(
    call: Mapping[str, Any],
    name: Any,
    names: Sequence[Any],
    results: Sequence[Mapping[str, Any]],
) -> str | None:
    if call.get("id") is not None:
        found = [result for result in results if result.get("tool_call_id") == call["id"]]
    elif names.count(name) == 1:
        found = [result for result in results if result.get("name") == name]
    else:
        found = []
    return str(found[0].get("content")) if len(found) == 1 else None
