"""Rejection sampling: of what a model wrote itself, keep the best for supervised fine-tuning.

Sampling is ``mrlm.sampling.rollout``'s business, the shape of a row that of
``mrlm.data.demonstrations``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from mrlm.sampling.rollout import Record

__all__ = ["RejectionStatistics", "best_samples"]


@dataclass(frozen=True)
class RejectionStatistics:
    """What became of the samples.

    Attributes:
        num_rows: Rows sampled.
        num_samples: Samples drawn.
        num_unscored: Samples that no reward applies to.
        num_kept: Samples kept.
        num_rows_kept: Rows with a kept sample.
        mean_reward: Of all scored samples; ``None`` where there are none.
        mean_kept: Of the kept ones, likewise.
    """

    num_rows: int
    num_samples: int
    num_unscored: int
    num_kept: int
    num_rows_kept: int
    mean_reward: float | None
    mean_kept: float | None


def best_samples(
    records: Iterable[Record], *, min_reward: float = 1.0, samples_per_row: int = 1
) -> tuple[list[Record], RejectionStatistics]:
    """The best samples of each row by reward, shorter ones first among equals.

    Args:
        records: As ``mrlm.sampling.rollout.rollout`` gives them, those of one row adjacent.
        min_reward: What a sample must earn. At 1, full marks, only right answers are kept. Samples
            that were cut or repeat a kept one are never kept.
        samples_per_row: At most so many of one row.

    Raises:
        ValueError: ``samples_per_row`` is below 1.
    """
    if samples_per_row < 1:
        raise ValueError(f"samples_per_row is {samples_per_row!r}; it must be at least 1.")
    rows = [list(group) for _, group in groupby(records, key=lambda record: record.id)]
    kept: list[Record] = []
    rewards: list[float] = []
    num_rows_kept = 0
    for row in rows:
        scored = [(r.reward, r) for r in row if r.reward is not None]
        rewards += [reward for reward, _ in scored]
        good = [item for item in scored if item[0] >= min_reward and not item[1].truncated]
        good.sort(key=lambda item: (-item[0], item[1].num_tokens))
        different = {record.completion: record for _, record in good}
        best = list(different.values())[:samples_per_row]
        kept += best
        num_rows_kept += bool(best)
    paid = [record.reward for record in kept if record.reward is not None]
    num_samples = sum(len(row) for row in rows)
    return kept, RejectionStatistics(
        num_rows=len(rows),
        num_samples=num_samples,
        num_unscored=num_samples - len(rewards),
        num_kept=len(kept),
        num_rows_kept=num_rows_kept,
        mean_reward=fmean(rewards) if rewards else None,
        mean_kept=fmean(paid) if paid else None,
    )
