"""A debate in rounds: whose turn it is, what each side sees, what each turn is worth.

What a side sees is itself a row of the task, so that an opponent, a judge, the reward and the
evaluation all read the same thing. A grounded turn is graded against the opponent's last argument
and must not copy the debater's own earlier turns; a debate is worth the mean of its turns. In a
closed debate only the last turn counts: the final position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mrlm.tasks.debate.citations import normalized
from mrlm.tasks.debate.closed import grade_final, render_closed_prompt
from mrlm.tasks.debate.grounded import OTHER, argument, render_prompt, supporting
from mrlm.tasks.debate.reward import grade_argument, is_usable

__all__ = ["HEARD", "Debate", "Opponent", "Turn", "scripted_opponent", "shown"]

# Rows as the opponent sees them -> its arguments, one each.
Opponent = Callable[[Sequence[Mapping[str, Any]]], list[str]]

HEARD = "Your opponent answered:\n"  # what a turn of theirs begins with
MAX_SHOWN = 1200  # characters of a turn that the other side gets to see
_FOLLOW_UP = {
    "grounded": "Answer them in the same form.",
    "closed": 'End again with "The answer is " and the number.',
}


@dataclass(frozen=True)
class Turn:
    """One argument, and its score; ``None`` where the row cannot be scored."""

    side: str
    text: str
    score: float | None


class Debate:
    """One debate on a row of the task.

    Args:
        row: A row. Its side moves first; what its ``opponent`` column holds was said before.
        rounds: Turns that the row's side takes.

    Attributes:
        side: The row's side; ``"A"`` in a closed debate.
        other: The opponent's; ``"B"`` in a closed debate.
        turns: What was said, but for what the row holds already.
    """

    def __init__(self, row: Mapping[str, Any], rounds: int) -> None:
        if rounds < 1:
            raise ValueError(f"rounds is {rounds!r}; a debate has at least 1.")
        self.row, self.rounds = dict(row), rounds
        self.is_closed = row.get("kind") == "closed"
        self.side: str = "A" if self.is_closed else row["side"]
        self.other: str = "B" if self.is_closed else OTHER[self.side]
        self.turns: list[Turn] = []

    @property
    def to_move(self) -> str:
        """The side whose turn is next."""
        return self.side if len(self.turns) % 2 == 0 else self.other

    @property
    def is_over(self) -> bool:
        """Whether the row's side has taken all its turns."""
        return sum(turn.side == self.side for turn in self.turns) >= self.rounds

    def say(self, text: str) -> None:
        """Take the next turn."""
        side = self.to_move
        self.turns.append(Turn(side, text, self._grade(text, side)))

    def view(self, side: str) -> dict[str, Any]:
        """The row that a side sees now: ``prompt`` is its conversation so far, ``opponent`` what
        the other side said last."""
        row = self._row_of(side)
        mine = [turn.side == side for turn in self.turns]
        if mine and not mine[0]:  # the other side opened
            row["opponent"] = shown(self.turns[0].text)
        render = render_closed_prompt if self.is_closed else render_prompt
        prompt = [{"role": "user", "content": render(row)}]
        for i, turn in enumerate(self.turns):
            if mine[i]:
                prompt.append({"role": "assistant", "content": turn.text})
            elif i > 0:
                prompt.append({"role": "user", "content": self.heard(turn.text)})
        said = [turn.text for turn in self.turns if turn.side != side]
        return row | {"prompt": prompt, "opponent": shown(said[-1]) if said else row["opponent"]}

    def heard(self, text: str) -> str:
        """The message in which a side hears the other's turn, after its own first."""
        follow_up = _FOLLOW_UP["closed" if self.is_closed else "grounded"]
        return f"{HEARD}{shown(text)}\n\n{follow_up}"

    def reward(self, side: str | None = None) -> float | None:
        """What the debate is worth to a side, the row's own by default, in [0, 1].

        A turn that was not taken counts 0; ``None`` where the row cannot be scored.
        """
        side = side or self.side
        if not is_usable(self.row):
            return None
        scores = [turn.score for turn in self.turns if turn.side == side]
        if None in scores:
            return None
        taken = [value for value in scores if value is not None]
        if self.is_closed:
            return taken[-1] if taken else 0.0
        return fmean([*taken, *[0.0] * (self.rounds - len(taken))])

    def __str__(self) -> str:
        """A transcript to read."""
        row = self.row
        lines = [f"Problem: {row['problem']}" if self.is_closed else f"Motion: {row['motion']}"]
        lines += [f"  [{n}] {fact}" for n, fact in enumerate(row["facts"], start=1)]
        if self.is_closed:
            lines += [f"  A has said: {row['said']}", f"  The right answer is {row['answer']}."]
        if row["opponent"]:
            lines.append(f"  {self.other} has said: {row['opponent']}")
        for i, turn in enumerate(self.turns):
            value = "unscored" if turn.score is None else f"{turn.score:.2f}"
            lines += ["", f"Turn {i + 1}, {turn.side}, {value}", turn.text.strip() or "(nothing)"]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The debate as plain data, for a file."""
        turns = [{"side": t.side, "text": t.text, "score": t.score} for t in self.turns]
        return {"id": self.row.get("id"), "side": self.side, "turns": turns}

    def _row_of(self, side: str) -> dict[str, Any]:
        """The row as it would be were it this side's, before any turn."""
        if side == self.side:
            return dict(self.row)
        if self.is_closed:
            swapped = {"said": self.row["opponent"], "opponent": self.row["said"]}
            return self.row | swapped | {"side": ""}
        return self.row | {"side": side, "opponent": ""}

    def _grade(self, text: str, side: str) -> float | None:
        if not is_usable(self.row):
            return None
        if self.is_closed:
            return grade_final(text, self.row["answer"])
        earlier = [normalized(shown(turn.text)) for turn in self.turns if turn.side == side]
        return grade_argument(text, self.view(side), earlier).score


def shown(text: str) -> str:
    """A turn as the other side sees it: of bounded length, and no special token in it."""
    return text.strip()[:MAX_SHOWN].replace("<|", "< |").replace("|>", "| >")


def scripted_opponent(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """An opponent that needs no model: it quotes the facts of its side in turn, and in a closed
    debate repeats what it said. Deterministic."""
    texts = []
    for row in rows:
        if row["kind"] == "closed":
            texts.append(str(row["said"]))
            continue
        own = supporting(row, row["side"]) if is_usable(row) else []
        taken = sum(message["role"] == "assistant" for message in row["prompt"])
        cited = [own[taken % len(own)]] if own else []
        texts.append(argument(row, row["side"], cited))
    return texts
