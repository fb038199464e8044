"""What a setting needs and is not installed is told before any work."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import Any

import pytest

from mrlm.experiment import packages
from mrlm.experiment.packages import check_packages


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trackio and nothing else."""
    monkeypatch.setattr(packages, "get_available_reporting_integrations", lambda: ["trackio"])
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
