"""Completions on which a shaping reward (format, length) is tried, and what they show.

It cannot know what is right, so the questions are others: is it paid without any answer (farming),
and does it change which of two answers wins when it is added to a reward of 1 for a right answer
and 0 for a wrong one?

Not covered: what a policy finds by training on it; formats other than the common ones of ``FORMS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.task import RewardCase, Task

__all__ = ["FORMS", "Shaping", "judge", "shaping_cases"]

# What tutorials ask for, around an answer and a thought.
FORMS = (
    "{answer}",
    "<think>{thought}</think><answer>{answer}</answer>",
    "<think>\n{thought}\n</think>\n<answer>\n{answer}\n</answer>",
    "<think>\n{thought}\n</think>\n\n{answer}",
    "<reasoning>\n{thought}\n</reasoning>\n<answer>\n{answer}\n</answer>\n",
    "<answer>{answer}</answer>",
    "{thought}\n\\boxed{{{answer}}}",
    "{thought}\n#### {answer}",
    "{thought}\nAnswer: {answer}",
    "```python\n{answer}\n```",
)
_THOUGHT = "Let me go through this step by step."
_LENGTHS = (1, 10, 50, 200, 800)  # words without a meaning


@dataclass(frozen=True)
class Shaping:
    """What a shaping reward does.

    Attributes:
        honest: The most that a right answer earned.
        farmed: Completions without an answer that earn as much, by name.
        gap: How much more the best paid wrong answer earns than the worst paid right one.
        wrong: The name of the former.
        right: The name of the latter.
    """

    honest: float
    farmed: Sequence[str]
    gap: float
    wrong: str
    right: str

    @property
    def changes_winner(self) -> bool:
        """At weight 1, beside a correctness reward of 0 and 1, the wrong answer earns more."""
        return self.gap > 1

    @property
    def max_weight(self) -> float | None:
        """Below this weight a right answer wins; ``None`` where it always does."""
        return 1 / self.gap if self.gap > 0 else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "honest": self.honest,
            "farmed": list(self.farmed),
            "gap": self.gap,
            "wrong": self.wrong,
            "right": self.right,
            "changes_winner": self.changes_winner,
            "max_weight": self.max_weight,
        }


def shaping_cases(
    task: Task, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, RewardCase]]:
    """``(kind, case)``: ``"right"``, ``"wrong"``, and ``"empty"``, which holds no answer at all."""
    for row in rows[:3]:
        wrong = next((r["solution"] for r in rows if task.score(r["solution"], row) == 0.0), None)
        for kind, solution in (("right", row["solution"]), ("wrong", wrong)):
            if isinstance(solution, str):
                for form in FORMS:
                    text = form.format(answer=solution, thought=_THOUGHT)
                    yield kind, RewardCase(f"{kind} answer as {form!r}", row, text)
            elif solution is not None:
                yield kind, RewardCase(f"{kind} answer", row, solution)
    row = rows[0]
    for form in FORMS:
        text = form.format(answer="", thought="")
        yield "empty", RewardCase(f"only {form!r}" if text else "nothing at all", row, text)
        if text.strip():
            yield "empty", RewardCase(f"20 times {form!r}", row, text * 20)
    for count in _LENGTHS:
        for form in FORMS[:2]:
            text = form.format(answer="word " * count, thought="word " * count)
            yield "empty", RewardCase(f"{count} words as {form!r}", row, text)
    for case in task.reward_cases() if task.reward_cases else ():
        yield ("right" if case.correct else "wrong"), case


def judge(rewards: Sequence[tuple[str, RewardCase, float]]) -> Shaping | None:
    """What ``(kind, case, reward)`` together show; ``None`` where no two answers compare.

    Answers to the same row are compared, as a group of samples is.
    """
    right = [reward for kind, _, reward in rewards if kind in ("right", "gold")]
    rows: dict[Any, tuple[list[tuple[float, str]], list[tuple[float, str]]]] = {}
    for kind, case, reward in rewards:
        sides = rows.setdefault(case.row.get("id"), ([], []))
        sides[kind in ("right", "gold")].append((reward, case.name))
    pairs = [(max(wrong), min(honest)) for wrong, honest in rows.values() if wrong and honest]
    if not pairs:
        return None
    wrong, honest = max(pairs, key=lambda pair: pair[0][0] - pair[1][0])
    farmed = [c.name for kind, c, reward in rewards if kind == "empty" and reward >= max(right)]
    return Shaping(max(right), farmed, wrong[0] - honest[0], wrong[1], honest[1])
