"""What is known of one rollout between its sampling and the batch that is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mrlm.sampling.types import Completion

__all__ = ["Rollout"]


@dataclass
class Rollout:
    """What is known of one rollout of B completions, from its sampling until its batch is made.

    Attributes:
        rows: Of the training set, one per completion; dynamic sampling puts others in their place.
        generator: Ours, with the policy's present weights; ``None`` where TRL's own samples.
        completions: What our sampler recorded of the last turn; empty where TRL's sampled.
        completion_ids: Token ids of each completion, tools' included.
        rewards: (N, F) of all processes' completions and all reward functions, NaN for ``None``.
        logps: (B, T) of the completion tokens under the policy that sampled them, where asked for.
        values: (B, T), where there is a value function.
    """

    rows: list[dict[str, Any]]
    generator: Any = None
    completions: list[Completion] = field(default_factory=list)
    completion_ids: list[list[int]] = field(default_factory=list)
    rewards: Tensor | None = None
    logps: Tensor | None = None
    values: Tensor | None = None
