"""What this project adds to TRL's trainers."""

from importlib import import_module
from typing import Any

_EXPORTS = {"GRPOConfig": "mrlm.trainers.grpo", "GRPOTrainer": "mrlm.trainers.grpo"}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'mrlm.trainers' has no attribute {name!r}")
