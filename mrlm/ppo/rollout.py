"""What PPO makes of a rollout: a score per completion, advantages and value targets per token.

Tensors in, tensors out; ``mrlm.ppo.trainer`` says when. An accelerator is passed where a mean is
over the completions of all processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mrlm.ppo.baseline import shrunk_baseline
from mrlm.ppo.config import PPOConfig
from mrlm.ppo.explained import Trust
from mrlm.ppo.gae import (
    Moments,
    compute_gae,
    explained_variance,
    kl_estimate,
    masked_moments,
    reward_at_last_token,
    whiten,
)
from mrlm.ppo.subsample import inclusion_probabilities, systematic_sample
from mrlm.trainers.batches import take_rows

__all__ = [
    "TokenAdvantages",
    "moments",
    "subsample",
    "token_advantages",
    "total_scores",
    "without_reward_if_cut",
]


def total_scores(rewards: Tensor, weights: Tensor) -> Tensor:
    """Weighted sum (N,) of the rewards (N, F) that apply; NaN where none does."""
    scores = (rewards * weights.to(rewards.device)).nansum(dim=1)
    scores[rewards.isnan().all(dim=1)] = torch.nan
    return scores


def without_reward_if_cut(
    scores: Tensor, completion_ids: Sequence[Sequence[int]], eos_token_ids: Sequence[int]
) -> Tensor:
    """Scores (B,), at most 0 where the completion does not end by itself."""
    cut = [ids[-1] not in eos_token_ids for ids in completion_ids]
    return torch.where(torch.tensor(cut, device=scores.device), scores.clamp(max=0), scores)


@dataclass
class TokenAdvantages:
    """Of B completions of T tokens.

    Attributes:
        advantages: (B, T), what the policy learns from.
        returns: (B, T), what the value function learns.
        values: (B, T), what it said when the tokens were sampled.
        mask: (B, T), 1 on the model's own tokens of completions that have a score.
        means: (B,) mean advantage of each completion, before whitening.
        squares: (4,) for ``ExplainedVariance``, over all processes.
        metrics: By name, over all processes.
    """

    advantages: Tensor
    returns: Tensor
    values: Tensor
    mask: Tensor
    means: Tensor
    squares: Tensor
    metrics: dict[str, float] = field(default_factory=dict)


def token_advantages(
    args: PPOConfig,
    scores: Tensor,
    written: Tensor,
    values: Tensor,
    *,
    accelerator: Any,
    generations: int,
    beta: float,
    logps: Tensor,
    trust: Trust,
    ref_logps: Tensor | None = None,
) -> TokenAdvantages:
    """Generalised advantage estimates of a rollout, with the settings of a ``PPOConfig``.

    Args:
        args: Discounts, baseline, whitening, KL in the reward.
        scores: (B,), NaN where nothing scored: such a completion is left out everywhere.
        written: (B, T), 1 on the tokens that the model wrote.
        values: (B, T).
        accelerator: Of all processes, which call this together.
        generations: Completions per prompt, those of a prompt adjacent.
        beta: Weight of the KL in the reward.
        logps: (B, T) under the policy that sampled.
        trust: Which part of the values enters the advantages; the value function learns anyway.
        ref_logps: (B, T) under the reference model, for the KL in the reward.
    """
    metrics: dict[str, float] = {}
    mask = written * (~scores.isnan()).unsqueeze(1)
    values = values * mask
    rewards = reward_at_last_token(scores.nan_to_num(), mask)
    if args.kl_in_reward:
        if ref_logps is None:
            raise ValueError("kl_in_reward=True needs ref_logps, the reference's log-probabilities")
        kl = kl_estimate(logps, ref_logps, args.kl_estimator)
        rewards = rewards - beta * kl * mask
        metrics["kl"] = moments(kl, written, accelerator).mean.item()
    targets = compute_gae(rewards, values, mask, args.gamma, args.lam_critic)
    returns = (values + targets) * mask

    metrics["value/mean"] = moments(values, mask, accelerator).mean.item()
    return_moments = moments(returns, mask, accelerator)
    error_moments = moments(returns - values, mask, accelerator)
    metrics["value/return"] = return_moments.mean.item()
    metrics["value/explained_variance"] = explained_variance(return_moments, error_moments)

    first = _first_token(mask)
    of_prompt = (values * first).sum(dim=1, keepdim=True) * mask
    learned = values - of_prompt
    trusted = of_prompt * trust.prompts
    # Without values within the answer a lower lambda would discount by the distance to its end.
    lam = args.lam if trust.within else 1.0
    used = trusted + learned * trust.within
    advantages = compute_gae(rewards, used, mask, args.gamma, lam)
    baseline = torch.zeros_like(advantages[:, :1])
    if args.sibling_baseline:
        baseline = _baseline_of_others(advantages, first, generations, accelerator)
        advantages = (advantages - baseline) * mask
    plain = compute_gae(rewards, torch.zeros_like(values), mask, args.gamma, 1.0)
    squares = _foretold(plain, of_prompt, learned, trusted + baseline, mask, first, accelerator)
    means = advantages.sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    if args.whiten_advantages:
        advantages = whiten(advantages, mask, moments(advantages, mask, accelerator))
    return TokenAdvantages(advantages, returns, values, mask, means, squares, metrics)


def moments(x: Tensor, mask: Tensor, accelerator: Any) -> Moments:
    """Of ``x`` (B, T) where the mask is not 0, over all processes."""
    return masked_moments(x, mask, lambda sums: accelerator.reduce(sums, reduction="sum"))


def _first_token(mask: Tensor) -> Tensor:
    """(B, T): 1 on the first token with mask 1 of each row that has one."""
    first = torch.zeros_like(mask)
    return first.scatter(1, mask.argmax(dim=1, keepdim=True), 1) * mask


def _baseline_of_others(
    advantages: Tensor, first: Tensor, group_size: int, accelerator: Any
) -> Tensor:
    """(B, 1), from the completions of all processes; a prompt's may lie on two."""
    told = (advantages * first).sum(dim=1)
    gathered = accelerator.gather(torch.stack([told, first.any(dim=1).to(told)], dim=1))
    baseline = shrunk_baseline(gathered[:, 0], gathered[:, 1] > 0, group_size)
    start = accelerator.process_index * len(told)
    return baseline[start : start + len(told)].unsqueeze(1)


