"""Reward that rises while something else says that answers get worse.

A policy finds what a reward pays for, and that need not be what was meant: it answers at more and
more length, or in a way that only the reward takes for right. No single step shows it; the log of a
run does. Pure functions of a trainer's log.

Not covered: rewards that are wrong from the start (``mrlm reward`` tries a function by itself).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance
from typing import Any

__all__ = ["against_accuracy", "against_length", "reward_rise"]

History = Sequence[Mapping[str, Any]]

_WINDOW = 5  # logs at the start, and at the end, that are compared
_ERRORS = 2.0  # standard errors by which a reward has to rise
# Share of answers that are cut: how much more than at first, and how much at least.
_MORE_CUT, _MOSTLY_CUT = 0.25, 0.5
_CLEAR = 0.01  # of a test that is made ten times in a run


def reward_rise(history: History) -> tuple[float, float] | None:
    """Mean reward at the start and at the end of a log; ``None`` where it has not clearly risen."""
    rewards = _values(history, "reward")
    if len(rewards) < 2 * _WINDOW:
        return None
    start, end = rewards[:_WINDOW], rewards[-_WINDOW:]
    error = math.sqrt((variance(start) + variance(end)) / _WINDOW)
    rise = fmean(end) - fmean(start)
    return (fmean(start), fmean(end)) if rise > max(_ERRORS * error, 1e-6) else None


def against_length(history: History) -> str | None:
    """Says that the reward rises while answers run into the length limit."""
    rise, cut = reward_rise(history), _values(history, "completions/clipped_ratio")
    if rise is None or len(cut) < 2 * _WINDOW:
        return None
    first, now = fmean(cut[:_WINDOW]), fmean(cut[-_WINDOW:])
    if now < _MOSTLY_CUT or now - first < _MORE_CUT:
        return None
    return (
        f"The reward rose from {rise[0]:.3f} to {rise[1]:.3f} while answers ran into the length "
        f"limit: {first:.0%} of them were cut at first, {now:.0%} are now. The reward may pay for "
        "length itself. Read a few completions, try the reward with `mrlm reward`, and set "
        "zero_truncated_rewards=True (PPO) or raise max_completion_length."
    )


def against_accuracy(history: History) -> str | None:
    """Says that the reward rises while the accuracy on held-out rows falls."""
    rise, accuracies = reward_rise(history), _values(history, "held_out_accuracy")
    tests = _values(history, "held_out_p_value")
    if rise is None or len(accuracies) < 2 or not tests:
        return None
    first, now = accuracies[0], accuracies[-1]
    if now >= first or tests[-1] >= _CLEAR:
        return None
    return (
        f"The reward rose from {rise[0]:.3f} to {rise[1]:.3f} while accuracy on held-out rows fell "
        f"from {first:.1%} to {now:.1%} (paired test, p = {tests[-1]:.2g}): what the reward pays "
        "for is not what is evaluated. Read a few completions, try the reward with `mrlm reward`, "
        "and go back to an earlier checkpoint."
    )


def _values(history: History, name: str) -> list[float]:
    found = (log.get(name) for log in history)
    return [float(value) for value in found if value is not None and math.isfinite(value)]
