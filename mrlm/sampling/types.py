"""What passes between a sampler and whoever asks it: plain data, without torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Protocol

__all__ = ["Completion", "SamplingParams", "SupportsGenerate"]


@dataclass(frozen=True)
class SamplingParams:
    """How completions are sampled; ``dataclasses.replace`` changes a part.

    Attributes:
        max_new_tokens: Where a completion is cut; in an episode with tools their results count too.
        num_generations: Completions per prompt.
        temperature: Of the softmax; 0 is greedy.
        top_p: Nucleus to sample from (https://arxiv.org/abs/1904.09751); 1 keeps all tokens.
        seed: Of the sampling noise; ``None`` leaves the choice to whoever samples.

    Raises:
        ValueError: A setting is out of range, or several greedy completions are asked for.
    """

    max_new_tokens: int
    num_generations: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "num_generations"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be at least 1, a whole number, got {value!r}")
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1:
            raise ValueError(
                "temperature must be at least 0 and top_p in (0, 1], "
                f"got {self.temperature} and {self.top_p}"
            )
        if self.num_generations > 1 and self.temperature == 0:
            raise ValueError(
                f"{self.num_generations} greedy samples of a row are the same: "
                "set temperature above 0 or num_generations to 1"
            )
        if self.seed is not None and not isinstance(self.seed, Integral):
            raise ValueError(f"seed must be a whole number or None, got {self.seed!r}")


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
        params: SamplingParams,
        *,
        progress: Callable[[int], None] | None = None,
        keep_cache: bool = False,
    ) -> list[Completion]:
        """Sample ``params.num_generations`` completions per prompt, those of one prompt adjacent.

        ``keep_cache`` is a hint: the next call's prompts go on from these completions.
        """
        ...
