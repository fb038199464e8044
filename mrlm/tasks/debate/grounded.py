"""Rows of the grounded family: argue one side of a motion from numbered facts.

``opening`` rows ask for an argument; ``rebuttal`` rows also show what the opponent said and ask for
an answer to it. ``easy`` shows 5 facts on 2 points and says which side each is for, as a brief
does; ``medium`` shows 7 on 3 and ``hard`` 8 on 3, and whom they help is the debater's to see. The
order is always random, with facts of both sides and of neither. A row's content is its motion:
motions of the test split never occur in training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.splits import SPLITS, RowStream, split_of
from mrlm.tasks.debate.topics import TOPICS, Topic

__all__ = [
    "OTHER",
    "SIDES",
    "argument",
    "draw_grounded",
    "fill_in",
    "render_prompt",
    "supporting",
    "worked_argument",
]

SIDES = ("PRO", "CON")
OTHER = {"PRO": "CON", "CON": "PRO"}

_STANCE = {"PRO": "for the motion", "CON": "against the motion"}
_POINTS = {"easy": 2, "medium": 3, "hard": 3}
_NEITHER = {"easy": 1, "medium": 1, "hard": 2}
_NUMBERS = (12, 88)  # what {n} in a fact becomes
_SPLIT_TOPICS: dict[str, list[Topic]] = {
    split: [topic for topic in TOPICS.values() if split_of(topic.name) == split] for split in SPLITS
}
_OPENERS = (
    "The facts speak for this side.",
    "There are good reasons to take this side.",
    "This side has the better case.",
    "Look at what the facts tell us.",
    "We should think of what is at stake here.",
    "Our case rests on what is known.",
)
_REPLIES = ("Against {m} we set", "To answer {m}, note", "What {m} says is outweighed by")


@dataclass(frozen=True)
class Fact:
    """A fact as a row shows it; ``point`` is -1 where it supports neither side."""

    text: str
    supports: str
    point: int


def draw_grounded(stream: RowStream, split: str, kind: str, difficulty: str) -> dict[str, Any]:
    """One row's columns, without the ones that all families share."""
    topic = stream.pick(_SPLIT_TOPICS[split])
    side = stream.pick(SIDES)
    facts = _draw_facts(stream, topic, difficulty)
    row: dict[str, Any] = {
        "motion": topic.motion,
        "side": side,
        "facts": [fact.text for fact in facts],
        "supports": [fact.supports for fact in facts],
        "points": [fact.point for fact in facts],
        "opponent": "",
        "difficulty": difficulty,
    }
    own = _shuffled(stream, supporting(row, side))
    # Two, because an opener that the opponent has just used would be copied.
    (opener, their_opener), rejoinder = _shuffled(stream, _OPENERS)[:2], stream.pick(_REPLIES)
    if kind == "opening":
        row["solution"] = argument(row, side, own[:2], opener=opener)
    else:
        rival = stream.pick(supporting(row, OTHER[side]))
        row["opponent"] = argument(row, OTHER[side], [rival], opener=their_opener)
        answer = next(n for n in own if row["points"][n - 1] == row["points"][rival - 1])
        first = next(n for n in own if n != answer)
        row["solution"] = argument(
            row, side, [first, answer], reply_to=rival, opener=opener, rejoinder=rejoinder
        )
    row["prompt"] = [{"role": "user", "content": render_prompt(row)}]
    return row


def supporting(row: Mapping[str, Any], side: str) -> list[int]:
    """Numbers, from 1, of the shown facts that support ``side``."""
    return [n for n, supported in enumerate(row["supports"], start=1) if supported == side]


