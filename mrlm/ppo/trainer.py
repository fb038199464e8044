"""PPO (https://arxiv.org/abs/1707.06347) as a subclass of TRL's ``GRPOTrainer``.

Everything around the update is TRL's: prompts, sampling, tools and environments, reward functions,
reference model, buffers, logging. ``mrlm.ppo.rollout`` adds values of every token and generalised
advantages instead of group-relative ones; this module the value loss, an optimizer group and a
gradient clip of their own for the value function, and its place in checkpoints.

Not covered: DeepSpeed ZeRO-3 (refused). FSDP2 was run on CPU processes and on one GPU, ZeRO-2 on
CPU processes; vLLM shares the code paths used here but was not run.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel, TrainerCallback
from trl.trainer.utils import disable_dropout_in_model

from mrlm.ppo.checkpoint import load_value_state, save_value_state, value_state
from mrlm.ppo.config import PPOConfig
from mrlm.ppo.gae import value_errors
from mrlm.ppo.rollout import RolloutMixin, present
from mrlm.ppo.value import attach_value_function, value_modules, without_value_function
from mrlm.trainers.diagnostics import Diagnosis, DiagnosticsCallback
from mrlm.trainers.interrupt import InterruptCallback


class PPOTrainer(RolloutMixin):
    """Trains a language model by proximal policy optimisation from reward functions.

    Arguments, reward functions, tools and environments are those of ``trl.GRPOTrainer``.

    Args:
        model: Hub id, path, causal language model, or PEFT model.
        reward_funcs: As for ``GRPOTrainer``. A completion that every function scores ``None`` is
            left out of the advantages, the whitening and the value loss.
        args: Settings; ``PPOConfig()`` if left out.
        critic: Backbone for the values, instead of ``args.critic_model_name_or_path``. A causal
            model gives its backbone. Trained in place.
        **kwargs: ``train_dataset``, ``eval_dataset``, ``processing_class``, ``callbacks``,
            ``peft_config``, ``tools``, ``environment_factory`` and the other arguments of
            ``GRPOTrainer``.

    Raises:
        ValueError: The arguments contradict PPO; the message says what to pass instead.
    """

    vllm_generation: Any

    _tag_names = ["trl", "ppo"]  # noqa: RUF012 - TRL's attributes, read by its model card
    _name = "PPO"
    _paper = {  # noqa: RUF012
        "title": "Proximal Policy Optimization Algorithms",
        "id": "1707.06347",
        "citation": (
            "@article{schulman2017proximal,\n"
            "    title  = {{Proximal Policy Optimization Algorithms}},\n"
            "    author = {John Schulman and Filip Wolski and Prafulla Dhariwal and Alec Radford "
            "and Oleg Klimov},\n"
            "    year   = 2017,\n"
            "    eprint = {arXiv:1707.06347},\n"
            "}"
        ),
    }

    def __init__(
        self,
        model: Any,
        reward_funcs: Any = None,
        args: PPOConfig | None = None,
        *,
        critic: PreTrainedModel | None = None,
        **kwargs: Any,
    ) -> None:
        args = PPOConfig() if args is None else args
        _check_arguments(args, critic, kwargs)
        super().__init__(model=model, reward_funcs=reward_funcs, args=args, **kwargs)
        if args.critic_model_name_or_path is not None:
            critic = AutoModel.from_pretrained(
                args.critic_model_name_or_path,
                dtype=torch.float32,
                trust_remote_code=args.trust_remote_code,
            )
        if critic is not None and args.disable_dropout:
            disable_dropout_in_model(critic)
        policy = self._causal_model()
        attach_value_function(policy, critic=critic, detach=args.value_head_detach)
        self._allow_packing(getattr(policy, "critic", None))
        if self.use_vllm:
            engine = self.vllm_generation
            parameters = engine._iter_named_params
            engine._iter_named_params = lambda: without_value_function(parameters())

        self._last_log = time.perf_counter()

        self._diagnostics = DiagnosticsCallback()
        self._interrupt = InterruptCallback(self._boundary.at_boundary)
        self.add_callback(_WarmUpCallback(self))
        self.add_callback(self._diagnostics)
        self.add_callback(self._interrupt)

    # ------------------------------------------------------------------ the value function

    def _value_parameters(self) -> list[nn.Parameter]:
        return list(value_modules(self._causal_model()).parameters())

    # ------------------------------------------------------------------ loss

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        beta = self.beta
        if self.args.kl_in_reward:
            self.beta = 0.0  # the reward holds it; TRL must not add it to the loss again
        try:
            policy_loss: Tensor = super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
        finally:
            self.beta = beta
        forward, self._last_forward = present(self._last_forward), None
        if "old_per_token_logps" in inputs:
            # http://joschu.net/blog/kl-approx.html: k3, from the policy that sampled to this one
            log_ratio = forward.logps.detach() - inputs["old_per_token_logps"]
            drift = torch.exp(log_ratio) - 1 - log_ratio
            self._log_mean("policy/approx_kl", drift, inputs["value_mask"])
        if self._policy_is_frozen():
            policy_loss = policy_loss * 0.0  # still reaches every weight, as DDP expects
        value_loss = self._value_loss(present(forward.values).float(), inputs)
        loss: Tensor = policy_loss + self.args.vf_coef * value_loss
        return loss

    def _value_loss(self, values: Tensor, inputs: dict[str, Any]) -> Tensor:
        mask = inputs["value_mask"]
        errors, clipped = value_errors(
            values, inputs["old_values"], inputs["returns"], self.args.cliprange_value
        )
        self._log_mean("value/loss", errors.detach(), mask)
        if self.args.cliprange_value is not None:
            self._log_mean("value/clip_frac", clipped, mask)
        # A mean over the tokens of one optimizer step, as TRL's 'dapo' policy loss takes it.
        tokens = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes
        if self._mode == "train":
            share = self.current_gradient_accumulation_steps / self.args.steps_per_generation
            tokens = tokens * share
        loss: Tensor = (errors * mask).sum() / tokens
        return loss

    # ------------------------------------------------------------------ optimisation

    def create_optimizer(self, model: Any = None) -> Any:
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if not is_new:
            return optimizer
        modules = value_modules(self._causal_model())
        rates = {"value_head": self.args.value_learning_rate}
        rates["critic"] = self.args.critic_learning_rate
        groups = [
            {"params": list(module.parameters()), "lr": rates[name], "weight_decay": 0.0}
            for name, module in modules.items()
        ]
        theirs = {id(parameter) for parameter in modules.parameters()}
        for group in optimizer.param_groups:
            group["params"] = [p for p in group["params"] if id(p) not in theirs]
        # LoRA leaves an empty group, which a sharded checkpoint could not be resumed with.
        optimizer.param_groups[:] = [g for g in optimizer.param_groups if g["params"]]
        for group in groups:
            optimizer.add_param_group(group)
        return optimizer

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip the value function apart: its large early gradients would shrink the policy's."""
        if self.is_deepspeed_enabled:  # DeepSpeed clips by itself
            return super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        value_parameters = self._value_parameters()
        theirs = {id(parameter) for parameter in value_parameters}
        limit = self.args.max_grad_norm
        norm = self.accelerator.clip_grad_norm_(value_parameters, limit)
        self._metrics["train"]["value/grad_norm"].append(float(norm))
        policy_parameters = [p for p in model.parameters() if id(p) not in theirs]
        return self.accelerator.clip_grad_norm_(policy_parameters, limit)

    def _policy_is_frozen(self) -> bool:
        return bool(self.model.training and self.state.global_step < self.args.value_warmup_steps)

    def _drop_policy_gradients(self) -> None:
        """Adam would count a zero gradient as a step and then take steps several times too long."""
        theirs = {id(parameter) for parameter in self._value_parameters()}
        for parameter in self.model.parameters():
            if id(parameter) not in theirs:
                parameter.grad = None

    # ------------------------------------------------------------------ checkpoints

    def train(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().train(*args, **kwargs)
        finally:
            self._interrupt.restore()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model for ``from_pretrained``, and the value function in a file beside it."""
        folder = output_dir or str(self.args.output_dir)
        state = value_state(value_modules(self._causal_model()))
        super().save_model(folder, _internal_call)
        if self._checkpoints_are_sharded() and not _internal_call:
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
        load_value_state(
            value_modules(self._causal_model()), present(self.state.best_model_checkpoint)
        )

    # ------------------------------------------------------------------ metrics

    @property
    def diagnostics(self) -> list[Diagnosis]:
        """Reasons why the run could not learn, found in its metrics so far; also warned about."""
        return self._diagnostics.findings

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if self._mode == "train" and self._tokens_since_log:
            now = time.perf_counter()
            # Completion tokens sampled per second of everything: sampling, rewards, updates.
            rate = self._tokens_since_log / (now - self._last_log)
            self._metrics["train"]["tokens_per_second"].append(rate)
            self._tokens_since_log, self._last_log = 0, now
        super().log(logs, start_time)


class _WarmUpCallback(TrainerCallback):
    """Keeps the policy still while only the value function learns."""

    def __init__(self, trainer: PPOTrainer) -> None:
        self._trainer = trainer

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._trainer._policy_is_frozen():
            self._trainer._drop_policy_gradients()


def _check_arguments(args: Any, critic: Any, kwargs: dict[str, Any]) -> None:
    if not isinstance(args, PPOConfig):
        raise ValueError(f"args is a {type(args).__name__}: PPOTrainer takes a PPOConfig.")
    if critic is not None and args.critic_model_name_or_path is not None:
        raise ValueError(
            "Both critic and args.critic_model_name_or_path are set. Pass the model or its name, "
            "not both."
        )
    if kwargs.get("optimizers", (None, None))[0] is not None:
        raise ValueError(
            "optimizers holds an optimizer that cannot know the value function, which is created "
            "with the trainer. Choose args.optim, args.learning_rate and args.value_learning_rate "
            "instead; a scheduler alone, (None, scheduler), is fine."
        )
