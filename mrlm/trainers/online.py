"""TRL's online trainer in the order of its flow: sample, score, advantages, update.

``OnlineTrainer`` is what GRPO and PPO here share beyond ``trl.GRPOTrainer``: a sampler and forward
passes that are fast on a CPU, dynamic sampling, and resumption that
ends with the weights of a run that was never stopped. What is decided on the way lies in the pure
functions of this folder; what is known of a rollout between its sampling and its batch is a
``Rollout``.

Not covered: advantages, which are the subclasses' own (``_finish_rollout``).
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from accelerate.utils import is_peft_model
from torch import Tensor, nn
from transformers import TrainerState
from trl.trainer.grpo_trainer import GRPOTrainer as TRLGRPOTrainer

from mrlm.models.chat_templates import offered_tools
from mrlm.trainers import trl_internals
from mrlm.trainers.batches import grouped
from mrlm.trainers.dynamic_sampling import (
    Outcomes,
    check_resampling,
    group_outcomes,
    other_row,
)
from mrlm.trainers.packable import allow_packing
from mrlm.trainers.packing import ATTENTION, Packed
from mrlm.trainers.policy_sampler import PolicySampler
from mrlm.trainers.resumption import RolloutBoundaryCallback, advance_to_epoch, resume_path
from mrlm.trainers.rollout import Rollout

logger = logging.getLogger(__name__)

__all__ = ["OnlineTrainer"]


class OnlineTrainer(TRLGRPOTrainer):
    """``trl.GRPOTrainer`` with what GRPO and PPO share here; takes the same arguments.

    Attributes:
        sampler: Samples where this trainer takes the fast path.
        notes: What could not be done as fast as elsewhere, why, and what it costs.
    """

    args: Any
    model: Any
    num_generations: Any  # declared optional, set by the config
    train_dataset: Any
    max_completion_length: int
    _metrics: Any
    _step: int
    environments: Any  # a list, or None
    _env_tools: dict[Any, list[Any]]
    _batch_environments: list[Any]
    _rollout: Rollout | None = None  # while one is being made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        uses = ["outcomes", "metrics", "samples"]
        self.notes: list[str] = []
        self.sampler = PolicySampler(self, self._note)
        if self.accelerator.device.type == "cpu":
            uses.append("cpu_lm_head")
        if self.accelerator.device.type == "cpu" or self._uses_fast_path():
            uses += ["grouping", "fewer_rows"]
        for use in uses:
            trl_internals.usable(use, self)  # said now, not when it is missed
        self._train_sampler: Any = None
        self._check_resampling()
        self._boundary = RolloutBoundaryCallback(self)
        self.add_callback(self._boundary)
        for model in (self.accelerator.unwrap_model(self.model), self.ref_model):
            self._allow_packing(model)

    # ------------------------------------------------------------------ the flow

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        self._rollout = Rollout(inputs)
        try:
            # Sample and score: TRL calls the methods below, in their order.
            batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
            return self._finish_rollout(batch, self._rollout)
        finally:
            self._rollout = None

    def _finish_rollout(self, batch: dict[str, Any], rollout: Rollout) -> dict[str, Any]:
        """Advantages, and the rows to update on. Here: TRL's, and all."""
        return batch

    # ------------------------------------------------------------------ sample

    def synced_generator(self) -> Any:
        """A ``Generator`` with the policy's present weights; ``None`` off the fast path."""
        return self.sampler.synced()

    def _uses_fast_path(self) -> bool:
        """Whether this trainer, on this machine, with these settings, takes the fast path."""
        return self.sampler.is_used

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            if self.accelerator.is_main_process:
                logger.warning("%s", text)

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], *args: Any, **kwargs: Any
    ) -> tuple[list[list[int]], Any]:
        rollout = self._rollout
        generator = rollout.generator if rollout is not None else None
        if generator is None:  # a rollout samples from the weights that it began with
            generator = self.synced_generator()
        if generator is None:
            return super()._generate_single_turn(  # type: ignore[no-any-return,no-untyped-call]
                prompt_ids, *args, **kwargs
            )
        causal = self._causal_model()
        # A critic reads other hidden states than the sampler's.
        head = None if hasattr(causal, "critic") else getattr(causal, "value_head", None)
        completions = self.sampler.generate(generator, prompt_ids, head)
        if rollout is not None:
            rollout.generator, rollout.completions = generator, completions
        return [completion.token_ids for completion in completions], None

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        """TRL's, and where it is asked for other prompts in the place of those that teach nothing.

        The choice depends on the run's seed and step alone, so a run that resumes makes it again.
        """
        self._offer_row_tools()
        sampled: tuple[Any, ...] = super()._generate(prompts)
        rollout, rounds = self._rollout, self._check_resampling()
        if rollout is None or not rounds or not self.model.training or self.num_generations < 2:
            return sampled
        outcomes = self._score(rollout, prompts, sampled)
        self._count(outcomes)
        replaced = torch.zeros_like(outcomes.uninformative)
        for attempt in range(rounds):
            bad = outcomes.uninformative
            if not bad.any():
                break
            self._replace(rollout, prompts, sampled, bad, attempt)
            replaced |= bad
            outcomes = self._score(rollout, prompts, sampled)
        self._record("frac_resampled", replaced.float().mean().item())
        return sampled

    def _offer_row_tools(self) -> None:
        """Show each rollout the tools that its environment names by schemas.

        TRL looks tools up by the name of an environment; such a rollout gets a name of its own.
        """
        for place, environment in enumerate(self.environments or ()):
            if hasattr(environment, "_tool_schemas"):
                trl_internals.require("row_tools", self)
                name = f"rollout {place}"
                self._env_tools[name] = offered_tools(environment)
                self._batch_environments[place] = name

    def _tool_call_loop(
        self, prompts: Any, prompt_ids: Any, completion_ids: Any, completions: Any, *args: Any
    ) -> tuple[Any, ...]:
        """TRL's, without the calls that nothing can run: their episodes end there."""
        ended = [
            place
            for place, environment in enumerate(self.environments or ())
            if getattr(environment, "_ends_at_calls", False)
        ]
        calls = {place: completions[place][0].pop("tool_calls", None) for place in ended}
        played: tuple[Any, ...] = super()._tool_call_loop(  # type: ignore[no-untyped-call]
            prompts, prompt_ids, completion_ids, completions, *args
        )
        for place, made in calls.items():
            if made:
                played[1][place][0]["tool_calls"] = made
        return played

    def _check_resampling(self) -> int:
        """Rounds of dynamic sampling: a field of our configs, none in TRL's."""
        rounds = int(getattr(self.args, "resample_rounds", 0))
        check_resampling(rounds, bool(self.tools), self.rollout_func is not None)
        if rounds:
            trl_internals.require("dynamic_sampling")
        return rounds

    def _replace(
        self,
        rollout: Rollout,
        prompts: list[Any],
        sampled: tuple[Any, ...],
        bad: Tensor,
        attempt: int,
    ) -> None:
        """Put other rows and their rollouts in the place of bad groups (G,), in all the lists."""
        size = int(self.num_generations)
        first = self.accelerator.process_index * len(prompts)
        chosen = [i for i in range(len(prompts)) if bad[(first + i) // size]]
        step = self.state.global_step
        for i in chosen:
            group = (first + i) // size
            row = other_row(self.train_dataset, self.args.seed, step, group, attempt)
            rollout.rows[i], prompts[i] = row, row["prompt"]
        # Every process samples as many, because they count tokens together; the surplus is dropped.
        most = int(self.accelerator.gather(torch.tensor([len(chosen)], device=bad.device)).max())
        rows = (chosen + list(range(len(prompts))))[:most] if len(chosen) < most else chosen
        before = rollout.completions
        fresh = super()._generate([prompts[i] for i in rows])
        for old, new in zip(sampled[:5], fresh[:5], strict=True):  # ids, masks, texts, log-probs
            if old is not None:
                for i, value in zip(chosen, new, strict=False):
                    old[i] = value
        for i, completion in zip(chosen, rollout.completions, strict=False):
            before[i] = completion
        rollout.completions = before

    # ------------------------------------------------------------------ score

    def _score(self, rollout: Rollout, prompts: list[Any], sampled: tuple[Any, ...]) -> Outcomes:
        # TRL's own, below what subclasses and callers make of the rollout's last rewards.
        rewards: Tensor = super()._calculate_rewards(rollout.rows, prompts, sampled[3], sampled[1])
        rollout.rewards = rewards
        return group_outcomes(rewards, self.reward_weights, self.num_generations)

    def _calculate_rewards(
        self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any
    ) -> Tensor:
        rollout = self._rollout
        if rollout is not None:
            rollout.completion_ids = completion_ids_list
            if rollout.rewards is not None:
                return rollout.rewards
        rewards: Tensor = super()._calculate_rewards(
            inputs, prompts, completions, completion_ids_list
        )
        if rollout is not None:
            rollout.rewards = rewards
        if self.model.training and self.num_generations > 1:
            self._count(group_outcomes(rewards, self.reward_weights, self.num_generations))
        return rewards

    def _count(self, outcomes: Outcomes) -> None:
        """Log shares of the prompts as first sampled."""
        for name in ("all_correct", "none_correct"):
            self._record(f"frac_{name}", getattr(outcomes, name).float().mean().item())

    # ------------------------------------------------------------------ update

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        before = getattr(self, "_buffered_inputs", None)
        inputs: dict[str, Any] = super()._prepare_inputs(generation_batch)
        if not self.model.training or not self._uses_fast_path():
            return inputs
        if not trl_internals.usable("grouping", self) or self._buffered_inputs is before:
            return inputs
        from trl.trainer.utils import split_tensor_dict

        parts: Any = self._buffered_inputs
        batch = grouped(parts)
        self._buffered_inputs: Any = split_tensor_dict(batch, len(parts))
        chosen: dict[str, Any] = self._buffered_inputs[self._step % len(parts)]
        return chosen

    def _get_per_token_logps_and_entropies(
        self, model: Any, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        return super()._get_per_token_logps_and_entropies(  # type: ignore[no-any-return]
            self._packed(model), *args, **kwargs
        )

    def _allow_packing(self, model: Any) -> None:
        if model is None or not self._uses_fast_path():
            return
        if self.aux_loss_enabled:
            reason: str | None = "its auxiliary loss counts the tokens of the padded batch"
        else:
            reason = allow_packing(model)
        if reason is not None:
            name = type(self._plain(model)).__name__
            self._note(
                f"{name} runs over padded batches, about twice as long as without: {reason}."
            )

    def _packed(self, model: Any) -> Any:
        """``model``, or where it can be packed, a stand-in that gives the same output faster."""
        if not isinstance(model, nn.Module):
            return model  # a stand-in already
        inner = self._plain(self.accelerator.unwrap_model(model))
        backbones = [inner.base_model]
        if hasattr(inner, "critic"):
            backbones.append(inner.critic)
        if any(backbone.config._attn_implementation != ATTENTION for backbone in backbones):
            return model
        return Packed(model, backbones)

    def _plain(self, model: Any) -> Any:
        return model.get_base_model() if is_peft_model(model) else model

    def _causal_model(self) -> Any:
        """The causal language model inside DDP and PEFT wrappers."""
        return self._plain(self.accelerator.unwrap_model(self.model))

    # ------------------------------------------------------------------ metrics

    @property
    def _mode(self) -> str:
        return "train" if self.model.training else "eval"

    def _record(self, name: str, value: float) -> None:
        """Add to what TRL averages at its next log."""
        if trl_internals.usable("metrics", self):
            self._metrics[self._mode][name].append(value)

    # ------------------------------------------------------------------ resume

    def train(
        self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        path = resume_path(resume_from_checkpoint, str(self.args.output_dir))
        if path is not None:
            trl_internals.require("resumption", self)
        return super().train(path, *args, **kwargs)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        self._train_sampler = super()._get_train_sampler(dataset)
        return self._train_sampler

    def find_place(self, state: TrainerState) -> None:
        """Bring what TRL counts from 0 to where a run that was never stopped would have it."""
        self._step = state.global_step * self.args.gradient_accumulation_steps
        advance_to_epoch(self._train_sampler, int(state.epoch or 0))
