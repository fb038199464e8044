"""The tool reward: the right calls and the right final answer, both or nothing.

``score`` is what evaluation counts: 1.0 when the final answer is right and the calls are the right
ones, none missing and none too many. ``tools_reward`` is the same for training, but takes off a
quarter per call too many instead of everything, so that a model that mends a call or looks up more
than it needs still learns from the episode; where no tool is needed, any call is wrong. A guessed
answer without the right calls, or after other calls, earns 0.

A row of the user's is held to what it brings. With an answer and no calls, the answer alone
counts, however it was found. With calls and no answer, the calls alone count; where none is right,
the model must say something instead.

``tool_call_reward`` is partial credit in the manner of ToolRL (https://arxiv.org/abs/2504.13958):
names, parameter names and values. It is another reward with its own name, for models that get
nothing right at first, and says nothing (``None``) where no call is right.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mrlm.tasks.tools.answers import extract_answer, same_answer, without_thinking
from mrlm.tasks.tools.bfcl import check_call
from mrlm.tasks.tools.matching import (
    MAX_COMPARED,
    Call,
    Schemas,
    fits,
    match_calls,
    read_calls,
)

__all__ = ["ANY_CALLS", "EXTRA_CALL_COST", "extract", "score", "tool_call_reward", "tools_reward"]

logger = logging.getLogger(__name__)

EXTRA_CALL_COST = 0.25
ANY_CALLS = {"allowed": "any"}  # in the column ``calls`` of rows with an answer alone
_CALL_MARK = "<tool_call"

Completion = str | Sequence[Mapping[str, Any]]


class Outcome(NamedTuple):
    """What an episode came to.

    Attributes:
        answer_right: The final answer is right.
        calls_right: Every right call was made, in order.
        extra: Calls beyond the right ones, malformed ones included.
    """

    answer_right: bool
    calls_right: bool
    extra: int

    @property
    def perfect(self) -> bool:
        return self.answer_right and self.calls_right and self.extra == 0


def score(completion: Completion, row: Mapping[str, Any]) -> float | None:
    """1.0 for a right answer by exactly the right calls, else 0.0; ``None`` for an unusable row.

    Args:
        completion: A conversation that follows the prompt; a text is one message without calls.
        row: With the columns ``calls``, ``answer``, and where it brings tools of its own ``tools``.
    """
    outcome = _outcome(completion, row["calls"], row["answer"], row.get("tools"))
    return None if outcome is None else float(outcome.perfect)


def extract(completion: Completion, row: Mapping[str, Any]) -> str | None:
    """The final answer, unparsed; where the row has none, the calls as text."""
    messages = _messages(completion)
    if row.get("answer") or not row.get("tools"):
        return extract_answer(_final_text(messages))
    return ", ".join(_shown(call) for call in read_calls(messages)) or None


def tools_reward(
    completions: Sequence[Completion],
    calls: Sequence[Any],
    answer: Sequence[Any],
    tools: Sequence[Any] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    **kwargs: Any,
) -> list[float | None]:
    """TRL's reward for a batch: 1.0, less ``EXTRA_CALL_COST`` per extra call, or 0.0.

    Args:
        completions: Conversations (or texts) that follow the prompts.
        calls: The right calls of each row, step by step.
        answer: The right answer of each row.
        tools: The schemas that each row brings, if rows bring any.
        log_metric: TRL's hook; gets the shares of right answers and of right calls.
        **kwargs: Other columns; ignored.

    Returns:
        A reward for each completion, ``None`` where the row is unusable.
    """
    outcomes = [
        _outcome(completion, steps, right, schemas)
        for completion, steps, right, schemas in zip(
            completions, calls, answer, _each(tools, calls), strict=True
        )
    ]
    _report(outcomes, log_metric)
    return [
        None if outcome is None else _reward(outcome, bool(steps))
        for outcome, steps in zip(outcomes, calls, strict=True)
    ]


def tool_call_reward(
    completions: Sequence[Completion],
    calls: Sequence[Any],
    tools: Sequence[Any] | None = None,
    **kwargs: Any,
) -> list[float | None]:
    """Partial credit for calls, whatever the answer: names, parameter names and values in equal
    parts, over the larger of the numbers of calls made and of right calls.

    Args:
        completions: Conversations (or texts) that follow the prompts.
        calls: The right calls of each row, step by step.
        tools: The schemas that each row brings, if rows bring any.
        **kwargs: Other columns; ignored.

    Returns:
        0.0 to 1.0 for each completion; ``None`` where no call is right or the row is unusable.
    """
    rewards: list[float | None] = []
    for completion, steps, own in zip(completions, calls, _each(tools, calls), strict=True):
        right = [reference for step in steps for reference in step] if _usable(steps) else []
        made, malformed = _calls(_messages(completion))
        credit = _partial_credit(made, right, malformed, _by_name(own)) if right else None
        rewards.append(credit)
    return rewards


def _reward(outcome: Outcome, needs_calls: bool) -> float:
    if not needs_calls:
        return float(outcome.perfect)
    if not (outcome.answer_right and outcome.calls_right):
        return 0.0
    return max(0.0, 1 - EXTRA_CALL_COST * outcome.extra)


def _outcome(completion: Completion, steps: Any, answer: Any, tools: Any = None) -> Outcome | None:
    has_calls = steps != ANY_CALLS
    if (has_calls and not _usable(steps)) or not isinstance(answer, str):
        return None
    if not has_calls and not answer:
        return None
    messages = _messages(completion)
    if not has_calls:
        return Outcome(_answers(messages, answer), calls_right=True, extra=0)
    calls, malformed = _calls(messages)
    matched = match_calls(calls, steps, _by_name(tools))
    return Outcome(
        answer_right=_answers(messages, answer) if answer else bool(steps) or _speaks(messages),
        calls_right=matched.complete,
        extra=matched.extra + malformed,
    )


def _answers(messages: Sequence[Mapping[str, Any]], answer: str) -> bool:
    found = extract_answer(_final_text(messages))
    return found is not None and same_answer(found, answer)


def _speaks(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last message says something, thoughts left out."""
    return bool(without_thinking(_final_text(messages)).strip())


