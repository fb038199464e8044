"""Says in plain words why a run cannot learn, as soon as its metrics show it.

The callback reads what a trainer logs, so it serves PPO, GRPO and any trainer that uses TRL's
metric names. Each finding is reported once, with the likely cause and what to do, and kept for the
report.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from mrlm.trainers.reward_hacking import against_accuracy, against_length

logger = logging.getLogger(__name__)

Logs = Mapping[str, Any]


@dataclass(frozen=True)
class Diagnosis:
    """One reason why learning cannot happen, or is about to end.

    Attributes:
        name: Short and stable, for programs.
        step: Optimizer step at which it was found.
        message: What was seen, the likely cause, and what to do.
    """

    name: str
    step: int
    message: str


@dataclass(frozen=True)
class _Check:
    """A symptom that counts once it was logged ``patience`` times in a row."""

    name: str
    patience: int
    symptom: Callable[[Logs], bool | None]
    message: Callable[[Logs], str]


# Standard deviation of rewards that differ by rounding alone.
_EQUAL = 1e-6


def _number(logs: Logs, name: str) -> float:
    """The logged metric, or NaN where this log does not have it."""
    value = logs.get(name)
    return math.nan if value is None else float(value)


def _equal_rewards(logs: Logs) -> bool | None:
    if "reward" not in logs:
        return None  # no rollout in this log: neither confirms nor clears
    zero_groups = _number(logs, "frac_reward_zero_std")
    return _number(logs, "reward_std") <= _EQUAL or zero_groups == 1


def _explain_equal_rewards(logs: Logs) -> str:
    reward = _number(logs, "reward")
    if _number(logs, "reward_std") <= _EQUAL:
        seen = f"Every completion got the same reward, {reward:g}"
    else:
        seen = "All completions of a prompt got the same reward, for every prompt"
    return (
        f"{seen}, several times in a row: there is no difference to learn from. If completions "
        "look right, the reward function cannot read them; if they look wrong, the task is too "
        "hard for this model, or the prompt does not ask for the format that the reward expects; "
        "if the reward is already at its best, the task is solved. Read a few completions "
        "(log_completions=True), then fix the reward, use easier problems, or raise "
        "num_generations and the temperature."
    )


def _explain_truncated(logs: Logs) -> str:
    return (
        f"No completion ends by itself: all are cut at {_number(logs, 'completions/max_length'):g} "
        "tokens, so a final answer may never appear and nothing rewards stopping. Raise "
        "max_completion_length, ask for short answers in the prompt, or check that the chat "
        "template's end-of-turn token is among the model's eos_token_id. With "
        "mask_truncated_completions=True nothing is learned at all meanwhile."
    )


def _explain_unscorable(logs: Logs) -> str:
    share = _number(logs, "frac_unscorable")
    return (
        f"Every reward function returned None for {share:.0%} of the completions; they teach "
        "nothing. A reward returns None where it does not apply or its reference is unusable: "
        "check that the data set has the columns that the rewards read, and that a scorer which "
        "calls a service can reach it."
    )


def _explain_entropy(logs: Logs) -> str:
    return (
        f"The policy's entropy fell to {_number(logs, 'entropy'):.4f} nats per token: it writes "
        "the same completion again and again and no longer explores. Go back to an earlier "
        "checkpoint and lower learning_rate or num_ppo_epochs, raise the temperature, or set "
        "beta above 0 to stay near the starting model."
    )


def _explain_gradient(logs: Logs) -> str:
    return (
        f"The gradient norm is {_number(logs, 'grad_norm')}: the loss became infinite or "
        "undefined, and the weights may be lost with it. Go back to the last checkpoint, lower "
        "learning_rate, and if precision is fp16, use bf16 or float32."
    )


_PATIENCE = 5
# In nats per token. A policy that still chooses between two words now and then is above it.
_COLLAPSED_ENTROPY = 0.01

_CHECKS = (
    _Check("equal_rewards", _PATIENCE, _equal_rewards, _explain_equal_rewards),
    _Check(
        "all_truncated",
        _PATIENCE,
        lambda logs: _reading(logs, "completions/clipped_ratio", lambda x: x >= 1),
        _explain_truncated,
    ),
    _Check(
        "unscorable",
        _PATIENCE,
        lambda logs: _reading(logs, "frac_unscorable", lambda x: x >= 0.5),
        _explain_unscorable,
    ),
    _Check(
        "entropy_collapsed",
        _PATIENCE,
        lambda logs: _reading(logs, "entropy", lambda x: x < _COLLAPSED_ENTROPY),
        _explain_entropy,
    ),
    _Check(
        "gradient_not_finite",
        1,
        lambda logs: _reading(logs, "grad_norm", lambda x: not math.isfinite(x)),
        _explain_gradient,
    ),
)


# Optimizer steps with a learning rate above 0 after which LoRA's B matrices, which start at zero,
# must have moved.
LORA_GRACE = 5


# Logs of the explained variance below which its sign says little.
MIN_ROLLOUTS = 10
_WORSE_THAN_NOTHING = -0.01
_PARTS = {
    "prompts": "which prompts are easy",
    "within": "how an answer is getting on",
}


def _explain_values(args: Any, worse: Mapping[str, str]) -> str:
    if getattr(args, "gate_values", False):
        effect = "The advantages left that out (gate_values), so it has done no harm"
    else:
        effect = "It entered the advantages as noise: set gate_values=True"
    return (
        f"At the end the value function was worse than a constant at foretelling "
        f"{' and '.join(worse.values())}; above 0 would be better than one. {effect}. It may need "
        "more steps, another value_learning_rate, or value_warmup_steps; with several generations "
        "per prompt the siblings' baseline does without it."
    )


def _reading(logs: Logs, name: str, is_bad: Callable[[float], bool]) -> bool | None:
    return None if logs.get(name) is None else is_bad(float(logs[name]))


class DiagnosticsCallback(TrainerCallback):
    """Watches a run's logs and weights for reasons why it cannot learn.

    Attributes:
        findings: What was found, in order; each kind once.
    """

    def __init__(self) -> None:
        self.findings: list[Diagnosis] = []
        self._streaks: dict[str, int] = {}
        self._effective_steps = 0

    def on_log(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: Logs | None = None,
        **kwargs: Any,
    ) -> None:
        for check in _CHECKS:
            symptom = check.symptom(logs or {})
            if symptom is None:
                continue
            streak = self._streaks.get(check.name, 0) + 1 if symptom else 0
            self._streaks[check.name] = streak
            if streak >= check.patience:
                self._report(state, check.name, check.message(logs or {}))
        for name, seen in (
            ("reward_against_length", against_length),
            ("reward_against_accuracy", against_accuracy),
        ):
            message = seen(state.log_history)
            if message is not None:
                self._report(state, name, message)

    def on_train_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        worse = {}
        for part, what in _PARTS.items():
            name = f"value/explained_variance_{part}"
            shares = [log[name] for log in state.log_history if log.get(name) is not None]
            if len(shares) >= MIN_ROLLOUTS and shares[-1] < _WORSE_THAN_NOTHING:
                worse[part] = f"{what} ({shares[-1]:.2f})"
        if worse:
            self._report(state, "value_worse_than_nothing", _explain_values(args, worse))

    def on_optimizer_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        # Here, before the scheduler moves on, the rates are those that the step was taken with.
        optimizer = kwargs.get("optimizer")
        if optimizer is None or not optimizer.param_groups[0]["lr"] > 0:
            return
        if state.global_step < getattr(args, "value_warmup_steps", 0):
            return
        self._effective_steps += 1
        if self._effective_steps == LORA_GRACE:
            self._check_lora(state, kwargs.get("model"))

    def _check_lora(self, state: TrainerState, model: Any) -> None:
        matrices = [
            p for name, p in model.named_parameters() if "lora_B" in name and p.requires_grad
        ]
        if matrices and not any(torch.count_nonzero(p.detach()) for p in matrices):
            self._report(
                state,
                "lora_not_moving",
                f"After {LORA_GRACE} optimizer steps every LoRA B matrix is still zero, so "
                "the adapter does nothing: no gradient reaches it. Either all advantages were "
                "zero so far (look at reward_std), or the adapter is not on the path of the "
                "loss: check target_modules and that the adapter is active and trainable.",
            )

    def _report(self, state: TrainerState, name: str, message: str) -> None:
        if any(finding.name == name for finding in self.findings):
            return
        self.findings.append(Diagnosis(name, state.global_step, message))
        if state.is_world_process_zero:
            logger.warning("Step %d: %s", state.global_step, message)
