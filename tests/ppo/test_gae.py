"""The arithmetic of PPO against independent implementations and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mrlm.ppo.gae import (
    compute_gae,
    explained_variance,
    kl_estimate,
    masked_moments,
    reward_at_last_token,
    value_errors,
    whiten,
)

GAMMA_LAM = [(1.0, 1.0), (0.99, 0.95), (1.0, 0.0), (0.5, 1.0), (0.9, 0.3)]


def random_batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Rewards, values and a mask with padding, interior tool spans, one full and one empty row."""
    generator = torch.Generator().manual_seed(seed)
    rewards, values = torch.randn(2, 6, 11, generator=generator, dtype=torch.float64).unbind()
    mask = torch.ones(6, 11, dtype=torch.long)
    mask[1, 7:] = 0
    mask[2, 3:6] = 0
    mask[3, 2:4], mask[3, 6:8], mask[3, 10:] = 0, 0, 0
    mask[4] = 0
    mask[5, :4] = 0
    return rewards * mask, values * mask, mask


def by_definition(
    rewards: list[float], values: list[float], gamma: float, lam: float
) -> list[float]:
    """Equation 16 of the GAE paper, summed term by term."""
    after = [*values, 0.0][1:]
    delta = [r + gamma * n - v for r, v, n in zip(rewards, values, after, strict=True)]
    return [
        sum((gamma * lam) ** step * delta[t + step] for step in range(len(delta) - t))
        for t in range(len(delta))
    ]


@pytest.mark.parametrize(("gamma", "lam"), GAMMA_LAM)
def test_matches_the_definition_on_the_models_tokens_alone(gamma: float, lam: float) -> None:
    rewards, values, mask = random_batch()
    advantages = compute_gae(rewards, values, mask, gamma, lam)
    for row in range(len(mask)):
        written = mask[row].bool()
        expected = by_definition(
            rewards[row, written].tolist(), values[row, written].tolist(), gamma, lam
        )
        expected_row = torch.tensor(expected, dtype=torch.float64)
        torch.testing.assert_close(advantages[row, written], expected_row, rtol=0, atol=1e-12)
        assert (advantages[row, ~written] == 0).all()


@pytest.mark.parametrize(("gamma", "lam"), GAMMA_LAM)
def test_matches_verls_recursion(gamma: float, lam: float) -> None:
    """verl/trainer/ppo/core_algos.py, compute_gae_advantage_return, before whitening."""
    rewards, values, mask = random_batch(1)
    next_values, last = torch.zeros(6), torch.zeros(6)
    reversed_advantages = []
    for t in reversed(range(mask.size(1))):
        delta = rewards[:, t] + gamma * next_values - values[:, t]
        candidate = delta + gamma * lam * last
        next_values = values[:, t] * mask[:, t] + (1 - mask[:, t]) * next_values
        last = candidate * mask[:, t] + (1 - mask[:, t]) * last
        reversed_advantages.append(last)
    expected = torch.stack(reversed_advantages[::-1], dim=1) * mask
    advantages = compute_gae(rewards, values, mask, gamma, lam)
    torch.testing.assert_close(advantages, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("gamma", "lam"), GAMMA_LAM)
def test_matches_cleanrls_recursion(gamma: float, lam: float) -> None:
    """cleanrl/ppo.py, with the episode ending after the last step of an unpadded row."""
    rewards, values, _ = random_batch(2)
    reward, value = rewards[0], values[0]
    expected, last = torch.zeros_like(reward), 0.0
    for t in reversed(range(len(reward))):
        terminal = t == len(reward) - 1
        next_value = 0.0 if terminal else value[t + 1]
        delta = reward[t] + gamma * next_value - value[t]
        expected[t] = last = delta + gamma * lam * (0.0 if terminal else 1.0) * last
    advantages = compute_gae(reward[None], value[None], torch.ones(1, 11), gamma, lam)
    torch.testing.assert_close(advantages[0], expected, rtol=0, atol=1e-12)


def test_lambda_one_is_return_minus_value() -> None:
    rewards, values, mask = random_batch(3)
    advantages = compute_gae(rewards, values, mask, 1.0, 1.0)
    to_go = rewards.flip(1).cumsum(1).flip(1) * mask
    torch.testing.assert_close(advantages, to_go - values, rtol=0, atol=1e-12)
    torch.testing.assert_close((advantages + values) * mask, to_go, rtol=0, atol=1e-12)


