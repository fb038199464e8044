"""mrlm: make a language model measurably better at a task, from a laptop to a cluster.

Public names are loaded when they are first used, so that ``import mrlm`` does not import torch.
"""

from importlib import metadata
from typing import Any

from mrlm.lazy import lazy_names

_EXPORTS = {
    "Comparison": "mrlm.evaluation.comparison",
    "DatasetError": "mrlm.errors",
    "Evaluation": "mrlm.evaluation.evaluation",
    "GRPOTrainer": "mrlm.trainers.grpo",
    "ModelError": "mrlm.errors",
    "MrlmError": "mrlm.errors",
    "PPOConfig": "mrlm.ppo",
    "PPOTrainer": "mrlm.ppo",
    "RunFolder": "mrlm.runs.folder",
    "SamplingParams": "mrlm.sampling.types",
    "TASKS": "mrlm.tasks",
    "Task": "mrlm.task",
    "compare": "mrlm.evaluation.comparison",
    "evaluate": "mrlm.evaluation.evaluation",
    "load_model": "mrlm.models.loading",
    "load_tokenizer": "mrlm.models.loading",
    "make_task": "mrlm.tasks",
    "print_comparison": "mrlm.report",
    "write_report": "mrlm.report",
}

__all__ = sorted(_EXPORTS)
_load = lazy_names(__name__, _EXPORTS)


def __getattr__(name: str) -> Any:
    return metadata.version("mrlm") if name == "__version__" else _load(name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
