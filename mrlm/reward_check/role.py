"""What a reward is, found out before it is judged: does it tell right answers from wrong ones?

The same completion is scored on its own row and on another row, whose answer it is not. A reward
for correctness pays the first more. A shaping reward (format, length) looks at the completion alone
and pays both the same, so gold answers and attacks say nothing about it; it is judged by
``mrlm.reward_check.shaping``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from mrlm.task import RewardCase, Task

__all__ = ["Role", "find_role"]

Role = Literal["correctness", "shaping", "unknown"]
_PAIRS = 12  # pairs of rows that are tried


def find_role(
    task: Task,
    gold: Sequence[tuple[RewardCase, float | None]],
    reward_of: Callable[[RewardCase], float | None],
    works_without_columns: Callable[[RewardCase], bool],
) -> tuple[Role, str]:
    """What the reward is, and what shows it.

    Args:
        task: Says which answers are wrong for a row.
        gold: Gold answers on their own rows, with their rewards.
        reward_of: Scores a completion; ``None`` where that is not possible.
        works_without_columns: Whether the function scores a completion without the row's columns.
    """
    pairs = [
        (earned, other)
        for case, earned in gold
        if earned is not None and (other := _on_another_row(task, case, gold)) is not None
    ][:_PAIRS]
    scored = [
        (earned, elsewhere) for earned, case in pairs if (elsewhere := reward_of(case)) is not None
    ]
    if not scored:
        return "unknown", "no gold answer could be compared with a wrong one"
    more = sum(own > other for own, other in scored)
    less = sum(own < other for own, other in scored)
    if more > less:
        return "correctness", (
            f"{more} of {len(scored)} answers earn more on their own row than on another"
        )
    if not more and not works_without_columns(gold[0][0]):
        return "correctness", "it needs the columns of the row, though gold earns what others do"
    return "shaping", (
        f"{len(scored) - more} of {len(scored)} answers earn no more on their own row than on one "
        "whose answer they are not"
    )


def _on_another_row(
    task: Task, case: RewardCase, gold: Sequence[tuple[RewardCase, Any]]
) -> RewardCase | None:
    """The completion on the first row for which it is wrong."""
    for other, _ in gold:
        row: Mapping[str, Any] = other.row
        if other is not case and task.score(case.completion, row) == 0.0:
            return RewardCase(case.name, row, case.completion)
    return None
