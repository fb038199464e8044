"""A run's results for people: a self-contained page, a model card, the end of a session.

Takes results only: page and card are made from the JSON of a run folder, so ``mrlm report`` can
make them again at any time, with no model and no GPU.
"""

from mrlm.report.model_card import write_model_card
from mrlm.report.page import write_report
from mrlm.report.terminal import print_comparison, print_episode, print_evaluation

__all__ = [
    "print_comparison",
    "print_episode",
    "print_evaluation",
    "write_model_card",
    "write_report",
]
