"""A value function enters the advantages by what it has foretold, each of its two parts apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mrlm import PPOConfig
from mrlm.ppo.checkpoint import VALUE_FILE
from mrlm.ppo.explained import ExplainedVariance, Trust
from mrlm.ppo.gae import compute_gae
from mrlm.ppo.rollout import TokenAdvantages, token_advantages

Make = Callable[..., Any]

ALONE = SimpleNamespace(
    gather=lambda x: x, reduce=lambda x, reduction: x, process_index=0, num_processes=1
)
BOTH = Trust(prompts=True, within=True)


def advantages_of(
    scores: Tensor,
    values: Tensor,
    tmp_path: Path,
    trust: Trust = BOTH,
    mask: Tensor | None = None,
    generations: int = 1,
    **settings: Any,
) -> TokenAdvantages:
    plain = {"whiten_advantages": False, "sibling_baseline": False, "bf16": False}
    config = PPOConfig(str(tmp_path), per_device_train_batch_size=4, **{**plain, **settings})
    written = torch.ones_like(values, dtype=torch.long) if mask is None else mask
    return token_advantages(
        config,
        scores,
        written,
        values,
        accelerator=ALONE,
        generations=generations,
        beta=0.0,
        logps=torch.zeros_like(values),
        trust=trust,
    )


SCORES = torch.tensor([1.0, 0.0, 0.0, 1.0])
VALUES = torch.tensor([[0.5, 0.7, 0.9], [0.2, 0.1, 0.0], [0.4, 0.3, 0.2], [0.1, 0.4, 0.8]])


@pytest.mark.parametrize(
    ("trust", "used"),
    [
        (Trust(True, True), VALUES),
        (Trust(True, False), VALUES[:, :1].expand(4, 3)),
        (Trust(False, True), VALUES - VALUES[:, :1]),
        (Trust(False, False), torch.zeros(4, 3)),
    ],
)
def test_only_the_trusted_part_enters_the_advantages(
    trust: Trust, used: Tensor, tmp_path: Path
) -> None:
    found = advantages_of(SCORES, VALUES, tmp_path, trust, lam=0.5, gamma=0.9)
    rewards = torch.zeros(4, 3)
    rewards[:, 2] = SCORES
    lam = 0.5 if trust.within else 1.0  # no bootstrapping from what explains nothing
    expected = compute_gae(rewards, used, torch.ones(4, 3), 0.9, lam)
    torch.testing.assert_close(found.advantages, expected)
    # The value function learns from all of it, whatever is trusted.
    torch.testing.assert_close(found.values, VALUES)
    torch.testing.assert_close(found.returns[:, 2], SCORES)


def test_what_is_counted(tmp_path: Path) -> None:
    mask = torch.tensor([[1, 1, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1]])  # one starts late, one ends
    found = advantages_of(SCORES, VALUES, tmp_path, mask=mask)
    first = torch.tensor([0.5, 0.1, 0.4, 0.1])
    learned = (VALUES - first[:, None]) * mask
    left = (SCORES - first)[:, None] * mask
    expected = [
        SCORES.var(unbiased=False),
        (SCORES - first).var(unbiased=False),
        left.square().sum() / 10,
        (left - learned).square().sum() / 10,
    ]
    torch.testing.assert_close(found.squares.float(), torch.stack(expected))
    # Where the prompt's value is left out, the answer's part is judged beside the plain returns.
    found = advantages_of(SCORES, VALUES, tmp_path, Trust(False, False), mask=mask)
    left = SCORES[:, None] * mask
    expected[2:] = [left.square().sum() / 10, (left - learned).square().sum() / 10]
    torch.testing.assert_close(found.squares.float(), torch.stack(expected))


def test_siblings_do_the_work_of_the_prompts_part_and_not_of_the_answers(tmp_path: Path) -> None:
    """With their baseline, prompts' values tell nothing new; what is learned later still does."""
    values = torch.tensor([[0.5, 0.9], [0.5, 0.1], [0.2, 0.2], [0.2, 0.2]])
    found = advantages_of(
        SCORES, values, tmp_path, sibling_baseline=True, generations=2, num_generations=2
    )
    torch.testing.assert_close(found.advantages[:, 0], torch.tensor([1.0, -1.0, -1.0, 1.0]))
    torch.testing.assert_close(found.advantages[:2, 1], torch.tensor([0.6, -0.6]))
    explained = ExplainedVariance()
    explained.add(found.squares)
    assert explained.within == pytest.approx(1 - (4 + 2 * 0.36 + 2) / 8)
    assert explained.trust == Trust(prompts=False, within=True)


