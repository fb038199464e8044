"""The arithmetic of PPO on token sequences: pure tensors, no model and no trainer.

Shapes: ``B`` completions, ``T`` completion tokens. A ``mask`` is 1 on tokens that the model wrote
and 0 on padding and on tokens that a tool wrote. Masked-out tokens are skipped: they are neither
discounted nor decayed, as if the completion consisted of the model's tokens alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

KL_ESTIMATORS = ("k1", "k2", "k3")

_VARIANCE_FLOOR = 1e-8


@torch.no_grad()
def compute_gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalised advantage estimates of the tokens with mask 1.

    ``A_t = sum_l (gamma * lam)^l * delta_{t+l}``, ``delta_t = r_t + gamma * V_{t+1} - V_t``, and
    ``V = 0`` after the last token (https://arxiv.org/abs/1506.02438, equation 16).

    Args:
        rewards: Reward received with each token, (B, T).
        values: V(s_t), the expected return before token ``t`` is written, (B, T).
        mask: 1 on the model's tokens, (B, T), any dtype.
        gamma: Discount per model token, in [0, 1].
        lam: Decay per model token, in [0, 1]: 1 is the Monte Carlo return minus the value, 0 the
            one-step error.

    Returns:
        Advantages (B, T), 0 where the mask is 0. The returns that a value function with the same
        ``lam`` learns are ``(advantages + values) * mask``.
    """
    written = mask.bool()
    advantages = torch.zeros_like(values)
    advantage = torch.zeros_like(values[:, 0])
    next_value = torch.zeros_like(advantage)
    for t in reversed(range(values.size(1))):
        value = values[:, t]
        delta = rewards[:, t] + gamma * next_value - value
        advantage = torch.where(written[:, t], delta + gamma * lam * advantage, advantage)
        next_value = torch.where(written[:, t], value, next_value)
        advantages[:, t] = torch.where(written[:, t], advantage, 0.0)
    return advantages


def reward_at_last_token(scores: Tensor, mask: Tensor) -> Tensor:
    """Put each completion's score on its last token with mask 1.

    Args:
        scores: Reward of each completion, (B,). Must be finite where the row has a mask.
        mask: 1 on the model's tokens, (B, T).

    Returns:
        Rewards (B, T) in the dtype of ``scores``; a row without any mask stays 0.
    """
    position = torch.arange(1, mask.size(1) + 1, device=mask.device)
    last = (mask.bool() * position).argmax(dim=1, keepdim=True)  # (B, 1)
    has_token = mask.bool().any(dim=1)
    rewards = torch.zeros(mask.shape, dtype=scores.dtype, device=scores.device)
    return rewards.scatter(1, last, torch.where(has_token, scores, 0.0).unsqueeze(1))


def kl_estimate(logps: Tensor, ref_logps: Tensor, estimator: str) -> Tensor:
    """Per-token estimate of KL(policy || reference) from tokens that the policy sampled.

    ``k1`` is unbiased and may be negative; ``k2`` and ``k3`` are never negative
    (http://joschu.net/blog/kl-approx.html).

    Args:
        logps: Log-probabilities under the policy that sampled, any shape.
        ref_logps: Log-probabilities under the reference, same shape.
        estimator: One of ``KL_ESTIMATORS``.

    Raises:
        ValueError: Unknown estimator.
    """
    log_ratio = logps - ref_logps
    if estimator == "k1":
        return log_ratio
    if estimator == "k2":
        return log_ratio.square() / 2
    if estimator == "k3":
        return torch.exp(-log_ratio) - 1 + log_ratio
    raise ValueError(f"kl_estimator={estimator!r}: choose one of {', '.join(KL_ESTIMATORS)}.")


def value_errors(
    values: Tensor, old_values: Tensor, returns: Tensor, cliprange: float | None
) -> tuple[Tensor, Tensor]:
    """Half squared error of each value, and where the clip held it back.

    With a clip range, the worse of the plain error and the error of the value held within
    ``cliprange`` of its old estimate (https://arxiv.org/abs/2005.12729, section 3).

    Returns:
        Errors (B, T), and a boolean (B, T) that is true where the clipped error was the larger.
    """
    errors = (values - returns).square()
    if cliprange is None:
        return errors / 2, torch.zeros_like(errors, dtype=torch.bool)
    held = old_values + (values - old_values).clamp(-cliprange, cliprange)
    held_errors = (held - returns).square()
    # Inside the range `held` is the value up to rounding, which must not count as clipped.
    outside = (values - old_values).abs() > cliprange
    return torch.maximum(errors, held_errors) / 2, outside & (held_errors > errors)


class Moments(NamedTuple):
    """Mean and variance (population) of the masked entries over all processes."""

    mean: Tensor
    variance: Tensor


def masked_moments(x: Tensor, mask: Tensor, sum_over_ranks: Callable[[Tensor], Tensor]) -> Moments:
    """Mean and variance of ``x`` where the mask is 1, over every process.

    Args:
        x: Any shape.
        mask: Same shape.
        sum_over_ranks: Adds a small float64 vector over all processes and returns the sum.
    """
    weight = mask.double()
    wide = x.double()
    sums = torch.stack([weight.sum(), (wide * weight).sum(), (wide.square() * weight).sum()])
    count, total, squares = sum_over_ranks(sums).unbind()
    mean = total / count.clamp(min=1)
    return Moments(mean, (squares / count.clamp(min=1) - mean.square()).clamp(min=0))


def whiten(advantages: Tensor, mask: Tensor, moments: Moments) -> Tensor:
    """Shift and scale the masked advantages to mean 0 and variance 1; 0 elsewhere.

    The variance has a floor, so that equal advantages become 0 rather than rounding noise.
    """
    scale = (moments.variance + _VARIANCE_FLOOR).rsqrt()
    white = (advantages.double() - moments.mean) * scale
    return (white * mask).to(advantages.dtype)


def explained_variance(returns: Moments, errors: Moments) -> float:
    """Share of the returns' variance that the values predict: 1 is perfect, 0 no better than a
    constant, below 0 worse; NaN when all returns are equal.

    Args:
        returns: Moments of the returns.
        errors: Moments of returns minus values.
    """
    if returns.variance <= _VARIANCE_FLOOR:
        return float("nan")
    return float(1 - errors.variance / returns.variance)
