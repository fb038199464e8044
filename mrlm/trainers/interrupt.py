"""Ctrl-C that loses nothing: finish, save, stop. A second Ctrl-C aborts at once."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

logger = logging.getLogger(__name__)


class InterruptCallback(TrainerCallback):
    """Turns the first SIGINT of a training run into a checkpoint and a clean stop.

    Works with any ``Trainer``. Where several processes train together, all stop at the same step as
    soon as one of them was interrupted.

    Args:
        may_stop: Whether the run may stop after the given optimizer step; training goes on until it
            may. Always, by default.
    """

    def __init__(self, may_stop: Callable[[int], bool] = lambda step: True) -> None:
        self._may_stop = may_stop
        self._interrupted = False
        self._previous: Any = None

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._interrupted = False
        # Python delivers signals to the main thread, and lets only that thread ask for them.
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._on_sigint)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        interrupted = self._interrupted
        if args.world_size > 1:
            flag = torch.tensor([int(interrupted)], device=args.device)
            torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
            interrupted = bool(flag.item())
        self._interrupted = interrupted
        if interrupted and self._may_stop(state.global_step):
            control.should_save = True
            control.should_training_stop = True
            if state.is_world_process_zero:
                logger.warning(
                    "Stopped by Ctrl-C after step %d. Resume with "
                    "trainer.train(resume_from_checkpoint=True).",
                    state.global_step,
                )

    def on_train_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Give Ctrl-C its former meaning back. May be called more than once."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _on_sigint(self, signum: int, frame: FrameType | None) -> None:
        self._interrupted = True
        self.restore()
        logger.warning(
            "Ctrl-C: finishing the updates under way, then saving a checkpoint and stopping. Press "
            "Ctrl-C again to abort without saving."
        )