def test_tool_tokens_neither_discount_nor_decay() -> None:
    """The same model tokens with and without a tool's in between give the same advantages."""
    values = torch.tensor([[0.3, -0.2, 0.5]])
    rewards = torch.tensor([[0.0, 0.0, 1.0]])
    plain = compute_gae(rewards, values, torch.ones(1, 3), 0.9, 0.8)
    wide_values = torch.tensor([[0.3, 9.0, 9.0, -0.2, 0.5, 9.0]])
    mask = torch.tensor([[1, 0, 0, 1, 1, 0]])
    with_tool = compute_gae(
        torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]), wide_values, mask, 0.9, 0.8
    )
    torch.testing.assert_close(with_tool[mask.bool()], plain[0])


def test_reward_lands_on_the_last_token_of_the_model() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])
    mask[1, 3] = 0  # ends in a tool token
    rewards = reward_at_last_token(torch.tensor([1.0, 2.0, 3.0, 4.0]), mask)
    assert rewards.tolist() == [[0, 0, 1, 0], [0, 0, 2, 0], [0, 3, 0, 0], [0, 0, 0, 0]]


def test_kl_estimates_agree_in_expectation() -> None:
    """Summed over the policy's distribution, k1 and k3 are the KL exactly; k2 is close to it."""
    logits = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logps, ref_logps = (logits * 0.2).log_softmax(-1).unbind()
    exact = torch.nn.functional.kl_div(ref_logps, logps, reduction="sum", log_target=True)
    for estimator, tolerance in (("k1", 1e-12), ("k3", 1e-12), ("k2", 0.05 * exact.item())):
        mean = (logps.exp() * kl_estimate(logps, ref_logps, estimator)).sum()
        assert mean.item() == pytest.approx(exact.item(), abs=tolerance)
    assert (kl_estimate(logps, ref_logps, "k3") >= 0).all()
    with pytest.raises(ValueError, match="choose one of k1, k2, k3"):
        kl_estimate(logps, ref_logps, "k4")


def test_value_clip_takes_the_worse_error() -> None:
    returns = torch.zeros(1, 3)
    old = torch.tensor([[1.0, 1.0, 1.0]])
    values = torch.tensor([[0.2, 0.95, 1.5]])  # moved far towards, little towards, far away
    errors, clipped = value_errors(values, old, returns, 0.1)
    torch.testing.assert_close(errors, torch.tensor([[0.9, 0.95, 1.5]]).square() / 2)
    assert clipped.tolist() == [[True, False, False]]
    plain, none = value_errors(values, old, returns, None)
    torch.testing.assert_close(plain, values.square() / 2)
    assert not none.any()


def test_moments_over_two_ranks_equal_those_of_the_whole() -> None:
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    mask = torch.rand(4, 5, generator=torch.Generator().manual_seed(1)) > 0.4
    whole = masked_moments(x, mask, lambda sums: sums)
    parts: list[Tensor] = []

    def collect(sums: Tensor) -> Tensor:
        parts.append(sums)
        return sums

    for half in (slice(0, 2), slice(2, 4)):
        masked_moments(x[half], mask[half], collect)
    both = masked_moments(x[:2], mask[:2], lambda sums: parts[0] + parts[1])
    torch.testing.assert_close(both.mean, whole.mean)
    torch.testing.assert_close(both.variance, whole.variance)
    white = whiten(x, mask, whole)
    assert white[mask].mean().abs() < 1e-6
    assert white[mask].var(unbiased=False) == pytest.approx(1.0, abs=1e-5)
    assert (white[~mask] == 0).all()


def test_equal_advantages_whiten_to_zero_and_not_to_noise() -> None:
    advantages = torch.full((3, 7), 0.1)
    moments = masked_moments(advantages, torch.ones(3, 7), lambda sums: sums)
    assert whiten(advantages, torch.ones(3, 7), moments).abs().max() < 1e-3


def test_explained_variance() -> None:
    mask = torch.ones(1, 4)

    def of(returns: Tensor, values: Tensor) -> float:
        moments = (masked_moments(x, mask, lambda sums: sums) for x in (returns, returns - values))
        return explained_variance(*moments)

    returns = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    assert of(returns, returns) == 1.0
    assert of(returns, torch.zeros(1, 4)) == 0.0
    assert of(returns, -returns) < 0
    assert math.isnan(of(torch.ones(1, 4), returns))
