"""TRL's on-policy distillation, with the sampler of the other online trainers on a CPU.

The student samples, the teacher says at each of its tokens what it would have said next, and the
student moves there (https://huggingface.co/papers/2306.13649). What it learns is TRL's; only who
samples is ours.

Not covered: environments; TRL's trainer knows a fixed list of tools, and no rows' own.
"""

from __future__ import annotations

import logging
from typing import Any

from trl.trainer.distillation_trainer import DistillationTrainer as TRLDistillationTrainer

from mrlm.trainers import trl_internals
from mrlm.trainers.policy_sampler import PolicySampler

logger = logging.getLogger(__name__)

__all__ = ["DistillationTrainer"]


class DistillationTrainer(TRLDistillationTrainer):
    """``trl.DistillationTrainer``; takes the same arguments.

    Attributes:
        sampler: Samples where this trainer takes the fast path.
        notes: What could not be done as fast as elsewhere, why, and what it costs.
    """

    use_transformers_continuous_batching = False  # what the sampler asks; there is no such option

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.notes: list[str] = []
        self.sampler = PolicySampler(self, self._note)

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], *args: Any, **kwargs: Any
    ) -> list[list[int]]:
        is_usable = trl_internals.usable("distillation_sampler", self)
        generator = self.sampler.synced() if is_usable else None
        if generator is None:
            return super()._generate_single_turn(  # type: ignore[no-any-return,no-untyped-call]
                prompt_ids, *args, **kwargs
            )
        completions = self.sampler.generate(generator, prompt_ids, None)
        return [completion.token_ids for completion in completions]

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            if self.accelerator.is_main_process:
                logger.warning("%s", text)
