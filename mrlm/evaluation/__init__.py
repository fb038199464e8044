"""Evaluate a model on held-out rows, and say whether it got better.

Names are loaded when they are first used: whoever needs one part does not wait for the others.
"""

from importlib import import_module
from typing import Any

_EXPORTS = {
    "Comparison": "mrlm.evaluation.comparison",
    "EvalSettings": "mrlm.evaluation.evaluation",
    "Evaluation": "mrlm.evaluation.evaluation",
    "PairedDifference": "mrlm.evaluation.comparison",
    "Summary": "mrlm.evaluation.summary",
    "compare": "mrlm.evaluation.comparison",
    "compare_scores": "mrlm.evaluation.comparison",
    "evaluate": "mrlm.evaluation.evaluation",
    "paired_difference": "mrlm.evaluation.comparison",
    "summarize": "mrlm.evaluation.summary",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'mrlm.evaluation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
