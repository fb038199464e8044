"""What came of each prompt's rollouts, and others in the place of those that teach nothing.

A prompt whose rollouts all succeed, or all fail, has no better and no worse rollout: beside a
group's own mean it teaches nothing. Such prompts are counted under PPO and GRPO, and replaced by
others where it is asked for: dynamic sampling (DAPO, https://arxiv.org/abs/2503.14476), with a
bound on the rounds.

Not covered: replacing prompts of episodes with tools, or of trainers with a ``rollout_func``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from trl.trainer.grpo_trainer import GRPOTrainer as TRLGRPOTrainer

__all__ = ["PromptOutcomes", "group_outcomes", "outcome_notes"]

_EQUAL = 1e-6  # rewards that differ by rounding alone


class Outcomes(NamedTuple):
    """Per prompt (G,), booleans: every rollout got full marks, none earned anything, all equal."""

    all_right: Tensor
    all_wrong: Tensor
    uninformative: Tensor


def group_outcomes(rewards: Tensor, weights: Tensor, group_size: int) -> Outcomes:
    """What came of the rollouts of each prompt.

    Full marks are 1 from every reward that applies. Rollouts that no reward could score are left
    out; a prompt without any other is uninformative, and neither right nor wrong.

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
        all_right=some & ((total >= full - _EQUAL) | ~scored).all(dim=1),
        all_wrong=some & (highest <= _EQUAL),
        uninformative=highest - lowest <= _EQUAL,  # no rollout scored: -inf
    )


class PromptOutcomes(TRLGRPOTrainer):
    """Mixin for ``GRPOTrainer`` and its subclasses: counts uninformative prompts, and resamples.

    Logs ``frac_all_right`` and ``frac_all_wrong``, shares of the prompts as first sampled, and
    ``frac_resampled``.

    Attributes:
        resample_rounds: How many times in a rollout the uninformative prompts are replaced by
            others of the training set. The choice depends on the run's seed and step alone, so a
            run that resumes makes it again.
    """

    args: Any
    model: Any
    num_generations: Any  # declared optional, set by the config
    train_dataset: Any
    resample_rounds: int = 0
    _rows: list[dict[str, Any]]
    _rewards: Tensor | None = None
    _sampled: list[Any]

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        self._rows = inputs
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        return batch

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        sampled: tuple[Any, ...] = super()._generate(prompts)
        if not self.resample_rounds or not self.model.training or self.num_generations < 2:
            return sampled
        if self.tools or self.rollout_func is not None:
            raise ValueError(
                "Prompts cannot be resampled in episodes with tools or with a rollout_func, whose "
                "environments are bound to their rows. Leave resampling off."
            )
        outcomes = self._score(prompts, sampled)
        self._count(outcomes)
        replaced = torch.zeros_like(outcomes.uninformative)
        for attempt in range(self.resample_rounds):
            bad = outcomes.uninformative
            if not bad.any():
                break
            self._replace(prompts, sampled, bad, attempt)
            replaced |= bad
            outcomes = self._score(prompts, sampled)
        self._metrics["train"]["frac_resampled"].append(replaced.float().mean().item())
        return sampled

    def _score(self, prompts: list[Any], sampled: tuple[Any, ...]) -> Outcomes:
        # TRL's own, below what subclasses log about the rollout; they get the last result later.
        self._rewards = super()._calculate_rewards(self._rows, prompts, sampled[3], sampled[1])
        return group_outcomes(self._rewards, self.reward_weights, self.num_generations)

    def _count(self, outcomes: Outcomes) -> None:
        for name in ("all_right", "all_wrong"):
            share = getattr(outcomes, name).float().mean().item()
            self._metrics["train"][f"frac_{name}"].append(share)

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any
    ) -> Tensor:
        if self._rewards is not None:
            kept, self._rewards = self._rewards, None
            return kept
        rewards: Tensor = super()._calculate_rewards(
            inputs, prompts, completions, completion_ids_list
        )
        if self.model.training and self.num_generations > 1:
            self._count(group_outcomes(rewards, self.reward_weights, self.num_generations))
        return rewards

    def _replace(
        self, prompts: list[Any], sampled: tuple[Any, ...], bad: Tensor, attempt: int
    ) -> None:
        """Put other rows and their rollouts in the place of bad groups (G,), in all the lists."""
        size = int(self.num_generations)
        first = self.accelerator.process_index * len(prompts)
        chosen = [i for i in range(len(prompts)) if bad[(first + i) // size]]
        for i in chosen:
            row = self._other_row((first + i) // size, attempt)
            self._rows[i], prompts[i] = row, row["prompt"]
        # Every process samples as many, because they count tokens together; the surplus is dropped.
        most = int(self.accelerator.gather(torch.tensor([len(chosen)], device=bad.device)).max())
        rows = (chosen + list(range(len(prompts))))[:most] if len(chosen) < most else chosen
        before = list(getattr(self, "_sampled", []))
        fresh = super()._generate([prompts[i] for i in rows])
        for old, new in zip(sampled[:5], fresh[:5], strict=True):  # ids, masks, texts, log-probs
            if old is not None:
                for i, value in zip(chosen, new, strict=False):
                    old[i] = value
        if len(before) == len(prompts):  # what the fast sampler recorded about the same rollouts
            for i, completion in zip(chosen, self._sampled, strict=False):
                before[i] = completion
            self._sampled = before

    def _other_row(self, group: int, attempt: int) -> dict[str, Any]:
        """The same for all rollouts of a prompt, wherever they are, and after a resume."""
        drawn = random.Random(f"{self.args.seed} {self.state.global_step} {group} {attempt}")
        row: dict[str, Any] = self.train_dataset[drawn.randrange(len(self.train_dataset))]
        return row


def outcome_notes(log_history: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the counts of a run say, as sentences for its report; none where nothing was counted."""
    logs = [entry for entry in log_history if "frac_all_right" in entry]
    if not logs:
        return []

    def mean(name: str) -> float:
        return float(sum(entry.get(name, 0.0) for entry in logs) / len(logs))

    right, wrong, resampled = map(mean, ("frac_all_right", "frac_all_wrong", "frac_resampled"))
    note = (
        f"Of the prompts sampled in training, every rollout was right on {right:.0%} and none "
        f"earned anything on {wrong:.0%}; such prompts teach next to nothing."
    )
    if resampled:
        note += f" {resampled:.0%} of the prompts were replaced by others."
    return [note]