def _foretold(
    plain: Tensor,
    of_prompt: Tensor,
    learned: Tensor,
    baseline: Tensor,
    mask: Tensor,
    first: Tensor,
    accelerator: Any,
) -> Tensor:
    """What ``ExplainedVariance`` counts.

    Args:
        plain: Discounted returns (B, T), which no value has touched.
        of_prompt: Value before the first token, (B, T).
        learned: By how much later values differ from it, (B, T).
        baseline: What is subtracted from the returns beside it, (B, T) or (B, 1).
        mask: (B, T).
        first: (B, T), 1 on each row's first token.
        accelerator: Of all processes.
    """
    left = plain - baseline
    within = [moments(x, mask, accelerator) for x in (left, left - learned)]
    return torch.stack(
        [
            moments(plain, first, accelerator).variance,
            moments(plain - of_prompt, first, accelerator).variance,
            # Around 0 and not around their mean, which nothing takes off later tokens.
            *(found.variance + found.mean.square() for found in within),
        ]
    )


def subsample(args: PPOConfig, batch: dict[str, Any]) -> dict[str, Any]:
    """Keep some prompts' rows, reweighted; the loss still divides by the tokens of all."""
    advantages = batch["advantages"]
    # The greatest common divisor, for a prompt whose completions lie on two processes.
    size = math.gcd(int(args.num_generations or 1), advantages.size(0))
    groups = advantages.size(0) // size
    # The rows that are left must split into equal micro-batches.
    unit = math.lcm(size, int(args.steps_per_generation or 1)) // size
    count = min(groups, max(1, round(args.update_fraction * groups / unit)) * unit)
    chances = inclusion_probabilities(advantages, batch["value_mask"], size, count)
    chosen = systematic_sample(chances, torch.rand((), device=chances.device))
    rows = (chosen.unsqueeze(1) * size + torch.arange(size, device=chosen.device)).flatten()
    weights = (1 / chances[chosen]).float().repeat_interleave(size).unsqueeze(1)
    batch = take_rows(batch, rows)
    batch["advantages"] = batch["advantages"] * weights
    batch["value_mask"] = batch["value_mask"] * weights
    return batch