def _each(tools: Sequence[Any] | None, calls: Sequence[Any]) -> Sequence[Any]:
    return [None] * len(calls) if tools is None else tools


def _by_name(tools: Any) -> Schemas:
    return {schema["function"]["name"]: schema for schema in tools or ()}


def _shown(call: Call) -> str:
    arguments = call.arguments
    if isinstance(arguments, Mapping):
        arguments = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"{call.name}({arguments})"


def _usable(steps: Any) -> bool:
    return isinstance(steps, list) and all(
        isinstance(step, list) and all("name" in call and "arguments" in call for call in step)
        for step in steps
    )


def _messages(completion: Completion) -> list[Mapping[str, Any]]:
    if isinstance(completion, str):
        return [{"role": "assistant", "content": completion}]
    if not isinstance(completion, Sequence):
        return []
    return [message for message in completion if isinstance(message, Mapping)]


def _calls(messages: Sequence[Mapping[str, Any]]) -> tuple[list[Call], int]:
    """The calls, and how many turns hold what was meant as a call and could not be parsed."""
    malformed = sum(
        message.get("role") == "assistant" and _CALL_MARK in without_thinking(_text(message))
        for message in messages
    )
    return read_calls(messages), malformed


def _final_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The text of the last message, if the assistant wrote it and called nothing in it."""
    last = messages[-1] if messages else {}
    if last.get("role") != "assistant" or last.get("tool_calls"):
        return ""
    return _text(last)


def _text(message: Mapping[str, Any]) -> str:
    """The content, a text or a list of text parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _partial_credit(
    made: Sequence[Call],
    right: Sequence[Mapping[str, Any]],
    malformed: int,
    schemas: Schemas,
) -> float:
    """Best pairs first; each call and each right call in one pair at most."""
    likenesses = [
        (_likeness(call, reference, schemas), i, j)
        for i, call in enumerate(made[:MAX_COMPARED])
        for j, reference in enumerate(right)
    ]
    pairs = sorted(likenesses, key=lambda pair: (-pair[0], pair[1], pair[2]))
    total, used_calls, used_right = 0.0, set(), set()
    for likeness, i, j in pairs:
        if i not in used_calls and j not in used_right:
            total += likeness
            used_calls.add(i)
            used_right.add(j)
    return total / max(len(made) + malformed, len(right))


def _likeness(call: Call, reference: Mapping[str, Any], schemas: Schemas) -> float:
    if call.name != reference["name"]:
        return 0.0
    if fits(call, reference, schemas):
        return 1.0
    if not isinstance(call.arguments, Mapping):
        return 1 / 3
    given = set(call.arguments)
    needed = {name for name, values in reference["arguments"].items() if "" not in values}
    names = len(given & needed) / max(1, len(given | needed))
    values = sum(_value_fits(call, reference, name) for name in needed) / max(1, len(needed))
    # A call that does not fit as a whole stays below full credit.
    return min((1 + names + values) / 3, 0.9)


def _value_fits(call: Call, reference: Mapping[str, Any], name: str) -> bool:
    if name not in call.arguments or "result" in reference:
        return False
    one = {name: call.arguments[name]}
    allowed = {name: reference["arguments"][name]}
    schema = {"name": call.name, "parameters": {"properties": {name: {"type": "any"}}}}
    return bool(check_call(call.name, one, schema, allowed))


def _report(
    outcomes: Sequence[Outcome | None], log_metric: Callable[[str, float], None] | None
) -> None:
    scored = [outcome for outcome in outcomes if outcome is not None]
    if len(scored) < len(outcomes):
        logger.warning(
            "tools_reward: %d of %d rows are unusable.", len(outcomes) - len(scored), len(outcomes)
        )
    if log_metric is not None and scored:
        log_metric("tools_reward/answer_right", sum(o.answer_right for o in scored) / len(scored))
        log_metric("tools_reward/calls_right", sum(o.calls_right for o in scored) / len(scored))
