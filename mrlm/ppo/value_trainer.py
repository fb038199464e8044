"""An ``OnlineTrainer`` whose policy carries a value function: how it is optimised, clipped, saved.

The value function lies inside the policy's module (``mrlm.ppo.value``). It has an optimizer group
and a gradient clip of its own, and a file of its own in checkpoints, since it is no part of the
exported model. What it learns, and what is learned from it, is in ``mrlm.ppo.trainer``.

Not covered: DeepSpeed ZeRO-3, which ``PPOConfig`` refuses.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from mrlm.ppo.checkpoint import load_value_state, save_value_state, value_state
from mrlm.ppo.value import (
    attach_value_function,
    value_modules,
    value_parameter_groups,
    without_value_function,
)
from mrlm.trainers import trl_internals
from mrlm.trainers.online import OnlineTrainer

__all__ = ["ValueTrainer"]


class ValueTrainer(OnlineTrainer):
    """Takes the same arguments; ``attach`` gives the policy its value function."""

    vllm_generation: Any

    def attach(self, critic: Any) -> None:
        """Give the policy a value head, and with a critic a backbone for it.

        Raises:
            RuntimeError: What a value function needs of TRL or transformers has changed.
        """
        for use in ("ppo", "value_checkpoint"):
            trl_internals.require(use)
        trl_internals.usable("value_clip")
        attach_value_function(
            self._causal_model(), critic=critic, detach=self.args.value_head_detach
        )
        self._allow_packing(getattr(self._causal_model(), "critic", None))
        if self.use_vllm:
            trl_internals.require("vllm")
            engine = self.vllm_generation
            parameters = engine._iter_named_params
            engine._iter_named_params = lambda: without_value_function(parameters())

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
            save_value_state(state, folder)

    def _checkpoints_are_sharded(self) -> bool:
        if not self.is_fsdp_enabled:
            return False
        return "SHARDED" in str(self.accelerator.state.fsdp_plugin.state_dict_type)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        load_value_state(value_modules(self._causal_model()), resume_from_checkpoint)

    def _load_best_model(self) -> None:
        super()._load_best_model()
        load_value_state(value_modules(self._causal_model()), str(self.state.best_model_checkpoint))
