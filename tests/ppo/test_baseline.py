"""The baseline from the other completions: unbiased, and never far from the better of its two."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mrlm.ppo.baseline import shrunk_baseline

Make = Callable[..., Any]


def of_siblings(rewards: Tensor, group_size: int) -> Tensor:
    groups = rewards.view(-1, group_size)
    return ((groups.sum(dim=1, keepdim=True) - groups) / (group_size - 1)).flatten()


def everything_scored(rewards: Tensor) -> Tensor:
    return torch.ones_like(rewards, dtype=torch.bool)


@pytest.mark.parametrize(
    ("chances", "group_size", "unscored"),
    [
        ([0.1, 0.5, 0.8], 2, []),
        ([0.2, 0.9], 3, []),
        ([0.1, 0.5, 0.8, 0.3], 1, []),
        ([0.4], 3, []),
        ([0.1, 0.5, 0.8], 3, [1, 5]),
    ],
)
def test_it_is_unbiased_over_all_outcomes(
    chances: list[float], group_size: int, unscored: list[int]
) -> None:
    """E[baseline * d log p] is 0 for every completion: summed over what all of them may earn."""
    chance = torch.tensor(chances, dtype=torch.float64).repeat_interleave(group_size)
    scored = everything_scored(chance)
    scored[unscored] = False
    bias, spread = torch.zeros_like(chance), torch.zeros_like(chance)
    for outcome in itertools.product((0.0, 1.0), repeat=len(chance)):
        rewards = torch.tensor(outcome, dtype=torch.float64)
        probability = torch.where(rewards > 0, chance, 1 - chance).prod()
        baseline = shrunk_baseline(rewards, scored, group_size)
        bias += probability * baseline * (rewards - chance)  # of a Bernoulli's log-odds
        spread += probability * baseline.square()
    torch.testing.assert_close(bias, torch.zeros_like(bias), atol=1e-12, rtol=0)
    assert spread.max() > 0.01 or len(chances) == 1


def advantage_variances(group_size: int, prompts: int = 16, rollouts: int = 3000) -> Any:
    """Of binary rewards whose chance is Beta(0.8, 2.4): siblings, shrunk, and a perfect value."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    chances = torch.distributions.Beta(0.8, 2.4).sample((rollouts, prompts))
    chances = chances.repeat_interleave(group_size, dim=1).double()
    rewards = (torch.rand(chances.shape, generator=generator) < chances).double()
    shrunk = torch.stack(
        [row - shrunk_baseline(row, everything_scored(row), group_size) for row in rewards]
    )
    siblings = rewards.flatten() - of_siblings(rewards.flatten(), group_size)
    return [x.square().mean().item() for x in (siblings, shrunk, rewards - chances)]


def test_its_variance_is_below_that_of_the_siblings_mean() -> None:
    siblings, shrunk, perfect = advantage_variances(4)
    assert siblings == pytest.approx(0.190, abs=0.003)  # 4/3 of the variance within prompts
    assert perfect == pytest.approx(0.143, abs=0.003)
    assert shrunk < 0.175
    # With eight completions the siblings know nearly all, and shrinkage costs nothing.
    siblings, shrunk, _ = advantage_variances(8)
    assert shrunk < siblings


def rewards_of(between: float, within: float, group_size: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(8, 1, generator=generator, dtype=torch.float64) * between
    noise = torch.randn(8, group_size, generator=generator, dtype=torch.float64) * within
    return (means + noise).flatten()


def test_it_is_the_siblings_mean_where_prompts_differ_most() -> None:
    rewards = rewards_of(between=1.0, within=1e-3)
    baseline = shrunk_baseline(rewards, everything_scored(rewards), 4)
    torch.testing.assert_close(baseline, of_siblings(rewards, 4), atol=1e-5, rtol=0)


def test_it_is_near_the_mean_of_the_other_prompts_where_prompts_are_alike() -> None:
    rewards = rewards_of(between=0.0, within=1.0, group_size=8)
    baseline = shrunk_baseline(rewards, everything_scored(rewards), 8)
    others = (rewards.sum() - rewards.view(-1, 8).sum(dim=1)) / (len(rewards) - 8)
    distance = (baseline.view(-1, 8) - others.unsqueeze(1)).square().mean()
    assert distance < (of_siblings(rewards, 8) - rewards.mean()).square().mean() / 4


def test_with_one_completion_it_is_the_mean_of_the_other_prompts() -> None:
    rewards = torch.tensor([1.0, 0.0, 5.0])
    baseline = shrunk_baseline(rewards, everything_scored(rewards), 1)
    assert baseline.tolist() == [2.5, 3.0, 0.5]


@pytest.mark.parametrize("level", [0.0, 0.1, 1e6])
def test_where_all_others_earned_the_same_the_siblings_alone_tell(level: float) -> None:
    rewards = torch.full((6, 3), level, dtype=torch.float64)
    rewards[2, 1] += 1.0
    baseline = shrunk_baseline(rewards.flatten(), everything_scored(rewards.flatten()), 3)
    expected = torch.tensor([level + 0.5, level, level + 0.5], dtype=torch.float64)
    torch.testing.assert_close(baseline.view(-1, 3)[2], expected, rtol=0, atol=1e-9)


def test_completions_without_a_score_tell_nothing() -> None:
    first = torch.tensor([1.0, 0.0, 2.0, 5.0, 5.0, 5.0])
    scored = torch.tensor([True, True, True, True, False, True])
    baseline = shrunk_baseline(first, scored, 3)
    # Row 4 has no score: it tells its siblings nothing and may be told what it likes.
    assert baseline.tolist() == [1.0, 1.5, 0.5, 5.0, 5.0, 5.0]
    alone = shrunk_baseline(torch.tensor([3.0, 4.0]), torch.tensor([True, False]), 2)
    assert alone[0] == 0
    rewards = rewards_of(1.0, 1.0)
    scored = everything_scored(rewards)
    scored[[3, 8, 9, 10, 11]] = False  # one of the first prompt, and all of the third
    changed = torch.where(scored, rewards, 99.0)
    torch.testing.assert_close(
        shrunk_baseline(changed, scored, 4), shrunk_baseline(rewards, scored, 4)
    )


def test_with_lambda_one_the_first_token_has_the_baseline_of_rloo(
    make_trainer: Make, rollout: Make
) -> None:
    trainer = make_trainer(num_generations=2, whiten_advantages=False)
    torch.nn.init.normal_(trainer.model.value_head.weight, std=0.3)
    batch = rollout(trainer)
    low = (batch["completion_ids"] < 128) * batch["completion_mask"]  # what is rewarded
    scores = (low.sum(1) / batch["completion_mask"].sum(1)).view(-1, 2)
    expected = (scores - scores.flip(1)).flatten()
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(batch["advantages"][:, 0], expected, atol=1e-6, rtol=0)
