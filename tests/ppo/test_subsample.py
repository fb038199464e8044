"""Fewer rows, the same gradient in expectation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mrlm.ppo.rollout import subsample
from mrlm.ppo.subsample import inclusion_probabilities, systematic_sample

Make = Callable[..., Any]


@pytest.mark.parametrize("count", [1, 3, 7, 8])
def test_probabilities_add_up_and_follow_the_advantages(count: int) -> None:
    advantages = torch.tensor([0.1, -0.2, 3.0, 0.0, 0.1, -0.1, 5.0, 0.2])[:, None].expand(8, 4)
    chances = inclusion_probabilities(advantages, torch.ones(8, 4), 1, count)
    assert chances.sum().item() == pytest.approx(count)
    assert ((chances > 0) & (chances <= 1)).all()
    assert chances[6] >= chances[2] >= chances[1] >= chances[3]
    if count == 8:
        assert (chances == 1).all()


def test_a_group_counts_with_all_its_rows_and_masked_tokens_with_none() -> None:
    advantages = torch.tensor([[3.0, 9.0], [4.0, 9.0], [5.0, 9.0], [0.0, 9.0]])
    mask = torch.tensor([[1, 0]]).expand(4, 2)
    chances = inclusion_probabilities(advantages, mask, 2, 1)
    torch.testing.assert_close(chances, torch.tensor([0.5, 0.5], dtype=torch.float64))


def test_no_advantage_at_all_draws_evenly() -> None:
    chances = inclusion_probabilities(torch.zeros(4, 2), torch.ones(4, 2), 1, 2)
    assert chances.tolist() == [0.5] * 4


def test_each_group_is_drawn_with_its_probability_and_never_twice() -> None:
    chances = torch.tensor([1.0, 0.5, 0.25, 0.25, 0.9, 0.1], dtype=torch.float64)
    draws = 2000
    counts = torch.zeros(6)
    for i in range(draws):
        rows = systematic_sample(chances, torch.tensor((i + 0.5) / draws))
        assert len(set(rows.tolist())) == len(rows) == 3
        counts[rows] += 1
    torch.testing.assert_close(counts / draws, chances.float(), atol=2e-3, rtol=0)


def test_the_expected_gradient_is_that_of_all_rows(
    make_trainer: Make, rollout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Averaged over evenly spread draws, advantages times weights add up to the whole batch."""
    trainer = make_trainer(num_generations=2, update_fraction=0.5)
    torch.nn.init.normal_(trainer.model.value_head.weight, std=0.3)
    full = make_trainer(num_generations=2, update_fraction=1.0)
    batch = rollout(full)
    batch["row"] = torch.arange(4)
    expected = torch.zeros_like(batch["advantages"])
    mask = torch.zeros_like(expected)
    draws = 400
    for i in range(draws):
        noise = torch.tensor((i + 0.5) / draws)
        monkeypatch.setattr(torch, "rand", lambda *args, noise=noise, **kwargs: noise)
        part = subsample(trainer.args, dict(batch))
        assert part["row"].tolist() in ([0, 1], [2, 3])  # one prompt, all its completions
        assert part["num_items_in_batch"] == batch["num_items_in_batch"]
        expected[part["row"]] += part["advantages"] / draws
        mask[part["row"]] += part["value_mask"] / draws
    torch.testing.assert_close(expected, batch["advantages"], atol=0.03, rtol=0)
    torch.testing.assert_close(mask, batch["value_mask"].float(), atol=0.03, rtol=0)


def test_micro_batches_stay_equal(make_trainer: Make, rollout: Make) -> None:
    trainer = make_trainer(num_generations=2, update_fraction=0.3, steps_per_generation=4)
    part = rollout(trainer, size=16)
    assert part["advantages"].size(0) == 4  # 2.4 of 8 prompts; 4 micro-batches need an even number


def test_it_trains_with_fewer_rows(make_trainer: Make) -> None:
    trainer = make_trainer(num_generations=2, update_fraction=0.5, max_steps=2)
    trainer.train()
    assert trainer.state.global_step == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"update_fraction": 0},
        {"update_fraction": 1.5},
        {"update_fraction": 0.5, "beta": 0.1},
        {"update_fraction": 0.5, "loss_type": "grpo"},
    ],
)
def test_refuses_what_would_bias_the_gradient(make_trainer: Make, settings: Any) -> None:
    with pytest.raises(ValueError, match="update_fraction"):
        make_trainer(**settings)
