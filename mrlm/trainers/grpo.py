"""TRL's ``GRPOTrainer`` with a fast path, dynamic sampling and exact resumption."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trl.trainer.grpo_config import GRPOConfig as TRLGRPOConfig

from mrlm.trainers import trl_internals
from mrlm.trainers.batches import rows_with_gradient, take_rows
from mrlm.trainers.dynamic_sampling import check_resampling
from mrlm.trainers.online import OnlineTrainer
from mrlm.trainers.policy_sampler import check_sampler
from mrlm.trainers.rollout import Rollout

__all__ = ["GRPOConfig", "GRPOTrainer"]


@dataclass
class GRPOConfig(TRLGRPOConfig):
    """TRL's ``GRPOConfig`` with dynamic sampling and a choice of what samples.

    Raises:
        ValueError: A value is out of range.
    """

    resample_rounds: int = field(
        default=0,
        metadata={
            "help": "Rounds of dynamic sampling: how many times in a rollout the prompts whose "
            "completions all earn the same are replaced by other prompts of the training set. "
            "0 only counts them. Not with tools or a rollout_func."
        },
    )
    sampler: str = field(
        default="auto",
        metadata={
            "help": "What samples: 'mrlm' is this package's sampler, with an update that leaves "
            "out padding and repeated prompts; 'trl' is TRL's generate and update. 'auto' is "
            "'mrlm' on a CPU and 'trl' elsewhere, because 'mrlm' was not measured on a GPU.",
        },
    )

    def __post_init__(self) -> None:
        check_resampling(self.resample_rounds, has_tools=False, has_rollout_func=False)
        check_sampler(self)
        super().__post_init__()  # type: ignore[no-untyped-call]


class GRPOTrainer(OnlineTrainer):
    """TRL's ``GRPOTrainer``, with what ``OnlineTrainer`` adds; takes the same arguments.

    On the fast path, completions without an advantage, because all of their prompt's are worth the
    same, are left out of the update where nothing else depends on them. Metrics of the update
    (entropy, clip ratios) speak of the others. ``args`` is a ``GRPOConfig`` of ours or TRL's.
    """

    def _finish_rollout(self, batch: dict[str, Any], rollout: Rollout) -> dict[str, Any]:
        if not (self.model.training and self._uses_fast_path() and self._can_leave_rows_out()):
            return batch
        # As many in every process: TRL gathers a number per row.
        count = int(self.accelerator.gather((batch["advantages"] != 0).sum()).max())
        rows = rows_with_gradient(batch["advantages"], self.args.steps_per_generation, count)
        return take_rows(batch, rows)

    def _can_leave_rows_out(self) -> bool:
        """Whether a completion without an advantage is a part of nothing in the loss.

        These losses divide by the tokens of all completions, whatever is left of them. A KL term,
        a bonus or a quantile of the entropy, and the auxiliary loss of a mixture of experts are
        taken over all tokens.
        """
        return (
            trl_internals.usable("fewer_rows", self)
            and self.loss_type in ("dapo", "cispo")
            and self.beta == 0
            and self.top_entropy_quantile == 1
            and not self._entropy_bonus_enabled
            and not self.aux_loss_enabled
        )
