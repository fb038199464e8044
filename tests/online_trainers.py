"""PPO and GRPO trainers on a tiny model, small enough to train in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROMPTS = ["hi there", "abc", "x y z", "foo bar", "1 + 1", "q", "long prompt here", "zz"]

SETTINGS: dict[str, Any] = {
    "report_to": "none",
    "disable_tqdm": True,
    "logging_steps": 1,
    "save_strategy": "no",
    "per_device_train_batch_size": 4,
    "max_completion_length": 6,
    "max_steps": 2,
    "learning_rate": 1e-3,
    "seed": 7,
    "bf16": False,  # exact comparisons, whatever the machine
}


def low_byte_reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    """Share of tokens in the lower half of the vocabulary: dense enough to differ between rows."""
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def make_dataset(size: int = 32) -> Any:
    from datasets import Dataset

    return Dataset.from_dict({"prompt": [PROMPTS[i % len(PROMPTS)] + str(i) for i in range(size)]})


@pytest.fixture
def make_trainer(tmp_path: Path, tiny_tokenizer: Any, tiny_llama: Any) -> Callable[..., Any]:
    """``make_trainer(model=None, reward_funcs=..., trainer=None, **settings) -> PPOTrainer``."""

    def make(
        model: Any = None,
        reward_funcs: Any = low_byte_reward,
        dataset: Any = None,
        arguments: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Any:
        from mrlm import PPOConfig, PPOTrainer

        config = PPOConfig(**{"output_dir": str(tmp_path / "run"), **SETTINGS, **settings})
        return PPOTrainer(
            tiny_llama() if model is None else model,
            reward_funcs,
            config,
            train_dataset=make_dataset() if dataset is None else dataset,
            processing_class=tiny_tokenizer,
            **(arguments or {}),
        )

    return make


@pytest.fixture
def make_grpo_trainer(tmp_path: Path, tiny_tokenizer: Any, tiny_llama: Any) -> Callable[..., Any]:
    """``make_grpo_trainer(**settings) -> GRPOTrainer``, otherwise like ``make_trainer``."""

    def make(**settings: Any) -> Any:
        from trl import GRPOConfig, GRPOTrainer

        on_cpu = {"use_cpu": True, "bf16": False, "activation_checkpointing": False}
        return GRPOTrainer(
            tiny_llama(),
            low_byte_reward,
            GRPOConfig(str(tmp_path / "grpo"), **{**SETTINGS, **on_cpu, **settings}),
            train_dataset=make_dataset(),
            processing_class=tiny_tokenizer,
        )

    return make


@pytest.fixture
def rollout(tiny_tokenizer: Any) -> Callable[..., dict[str, Any]]:
    """``rollout(trainer, size=4)``: one scored batch, as the first micro-batch would see it."""

    def sample(trainer: Any, size: int = 4) -> dict[str, Any]:
        trainer.model.train()
        trainer.current_gradient_accumulation_steps = trainer.args.gradient_accumulation_steps
        rows = [{"prompt": PROMPTS[i // trainer.num_generations]} for i in range(size)]
        batch: dict[str, Any] = trainer._generate_and_score_completions(rows)
        return batch

    return sample
