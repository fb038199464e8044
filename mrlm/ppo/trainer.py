"""PPO (https://arxiv.org/abs/1707.06347) as a subclass of TRL's ``GRPOTrainer``.

Everything around the update is TRL's: prompts, sampling, tools and environments, reward functions,
reference model, buffers, logging. This module adds what makes it PPO: values of every token,
generalised advantages instead of group-relative ones, the value loss, and an optimizer group and a
gradient clip of their own for the value function.

Not covered: DeepSpeed ZeRO-3 (refused). vLLM, FSDP2 and ZeRO-1/2 share the code paths used here but
were not run.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple, TypeVar

import torch
from accelerate.utils import is_peft_model
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel, TrainerCallback
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import disable_dropout_in_model, pad

from mrlm.fast_cpu import FastCPUMixin
from mrlm.ppo.checkpoint import (
    RolloutBoundaryCallback,
    load_value_state,
    save_value_state,
    value_state,
)
from mrlm.ppo.config import PPOConfig
from mrlm.ppo.diagnostics import Diagnosis, DiagnosticsCallback
from mrlm.ppo.gae import (
    compute_gae,
    explained_variance,
    kl_estimate,
    masked_moments,
    reward_at_last_token,
    sibling_baseline,
    value_errors,
    whiten,
)
from mrlm.ppo.interrupt import InterruptCallback
from mrlm.ppo.subsample import inclusion_probabilities, systematic_sample
from mrlm.ppo.value import attach_value_function, value_modules, without_value_function

_T = TypeVar("_T")

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


class PolicyForward(NamedTuple):
    """What one forward says about the completion tokens; each (B, T) but the last."""

    logps: Tensor
    entropies: Tensor | None
    values: Tensor | None
    aux_loss: Tensor | None


class PPOTrainer(FastCPUMixin):
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

    args: Any  # a PPOConfig; Any, because TRL declares optional what its __post_init__ sets
    model: Any
    vllm_generation: Any
    _logs: dict[str, Any]

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
        if self.is_deepspeed_enabled and self.accelerator.deepspeed_plugin.zero_stage == 3:
            raise ValueError(
                "DeepSpeed ZeRO-3 shards the value function in a way that PPOTrainer cannot save. "
                "Use ZeRO-2 or FSDP."
            )
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

        self._scoring = False
        self._rollout: tuple[Tensor, Tensor] | None = None
        self._last_forward: PolicyForward | None = None
        self._scores = torch.empty(0)
        self._tokens_since_log, self._last_log = 0, time.perf_counter()

        boundary = RolloutBoundaryCallback(args, self._set_micro_step)
        self._diagnostics = DiagnosticsCallback()
        self._interrupt = InterruptCallback(boundary.at_boundary)
        self.add_callback(_WarmUpCallback(self))
        self.add_callback(self._diagnostics)
        self.add_callback(self._interrupt)
        self.add_callback(boundary)  # last: it has the final word on when to save

    # ------------------------------------------------------------------ the value function

    def _value_parameters(self) -> list[nn.Parameter]:
        return list(value_modules(self._causal_model()).parameters())

    # ------------------------------------------------------------------ forward passes

    def _policy_forward(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        **kwargs: Any,
    ) -> PolicyForward:
        """Log-probabilities, entropies and values of the last ``logits_to_keep`` tokens.

        The one place where a model is run over whole completions, with and without gradients. A
        reference model has no value function: its values are ``None``.

        Args:
            model: Called as ``model(**inputs, labels=..., fused_lm_head=True)``.
            input_ids: Prompts padded on the left and completions padded on the right, (B, P + T).
            attention_mask: Same shape.
            logits_to_keep: T.
            **kwargs: ``batch_size`` (rows at a time), ``compute_entropy``, ``compute_aux_loss``,
                and multimodal inputs.
        """
        values: list[Tensor] = []
        run = self._packed(model)

        def recording(**inputs: Any) -> Any:
            output = run(**inputs)
            if getattr(output, "value_preds", None) is not None:
                values.append(output.value_preds[:, -logits_to_keep:])
            return output

        logps, entropies, aux_loss = super()._get_per_token_logps_and_entropies(
            recording, input_ids, attention_mask, logits_to_keep, **kwargs
        )
        return PolicyForward(logps, entropies, torch.cat(values) if values else None, aux_loss)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        if self._scoring and self._is_policy(model):
            self._rollout = self._rollout_values(
                input_ids, attention_mask, logits_to_keep, **kwargs
            )
            return self._rollout[0], None, None
        self._last_forward = self._policy_forward(
            model, input_ids, attention_mask, logits_to_keep, **kwargs
        )
        return self._last_forward.logps, self._last_forward.entropies, self._last_forward.aux_loss

    def _is_policy(self, model: Any) -> bool:
        """Not the reference model, which with PEFT is the same model with its adapter switched."""
        if model is not self.model:
            return False
        peft = self.accelerator.unwrap_model(model)
        if not is_peft_model(peft):
            return True
        return bool(peft.has_active_enabled_adapter) and "ref" not in peft.active_adapters

    def _rollout_values(
        self, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities and values of a fresh rollout under the policy that sampled it.

        Called once per rollout. Where the sampler recorded both, and the log-probabilities are not
        compared with those of later policies, no forward pass is needed.

        Returns:
            Log-probabilities and values, each (B, T) without gradient.
        """
        if self._sampler_told_values(input_ids.size(0)):
            logps = [torch.tensor(sample.logprobs) for sample in self._sampled]
            values = [torch.tensor(sample.values) for sample in self._sampled]
            return pad(logps, padding_value=0), pad(values, padding_value=0)
        checkpointing = self.args.gradient_checkpointing_kwargs
        with torch.no_grad(), disable_gradient_checkpointing(self.model, checkpointing):
            forward = self._policy_forward(
                self.model, input_ids, attention_mask, logits_to_keep, **kwargs
            )
        return forward.logps, _present(forward.values)

    def _sampler_told_values(self, rows: int) -> bool:
        """Whether the values that the sampler recorded serve for the whole rollout.

        Its rounding differs a little from the training forward's, so its log-probabilities are not
        used where a ratio or a KL estimate would take the difference for a change of policy.
        """
        on_policy = self.args.gradient_accumulation_steps % self.args.rollout_window == 0
        return bool(
            on_policy
            and not self.args.kl_in_reward
            and not self.tools
            and not hasattr(self._causal_model(), "critic")
            and len(self._sampled) == rows
        )

    # ------------------------------------------------------------------ rollouts

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any
    ) -> Tensor:
        rewards: Tensor = super()._calculate_rewards(
            inputs, prompts, completions, completion_ids_list
        )  # (N, F), gathered from all processes
        scores = (rewards * self.reward_weights.to(rewards.device)).nansum(dim=1)
        scores[rewards.isnan().all(dim=1)] = torch.nan
        self._metrics[self._mode]["frac_unscorable"].append(scores.isnan().float().mean().item())
        start = self.accelerator.process_index * len(prompts)
        self._scores = scores[start : start + len(prompts)]  # (B,), NaN where nothing scored
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        self._rollout, self._scoring = None, True
        try:
            batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        finally:
            self._scoring = False
        if self._rollout is None:
            # TRL needs no log-probabilities where every rollout is used once; values are needed.
            self._rollout = self._rollout_values(
                torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
                torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
                batch["completion_ids"].size(1),
                batch_size=(
                    self.args.per_device_train_batch_size
                    if self.model.training
                    else self.args.per_device_eval_batch_size
                ),
                **{name: batch[name] for name in _MULTIMODAL if name in batch},
            )
        old_logps, values = self._rollout
        self._add_advantages(batch, old_logps.float(), values.float())
        if self.args.update_fraction < 1 and self._mode == "train":
            return self._subsample(batch)
        return batch

    def _subsample(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Keep a part of the rows, reweighted; the loss still divides by the tokens of all."""
        parts = int(self.args.steps_per_generation)
        rows = batch["advantages"].size(0)
        count = max(1, round(self.args.update_fraction * rows / parts)) * parts
        chances = inclusion_probabilities(batch["advantages"], batch["value_mask"], count)
        chosen = systematic_sample(chances, torch.rand((), device=chances.device))
        weights = (1 / chances[chosen]).float().unsqueeze(1)
        batch = {name: x[chosen] if x.ndim else x for name, x in batch.items()}
        batch["advantages"] = batch["advantages"] * weights
        batch["value_mask"] = batch["value_mask"] * weights
        return batch

    def _add_advantages(self, batch: dict[str, Any], old_logps: Tensor, values: Tensor) -> None:
        """Replace group-relative advantages (B,) by those of each token, and add value targets."""
        args, scored = self.args, ~self._scores.isnan()
        written = batch["completion_mask"] * batch.get("tool_mask", 1)  # (B, T)
        mask = written * scored.unsqueeze(1)
        values = values * mask
        rewards = reward_at_last_token(self._scores.nan_to_num(), mask)
        if args.kl_in_reward:
            kl = kl_estimate(old_logps, batch["ref_per_token_logps"].float(), args.kl_estimator)
            rewards = rewards - self.beta * kl * mask
            self._log_mean("kl", kl, written)
        advantages = compute_gae(rewards, values, mask, args.gamma, args.lam)
        targets = advantages
        if args.lam_critic != args.lam:
            targets = compute_gae(rewards, values, mask, args.gamma, args.lam_critic)
        returns = (values + targets) * mask

        self._log_mean("value/mean", values, mask)
        return_moments = masked_moments(returns, mask, self._sum_over_ranks)
        error_moments = masked_moments(returns - values, mask, self._sum_over_ranks)
        metrics = self._metrics[self._mode]
        metrics["value/return"].append(return_moments.mean.item())
        metrics["value/explained_variance"].append(
            explained_variance(return_moments, error_moments)
        )
        generations = int(
            (self.num_generations if self._mode == "train" else self.num_generations_eval) or 1
        )
        if args.sibling_baseline and generations > 1:
            advantages = (advantages - self._sibling_baseline(advantages, mask, generations)) * mask
        self._log_true_advantages(advantages, mask)
        if args.whiten_advantages:
            moments = masked_moments(advantages, mask, self._sum_over_ranks)
            advantages = whiten(advantages, mask, moments)
        batch.update(advantages=advantages, returns=returns, old_values=values, value_mask=mask)
        if self._mode == "train":
            self._tokens_since_log += int(batch["num_items_in_batch"])

    def _sibling_baseline(self, advantages: Tensor, mask: Tensor, group_size: int) -> Tensor:
        """(B, 1); a prompt's completions may lie on two processes."""
        rows = torch.arange(mask.size(0), device=mask.device)
        first = advantages[rows, mask.argmax(dim=1)]
        gathered = self.accelerator.gather(torch.stack([first, mask.any(dim=1).to(first)], dim=1))
        baseline = sibling_baseline(gathered[:, 0], gathered[:, 1] > 0, group_size)
        start = self.accelerator.process_index * len(rows)
        return baseline[start : start + len(rows)].unsqueeze(1)

    def _log_true_advantages(self, advantages: Tensor, mask: Tensor) -> None:
        """TRL has logged group-relative ones, and the share of groups whose own would be zero."""
        self._metrics[self._mode].pop("frac_reward_zero_std", None)
        means = advantages.sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        gathered = self.accelerator.gather(means).tolist()
        logged = self._logs["advantages"]
        for _ in range(min(len(gathered), len(logged))):
            logged.pop()
        logged.extend(gathered)

    # ------------------------------------------------------------------ loss

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        beta = self.beta
        if self.args.kl_in_reward:
            self.beta = 0.0  # the reward holds it; TRL must not add it to the loss again
        try:
            policy_loss: Tensor = super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
        finally:
            self.beta = beta
        forward, self._last_forward = _present(self._last_forward), None
        if "old_per_token_logps" in inputs:
            # http://joschu.net/blog/kl-approx.html: k3, from the policy that sampled to this one
            log_ratio = forward.logps.detach() - inputs["old_per_token_logps"]
            drift = torch.exp(log_ratio) - 1 - log_ratio
            self._log_mean("policy/approx_kl", drift, inputs["value_mask"])
        if self._policy_is_frozen():
            policy_loss = policy_loss * 0.0  # still reaches every weight, as DDP expects
        value_loss = self._value_loss(_present(forward.values).float(), inputs)
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

    def _set_micro_step(self, step: int) -> None:
        self._step = step

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model for ``from_pretrained``, and the value function in a file beside it."""
        state = value_state(value_modules(self._causal_model()))
        super().save_model(output_dir, _internal_call)
        if self.args.should_save:
            save_value_state(state, output_dir or str(self.args.output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        load_value_state(value_modules(self._causal_model()), resume_from_checkpoint)

    def _load_best_model(self) -> None:
        super()._load_best_model()
        load_value_state(
            value_modules(self._causal_model()), _present(self.state.best_model_checkpoint)
        )

    # ------------------------------------------------------------------ metrics

    @property
    def diagnostics(self) -> list[Diagnosis]:
        """Reasons why the run could not learn, found in its metrics so far; also warned about."""
        return self._diagnostics.findings

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"

    def _sum_over_ranks(self, sums: Tensor) -> Tensor:
        total: Tensor = self.accelerator.reduce(sums, reduction="sum")
        return total

    def _log_mean(self, name: str, x: Tensor, mask: Tensor) -> None:
        mean = masked_moments(x, mask, self._sum_over_ranks).mean
        self._metrics[self._mode][name].append(mean.item())

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


def _present(x: _T | None) -> _T:
    if x is None:
        raise RuntimeError("TRL did not run the forward pass that PPOTrainer expects.")
    return x


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
