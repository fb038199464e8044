"""Settings for a task that no recipe knows: by its tools and its worked solutions."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from trl import DPOConfig, SFTConfig

from mrlm.experiment.arguments import PolicyArguments, TaskArguments, WarmupArguments
from mrlm.experiment.settings import default_settings
from mrlm.ppo import PPOConfig
from mrlm.task import Task
from mrlm.tasks import TASKS
from mrlm.trainers import GRPOConfig


def known(*parts: Any) -> set[str]:
    return {field.name for part in parts for field in fields(part)}


ONLINE = known(PolicyArguments, PPOConfig)


def with_solutions(task: Task, solution: Any) -> Task:
    """Every row's; ``None``: there is no such column."""

    def build(size: int, seed: int, split: str) -> Any:
        rows = task.build_dataset(size, seed, split).remove_columns("solution")
        return rows if solution is None else rows.add_column("solution", [solution] * size)

    return replace(task, build_dataset=build)


@pytest.mark.parametrize("config", [PPOConfig, GRPOConfig])
def test_an_online_trainer(config: Any) -> None:
    found = default_settings(TASKS["math"], known(PolicyArguments, config))
    assert found["max_steps"] > 0 and found["num_generations"] > 1 and found["sft_rows"] > 0
    assert found["max_completion_length"] == found["eval_max_new_tokens"]
    assert "assistant_only_loss" not in found


def test_tools() -> None:
    found = default_settings(TASKS["tools"], ONLINE)
    text = default_settings(TASKS["math"], ONLINE)
    assert found["per_device_train_batch_size"] < text["per_device_train_batch_size"]
    assert found["max_completion_length"] >= 192


def test_sft_and_dpo() -> None:
    sft = default_settings(TASKS["tools"], known(TaskArguments, SFTConfig))
    assert sft["assistant_only_loss"] and sft["train_rows"] and "sft_rows" not in sft
    assert "assistant_only_loss" not in default_settings(TASKS["math"], known(SFTConfig))
    dpo = default_settings(TASKS["math"], known(WarmupArguments, DPOConfig))
    assert dpo["sft_rows"] and "learning_rate" not in dpo and "max_steps" not in dpo


@pytest.mark.parametrize(
    ("solution", "tokens"),
    [("7", 32), ("word " * 60, 128), ("word " * 5000, 512), ("日本語" * 100, 320)],
)
def test_completions_are_as_long_as_the_worked_solutions(solution: str, tokens: int) -> None:
    found = default_settings(with_solutions(TASKS["math"], solution), ONLINE)
    assert found["max_completion_length"] == tokens


@pytest.mark.parametrize("solution", [None, ""])
def test_without_worked_solutions_there_is_no_warm_up(solution: str | None) -> None:
    found = default_settings(with_solutions(TASKS["math"], solution), ONLINE)
    assert not any(name.startswith("sft_") for name in found)
    assert found["max_completion_length"] == 128


def test_only_what_the_recipe_has() -> None:
    assert default_settings(TASKS["math"], {"eval_rows", "other"}) == {"eval_rows": 200}
