"""One step of GRPO and of PPO gives TRL's loss and gradients, whatever the model.

The completions are given, so that both classes learn from the same; all other work is their own:
forward passes with or without padding, rows left out, micro-batches in another order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import trl
from datasets import Dataset
from trained_architectures import ARCHITECTURES, build

from mrlm import PPOConfig, PPOTrainer
from mrlm.trainers import GRPOConfig, GRPOTrainer

PROMPTS = ["ab", "a longer prompt", "cde", "fghi"]
SETTINGS: dict[str, Any] = {
    "use_cpu": True,
    "bf16": False,
    "activation_checkpointing": False,
    "report_to": "none",
    "disable_tqdm": True,
    "save_strategy": "no",
    "per_device_train_batch_size": 8,
    "num_generations": 2,
    "max_completion_length": 9,
    "max_steps": 1,
}


def reward(prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
    """Completions of the second prompt are worth the same: they teach nothing."""
    return [
        1.0 if prompt == PROMPTS[1] else sum(i < 128 for i in ids) / len(ids)
        for prompt, ids in zip(prompts, completion_ids, strict=True)
    ]


def completions(rows: int, end: int) -> list[list[int]]:
    """As long as the windows of these models, and longer; most end by themselves."""
    noise = torch.Generator().manual_seed(1)
    lengths = [9, 3, 5, 9, 2, 7, 1, 6]
    return [
        [*torch.randint(250, (lengths[i % 8] - 1,), generator=noise).tolist(), end]
        for i in range(rows)
    ]


def make(trainer_class: Any, config_class: Any, name: str, tokenizer: Any, folder: Path) -> Any:
    # GPT-2 numbers its positions with the padding where it is trained by TRL, not where it samples.
    prompts = ["abcd", "efgh", "ijkl", "mnop"] if name == "gpt2" else PROMPTS
    more = {"vf_coef": 0.0} if config_class is PPOConfig else {}
    trainer = trainer_class(
        build(name, tokenizer),
        reward,
        config_class(str(folder), **SETTINGS, **more),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=tokenizer,
    )
    trainer._generate_single_turn = lambda prompt_ids, *_, **__: (
        completions(len(prompt_ids), tokenizer.eos_token_id),
        None,
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def rows(trainer: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in trainer.train_dataset for _ in range(2)]


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def assert_same_gradients(ours: Any, theirs: Any) -> None:
    expected = gradients(theirs.model)
    found = gradients(ours.model)
    assert max(grad.abs().max().item() for grad in expected.values()) > 1e-3
    for name, grad in expected.items():
        difference = (found[name] - grad).abs().max().item()
        assert difference < 1e-6, f"{name}: {difference}"
    for name in found.keys() - expected.keys():  # the value head's
        assert (found[name] == 0).all(), name


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_grpo(name: str, tiny_tokenizer: Any, tmp_path: Path) -> None:
    ours = make(GRPOTrainer, GRPOConfig, name, tiny_tokenizer, tmp_path / "ours")
    theirs = make(trl.GRPOTrainer, trl.GRPOConfig, name, tiny_tokenizer, tmp_path / "theirs")
    loss, expected = (t.training_step(t.model, rows(t), None).item() for t in (ours, theirs))
    assert loss == pytest.approx(expected, abs=1e-6)
    assert_same_gradients(ours, theirs)
    for metric in ("aux_loss", "reward", "completions/mean_length"):
        found, logged = (t._metrics["train"].get(metric) for t in (ours, theirs))
        assert found == pytest.approx(logged, abs=1e-6), metric


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_ppo_with_the_advantages_of_grpo(name: str, tiny_tokenizer: Any, tmp_path: Path) -> None:
    ours = make(PPOTrainer, PPOConfig, name, tiny_tokenizer, tmp_path / "ours")
    theirs = make(trl.GRPOTrainer, trl.GRPOConfig, name, tiny_tokenizer, tmp_path / "theirs")
    batch = theirs._generate_and_score_completions(rows(theirs))
    own = ours._generate_and_score_completions(rows(ours))
    for field in ("prompt_ids", "completion_ids", "completion_mask", "num_items_in_batch"):
        assert torch.equal(own[field], batch[field]), field
    own["advantages"] = batch["advantages"][:, None].expand_as(own["returns"]).clone()
    loss, expected = ours._compute_loss(ours.model, own), theirs._compute_loss(theirs.model, batch)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    loss.backward()
    expected.backward()
    assert_same_gradients(ours, theirs)
