"""mrlm: make a language model measurably better at a task, from a laptop to a cluster.

Public names are loaded when they are first used, so that ``import mrlm`` does not import torch.
"""

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
    if name != "__version__":
        return _load(name)
    # Not above: what it brings along would be in memory, and copied, in every sandboxed process.
    from importlib import metadata

    return metadata.version("mrlm")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
