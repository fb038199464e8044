"""What samples for an online trainer in the place of the model's own ``generate``.

On a CPU it does so by default; on a GPU where ``sampler="mrlm"`` asks for it, in buffers of fixed
shapes and by CUDA graphs (``mrlm.sampling.static_decoder``). ``PolicySampler`` holds a
``Generator`` as TRL's trainer holds its ``VLLMGeneration``: it is given the policy's weights before
each rollout. Where ``Generator`` would not sample what the model itself does
(``mrlm.sampling.coverage``, and its own check), TRL's path is taken, and a note says why.

Not covered: other accelerators than CUDA's, vLLM, FSDP, DeepSpeed, multimodal models, and sampling
options other than temperature and top-p, which stay TRL's. Not run on a GPU by us.
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

__all__ = ["SAMPLERS", "PolicySampler", "check_sampler"]

SAMPLERS = ("auto", "mrlm", "trl")
_GENERATE = GenerationMixin.generate
# Sampling options of TRL's, and the values with which they do nothing.
_OFF: dict[str, tuple[Any, ...]] = {
    "top_k": (None, 0),
    "min_p": (None, 0),
    "repetition_penalty": (None, 1.0),
}


def check_sampler(args: Any) -> None:
    """Refuse a ``sampler`` that does not exist, or that something else would overrule.

    Raises:
        ValueError: As said.
    """
    if args.sampler not in SAMPLERS:
        raise ValueError(f"sampler={args.sampler!r}: choose one of {', '.join(SAMPLERS)}.")
    for other in ("use_vllm", "use_transformers_continuous_batching"):
        if args.sampler == "mrlm" and getattr(args, other, False):
            raise ValueError(
                f"sampler='mrlm' with {other}=True: only one of them can sample. Leave sampler at "
                f"'auto' for the second, or set {other}=False."
            )


class PolicySampler:
    """Samples for a trainer as its policy would, several times faster on a CPU.

    Args:
        trainer: An ``OnlineTrainer``.
        note: Told why TRL's own path is taken where this one could have been expected.

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
        if self._device == "cpu":
            return Generator(model, self._trainer._tokenizer, dtype=dtype)
        # Its buffers stay, so they are no larger than a rollout needs.
        rows = self._trainer.args.generation_batch_size // self._trainer.args.world_size
        tokenizer = self._trainer._tokenizer
        return Generator(model, tokenizer, dtype=dtype, max_rows=rows, static_cache=True)

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
        failure = getattr(getattr(generator, "decoder", None), "failure", None)
        if failure is not None:
            self._note(f"Tokens are decoded without a CUDA graph, several times slower: {failure}")
        return completions

    @property
    def _device(self) -> str:
        return str(self._trainer.accelerator.device.type)

    def _can_be_used(self) -> bool:
        trainer = self._trainer
        choice = getattr(trainer.args, "sampler", "auto")  # TRL's own config has no such field
        if (
            choice == "trl"
            or (choice == "auto" and self._device != "cpu")
            or trainer.use_vllm
            or trainer.use_transformers_continuous_batching
        ):
            return False
        reason = self._failed
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
            if choice == "auto":
                return False
            reason = "FSDP and DeepSpeed are not covered"
        elif self._device not in ("cpu", "cuda"):
            reason = f"{self._device} is not covered"
        reason = reason or self._why_not()
        if reason is not None:
            cost = "several times slower on a CPU" if self._device == "cpu" else "not mrlm's"
            self._note(f"TRL's own generate samples, {cost}: {reason}")
        return reason is None

    def _why_not(self) -> str | None:
        """What would be sampled otherwise than by the model itself; ``None``: nothing."""
        trainer = self._trainer
        changes = trl_internals.missing("policy_sampler", trainer)
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
