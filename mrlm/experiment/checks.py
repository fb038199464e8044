"""What a run is refused for before any work: numbers out of range, packages that are missing.

TRL, transformers and PEFT find most of it when the trainer is made or takes its first step, which
is after a first evaluation, and some of it as a division by zero.

Not covered: what depends on the model or the rows, and combinations that TRL's own settings check.
"""

from __future__ import annotations

import importlib.util
import math
from typing import Any

from transformers.integrations.integration_utils import (
    INTEGRATION_TO_CALLBACK,
    get_available_reporting_integrations,
)

__all__ = ["check_numbers", "check_packages"]

# The least value of each setting, wherever a recipe has one of this name.
_AT_LEAST = {
    "eval_max_new_tokens": 1,
    "eval_rows": 1,
    "gradient_accumulation_steps": 1,
    "lora_r": 1,
    "max_completion_length": 1,
    "max_length": 1,
    "num_generations": 1,
    "pairs_per_row": 1,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "sft_batch_size": 1,
    "steps_per_generation": 1,
    "train_rows": 1,
    "benchmark_max_new_tokens": 0,
    "benchmark_rows": 0,
    "learning_rate": 0,
    "live_eval_rows": 0,
    "lora_dropout": 0,
    "max_grad_norm": 0,
    "sample_every": 0,
    "seed": 0,
    "sft_learning_rate": 0,
    "sft_rows": 0,
    "sft_warmup_steps": 0,
    "warmup_steps": 0,
    "weight_decay": 0,
}
_ABOVE_0 = ("logging_steps", "num_train_epochs", "save_steps", "temperature", "top_p")
_AT_MOST = {"lora_dropout": 1, "top_p": 1}


def check_numbers(*parts: Any) -> None:
    """Refuse numbers that no run can have, in any of a recipe's dataclasses.

    Raises:
        ValueError: Says which setting, what came and what is allowed.
    """
    for part in parts:
        for name, value in vars(part).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                _check_number(name, value)


def _check_number(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; it must be a finite number.")
    least, most = _AT_LEAST.get(name), _AT_MOST.get(name)
    if least is not None and value < least:
        allowed = f"{least} or more" if least == 0 else f"at least {least}"
    elif name in _ABOVE_0 and value <= 0:
        allowed = "above 0"
    elif name == "max_steps" and value < 1 and value != -1:
        allowed = "at least 1, or left out to train for num_train_epochs"
    elif most is not None and value > most:
        allowed = f"at most {most}"
    else:
        return
    raise ValueError(f"{name} is {value}; it must be {allowed}.")


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
