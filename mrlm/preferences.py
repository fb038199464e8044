"""Preference pairs from scored samples: what DPO and reward models train on, for any task.

Within a row the best sample is paired with the worst, the second best with the second worst, and so
on. A pair needs two different texts and a margin; a row whose samples are all worth the same says
nothing and is counted as a tie. Samples without a score are left out.

Sampling is ``mrlm.rollout``'s business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Any

from mrlm.rollout import Record

__all__ = ["PreferenceStatistics", "preference_pairs"]


@dataclass(frozen=True)
class PreferenceStatistics:
    """What became of the samples.

    Attributes:
        num_rows: Rows sampled.
        num_samples: Samples drawn.
        num_unscored: Samples without a score.
        num_pairs: Pairs made.
        num_tied_rows: Rows whose scored samples are all worth the same.
        num_narrow_rows: Other rows without a pair: the margin was too small.
        mean_score: Of all scored samples; ``None`` where there are none.
        mean_chosen: Of the pairs; ``None`` where there are none, and likewise below.
        mean_rejected: Of the pairs.
        mean_margin: Of the pairs.
    """

    num_rows: int
    num_samples: int
    num_unscored: int
    num_pairs: int
    num_tied_rows: int
    num_narrow_rows: int
    mean_score: float | None
    mean_chosen: float | None
    mean_rejected: float | None
    mean_margin: float | None


def preference_pairs(
    records: Iterable[Record], *, min_margin: float = 0.0, pairs_per_row: int = 1
) -> tuple[list[dict[str, Any]], PreferenceStatistics]:
    """Pair the samples of each row.

    Args:
        records: As ``mrlm.rollout.rollout`` gives them, those of one row adjacent.
        min_margin: Difference of the scores that a pair must exceed; at 0 any difference will do.
        pairs_per_row: At most so many pairs of one row.

    Returns:
        Pairs with the columns ``id``, ``prompt``, ``chosen``, ``rejected`` (conversations, as TRL
        takes them), ``chosen_score``, ``rejected_score`` and ``margin``; and the statistics.

    Raises:
        ValueError: ``min_margin`` is negative, or ``pairs_per_row`` is below 1.
    """
    if min_margin < 0 or pairs_per_row < 1:
        raise ValueError(
            f"min_margin is {min_margin!r} and pairs_per_row {pairs_per_row!r}; they must be at "
            "least 0 and 1."
        )
    rows = [list(group) for _, group in groupby(records, key=lambda record: record.id)]
    pairs: list[dict[str, Any]] = []
    scores: list[float] = []
    num_samples = num_tied = num_narrow = 0
    for row in rows:
        scored = [(record.score, record) for record in row if record.score is not None]
        ranked = sorted(scored, key=lambda item: -item[0])  # stable: ties in the order sampled
        made = [
            _pair(best, worst)
            for best, worst in zip(ranked[: len(ranked) // 2], ranked[::-1], strict=False)
            if best[0] - worst[0] > min_margin and best[1].completion != worst[1].completion
        ][:pairs_per_row]
        pairs += made
        scores += [score for score, _ in scored]
        num_samples += len(row)
        tied = not ranked or ranked[0][0] == ranked[-1][0]
        num_tied += tied
        num_narrow += not (tied or made)
    return pairs, PreferenceStatistics(
        num_rows=len(rows),
        num_samples=num_samples,
        num_unscored=num_samples - len(scores),
        num_pairs=len(pairs),
        num_tied_rows=num_tied,
        num_narrow_rows=num_narrow,
        mean_score=_mean(scores),
        mean_chosen=_mean([pair["chosen_score"] for pair in pairs]),
        mean_rejected=_mean([pair["rejected_score"] for pair in pairs]),
        mean_margin=_mean([pair["margin"] for pair in pairs]),
    )


def _pair(best: tuple[float, Record], worst: tuple[float, Record]) -> dict[str, Any]:
    return {
        "id": best[1].id,
        "prompt": best[1].prompt,
        "chosen": [{"role": "assistant", "content": best[1].completion}],
        "rejected": [{"role": "assistant", "content": worst[1].completion}],
        "chosen_score": best[0],
        "rejected_score": worst[0],
        "margin": best[0] - worst[0],
    }


def _mean(values: list[float]) -> float | None:
    return fmean(values) if values else None
