"""A run's results for people: one self-contained page, and the end of a terminal session.

Takes results only: the page is made from the JSON of a run folder, so ``mrlm report`` can make it
again at any time, with no model and no GPU.
"""

from mrlm.report.page import write_report
from mrlm.report.terminal import print_comparison, print_episode, print_evaluation

__all__ = ["print_comparison", "print_episode", "print_evaluation", "write_report"]
