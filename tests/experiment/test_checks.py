"""Numbers out of range and packages that are missing are told before any work."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest

from mrlm.experiment import checks
from mrlm.experiment.checks import check_numbers, check_packages


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trackio and nothing else."""
    monkeypatch.setattr(checks, "get_available_reporting_integrations", lambda: ["trackio"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"report_to": ["trackio", "wandb"]}, "report_to wandb needs a package .* install wandb"),
        ({"report_to": ["wandd"]}, "report_to 'wandd': choose none, all, or some of .*trackio, wa"),
        ({"report_to": [], "use_vllm": True}, "use_vllm needs vLLM, which is not installed"),
    ],
)
def test_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_packages(SimpleNamespace(**settings))


def test_taken() -> None:
    for settings in ({"report_to": []}, {"report_to": ["trackio"], "use_vllm": False}):
        check_packages(SimpleNamespace(**settings))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("per_device_train_batch_size", 0, "at least 1"),
        ("gradient_accumulation_steps", -1, "at least 1"),
        ("max_steps", 0, "at least 1, or left out"),
        ("max_steps", -2, "at least 1, or left out"),
        ("sft_rows", -1, "0 or more"),
        ("logging_steps", 0, "above 0"),
        ("temperature", 0.0, "above 0"),
        ("top_p", 1.5, "at most 1"),
        ("lora_r", 0, "at least 1"),
        ("learning_rate", float("nan"), "a finite number"),
    ],
)
def test_a_number_out_of_range(name: str, value: float, allowed: str) -> None:
    fine = SimpleNamespace(learning_rate=0.1)
    with pytest.raises(ValueError, match=f"^{name} is {value}; it must be {allowed}"):
        check_numbers(fine, SimpleNamespace(**{name: value}))


def test_numbers_in_range() -> None:
    check_numbers(
        SimpleNamespace(max_steps=-1, top_p=1, sft_rows=0, learning_rate=0.0, beta=-3, seed=None),
        SimpleNamespace(use_cpu=False, per_device_train_batch_size=1, output_dir="runs"),
    )
