"""TRL's ``GRPOTrainer`` with the fast CPU path, dynamic sampling and exact resumption."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mrlm.trainers.dynamic_sampling import PromptOutcomes
from mrlm.trainers.online import FastCPUMixin
from mrlm.trainers.resumption import ResumableRollouts


def _rows_with_gradient(advantages: Tensor, micro_batches: int, least: int) -> Tensor:
    """Indices, ascending, of the rows (B,) that are not 0, and of as many others as make the
    number at least ``least`` and one that splits into equal micro-batches."""
    has_gradient = advantages != 0
    count = max(1, least, int(has_gradient.sum()))
    count = -(-count // micro_batches) * micro_batches
    return (~has_gradient).to(torch.uint8).argsort(stable=True)[:count].sort().values


class GRPOTrainer(ResumableRollouts, PromptOutcomes, FastCPUMixin):
    """TRL's ``GRPOTrainer``, with what the three mixins add; else the same class.

    On the fast path, completions without an advantage, because all of their prompt's are worth the
    same, are left out of the update where their gradient is 0. Metrics of the update (entropy, clip
    ratios) speak of the others.
    """

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        args = self.args
        # These losses divide by the tokens of all completions, whatever is left of them, and have
        # no term of which a completion without an advantage is a part.
        is_exact = (
            self.loss_type in ("dapo", "cispo")
            and self.beta == 0
            and self.top_entropy_quantile == 1
            and not self._entropy_bonus_enabled
        )
        if not (self.model.training and self._is_fast() and is_exact):
            return batch
        # As many in every process: TRL gathers a number per row.
        count = int(self.accelerator.gather((batch["advantages"] != 0).sum()).max())
        rows = _rows_with_gradient(batch["advantages"], args.steps_per_generation, count)
        return {name: x[rows] if x.ndim else x for name, x in batch.items()}

    def _get_per_token_logps_and_entropies(
        self, model: Any, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        return super()._get_per_token_logps_and_entropies(  # type: ignore[no-any-return]
            self._packed(model), *args, **kwargs
        )
