"""Dynamic sampling: which prompts teach nothing, and which take their place.

A prompt whose rollouts all succeed, or all fail, has no better and no worse rollout: beside a
group's own mean it teaches nothing. Such prompts are counted under PPO and GRPO, and replaced by
others where it is asked for (DAPO, https://arxiv.org/abs/2503.14476), with a bound on the rounds.
``mrlm.trainers.online`` samples and scores; here is what is decided.

Not covered: replacing prompts of episodes with tools, or of trainers with a ``rollout_func``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Outcomes", "check_resampling", "group_outcomes", "other_row", "outcome_notes"]

_EQUAL = 1e-6  # rewards that differ by rounding alone
_REPLACED = "frac_resampled"


class Outcomes(NamedTuple):
    """Per prompt (G,), booleans: every rollout got full marks, none earned anything, all equal."""

    all_correct: Tensor
    none_correct: Tensor
    uninformative: Tensor


def group_outcomes(rewards: Tensor, weights: Tensor, group_size: int) -> Outcomes:
    """What came of the rollouts of each prompt.

    Full marks are 1 from every reward that applies. Rollouts that no reward could score are left
    out; a prompt without any other is uninformative, and neither all nor none correct.

    Args:
        rewards: (N, F), the rollouts of a prompt adjacent, NaN where a reward does not apply.
        weights: (F,) of the rewards.
        group_size: Rollouts per prompt.
    """
    applies = ~rewards.isnan()
    weights = weights.to(rewards.device)
    total = (rewards.nan_to_num() * weights).sum(dim=1).view(-1, group_size)  # (G, group_size)
    full = (applies * weights).sum(dim=1).view(-1, group_size)
    scored = applies.any(dim=1).view(-1, group_size)
    some = scored.any(dim=1)
    highest = total.masked_fill(~scored, -torch.inf).amax(dim=1)
    lowest = total.masked_fill(~scored, torch.inf).amin(dim=1)
    return Outcomes(
        all_correct=some & ((total >= full - _EQUAL) | ~scored).all(dim=1),
        none_correct=some & (highest <= _EQUAL),
        uninformative=highest - lowest <= _EQUAL,  # no rollout scored: -inf
    )


def check_resampling(rounds: int, has_tools: bool, has_rollout_func: bool) -> None:
    """Refuse rounds of dynamic sampling that cannot be.

    Raises:
        ValueError: The number is negative, or rollouts are bound to their rows.
    """
    if rounds < 0:
        raise ValueError(f"resample_rounds={rounds}: must be 0 (prompts are only counted) or more.")
    if rounds and (has_tools or has_rollout_func):
        raise ValueError(
            "Prompts cannot be resampled in episodes with tools or with a rollout_func, whose "
            "environments are bound to their rows. Leave resampling off: resample_rounds=0."
        )


def other_row(rows: Any, seed: int, step: int, group: int, attempt: int) -> dict[str, Any]:
    """The row that takes a prompt's place: the same in every process, and after a resume.

    Args:
        rows: The training set.
        seed: Of the run.
        step: Optimizer steps taken.
        group: Which prompt of the rollout is replaced.
        attempt: Which round.
    """
    drawn = random.Random(f"{seed} {step} {group} {attempt}")
    row: dict[str, Any] = rows[drawn.randrange(len(rows))]
    return row


# As runs of mrlm 0.1 logged them.
_FORMER = {"frac_all_correct": "frac_all_right", "frac_none_correct": "frac_all_wrong"}


def outcome_notes(log_history: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the counts of a run say, as sentences for its report; none where nothing was counted."""
    logs = [
        {
            name: entry.get(name, entry.get(_FORMER.get(name, name)))
            for name in (*_FORMER, _REPLACED)
        }
        for entry in log_history
    ]
    logs = [entry for entry in logs if entry["frac_all_correct"] is not None]
    if not logs:
        return []

    def mean(name: str) -> float:
        return float(sum(entry[name] or 0.0 for entry in logs) / len(logs))

    note = (
        f"Of the prompts sampled in training, every rollout was correct on "
        f"{mean('frac_all_correct'):.0%} and none earned anything on "
        f"{mean('frac_none_correct'):.0%}; such prompts teach next to nothing."
    )
    if mean(_REPLACED):
        note += f" {mean(_REPLACED):.0%} of the prompts were replaced by others."
    return [note]
