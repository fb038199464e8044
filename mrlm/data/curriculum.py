"""The order in which a policy meets its rows: easy ones first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["DIFFICULTIES", "curriculum", "easy_first", "rows_seen"]

DIFFICULTIES = ("easy", "medium", "hard")


def easy_first(rows: Dataset, num_rows: int | None = None) -> Dataset:
    """The first ``num_rows`` rows by difficulty, those of one difficulty in their own order.

    Args:
        rows: With a column ``difficulty``: words of ``DIFFICULTIES``, or numbers.
        num_rows: What the run will see of them; of rows beyond it, none would be a hard one.
            Default: all.

    Raises:
        ValueError: A difficulty is neither.
    """
    rows = rows.select(range(min(num_rows or len(rows), len(rows))))
    levels = rows["difficulty"][:]
    return rows.select(sorted(range(len(rows)), key=lambda i: _level(levels[i])))


def rows_seen(config: Any) -> int | None:
    """How many rows a trainer with these settings takes; ``None`` where epochs decide."""
    if config.max_steps <= 0:
        return None
    batches = config.max_steps * config.gradient_accumulation_steps
    if not hasattr(config, "steps_per_generation"):
        return int(batches * config.per_device_train_batch_size * config.world_size)
    rollouts = math.ceil(batches / (config.steps_per_generation * config.num_iterations))
    return int(rollouts * config.generation_batch_size // config.num_generations)


def curriculum(rows: Dataset, config: Any) -> Dataset:
    """The rows that a trainer with these settings takes, easy ones first.

    Args:
        rows: As for ``easy_first``.
        config: Changed, so that the trainer takes the rows as they come.
    """
    if hasattr(config, "shuffle_dataset"):
        config.shuffle_dataset = False
    else:
        config.train_sampling_strategy = "sequential"
    return easy_first(rows, rows_seen(config))


def _level(difficulty: str | float) -> float:
    if isinstance(difficulty, int | float):
        return float(difficulty)
    if difficulty not in DIFFICULTIES:
        raise ValueError(
            f"A row's difficulty is {difficulty!r}: give a number, or one of "
            f"{', '.join(DIFFICULTIES)}."
        )
    return float(DIFFICULTIES.index(difficulty))
