"""The debate task in rounds: each argument is a call of ``argue``.

So trainers, evaluation and data jobs play a debate as they play any episode with tools, and the
reward reads the debate off the messages: calls are the model's turns, results the opponent's. What
was said in a call that got no answer, because the episode ended there, was not said.

Not covered: models that call no tools (``DebateRollout``), other opponents than the scripted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from statistics import fmean
from typing import Any

from mrlm.task import RewardCase, UserRows
from mrlm.tasks.debate.attacks import reward_cases
from mrlm.tasks.debate.environment import OVER, ArgueEnvironment, instruction
from mrlm.tasks.debate.grounded import worked_argument
from mrlm.tasks.debate.reward import extract, is_usable
from mrlm.tasks.debate.rounds import HEARD, Debate
from mrlm.tasks.debate.user_rows import USER_ROWS, build_row

__all__ = [
    "MAX_ROUNDS",
    "check_rounds",
    "extract_in_rounds",
    "in_rounds",
    "reward_cases_in_rounds",
    "rounds_reward",
    "score_in_rounds",
    "user_rows_in_rounds",
]

Completion = str | Sequence[Mapping[str, Any]]

# How the worked arguments begin after the first, each in words that no other uses.
_OPENERS = (
    "Let me come back to this once more, for it matters.",
    "Nothing heard so far has touched our strongest ground here.",
    "Finally, weigh both cases again and ours remains heavier.",
)
MAX_ROUNDS = 1 + len(_OPENERS)


def check_rounds(rounds: int) -> None:
    """Raise ``ValueError`` unless a debate can have this many."""
    if not 1 <= rounds <= MAX_ROUNDS:
        raise ValueError(f"rounds is {rounds!r}; give a number from 1 to {MAX_ROUNDS}.")


def in_rounds(row: Mapping[str, Any], rounds: int) -> dict[str, Any]:
    """A row of the task as a debate in rounds.

    The prompt says so, the column ``rounds`` holds their number, and the solution is a worked
    debate against the scripted opponent: the messages of an episode with tools.
    """
    texts = [str(row["solution"])]
    environment = ArgueEnvironment(rounds=rounds)
    environment.reset(**row)
    messages: list[dict[str, Any]] = []
    for number in range(rounds):
        heard = environment.argue(texts[-1])
        messages += _argue(texts[-1], heard, number)
        if number + 1 < rounds:
            is_closed = row["kind"] == "closed"
            texts.append(
                texts[0]
                if is_closed
                else worked_argument({**row, "opponent": heard}, _OPENERS[number])
            )
    *before, last = row["prompt"]
    asked = {**last, "content": last["content"] + instruction(rounds)}
    solution = [*messages, {"role": "assistant", "content": "That was my case."}]
    return {**row, "prompt": [*before, asked], "solution": solution, "rounds": rounds}


def rounds_reward(
    completions: Sequence[Completion],
    rounds: Sequence[int],
    log_metric: Callable[[str, float], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """What each debate was worth, with TRL's signature: the mean of its turns (``Debate.reward``).

    Args:
        completions: Episodes; a text is one without a call, so without an argument.
        rounds: Arguments that the model had, of each row.
        log_metric: TRL's hook; gets the share of these arguments that were made.
        **columns: The other columns of the rows.

    Returns:
        A number in [0, 1] for each completion; ``None`` where the row cannot be used.
    """
    rows = [
        {name: column[i] for name, column in columns.items() if isinstance(column, list | tuple)}
        for i in range(len(completions))
    ]
    debates = [
        _played(completion, {**row, "rounds": count})
        for completion, row, count in zip(completions, rows, rounds, strict=True)
    ]
    made = [len(_own_turns(debate)) / debate.rounds for debate in debates if debate]
    if log_metric is not None and made:
        log_metric("rounds_reward/arguments_made", fmean(made))
    return [debate.reward() if debate else None for debate in debates]


def score_in_rounds(completion: Completion, row: Mapping[str, Any]) -> float | None:
    """What evaluation counts: the mean of the turns in [0, 1]; ``None`` for an unusable row."""
    debate = _played(completion, row)
    return debate.reward() if debate else None


def extract_in_rounds(completion: Completion, row: Mapping[str, Any]) -> str | None:
    """What ``score_in_rounds`` reads: ``extract`` of each turn, of a closed row of the last."""
    debate = _played(completion, row)
    if debate is None:
        return None
    found = [extract(text, row) for text in _own_turns(debate)]
    if debate.is_closed:
        return found[-1] if found else None
    return "; ".join(cited or "none" for cited in found) if any(found) else None


def reward_cases_in_rounds(rounds: int) -> Iterator[RewardCase]:
    """The attacks on the reward of one turn, made in every turn."""
    for case in reward_cases():
        if case.correct or not isinstance(case.completion, str):
            continue  # to say the same again is not honest; the gold answers are tried anyhow
        environment = ArgueEnvironment(rounds=rounds)
        environment.reset(**case.row)
        messages: list[dict[str, Any]] = []
        for number in range(rounds):
            messages += _argue(case.completion, environment.argue(case.completion), number)
        yield RewardCase(case.name, in_rounds(case.row, rounds), messages, limit=case.limit)


def user_rows_in_rounds(rounds: int) -> UserRows:
    """Rows of the user's own, in rounds."""

    return replace(USER_ROWS, build=partial(_build_in_rounds, rounds))


def _build_in_rounds(rounds: int, row: Mapping[str, Any]) -> dict[str, Any]:
    columns = build_row(row)
    return in_rounds({"kind": row.get("kind"), **columns}, rounds)


def _argue(text: str, heard: str, number: int) -> list[dict[str, Any]]:
    """An argument as a call, and the answer to it."""
    name = f"call_{number + 1}"
    call = {
        "id": name,
        "type": "function",
        "function": {"name": "argue", "arguments": {"argument": text}},
    }
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": name, "name": "argue", "content": heard},
    ]


def _played(completion: Completion, row: Mapping[str, Any]) -> Debate | None:
    """The debate that an episode was; ``None`` where the row cannot be used."""
    if not is_usable(row):
        return None
    debate = Debate(row, row["rounds"])
    messages = [] if isinstance(completion, str) else list(completion)
    for place, message in enumerate(messages):
        calls = message.get("tool_calls") or ()
        answers = takewhile(lambda m: m["role"] == "tool", messages[place + 1 :])
        for call, answer in zip(calls, answers, strict=False):
            text, heard = _argument(call), str(answer.get("content"))
            if text is None or debate.is_over or not heard.startswith((HEARD, OVER)):
                continue
            debate.say(text)
            if heard.startswith(HEARD) and not debate.is_over:
                debate.say(heard.removeprefix(HEARD))
    return debate


def _argument(call: Mapping[str, Any]) -> str | None:
    function = call.get("function")
    if not isinstance(function, Mapping) or function.get("name") != "argue":
        return None
    arguments = function.get("arguments")
    return str(arguments.get("argument")) if isinstance(arguments, Mapping) else None


def _own_turns(debate: Debate) -> list[str]:
    return [turn.text for turn in debate.turns if turn.side == debate.side]
