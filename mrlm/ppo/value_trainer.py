"""An ``OnlineTrainer`` whose policy carries a value function: read, optimised, clipped, saved.

The value function lies inside the policy's module (``mrlm.ppo.value``). It has an optimizer group
and a gradient clip of its own, and a file of its own in checkpoints, since it is no part of the
exported model. What it learns, and what is learned from it, is in ``mrlm.ppo.trainer``.

Not covered: DeepSpeed ZeRO-3, which ``PPOConfig`` refuses.
"""

from __future__ import annotations

from typing import Any

import torch
from accelerate.utils import is_peft_model
from torch import Tensor, nn
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import pad

from mrlm.ppo.checkpoint import load_value_state, save_value_state, value_state
from mrlm.ppo.explained import ExplainedVariance
from mrlm.ppo.value import (
    Recorder,
    attach_value_function,
    present,
    value_modules,
    value_parameter_groups,
    without_value_function,
)
from mrlm.trainers import trl_internals
from mrlm.trainers.online import OnlineTrainer
from mrlm.trainers.rollout import Rollout

__all__ = ["ValueTrainer"]


# Model inputs beyond token ids that TRL puts into a batch for multimodal models.
_MULTIMODAL = (
    "pixel_values",
    "image_grid_thw",
    "num_images",
    "pixel_attention_mask",
    "spatial_shapes",
    "num_tiles",
    "image_sizes",
    "token_type_ids",
    "mm_token_type_ids",
    "image_position_ids",
)


class ValueTrainer(OnlineTrainer):
    """Takes the same arguments; ``attach`` gives the policy its value function.

    Attributes:
        explained: How much of the returns the value function has foretold so far.
    """

    vllm_generation: Any
    explained: ExplainedVariance

    def attach(self, critic: Any) -> None:
        """Give the policy a value head, and with a critic a backbone for it.

        Raises:
            RuntimeError: What a value function needs of TRL or transformers has changed.
        """
        for use in ("ppo", "value_checkpoint"):
            trl_internals.require(use)
        trl_internals.usable("value_clip")
        self.explained = ExplainedVariance()
        attach_value_function(
            self._causal_model(), critic=critic, detach=self.args.value_head_detach
        )
        self._allow_packing(getattr(self._causal_model(), "critic", None))
        if self.use_vllm:
            trl_internals.require("vllm")
            engine = self.vllm_generation
            parameters = engine._iter_named_params
            engine._iter_named_params = lambda: without_value_function(parameters())

    # ------------------------------------------------------------------ values of a rollout

    def _finish_rollout(self, batch: dict[str, Any], rollout: Rollout) -> dict[str, Any]:
        if rollout.values is None:
            # TRL needs no log-probabilities where every rollout is used once; values are needed.
            size = "train" if self.model.training else "eval"
            self._add_values(
                rollout,
                torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
                torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
                batch["completion_ids"].size(1),
                batch_size=getattr(self.args, f"per_device_{size}_batch_size"),
                **{name: batch[name] for name in _MULTIMODAL if name in batch},
            )
        return batch

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """TRL's; of a rollout that is being made and its policy, the values are kept besides."""
        rollout = self._rollout
        if rollout is None or not self._is_policy(model):
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, **kwargs
            )
        self._add_values(rollout, input_ids, attention_mask, logits_to_keep, **kwargs)
        return present(rollout.logps), None, None

    def _is_policy(self, model: Any) -> bool:
        """Not the reference model, which with PEFT is the same model with its adapter switched."""
        if model is not self.model:
            return False
        peft = self.accelerator.unwrap_model(model)
        if not is_peft_model(peft):
            return True
        return bool(peft.has_active_enabled_adapter) and "ref" not in peft.active_adapters

    def _add_values(
        self,
        rollout: Rollout,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        **kwargs: Any,
    ) -> None:
        """Log-probabilities and values of a fresh rollout under the policy that sampled it.

        Called once per rollout. Where the sampler recorded both, and the log-probabilities are not
        compared with those of later policies, no forward pass is needed.
        """
        if self._sampler_told_values(rollout, input_ids.size(0)):
            logps = [torch.tensor(completion.logprobs) for completion in rollout.completions]
            values = [torch.tensor(completion.values) for completion in rollout.completions]
            rollout.logps, rollout.values = (
                pad(told, padding_value=0).to(input_ids.device) for told in (logps, values)
            )
            return
        recorder = Recorder(self._packed(self.model), logits_to_keep)
        checkpointing = self.args.gradient_checkpointing_kwargs
        with torch.no_grad(), disable_gradient_checkpointing(self.model, checkpointing):
            super()._get_per_token_logps_and_entropies(
                recorder, input_ids, attention_mask, logits_to_keep, **kwargs
            )
        rollout.logps, rollout.values = recorder.logps, recorder.values

    def _sampler_told_values(self, rollout: Rollout, rows: int) -> bool:
        """Whether the values that the sampler recorded serve for the whole rollout.

        Its rounding differs a little from the training forward's, so its log-probabilities are not
        used where a ratio or a KL estimate would take the difference for a change of policy.
        """
        on_policy = self.args.gradient_accumulation_steps % self.args.rollout_window == 0
        return bool(
            on_policy
            and not self.args.kl_in_reward
            and not self.tools
            and self.rollout_func is None  # it may sample several turns, or for somebody else
            and not hasattr(self._causal_model(), "critic")
            and len(rollout.completions) == rows
        )

    # ------------------------------------------------------------------ optimisation

    def create_optimizer(self, model: Any = None) -> Any:
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if not is_new:
            return optimizer
        value_parameter_groups(
            optimizer,
            value_modules(self._causal_model()),
            {"value_head": self.args.value_learning_rate, "critic": self.args.critic_learning_rate},
        )
        return optimizer

    def _value_parameters(self) -> list[nn.Parameter]:
        return list(value_modules(self._causal_model()).parameters())

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip the value function apart: its large early gradients would shrink the policy's."""
        if self.is_deepspeed_enabled:  # DeepSpeed clips by itself
            return super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        value_parameters = self._value_parameters()
        theirs = {id(parameter) for parameter in value_parameters}
        limit = self.args.max_grad_norm
        norm = self.accelerator.clip_grad_norm_(value_parameters, limit)
        self._record("value/grad_norm", float(norm))
        policy_parameters = [p for p in model.parameters() if id(p) not in theirs]
        return self.accelerator.clip_grad_norm_(policy_parameters, limit)

    # ------------------------------------------------------------------ checkpoints

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model for ``from_pretrained``, and the value function in a file beside it."""
        folder = output_dir or str(self.args.output_dir)
        state = value_state(value_modules(self._causal_model()))
        super().save_model(folder, _internal_call)
        if self._checkpoints_are_sharded() and not _internal_call:
            trl_internals.require("sharded_export")
            # ``Trainer`` exports nothing here; gathering the weights is for all processes.
            self._save(folder, state_dict=self.accelerator.get_state_dict(self.model))
        if self.args.should_save:
            save_value_state(state, self.explained, folder)

    def _checkpoints_are_sharded(self) -> bool:
        if not self.is_fsdp_enabled:
            return False
        return "SHARDED" in str(self.accelerator.state.fsdp_plugin.state_dict_type)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        load_value_state(
            value_modules(self._causal_model()), self.explained, resume_from_checkpoint
        )

    def _load_best_model(self) -> None:
        super()._load_best_model()
        folder = str(self.state.best_model_checkpoint)
        load_value_state(value_modules(self._causal_model()), self.explained, folder)
