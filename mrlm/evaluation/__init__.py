"""Evaluate a model on held-out rows, and say whether it got better.

Names are loaded when they are first used: whoever needs one part does not wait for the others.
"""

from mrlm.lazy import lazy_names

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


__getattr__ = lazy_names(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
