"""What ``PPOConfig`` sets, and what it refuses with a message that says what to do instead."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from trl import GRPOConfig

from mrlm.hardware import has_fast_bf16
from mrlm.ppo import PPOConfig


def config(tmp_path: Path, **settings: Any) -> PPOConfig:
    return PPOConfig(output_dir=str(tmp_path), report_to="none", **settings)


def test_one_generation_is_allowed_and_stays_divisible(tmp_path: Path) -> None:
    assert config(tmp_path).num_generations == 1
    assert config(tmp_path, num_generations=4).num_generations == 4
    with pytest.raises(ValueError, match="divisible by num_generations"):
        config(tmp_path, num_generations=3, per_device_train_batch_size=4)


def test_canary_grpo_still_refuses_one_generation(tmp_path: Path) -> None:
    """If this fails, TRL allows one generation: `_OneGeneration` can go."""
    with pytest.raises(ValueError, match="at least 2 generations"):
        GRPOConfig(output_dir=str(tmp_path), num_generations=1, use_cpu=True, bf16=False)


def test_canary_grpo_still_counts_epochs_in_num_iterations() -> None:
    assert "num_iterations" in {f.name for f in dataclasses.fields(GRPOConfig)}


@pytest.mark.skipif(torch.accelerator.is_available(), reason="says what happens without one")
def test_cpu_needs_no_flags(tmp_path: Path) -> None:
    made = config(tmp_path)
    fast = has_fast_bf16(torch.device("cpu"))
    assert (made.use_cpu, made.bf16, made.gradient_checkpointing) == (True, fast, False)
    assert config(tmp_path, bf16=True).bf16
    assert config(tmp_path, activation_checkpointing=True).gradient_checkpointing


def test_epochs_set_trls_iterations(tmp_path: Path) -> None:
    made = config(tmp_path, num_ppo_epochs=3, steps_per_generation=4)
    assert made.num_iterations == 3
    assert made.rollout_window == 12


def test_every_field_has_help() -> None:
    missing = [f.name for f in dataclasses.fields(PPOConfig) if not f.metadata.get("help")]
    assert missing == []


def test_command_line_help_renders(capsys: pytest.CaptureFixture[str]) -> None:
    from trl import TrlParser

    with pytest.raises(SystemExit):
        TrlParser(PPOConfig).parse_args_and_config(["--help"])
    assert "--lam_critic" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": 1.1}, "gamma=1.1: must be between 0 and 1"),
        ({"lam": -0.1}, "lam=-0.1"),
        ({"lam_critic": 2}, "lam_critic=2"),
        ({"vf_coef": -1.0}, "vf_coef=-1.0: must be 0 or more"),
        ({"value_learning_rate": float("nan")}, "value_learning_rate=nan"),
        ({"num_ppo_epochs": 0}, "num_ppo_epochs=0: must be 1 or more"),
        ({"num_generations": 0}, "num_generations=0: must be 1 or more"),
        ({"value_warmup_steps": -1}, "value_warmup_steps=-1"),
        ({"cliprange_value": 0.0}, "leave it unset for no value clipping"),
        ({"kl_estimator": "k9"}, "choose one of k1, k2, k3"),
        ({"kl_in_reward": True}, "beta=0: the KL would have no weight"),
        ({"num_iterations": 4}, "PPO's name for it is num_ppo_epochs"),
        ({"scale_rewards": "group"}, "Leave it at 'none'"),
        ({"scale_rewards": True}, "Leave it at 'none'"),
        ({"multi_objective_aggregation": "normalize_then_sum"}, "sum_then_normalize"),
        ({"loss_type": "vespo"}, "'dapo', the mean over tokens"),
        ({"loss_type": "luspo"}, "Choose one of dapo"),
        ({"importance_sampling_level": "sequence"}, "Leave it at 'token'"),
        ({"off_policy_mask_threshold": 0.1}, "Leave it unset"),
        ({"sync_ref_model": True, "beta": 0.1}, "Set sync_ref_model=False"),
        (
            {
                "save_strategy": "best",
                "metric_for_best_model": "reward",
                "eval_strategy": "steps",
                "eval_steps": 3,
                "num_ppo_epochs": 2,
            },
            "One rollout lasts 2 optimizer steps",
        ),
    ],
)
def test_refusals(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(tmp_path, **settings)
