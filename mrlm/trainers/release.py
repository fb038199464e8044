"""What a trainer holds after training and nobody needs: its memory goes back before what follows.

Adam's moments are twice the weights, and the sampler holds a copy of them. Not covered: weights
that are split over processes, whose engine is the optimizer's, too; those are left alone.
"""

from __future__ import annotations

from typing import Any

from mrlm.memory import return_freed_memory

__all__ = ["release_training_state"]


def release_training_state(trainer: Any) -> None:
    """Drop optimizer, schedule, gradients, buffered rollouts and the sampler's copy.

    The model, the log and ``save_model`` stay as they are; training can not go on.

    Args:
        trainer: Any of TRL's, or ours, that has trained.
    """
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return
    trainer.model.zero_grad(set_to_none=True)
    for holder in (trainer, trainer.callback_handler):
        holder.optimizer = holder.lr_scheduler = None
    trainer.accelerator.free_memory()
    if hasattr(trainer, "_buffered_inputs"):
        trainer._buffered_inputs = None
    if hasattr(trainer, "sampler"):
        trainer.sampler.generator = None
    return_freed_memory()
