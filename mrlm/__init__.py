"""mrlm: make a language model measurably better at a task, from a laptop to a cluster.

Public names are loaded when they are first used, so that ``import mrlm`` does not import torch.
"""

from importlib import import_module
from typing import Any

_EXPORTS = {
    "DatasetError": "mrlm.errors",
    "ModelError": "mrlm.errors",
    "MrlmError": "mrlm.errors",
    "PPOConfig": "mrlm.ppo",
    "PPOTrainer": "mrlm.ppo",
    "Task": "mrlm.task",
}

__all__ = sorted(_EXPORTS)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'mrlm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
