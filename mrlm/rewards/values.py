"""What a reward function returned, as TRL takes it: a number or ``None`` for each completion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["NotFiniteError", "read_reward", "read_rewards", "read_values"]


class NotFiniteError(ValueError):
    """A value for a completion that is NaN or infinite, which would spoil a whole batch."""


def read_rewards(returned: Any, count: int) -> list[float | None]:
    """A plain number or ``None`` for each completion.

    Raises:
        NotFiniteError: A value is NaN or infinite.
        ValueError: It is something else, or there are not ``count`` of them.
    """
    return [read_reward(value) for value in read_values(returned, count)]


def read_values(returned: Any, count: int) -> list[Any]:
    """What was returned, as a list of ``count`` values; ``ValueError`` where it is none."""
    if isinstance(returned, str | Mapping) or not isinstance(returned, Iterable):
        raise ValueError(
            f"returned {type(returned).__name__}; return a list with a number or None for each "
            "completion"
        )
    values = list(returned)
    if len(values) != count:
        raise ValueError(f"returned {len(values)} values for {count} completions")
    return values


def read_reward(value: Any) -> float | None:
    """One value as a plain number or ``None``; errors as in ``read_rewards``."""
    if value is None:
        return None
    try:
        number = None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise ValueError(f"returned {value!r:.80} for a completion; it must be a number or None")
    if not math.isfinite(number):
        raise NotFiniteError(
            f"returned {number} for a completion, which spoils the advantages of its whole group; "
            "return 0.0 for a wrong answer and None for one that cannot be scored"
        )
    return number
