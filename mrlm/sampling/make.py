"""Choose what samples from a model: a copy where that gives the model's own results, or itself.

Not covered: a model that changes its shape between two calls of ``sync``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from mrlm.errors import ModelError
from mrlm.sampling.coverage import lost_virtual_tokens, why_not_covered
from mrlm.sampling.generator import Generator
from mrlm.sampling.model_generator import ModelGenerator
from mrlm.sampling.types import Completion, SamplingParams

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["make_generator"]

_logger = logging.getLogger(__name__)


def make_generator(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | None = None,
) -> Generator | ModelGenerator:
    """What samples from a model in its own distribution, as fast as that goes.

    A ``Generator`` where the model, its adapter and its generation config are covered and a probe
    finds the model's own log-probabilities; it is probed again when it first takes over weights.
    Else a ``ModelGenerator``, with a warning, and the reason in ``fallback_reason``.

    Args:
        model: Causal language model, with or without PEFT adapters.
        tokenizer: Gives the end-of-sequence and padding tokens.
        dtype: Of a copy. Default: bf16 where that is fast, else the model's.
        device: Where a copy samples. Default: where the model is.

    Raises:
        ModelError: Nothing here samples what the model is.
    """
    if lost := lost_virtual_tokens(model):
        raise ModelError(lost)
    reason = why_not_covered(model)
    if reason is None:
        try:
            generator = _CheckedGenerator(model, tokenizer, dtype, device)
            reason = generator.check(model)
        except ModelError as error:
            reason = str(error)
        else:
            if reason is None:
                return generator
            del generator  # its copy, before the model samples
    return _fall_back(model, tokenizer, reason)


def _fall_back(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, reason: str
) -> ModelGenerator:
    _logger.warning(
        "Sampling with the model's own generate, several times slower on a CPU, because the fast "
        "sampler does not cover it: %s.",
        reason,
    )
    return ModelGenerator(model, tokenizer, fallback_reason=reason)


class _CheckedGenerator(Generator):
    """A ``Generator`` that looks once more when the first weights were trained.

    An adapter that is not merged rightly shows no difference before it has learned something.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype | None,
        device: torch.device | None,
    ) -> None:
        self._syncs = 0
        self._substitute: ModelGenerator | None = None
        super().__init__(model, tokenizer, dtype, device=device)
        self._tokenizer = tokenizer

    def sync(self, model: PreTrainedModel) -> None:
        """Take over the model's present weights; call after each optimizer step."""
        if self._substitute is not None:
            self._substitute.sync(model)
            return
        super().sync(model)
        self._syncs += 1
        if self._syncs == 2:  # the first was the copy's making
            self.fallback_reason = self.check(model)
            if self.fallback_reason is not None:
                self._substitute = _fall_back(model, self._tokenizer, self.fallback_reason)

    def generate(
        self, prompt_ids: list[list[int]], params: SamplingParams, **more: Any
    ) -> list[Completion]:
        """As ``Generator.generate``, or the model's own after a check that failed."""
        sampler: Any = super() if self._substitute is None else self._substitute
        completions: list[Completion] = sampler.generate(prompt_ids, params, **more)
        return completions
