"""What PPO makes of a rollout: values, generalised advantages, and what the update is to see of it.

The first half of ``PPOTrainer``, on top of TRL's sampling and rewards. Models are run over whole
completions here only. The other half, what the update does with it, is in ``mrlm.ppo.trainer``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeVar

import torch
from accelerate.utils import is_peft_model
from torch import Tensor
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import pad

from mrlm.ppo.gae import (
    compute_gae,
    explained_variance,
    kl_estimate,
    masked_moments,
    reward_at_last_token,
    sibling_baseline,
    whiten,
)
from mrlm.ppo.subsample import inclusion_probabilities, systematic_sample
from mrlm.trainers.dynamic_sampling import PromptOutcomes
from mrlm.trainers.online import FastCPUMixin
from mrlm.trainers.resumption import ResumableRollouts

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


class RolloutMixin(ResumableRollouts, PromptOutcomes, FastCPUMixin):
    """Overrides of ``GRPOTrainer`` between sampling and the loss."""

    args: Any  # a PPOConfig; Any, because TRL declares optional what its __post_init__ sets
    model: Any
    _logs: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scoring = False
        self._rollout: tuple[Tensor, Tensor] | None = None
        self._last_forward: PolicyForward | None = None
        self._scores = torch.empty(0)
        self._tokens_since_log = 0

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
        return forward.logps, present(forward.values)

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
            and self.rollout_func is None  # it may sample several turns, or for somebody else
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
        if self.args.zero_truncated_rewards:
            cut = [ids[-1] not in self.eos_token_ids for ids in completion_ids_list]
            cut_rows = torch.tensor(cut, device=scores.device)
            self._scores = torch.where(cut_rows, self._scores.clamp(max=0), self._scores)
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
        """Keep some prompts' rows, reweighted; the loss still divides by the tokens of all."""
        advantages = batch["advantages"]
        # The greatest common divisor, for a prompt whose completions lie on two processes.
        size = math.gcd(int(self.num_generations or 1), advantages.size(0))
        groups = advantages.size(0) // size
        # The rows that are left must split into equal micro-batches.
        unit = math.lcm(size, int(self.args.steps_per_generation)) // size
        count = min(groups, max(1, round(self.args.update_fraction * groups / unit)) * unit)
        chances = inclusion_probabilities(advantages, batch["value_mask"], size, count)
        chosen = systematic_sample(chances, torch.rand((), device=chances.device))
        rows = (chosen.unsqueeze(1) * size + torch.arange(size, device=chosen.device)).flatten()
        weights = (1 / chances[chosen]).float().repeat_interleave(size).unsqueeze(1)
        batch = {name: x[rows] if x.ndim else x for name, x in batch.items()}
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

    # ------------------------------------------------------------------ metrics

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"

    def _sum_over_ranks(self, sums: Tensor) -> Tensor:
        total: Tensor = self.accelerator.reduce(sums, reduction="sum")
        return total

    def _log_mean(self, name: str, x: Tensor, mask: Tensor) -> None:
        mean = masked_moments(x, mask, self._sum_over_ranks).mean
        self._metrics[self._mode][name].append(mean.item())


def present(x: _T | None) -> _T:
    if x is None:
        raise RuntimeError("TRL did not run the forward pass that PPOTrainer expects.")
    return x
