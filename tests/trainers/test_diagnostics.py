"""Each reason why a run cannot learn is named once, and a run that learns is left alone."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
from peft import LoraConfig
from transformers import TrainerControl, TrainerState

from mrlm.trainers.diagnostics import DiagnosticsCallback

Make = Callable[..., Any]

HEALTHY = {
    "reward": 0.4,
    "reward_std": 0.3,
    "frac_reward_zero_std": 0.2,
    "completions/clipped_ratio": 0.5,
    "completions/max_length": 40.0,
    "frac_unscorable": 0.0,
    "entropy": 0.8,
    "grad_norm": 1.0,
}


def feed(callback: DiagnosticsCallback, *logs: dict[str, Any]) -> list[str]:
    for step, log in enumerate(logs):
        state = TrainerState(global_step=step + 1, is_world_process_zero=True)
        callback.on_log(None, state, TrainerControl(), logs=log)
    return [finding.name for finding in callback.findings]


@pytest.mark.parametrize(
    ("symptom", "name", "advice"),
    [
        ({"reward": 0.0, "reward_std": 0.0}, "equal_rewards", "fix the reward"),
        ({"frac_reward_zero_std": 1.0}, "equal_rewards", "raise num_generations"),
        ({"completions/clipped_ratio": 1.0}, "all_truncated", "Raise max_completion_length"),
        ({"frac_unscorable": 0.6}, "unscorable", "check that the data set has the columns"),
        ({"entropy": 0.001}, "entropy_collapsed", "lower learning_rate"),
    ],
)
def test_named_once_after_several_logs_in_a_row(
    symptom: dict[str, float], name: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    callback = DiagnosticsCallback()
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        assert feed(callback, *[HEALTHY | symptom] * 4, HEALTHY, *[HEALTHY | symptom] * 4) == []
        assert feed(callback, *[HEALTHY | symptom] * 20) == [name]
    assert advice in callback.findings[0].message
    assert caplog.text.count(advice) == 1


def test_logs_between_two_rollouts_do_not_clear_a_symptom() -> None:
    sick = HEALTHY | {"reward_std": 0.0}
    update_only = {"entropy": 0.8, "grad_norm": 1.0}
    assert feed(DiagnosticsCallback(), *[sick, update_only] * 5) == ["equal_rewards"]


def test_undefined_gradient_is_named_at_once() -> None:
    assert feed(DiagnosticsCallback(), {"grad_norm": math.nan}) == ["gradient_not_finite"]


def test_a_run_that_learns_is_left_alone() -> None:
    nothing = dict.fromkeys(HEALTHY)
    assert feed(DiagnosticsCallback(), *[HEALTHY] * 20, *[nothing] * 20, *[{}] * 20) == []


def constant(completions: list[str], **kwargs: Any) -> list[float]:
    return [0.1] * len(completions)


def test_ppo_run_without_a_signal(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    lora = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    # One token: with more, the value function's own errors make advantages differ.
    trainer = make_trainer(
        reward_funcs=constant,
        max_steps=6,
        max_completion_length=1,
        value_learning_rate=0.0,
        arguments={"peft_config": lora},
    )
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        trainer.train()
    names = [finding.name for finding in trainer.diagnostics]
    assert {"equal_rewards", "lora_not_moving"} <= set(names)
    assert len(names) == len(set(names))
    assert caplog.text.count("every LoRA B matrix is still zero") == 1


def test_lora_that_moves_is_left_alone(make_trainer: Make) -> None:
    lora = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    trainer = make_trainer(max_steps=6, warmup_steps=3, arguments={"peft_config": lora})
    trainer.train()
    assert "lora_not_moving" not in [finding.name for finding in trainer.diagnostics]


def test_grpo_can_use_it_too(make_grpo_trainer: Make) -> None:
    callback = DiagnosticsCallback()
    trainer = make_grpo_trainer(num_generations=2, max_steps=6)
    trainer.reward_funcs = [constant]
    trainer.add_callback(callback)
    trainer.train()
    assert "equal_rewards" in [finding.name for finding in callback.findings]
