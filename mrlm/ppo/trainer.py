"""PPO (https://arxiv.org/abs/1707.06347) on ``OnlineTrainer``, and so on TRL's ``GRPOTrainer``.

Everything around the update is theirs: prompts, sampling, tools and environments, reward functions,
reference model, buffers, logging. Here are the values of every token, generalised advantages
instead of group-relative ones (``mrlm.ppo.rollout``), the value loss, an optimizer group and a
gradient clip of their own for the value function, and its place in checkpoints.

Not covered: DeepSpeed ZeRO-3 (refused). FSDP2 was run on CPU processes and on one GPU, ZeRO-2 on
CPU processes; vLLM shares the code paths used here but was not run.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, PreTrainedModel, TrainerCallback
from trl.trainer.utils import disable_dropout_in_model

from mrlm.ppo.config import PPOConfig
from mrlm.ppo.explained import ExplainedVariance, Trust
from mrlm.ppo.gae import value_errors
from mrlm.ppo.rollout import (
    moments,
    subsample,
    token_advantages,
    total_scores,
    without_reward_if_cut,
)
from mrlm.ppo.value import Recorder, present
from mrlm.ppo.value_trainer import ValueTrainer
from mrlm.trainers import trl_internals
from mrlm.trainers.diagnostics import Diagnosis, DiagnosticsCallback
from mrlm.trainers.interrupt import InterruptCallback
from mrlm.trainers.rollout import Rollout


class PPOTrainer(ValueTrainer):
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
        if args.update_fraction < 1 and self.aux_loss_enabled:
            raise ValueError(
                f"update_fraction={args.update_fraction} with a mixture of experts: its auxiliary "
                "loss cannot be reweighted. Set update_fraction=1, or router_aux_loss_coef=0 in "
                "the model's config."
            )
        if args.critic_model_name_or_path is not None:
            critic = AutoModel.from_pretrained(
                args.critic_model_name_or_path,
                dtype=torch.float32,
                trust_remote_code=args.trust_remote_code,
            )
        if critic is not None and args.disable_dropout:
            disable_dropout_in_model(critic)
        self.attach(critic)
        self._last_log = time.perf_counter()
        self._tokens_since_log = 0

        self._diagnostics = DiagnosticsCallback()
        self._interrupt = InterruptCallback(self._boundary.at_boundary)
        self.add_callback(_WarmUpCallback(self))
        self.add_callback(self._diagnostics)
        self.add_callback(self._interrupt)

    # ------------------------------------------------------------------ advantages

    def _finish_rollout(self, batch: dict[str, Any], rollout: Rollout) -> dict[str, Any]:
        batch = super()._finish_rollout(batch, rollout)
        self._add_advantages(batch, rollout)
        if self.args.update_fraction < 1 and self._mode == "train":
            return subsample(self.args, batch)
        return batch

    def _add_advantages(self, batch: dict[str, Any], rollout: Rollout) -> None:
        """Replace group-relative advantages (B,) by those of each token, and add value targets."""
        scores = total_scores(present(rollout.rewards), self.reward_weights)  # (N,)
        self._record("frac_unscorable", scores.isnan().float().mean().item())
        rows = batch["advantages"].size(0)
        start = self.accelerator.process_index * rows
        scores = scores[start : start + rows]
        if self.args.zero_truncated_rewards:
            scores = without_reward_if_cut(scores, rollout.completion_ids, self.eos_token_ids)
        ref_logps = batch.get("ref_per_token_logps")
        generations = self.num_generations if self._mode == "train" else self.num_generations_eval
        tokens = token_advantages(
            self.args,
            scores,
            batch["completion_mask"] * batch.get("tool_mask", 1),
            present(rollout.values).float(),
            accelerator=self.accelerator,
            generations=int(generations or 1),
            beta=self.beta,
            logps=present(rollout.logps).float(),
            trust=self.explained.trust if self.args.gate_values else Trust(True, True),
            ref_logps=None if ref_logps is None else ref_logps.float(),
        )
        for name, value in tokens.metrics.items():
            self._record(name, value)
        self._record_explained(tokens.squares)
        self._log_true_advantages(tokens.means)
        batch.update(
            advantages=tokens.advantages,
            returns=tokens.returns,
            old_values=tokens.values,
            value_mask=tokens.mask,
        )
        if self._mode == "train":
            self._tokens_since_log += int(batch["num_items_in_batch"])

    # ------------------------------------------------------------------ loss

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        recorder = Recorder(self._packed(model), inputs["completion_ids"].size(1))
        beta = self.beta
        if self.args.kl_in_reward:
            self.beta = 0.0  # the reward holds it; TRL must not add it to the loss again
        try:
            policy_loss: Tensor = super()._compute_loss(recorder, inputs)  # type: ignore[no-untyped-call]
        finally:
            self.beta = beta
        if "old_per_token_logps" in inputs:
            # http://joschu.net/blog/kl-approx.html: k3, from the policy that sampled to this one
            log_ratio = recorder.logps.detach() - inputs["old_per_token_logps"]
            drift = torch.exp(log_ratio) - 1 - log_ratio
            self._record_mean("policy/approx_kl", drift, inputs["value_mask"])
        if self._policy_is_frozen():
            policy_loss = policy_loss * 0.0  # still reaches every weight, as DDP expects
        value_loss = self._value_loss(recorder.values.float(), inputs)
        loss: Tensor = policy_loss + self.args.vf_coef * value_loss
        return loss

    def _value_loss(self, values: Tensor, inputs: dict[str, Any]) -> Tensor:
        mask = inputs["value_mask"]
        errors, clipped = value_errors(
            values, inputs["old_values"], inputs["returns"], self.args.cliprange_value
        )
        self._record_mean("value/loss", errors.detach(), mask)
        if self.args.cliprange_value is not None:
            self._record_mean("value/clip_frac", clipped, mask)
        # A mean over the tokens of one optimizer step, as TRL's 'dapo' policy loss takes it.
        tokens = inputs["num_items_in_batch"].clamp(min=1.0) / self.accelerator.num_processes
        if self._mode == "train":
            share = self.current_gradient_accumulation_steps / self.args.steps_per_generation
            tokens = tokens * share
        loss: Tensor = (errors * mask).sum() / tokens
        return loss

    def train(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().train(*args, **kwargs)
        finally:
            self._interrupt.restore()

    def _policy_is_frozen(self) -> bool:
        return bool(self.model.training and self.state.global_step < self.args.value_warmup_steps)

    def _drop_policy_gradients(self) -> None:
        """Adam would count a zero gradient as a step and then take steps several times too long."""
        theirs = {id(parameter) for parameter in self._value_parameters()}
        for parameter in self.model.parameters():
            if id(parameter) not in theirs:
                parameter.grad = None

    # ------------------------------------------------------------------ metrics

    @property
    def diagnostics(self) -> list[Diagnosis]:
        """Reasons why the run could not learn, found in its metrics so far; also warned about."""
        return self._diagnostics.findings

    def _record_explained(self, squares: Tensor) -> None:
        """Training: over the last rollouts, this one too. Evaluation: of this one alone."""
        explained = self.explained if self._mode == "train" else ExplainedVariance()
        explained.add(squares.cpu())
        for name in ("prompts", "within"):
            share = getattr(explained, name)
            if not math.isnan(share):
                self._record(f"value/explained_variance_{name}", share)

    def _record_mean(self, name: str, x: Tensor, mask: Tensor) -> None:
        self._record(name, moments(x, mask, self.accelerator).mean.item())

    def _log_true_advantages(self, means: Tensor) -> None:
        """TRL has logged group-relative ones, and the share of groups whose own would be zero."""
        if trl_internals.usable("metrics", self):
            self._metrics[self._mode].pop("frac_reward_zero_std", None)
        gathered = self.accelerator.gather(means).tolist()
        if trl_internals.usable("samples", self):
            logged: Any = self._logs["advantages"]
            for _ in range(min(len(gathered), len(logged))):
                logged.pop()
            logged.extend(gathered)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if self._mode == "train" and self._tokens_since_log:
            now = time.perf_counter()
            # Completion tokens sampled per second of everything: sampling, rewards, updates.
            rate = self._tokens_since_log / (now - self._last_log)
            self._record("tokens_per_second", rate)
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
