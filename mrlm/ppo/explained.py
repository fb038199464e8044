"""How much of the returns the value function has foretold, apart for prompts and within answers.

A baseline lowers the variance of the policy gradient only where its explained variance is above
0; below, it is noise that moves the policy (https://arxiv.org/abs/2604.19485). The two parts of a
value are judged apart, because siblings do the first one's work and nothing does the second one's:
V of the prompt, and what V has learned since, ``V_t - V_0``. Both are judged on values that were
said when the tokens were sampled, before the update saw the rewards, and used from the next rollout
on: a decision that knew the rollout's own rewards would bias its gradient.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ExplainedVariance", "Trust"]

_DECAY = 0.9  # of what earlier rollouts tell: about the last ten count


class Trust(NamedTuple):
    """Which part of the values enters the advantages."""

    prompts: bool
    within: bool


class ExplainedVariance:
    """Shares of the returns' squares that values foretold, over about the last ten rollouts.

    Attributes:
        squares: (4,) float64: of the returns' distance from their mean, and from the prompt's
            value; of the advantages without what was learned within the answer, and with it.
    """

    def __init__(self) -> None:
        self.squares = torch.zeros(4, dtype=torch.float64)

    def add(self, squares: Tensor) -> None:
        """Count one more rollout, over all processes; shaped as ``squares``."""
        self.squares = self.squares * _DECAY + squares.to(self.squares)

    @property
    def prompts(self) -> float:
        """Share of the variance of single returns that the prompt's value explains.

        At best the share that lies between prompts. Below 0: worse than a constant; NaN: no
        differences yet.
        """
        return self._share(0)

    @property
    def within(self) -> float:
        """Share of the squared advantages that ``V_t - V_0`` takes away, a mean over tokens."""
        return self._share(2)

    @property
    def trust(self) -> Trust:
        """What is above 0."""
        return Trust(self.prompts > 0, self.within > 0)

    def _share(self, i: int) -> float:
        before, after = self.squares[i : i + 2].tolist()
        return 1 - after / before if before > 0 else math.nan