def argument(
    row: Mapping[str, Any],
    side: str,
    cited: Sequence[int],
    *,
    reply_to: int | None = None,
    opener: str = _OPENERS[0],
    rejoinder: str = _REPLIES[0],
) -> str:
    """An argument in the form that the prompt asks for.

    Args:
        row: Gives the facts.
        side: Whose argument it is.
        cited: Numbers of the facts to quote.
        reply_to: A fact of the opponent; the last of ``cited`` then answers it.
        opener: The first sentence.
        rejoinder: What leads from ``{m}``, the opponent's fact, to the one that answers it.
    """
    quotes = [f'[{n}] "{row["facts"][n - 1]}"' for n in cited]
    if reply_to is not None:
        quotes[-1] = f"{rejoinder.format(m=f'[{reply_to}]')} {quotes[-1]}"
    return " ".join([f"{side}: {opener}", *quotes])


def worked_argument(row: Mapping[str, Any], opener: str) -> str:
    """An argument that quotes two facts; the second answers the first fact that was named.

    Args:
        row: With at least two facts that support its side.
        opener: In words that nobody in this debate has used: those of others are not one's own.
    """
    own, points = supporting(row, row["side"]), row["points"]
    rivals = supporting(row, OTHER[row["side"]])
    for named in map(int, re.findall(r"\[(\d{1,4})\]", row["opponent"])):
        answers = [n for n in own if named in rivals and points[n - 1] == points[named - 1]]
        if answers:
            first = next(n for n in own if n != answers[0])
            return argument(row, row["side"], [first, answers[0]], reply_to=named, opener=opener)
    return argument(row, row["side"], own[:2], opener=opener)


def render_prompt(row: Mapping[str, Any]) -> str:
    """What a debater is asked, from the row's facts, its side and the opponent's argument."""
    facts = [f"[{n}] {fact}" for n, fact in enumerate(row["facts"], start=1)]
    if row.get("difficulty") == "easy":
        facts = _by_side(facts, row["supports"])
    side = row["side"]
    parts = [f"Motion: {row['motion']}", "Facts, made up for this exercise:\n" + "\n".join(facts)]
    if row["opponent"]:
        parts.append(f"Your opponent said:\n{row['opponent']}")
    parts.append(
        f'You are {side}, {_STANCE[side]}. Begin with "{side}:" and say why. Quote two facts that '
        'help your side, each as its number and its exact words: [number] "words".'
    )
    if row["opponent"]:
        parts[-1] += (
            " Answer your opponent too: name the number of their fact, then quote the fact that "
            "answers it."
        )
    return "\n\n".join(parts)


def _by_side(facts: Sequence[str], supports: Sequence[str]) -> list[str]:
    """Lines of a brief: what helps each side under its name, then what helps neither."""
    lines = []
    for stance in (*SIDES, "NEITHER"):
        heading = f"{stance}, {_STANCE[stance]}" if stance in _STANCE else stance
        # Of unequal length only in a row that will not do, which is shown all the same.
        lines += [heading, *(f for f, side in zip(facts, supports, strict=False) if side == stance)]
    return lines


def _draw_facts(stream: RowStream, topic: Topic, difficulty: str) -> list[Fact]:
    points = _shuffled(stream, range(len(topic.points)))[: _POINTS[difficulty]]
    drawn = []
    for point in points:
        drawn.append(Fact(topic.points[point].pro, "PRO", point))
        drawn.append(Fact(topic.points[point].con, "CON", point))
    neither = _shuffled(stream, topic.neither)[: _NEITHER[difficulty]]
    drawn += [Fact(text, "NEITHER", -1) for text in neither]
    return [
        Fact(fill_in(stream, fact.text), fact.supports, fact.point)
        for fact in _shuffled(stream, drawn)
    ]


def fill_in(stream: RowStream, fact: str) -> str:
    """A fact of a topic with its number drawn."""
    return fact.format(n=stream.between(*_NUMBERS))


def _shuffled(stream: RowStream, items: Sequence[Any]) -> list[Any]:
    """Fisher and Yates."""
    shuffled = list(items)
    for last in range(len(shuffled) - 1, 0, -1):
        other = stream.below(last + 1)
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return shuffled