def test_nothing_is_trusted_before_it_was_right() -> None:
    explained = ExplainedVariance()
    assert math.isnan(explained.prompts) and math.isnan(explained.within)
    assert explained.trust == Trust(False, False)
    explained.add(torch.tensor([1.0, 1.0, 1.0, 1.0]))  # a head that is still zero
    assert explained.trust == Trust(False, False)
    explained.add(torch.tensor([1.0, 0.5, 1.0, 2.0]))
    assert explained.trust == Trust(True, False)
    for _ in range(10):
        explained.add(torch.tensor([1.0, 1.5, 1.0, 0.9]))
    assert explained.trust == Trust(False, True)
    assert -0.5 < explained.prompts < -0.2  # a mean of the last rollouts


def starts_with_x(prompts: list[str], **kwargs: Any) -> list[float]:
    return [float(prompt.startswith("x")) for prompt in prompts]


@pytest.mark.integration
def test_a_value_function_that_knows_the_prompts_is_used(make_trainer: Make) -> None:
    from datasets import Dataset

    prompts = [f"{'x' if i % 2 else 'o'}{i}" for i in range(64)]
    trainer = make_trainer(
        reward_funcs=starts_with_x,
        dataset=Dataset.from_dict({"prompt": prompts}),
        per_device_train_batch_size=32,
        learning_rate=0.0,
        value_learning_rate=3e-2,
        lr_scheduler_type="constant",
        max_steps=30,
        max_completion_length=2,
        whiten_advantages=False,
    )
    trainer.train()
    logs = [log for log in trainer.state.log_history if "value/explained_variance_prompts" in log]
    assert logs[0]["value/explained_variance_prompts"] == 0.0
    assert logs[-1]["value/explained_variance_prompts"] > 0.5
    assert trainer.explained.trust.prompts
    assert max(map(abs, trainer._logs["advantages"])) < 0.5  # without the values 1 or more


def test_a_value_function_that_is_wrong_does_no_harm(make_trainer: Make, rollout: Make) -> None:
    def batch_of(std: float) -> dict[str, Any]:
        trainer = make_trainer(num_generations=2, lam=0.8, whiten_advantages=False)
        generator = torch.Generator().manual_seed(0)
        torch.nn.init.normal_(trainer.model.value_head.weight, std=std, generator=generator)
        for _ in range(3):
            torch.manual_seed(0)  # the same rollout again
            batch = rollout(trainer)
        assert (trainer.explained.prompts < 0) == (std > 0)
        return batch

    wrong, zero = batch_of(30.0), batch_of(0.0)
    assert wrong["old_values"].abs().max() > 1
    torch.testing.assert_close(wrong["advantages"], zero["advantages"], atol=1e-5, rtol=0)


@pytest.mark.integration
def test_a_resumed_run_trusts_what_it_trusted_before(make_trainer: Make, tmp_path: Path) -> None:
    settings = {"save_strategy": "steps", "save_steps": 1, "max_steps": 3}
    straight = make_trainer(**settings)
    straight.train()
    checkpoint = Path(straight.args.output_dir) / "checkpoint-1"
    resumed = make_trainer(**settings)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert straight.explained.squares.all()
    assert torch.equal(straight.explained.squares, resumed.explained.squares)

    saved = load_file(checkpoint / VALUE_FILE)
    former = {name: x for name, x in saved.items() if not name.startswith("explained_variance")}
    assert len(former) == len(saved) - 1
    save_file(former, checkpoint / VALUE_FILE)
    again = make_trainer(**settings)
    again.train(resume_from_checkpoint=str(checkpoint))
    assert not torch.equal(straight.explained.squares, again.explained.squares)


def test_an_evaluation_is_logged_and_not_counted(make_trainer: Make, rollout: Make) -> None:
    trainer = make_trainer()
    rollout(trainer)
    before = trainer.explained.squares.clone()
    trainer.model.eval()
    trainer._generate_and_score_completions([{"prompt": "a"}, {"prompt": "b"}])
    assert torch.equal(trainer.explained.squares, before)
    assert "value/explained_variance_within" in trainer._metrics["eval"]
