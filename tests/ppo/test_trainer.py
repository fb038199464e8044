"""Whole runs: kinds of prompts, models and precision, and what is logged on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig

Make = Callable[..., Any]

# What the issue asks every run to log, by TRL's names where it has one.
LOGGED = {
    "reward",
    "reward_std",
    "value/loss",
    "value/explained_variance",
    "value/return",
    "value/mean",
    "value/clip_frac",
    "value/grad_norm",
    "kl",
    "policy/approx_kl",
    "entropy",
    "clip_ratio/region_mean",
    "completions/mean_length",
    "completions/clipped_ratio",
    "tokens_per_second",
    "frac_unscorable",
    "grad_norm",
    "learning_rate",
}


def test_conversational_prompts_with_lora_log_everything(
    make_trainer: Make, tiny_llama: Make
) -> None:
    from datasets import Dataset

    seen: list[Any] = []

    def reward(completions: list[Any], answer: list[str], **kwargs: Any) -> list[float]:
        seen.extend(completions)
        return [
            float(len(c[0]["content"]) + len(a)) for c, a in zip(completions, answer, strict=True)
        ]

    rows = [
        {"prompt": [{"role": "user", "content": f"Say {i}"}], "answer": "x" * (i % 3)}
        for i in range(16)
    ]
    trainer = make_trainer(
        reward_funcs=reward,
        dataset=Dataset.from_list(rows),
        arguments={"peft_config": LoraConfig(r=4, target_modules=["q_proj"])},
        num_generations=2,
        num_ppo_epochs=2,
        beta=0.05,
        kl_in_reward=True,
        cliprange_value=0.2,
        max_steps=4,
    )
    base = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    assert seen[0][0]["role"] == "assistant"
    logged = {key for log in trainer.state.log_history for key in log}
    assert logged >= LOGGED
    assert "frac_reward_zero_std" not in logged  # true of groups, which PPO does not use
    moved = {n for n, p in trainer.model.named_parameters() if not torch.equal(base[n], p)}
    assert moved and all("lora_" in name or "value_head" in name for name in moved)


@pytest.mark.parametrize("with_critic", [False, True])
@pytest.mark.parametrize("with_lora", [False, True])
def test_checkpointing_changes_nothing_but_memory(
    with_critic: bool, with_lora: bool, make_trainer: Make, tiny_llama: Make, tmp_path: Path
) -> None:
    trained = []
    for recompute in (False, True):
        arguments: dict[str, Any] = {"critic": tiny_llama(seed=3)} if with_critic else {}
        if with_lora:
            torch.manual_seed(0)
            arguments["peft_config"] = LoraConfig(r=4, target_modules=["q_proj"])
        trainer = make_trainer(activation_checkpointing=recompute, arguments=arguments)
        trainer.train()
        assert trainer.model.is_activation_checkpointing == recompute
        trained.append(trainer.model.state_dict())
    plain, recomputed = trained
    assert all(torch.equal(x, recomputed[name]) for name, x in plain.items())


def test_values_stay_float32_under_autocast(make_trainer: Make, tiny_llama: Make) -> None:
    trainer = make_trainer(bf16=True, max_steps=1)
    dtypes = []
    trainer.model.value_head.register_forward_hook(
        lambda module, inputs, output: dtypes.append((inputs[0].dtype, output.dtype))
    )
    trainer.train()
    assert {values for _, values in dtypes} == {torch.float32}
    assert trainer.model.value_head.weight.abs().max() > 0


def test_critic_is_loaded_by_name(make_trainer: Make, tiny_llama: Make, tmp_path: Path) -> None:
    tiny_llama(seed=4, hidden_size=16).save_pretrained(tmp_path / "critic")
    trainer = make_trainer(critic_model_name_or_path=str(tmp_path / "critic"))
    assert trainer.model.critic.config.hidden_size == 16
    before = trainer.model.critic.embed_tokens.weight.detach().clone()
    trainer.train()
    assert not torch.equal(before, trainer.model.critic.embed_tokens.weight)


def test_public_names() -> None:
    import mrlm

    assert {"PPOConfig", "PPOTrainer"} <= set(mrlm.__all__)
    assert mrlm.PPOTrainer.__name__ == "PPOTrainer"
