"""Packages that the trainer's settings ask for, looked for before any work.

TRL and transformers miss them when the trainer is made, which is after the first evaluation.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from transformers.integrations import get_available_reporting_integrations
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

__all__ = ["check_packages"]


def check_packages(config: Any) -> None:
    """Refuse settings of a trainer whose package is not installed.

    Raises:
        ValueError: Says which one, and how to install it or go without.
    """
    if getattr(config, "use_vllm", False) and importlib.util.find_spec("vllm") is None:
        raise ValueError(
            "use_vllm needs vLLM, which is not installed: pip install 'trl[vllm]' (it needs a GPU),"
            " or leave the option out."
        )
    available = get_available_reporting_integrations()
    for name in config.report_to or ():
        if name not in INTEGRATION_TO_CALLBACK:
            known = ", ".join(sorted(INTEGRATION_TO_CALLBACK))
            raise ValueError(f"report_to {name!r}: choose none, all, or some of {known}.")
        if name not in available:
            raise ValueError(
                f"report_to {name} needs a package that is not installed: pip install {name}, or "
                "leave the option out; a run's own figures are shown by `mrlm board`."
            )
