"""Settings of PPO: what it adds to ``GRPOConfig``, what it changes, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

from mrlm.hardware import set_device_defaults
from mrlm.ppo.gae import KL_ESTIMATORS
from mrlm.trainers.grpo import GRPOConfig
from mrlm.trainers.resumption import rollout_window

_LOSS_TYPES = ("dapo", "bnpo", "dr_grpo", "grpo", "cispo", "sapo")


class _OneGeneration(int):
    """A ``num_generations`` of 1 that passes ``GRPOConfig``'s check for at least two.

    Group-relative advantages need two completions of a prompt; a value function does not. Only the
    comparison is answered differently, so that the divisibility checks still see the true number.
    """

    def __lt__(self, other: int) -> bool:
        return False


@dataclass
class PPOConfig(GRPOConfig):
    """``GRPOConfig`` with a value function.

    Every field of ``GRPOConfig`` keeps its meaning unless it is listed here or refused with an
    error that says what to set instead. Rewards are never scaled by group: the value function is
    the baseline. One rollout of ``generation_batch_size`` completions is split into
    ``steps_per_generation`` micro-batches and used ``num_ppo_epochs`` times.

    ``bf16`` defaults to on where the device computes faster in bfloat16, a CPU included; without
    any accelerator, ``use_cpu`` is set and gradient checkpointing defaults to off.

    Raises:
        ValueError: A value is out of range, or a ``GRPOConfig`` option contradicts PPO.
    """

    num_generations: int | None = field(
        default=1,
        metadata={
            "help": "Completions per prompt. 1 is enough, because the value function is the "
            "baseline; the generation batch must be divisible by it."
        },
    )
    scale_rewards: str = field(
        default="none",
        metadata={
            "help": "Must stay 'none': PPO does not scale rewards by group. "
            "See `whiten_advantages`."
        },
    )
    gradient_checkpointing: bool | None = field(  # type: ignore[assignment]
        default=None,
        metadata={
            "help": "Recompute activations in the backward pass: less memory, more time. "
            "Default: on with an accelerator, off on the CPU."
        },
    )
    disable_dropout: bool = field(
        default=True,
        metadata={
            "help": "Switch dropout off, LoRA's included: it would add noise to the ratio between "
            "the policy and the one that sampled."
        },
    )
    num_ppo_epochs: int = field(
        default=1,
        metadata={
            "help": "Passes over each rollout. More passes learn more from a rollout and drift "
            "further from the policy that sampled it; 2 is the first step up."
        },
    )
    gamma: float = field(
        default=1.0,
        metadata={"help": "Discount per model token, in [0, 1]."},
    )
    lam: float = field(
        default=1.0,
        metadata={
            "help": "GAE decay of the policy's advantages, in [0, 1]. Below 1 trusts the value "
            "function; give it `value_warmup_steps` then, or leave it to `gate_values`."
        },
    )
    lam_critic: float = field(
        default=1.0,
        metadata={
            "help": "GAE decay of the returns that the value function learns, in [0, 1]. 1 is the "
            "plain return, free of the value function's own bias."
        },
    )
    vf_coef: float = field(
        default=0.5,
        metadata={"help": "Weight of the value loss in the total loss, at least 0."},
    )
    cliprange_value: float | None = field(
        default=None,
        metadata={
            "help": "Hold each value within this distance of its estimate at sampling time; unset: "
            "no value clipping. Same unit as the reward."
        },
    )
    whiten_advantages: bool = field(
        default=True,
        metadata={
            "help": "Shift and scale the advantages of a rollout, over all processes, to mean 0 "
            "and variance 1."
        },
    )
    sibling_baseline: bool = field(
        default=True,
        metadata={
            "help": "Correct the value of a prompt by how its other completions did, shrunk "
            "towards how those of the other prompts did (James-Stein, leave-one-out, unbiased). "
            "With one generation per prompt: by the other prompts alone."
        },
    )
    gate_values: bool = field(
        default=True,
        metadata={
            "help": "Leave out of the advantages what the value function has not been right about: "
            "its value of the prompt, and what it learns within an answer, each while its "
            "explained variance over the last ten or so rollouts is not above 0. While the latter "
            "is left out, `lam` counts as 1."
        },
    )
    zero_truncated_rewards: bool = field(
        default=False,
        metadata={
            "help": "Let a completion that was cut at the length limit earn 0 at most, whatever "
            "the reward functions found in it, so that answers do not grow into the limit. Logged "
            "rewards do not show it."
        },
    )
    kl_in_reward: bool = field(
        default=False,
        metadata={
            "help": "Where `beta` is not 0: subtract `beta` times the KL estimate from each "
            "token's reward (true), or add it to the loss as GRPO does (false)."
        },
    )
    kl_estimator: str = field(
        default="k1",
        metadata={
            "help": "Estimate of the KL in the reward: 'k1' (unbiased), 'k2' or 'k3' (never "
            "negative). The KL in the loss is always TRL's, k3."
        },
    )
    value_head_detach: bool = field(
        default=True,
        metadata={
            "help": "Whether the value loss stops at the value head (true) or also trains the "
            "backbone that it shares with the policy (false). Ignored with a critic of its own."
        },
    )
    critic_model_name_or_path: str | None = field(
        default=None,
        metadata={
            "help": "Model whose backbone becomes a separate critic, with the policy's vocabulary. "
            "Unset: the value head reads the policy's hidden states."
        },
    )
    value_learning_rate: float = field(
        default=1e-2,
        metadata={"help": "Learning rate of the value head, which starts at zero."},
    )
    critic_learning_rate: float = field(
        default=1e-5,
        metadata={"help": "Learning rate of a separate critic's backbone."},
    )
    update_fraction: float = field(
        default=1.0,
        metadata={
            "help": "Share of a rollout's prompts that the update runs on, in (0, 1]. Below 1, "
            "prompts are drawn in proportion to the advantages of their completions and "
            "reweighted, so that the expected gradient stays the same. Prompts whose completions "
            "are all correct or all wrong teach next to nothing, so little is lost."
        },
    )
    value_warmup_steps: int = field(
        default=0,
        metadata={
            "help": "Optimizer steps at the start that train only the value function and leave the "
            "policy as it is. About 50 where `lam` is below 1."
        },
    )

    def __post_init__(self) -> None:
        set_device_defaults(self)
        self._check_ppo()
        # TRL's name for the same number; its rollout buffer counts with it.
        self.num_iterations = self.num_ppo_epochs
        generations = self.num_generations
        if generations == 1:
            self.num_generations = _OneGeneration(1)
        super().__post_init__()
        self.num_generations = generations
        if self.deepspeed_plugin is not None and self.deepspeed_plugin.zero_stage == 3:
            raise ValueError(
                "DeepSpeed ZeRO-3 shards the value function in a way that PPOTrainer cannot save. "
                "Use ZeRO-2 or FSDP: recipes/accelerate/zero2.yaml or fsdp2.yaml."
            )
        self._check_checkpoints()

    @property
    def rollout_window(self) -> int:
        """Micro-batches from one rollout to the next."""
        return rollout_window(self)

    def _check_ppo(self) -> None:
        for name in ("gamma", "lam", "lam_critic"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be between 0 and 1.")
        for name in ("vf_coef", "value_learning_rate", "critic_learning_rate"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)}: must be 0 or more.")
        if self.num_ppo_epochs < 1:
            raise ValueError(f"num_ppo_epochs={self.num_ppo_epochs}: must be 1 or more.")
        if self.value_warmup_steps < 0:
            raise ValueError(f"value_warmup_steps={self.value_warmup_steps}: must be 0 or more.")
        if self.num_generations is None or self.num_generations < 1:
            raise ValueError(f"num_generations={self.num_generations}: must be 1 or more.")
        if self.cliprange_value is not None and not self.cliprange_value > 0:
            raise ValueError(
                f"cliprange_value={self.cliprange_value}: must be above 0; leave it unset for no "
                "value clipping."
            )
        if self.kl_estimator not in KL_ESTIMATORS:
            raise ValueError(
                f"kl_estimator={self.kl_estimator!r}: choose one of {', '.join(KL_ESTIMATORS)}."
            )
        if self.kl_in_reward and self.beta == 0:
            raise ValueError(
                "kl_in_reward=True with beta=0: the KL would have no weight. Set beta above 0 "
                "(0.01 to 0.05 is usual), or kl_in_reward=False."
            )
        self._check_update_fraction()
        self._check_grpo_options()

    def _check_update_fraction(self) -> None:
        if not 0 < self.update_fraction <= 1:
            raise ValueError(
                f"update_fraction={self.update_fraction}: must be above 0 and at most 1."
            )
        if self.update_fraction == 1:
            return
        if self.loss_type not in ("dapo", "cispo"):
            raise ValueError(
                f"update_fraction={self.update_fraction} with loss_type={self.loss_type!r}: that "
                "loss divides by what is left of the batch, so the expected gradient would change. "
                "Use loss_type='dapo', the default."
            )
        if self.beta != 0 and not self.kl_in_reward:
            raise ValueError(
                f"update_fraction={self.update_fraction} with beta={self.beta}: the KL in the loss "
                "cannot be reweighted. Set kl_in_reward=True, or update_fraction=1."
            )
        if self.entropy_coef or self.use_adaptive_entropy or self.top_entropy_quantile < 1:
            raise ValueError(
                f"update_fraction={self.update_fraction} with entropy_coef={self.entropy_coef}, "
                f"use_adaptive_entropy={self.use_adaptive_entropy} and "
                f"top_entropy_quantile={self.top_entropy_quantile}: the entropy of the prompts "
                "that are left cannot be reweighted. Leave these at 0, false and 1, or set "
                "update_fraction=1."
            )

    def _check_grpo_options(self) -> None:
        """Refuse what presumes one group-relative advantage per completion."""
        if self.num_iterations not in (1, self.num_ppo_epochs):
            raise ValueError(
                f"num_iterations={self.num_iterations}: PPO's name for it is num_ppo_epochs "
                f"(now {self.num_ppo_epochs}). Set only that."
            )
        if self.scale_rewards not in ("none", False):
            raise ValueError(
                f"scale_rewards={self.scale_rewards!r}: PPO takes its baseline from the value "
                "function and does not scale rewards by group or batch. Leave it at 'none'; "
                "whiten_advantages=True scales the advantages."
            )
        if self.multi_objective_aggregation != "sum_then_normalize":
            raise ValueError(
                f"multi_objective_aggregation={self.multi_objective_aggregation!r}: it normalises "
                "rewards within groups, which PPO does not have. Leave it at 'sum_then_normalize' "
                "(for PPO: the weighted sum) and set reward_weights."
            )
        if self.loss_type not in _LOSS_TYPES:
            raise ValueError(
                f"loss_type={self.loss_type!r}: it weighs whole completions by one advantage, but "
                f"PPO has one per token. Choose one of {', '.join(_LOSS_TYPES)}; 'dapo', the mean "
                "over tokens, is the default."
            )
        if self.importance_sampling_level != "token":
            raise ValueError(
                f"importance_sampling_level={self.importance_sampling_level!r}: PPO's ratio is per "
                "token. Leave it at 'token'."
            )
        if self.off_policy_mask_threshold is not None:
            raise ValueError(
                f"off_policy_mask_threshold={self.off_policy_mask_threshold}: it drops whole "
                "completions by the sign of their one advantage, but PPO has one per token. Leave "
                "it unset; epsilon limits how far the policy moves."
            )
        if self.sync_ref_model:
            raise ValueError(
                "sync_ref_model=True: the policy holds a value function that the reference model "
                "does not, so their weights cannot be paired. Set sync_ref_model=False."
            )

    def _check_checkpoints(self) -> None:
        """Only the end of a rollout's last update is a point that can be resumed exactly.

        Ordinary saves are moved to that point by the trainer. The best checkpoint cannot be moved,
        because it is named by the step at which it was evaluated.
        """
        needs_best = self.load_best_model_at_end or self.save_strategy == "best"
        eval_steps = self.eval_steps or 0
        if not needs_best or self.eval_strategy != "steps" or eval_steps < 1:
            return
        if (eval_steps * self.gradient_accumulation_steps) % self.rollout_window:
            window = self.rollout_window / self.gradient_accumulation_steps
            raise ValueError(
                f"eval_steps={eval_steps} falls between two rollouts, where the best "
                f"checkpoint could not be resumed exactly. One rollout lasts {window:g} optimizer "
                "steps (steps_per_generation * num_ppo_epochs / gradient_accumulation_steps): make "
                "eval_steps a multiple of that."
            )
