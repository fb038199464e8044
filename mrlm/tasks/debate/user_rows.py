"""Motions of the user's own, with their facts, as rows of the debate task.

Closed questions (``kind`` is ``closed``) are taken as well, with the columns that they have in the
generated data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.debate.closed import render_closed_prompt
from mrlm.tasks.debate.columns import EMPTY_ROW
from mrlm.tasks.debate.grounded import OTHER, render_prompt, supporting, worked_argument

__all__ = ["USER_ROWS", "build_row"]

_STANCES = ("PRO", "CON", "NEITHER")
_FACTS = "a list of texts"
_SUPPORTS = f"a list with one of {', '.join(_STANCES)} for each fact"
_POINTS = "a list with the number of a point for each fact: a fact answers those of its point"
# Words that no generated opponent uses, because words of the opponent's do not count as one's own.
_OPENER = "Two facts carry the weight in favour of our position."
_CLOSED = ("problem", "said", "opponent", "held", "answer")


def build_row(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("kind") == "closed":
        texts = {name: _text(row, name) for name in _CLOSED}
        texts["solution"] = _solution(row) or f"The answer is {texts['answer']}."
        prompt = [{"role": "user", "content": render_closed_prompt(texts)}]
        return {**EMPTY_ROW, **texts, "prompt": prompt}
    facts = _list(row["facts"], "facts", _FACTS)
    if not facts or not all(isinstance(fact, str) and fact.strip() for fact in facts):
        raise ColumnError("facts", _FACTS)
    supports = _list(row["supports"], "supports", _SUPPORTS)
    if len(supports) != len(facts) or not all(stance in _STANCES for stance in supports):
        raise ColumnError("supports", _SUPPORTS)
    side = row["side"]
    if side not in OTHER:
        raise ColumnError("side", "PRO or CON")
    points = _list(row.get("points"), "points", _POINTS)
    # Without points any fact of one side answers any of the other.
    points = points or [-1 if stance == "NEITHER" else 0 for stance in supports]
    if len(points) != len(facts) or not all(type(point) is int for point in points):
        raise ColumnError("points", _POINTS)
    opponent = row.get("opponent") or ""
    if not isinstance(opponent, str):
        raise ColumnError("opponent", "what the other side said, text, or nothing")
    columns = {
        **EMPTY_ROW,
        "motion": _text(row, "motion"),
        "side": side,
        "facts": facts,
        "supports": supports,
        "points": points,
        "opponent": opponent,
    }
    if len(supporting(columns, side)) < 2:
        raise ColumnError("supports", f"at least two facts that support {side}, the side to argue")
    columns["solution"] = _solution(row) or worked_argument(columns, _OPENER)
    shown = render_prompt(columns | {"difficulty": row.get("difficulty")})
    columns["prompt"] = [{"role": "user", "content": shown}]
    # Not the row's own word for it: the reward knows these kinds.
    return columns | {"kind": "rebuttal" if opponent else "opening"}


def _solution(row: Mapping[str, Any]) -> str:
    """The row's own; one in several turns, of a debate in rounds, is worked out anew."""
    given = row.get("solution")
    return given if isinstance(given, str) else ""


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise ColumnError(column, "text")
    return value.strip()


def _list(value: Any, column: str, expected: str) -> list[Any]:
    """A list, or nothing; a text, as in a CSV file, is read as JSON."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            raise ColumnError(column, f"{expected}; in a text, as JSON") from None
    if value is not None and value != "" and not isinstance(value, list):
        raise ColumnError(column, expected)
    return value or []


USER_ROWS = UserRows(
    needs={"motion": "text", "side": "PRO or CON", "facts": _FACTS, "supports": _SUPPORTS},
    takes={
        "opponent": "what the other side said, text",
        "points": _POINTS,
        "solution": "an argument that earns everything",
        "problem": "of a closed question",
        "said": "of a closed question",
        "held": "of a closed question",
        "answer": "of a closed question",
    },
    build=build_row,
)
