"""What samples for an online trainer on a CPU, in the place of the model's own ``generate``.

``CPUSampler`` holds a ``Generator`` as TRL's trainer holds its ``VLLMGeneration``: it is given the
policy's weights before each rollout. Where ``Generator`` would not sample what the model itself
does (``mrlm.sampling.coverage``, and its own check), TRL's path is taken, and a note says why.

Not covered: accelerators, vLLM, FSDP, DeepSpeed, multimodal models, and sampling options other than
temperature and top-p, which stay TRL's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from transformers import GenerationMixin

from mrlm.errors import ModelError
from mrlm.sampling.types import Completion, SamplingParams
from mrlm.trainers import trl_internals

if TYPE_CHECKING:
    from transformers import GenerationConfig

__all__ = ["CPUSampler"]

_GENERATE = GenerationMixin.generate
# Sampling options of TRL's, and the values with which they do nothing.
_OFF: dict[str, tuple[Any, ...]] = {
    "top_k": (None, 0),
    "min_p": (None, 0),
    "repetition_penalty": (None, 1.0),
}


class CPUSampler:
    """Samples for a trainer as its policy would, several times faster on a CPU.

    Args:
        trainer: An ``OnlineTrainer``.
        note: Told why TRL's own path is taken on a CPU.

    Attributes:
        is_used: Whether this samples, as of the last ``synced``.
        generator: Holds a copy of the policy; made when it is first needed.
    """

    def __init__(self, trainer: Any, note: Callable[[str], None]) -> None:
        self._trainer, self._note = trainer, note
        self._failed: str | None = None
        self._next_check = 1
        self.generator: Any = None
        self.is_used = self._can_be_used()

    def synced(self) -> Any:
        """The ``Generator`` with the policy's present weights; ``None`` where TRL's own samples.

        Whatever changed the weights since the last time, they are copied. The copy is compared with
        the policy when it is made, and when 1, 8, 64 ... steps were trained: an adapter that is
        copied wrongly shows nothing before it has learned something, and warm-ups delay that.
        """
        self.is_used = self._can_be_used()
        if not self.is_used:
            return None
        trainer, step = self._trainer, self._trainer.state.global_step
        model = trainer.accelerator.unwrap_model(trainer.model)
        try:
            is_new = self.generator is None
            if is_new:
                self.generator = self._copy(model)
            else:
                self.generator.sync(model)
            if is_new or step >= self._next_check:
                self._next_check = max(1, 8 * step)
                self._failed = self.generator.check(model)
        except ModelError as error:
            self._failed = str(error)
        if self._failed is not None:
            self.generator = None
            self.is_used = self._can_be_used()
        return self.generator

    def _copy(self, model: Any) -> Any:
        from mrlm.sampling.generator import Generator

        # In the precision that training computes in, so that both see the same policy.
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        dtype = torch.bfloat16 if self._trainer.args.bf16 else base.dtype
        return Generator(model, self._trainer._tokenizer, dtype=dtype)

    def generate(
        self, generator: Any, prompt_ids: list[list[int]], value_head: Any
    ) -> list[Completion]:
        """One completion of each prompt, as the trainer's settings say.

        Args:
            generator: What ``synced`` gave.
            prompt_ids: Without padding; those that are equal and adjacent are read only once.
            value_head: ``(B, H) -> (B,)``, for ``Completion.values``; or ``None``.
        """
        trainer = self._trainer
        runs = [(prompt, len(list(rows))) for prompt, rows in groupby(prompt_ids)]
        repeats = runs[0][1] if len({count for _, count in runs}) == 1 else 1
        completions: list[Completion] = generator.generate(
            [prompt for prompt, _ in runs] if repeats > 1 else prompt_ids,
            SamplingParams(
                trainer.max_completion_length, repeats, trainer.temperature, trainer.top_p
            ),
            value_head=value_head,
            keep_cache=bool(trainer.tools),
        )
        return completions

    def _can_be_used(self) -> bool:
        trainer = self._trainer
        if (
            trainer.accelerator.device.type != "cpu"
            or trainer.use_vllm
            or trainer.use_transformers_continuous_batching
            or trainer.is_fsdp_enabled
            or trainer.is_deepspeed_enabled
        ):
            return False
        reason = self._failed or self._why_not()
        if reason is not None:
            self._note(f"TRL's own generate samples, several times slower on a CPU: {reason}")
        return reason is None

    def _why_not(self) -> str | None:
        """What would be sampled otherwise than by the model itself; ``None``: nothing."""
        trainer = self._trainer
        changes = trl_internals.missing("cpu_sampler", trainer)
        if changes:
            return "; ".join(changes)
        from mrlm.sampling.coverage import why_not_covered

        if trainer._is_vlm:
            return "the model is multimodal"
        if trainer.args.generation_kwargs:
            return f"generation_kwargs={trainer.args.generation_kwargs}"
        model = trainer.accelerator.unwrap_model(trainer.model)
        if _has_own_generate(model):
            return "the model brings a generate of its own"
        config = _sampling_config(trainer.generation_config, model)
        for name, values in _OFF.items():
            if getattr(config, name) not in values:
                return f"{name}={getattr(config, name)}"
        return why_not_covered(model, config)


def _has_own_generate(model: Any) -> bool:
    """Whether somebody has put another ``generate`` in the place of transformers'."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return (
        "generate" in vars(model)
        or "generate" in vars(base)
        or type(base).generate is not _GENERATE
    )


def _sampling_config(generation_config: GenerationConfig, model: Any) -> GenerationConfig:
    """What ``generate`` makes of TRL's settings: where they are silent, the model's own hold."""
    config = copy.deepcopy(generation_config)
    config.update(
        defaults_only=True, allow_custom_entries=True, **model.generation_config.to_dict()
    )
    return config
