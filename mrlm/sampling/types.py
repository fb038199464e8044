"""What passes between a sampler and whoever asks it: plain data, without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Completion", "SupportsGenerate"]


@dataclass
class Completion:
    """One sampled completion.

    Attributes:
        token_ids: Sampled token ids, the end-of-sequence token included where there is one.
        logprobs: Log-probability of each token under the sampling distribution before top-p.
        finished: Whether it ended by itself rather than at the length limit.
        values: Value of the state before each token, where a value head was given.
    """

    token_ids: list[int]
    logprobs: list[float]
    finished: bool
    values: list[float] | None = None


class SupportsGenerate(Protocol):
    """What samples: ``mrlm.sampling.generator.Generator``, or anything that answers like it."""

    def generate(
        self,
        prompt_ids: list[list[int]],
        *,
        max_new_tokens: int,
        num_generations: int = 1,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | None = None,
        progress: Callable[[int], None] | None = None,
        keep_cache: bool = False,
    ) -> list[Completion]:
        """Sample ``num_generations`` completions per prompt, those of one prompt adjacent.

        ``keep_cache`` is a hint: the next call's prompts go on from these completions.
        """
        ...
