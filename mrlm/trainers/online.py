"""The CPU's fast path for TRL's online trainers: sampling, and forward passes without padding.

A mixin for ``trl.GRPOTrainer`` and its subclasses. On a CPU it samples with ``Generator`` and runs
the policy, the reference model and a critic packed (``mrlm.trainers.packing``); results are those
of TRL's own path up to rounding. Everywhere else, and where the model or a setting is not covered,
TRL's path stays: other devices, vLLM, FSDP and DeepSpeed, multimodal models, sampling options other
than temperature and top-p.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import torch
from accelerate.utils import is_peft_model
from torch import Tensor
from trl.trainer.grpo_trainer import GRPOTrainer as TRLGRPOTrainer
from trl.trainer.utils import split_tensor_dict

from mrlm.sampling.generator import Generator
from mrlm.sampling.types import Completion, SamplingParams
from mrlm.trainers.packing import ATTENTION, Packed, can_pack


class FastCPUMixin(TRLGRPOTrainer):
    """Overrides how ``GRPOTrainer`` samples and how a subclass runs models over completions."""

    args: Any
    model: Any
    max_completion_length: int
    _buffered_inputs: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._generator: Generator | None = None
        self._synced_step = -1
        self._sampled: list[Completion] = []
        for model in (self._causal_model(), self.ref_model):
            self._allow_packing(model)

    def _is_fast(self) -> bool:
        """Whether this trainer, on this machine, with these settings, can take the fast path."""
        args, config = self.args, self.generation_config
        return bool(
            self.accelerator.device.type == "cpu"
            and not self.use_vllm
            and not self.use_transformers_continuous_batching
            and not self.is_fsdp_enabled
            and not self.is_deepspeed_enabled
            and not self._is_vlm
            and not args.generation_kwargs
            and config.top_k in (None, 0)
            and config.min_p in (None, 0)
            and config.repetition_penalty in (None, 1.0)
        )

    def _allow_packing(self, model: Any) -> None:
        if model is not None and self._is_fast() and can_pack(model):
            model.set_attn_implementation(ATTENTION)

    def _causal_model(self) -> Any:
        """The causal language model inside DDP and PEFT wrappers."""
        model = self.accelerator.unwrap_model(self.model)
        return model.get_base_model() if is_peft_model(model) else model

    # ------------------------------------------------------------------ sampling

    def synced_generator(self) -> Generator | None:
        """The sampler with the policy's present weights; ``None`` off the fast path."""
        if not self._is_fast():
            return None
        model = self.accelerator.unwrap_model(self.model)
        if self._generator is None:
            # In the precision that training computes in, so that both see the same policy.
            dtype = torch.bfloat16 if self.args.bf16 else self._causal_model().dtype
            self._generator = Generator(model, self._tokenizer, dtype=dtype)
        elif self._synced_step != self.state.global_step:
            self._generator.sync(model)
        self._synced_step = self.state.global_step
        return self._generator

    def _generate_single_turn(
        self,
        prompt_ids: list[list[int]],
        images: Any,
        multimodal_fields: Any,
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], None]:
        generator = self.synced_generator()
        if generator is None:
            return super()._generate_single_turn(  # type: ignore[no-any-return,no-untyped-call]
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
        causal = self._causal_model()
        # TRL repeats each prompt; its tokens need to be read only once.
        runs = [(prompt, len(list(rows))) for prompt, rows in groupby(prompt_ids)]
        repeats = runs[0][1] if len({count for _, count in runs}) == 1 else 1
        self._sampled = generator.generate(
            [prompt for prompt, _ in runs] if repeats > 1 else prompt_ids,
            SamplingParams(self.max_completion_length, repeats, self.temperature, self.top_p),
            # A critic reads other hidden states than the sampler's.
            value_head=None if hasattr(causal, "critic") else getattr(causal, "value_head", None),
            keep_cache=bool(self.tools),
        )
        return [completion.token_ids for completion in self._sampled], None

    # ------------------------------------------------------------------ forward passes

    def _packed(self, model: Any) -> Any:
        """``model``, or where it can be packed, a stand-in that gives the same output faster."""
        inner = self.accelerator.unwrap_model(model)
        inner = inner.get_base_model() if is_peft_model(inner) else inner
        backbones = [inner.base_model]
        if hasattr(inner, "critic"):
            backbones.append(inner.critic)
        if any(backbone.config._attn_implementation != ATTENTION for backbone in backbones):
            return model
        return Packed(model, backbones)

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        before = self._buffered_inputs
        inputs: dict[str, Any] = super()._prepare_inputs(generation_batch)
        fresh = self.model.training and self._buffered_inputs is not before
        if not fresh or not self._is_fast():
            return inputs
        # TRL has shuffled the rows; bring the completions of a prompt together again, so that a
        # micro-batch runs the prompt once. The groups stay shuffled.
        parts = self._buffered_inputs
        batch = {
            name: torch.cat([part[name] for part in parts]) if tensor.ndim else tensor
            for name, tensor in parts[0].items()
        }
        order = _grouped_order(batch["prompt_ids"])
        batch = {name: x[order] if x.ndim else x for name, x in batch.items()}
        self._buffered_inputs = split_tensor_dict(batch, len(parts))
        chosen: dict[str, Any] = self._buffered_inputs[self._step % len(parts)]
        return chosen


def _grouped_order(prompt_ids: Tensor) -> Tensor:
    """An order of the rows (B,) that keeps equal prompts together, the prompts shuffled."""
    group = prompt_ids.unique(dim=0, return_inverse=True)[1]
    shuffled = torch.randperm(int(group.max()) + 1, device=group.device)
    return shuffled[group].argsort(stable=True)
