"""Stop anywhere, go on as if nothing had happened: what TRL's online trainers need for it.

TRL forgets three things when a run resumes. It drops the rollout that is half used: saves wait for
its end here. It samples by a counter that starts at 0 again: the counter is set. And it walks
through the prompts in the order of the first epoch, whichever epoch it is: the order is brought
forward. SFT and DPO need none of this.

A run that is killed while it writes a checkpoint leaves half of one; ``resume_path`` passes it by.

Not covered: random numbers that reward functions or environments draw from generators of their own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer import TRAINER_STATE_NAME
from trl.trainer.grpo_trainer import GRPOTrainer as TRLGRPOTrainer


def resume_path(resume_from_checkpoint: str | bool | None, output_dir: str | Path) -> str | None:
    """The checkpoint that ``--resume_from_checkpoint`` means.

    Args:
        resume_from_checkpoint: A checkpoint's folder; ``True``, ``"true"`` or ``"last"`` for the
            newest whole one in ``output_dir``; nothing or ``"false"`` for a fresh start.
        output_dir: Of the run.

    Raises:
        FileNotFoundError: There is no such checkpoint, or it was not written to its end.
    """
    asked = str(resume_from_checkpoint or "").strip()
    if asked.lower() in ("", "false"):
        return None
    if asked.lower() not in ("true", "last"):
        if not _is_whole(Path(asked)):
            raise FileNotFoundError(
                f"resume_from_checkpoint={asked!r} is not a whole checkpoint: it has no readable "
                f"{TRAINER_STATE_NAME}. Name a folder such as {output_dir}/checkpoint-100, or "
                f"'true' for the newest in {output_dir}."
            )
        return asked
    found = {
        int(match[1]): folder
        for folder in Path(output_dir).glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", folder.name)) and _is_whole(folder)
    }
    if not found:
        raise FileNotFoundError(
            f"resume_from_checkpoint=true, but {output_dir} holds no whole checkpoint. Leave the "
            "option out to start anew, or name the output_dir of the run that was stopped."
        )
    return str(found[max(found)])


def _is_whole(checkpoint: Path) -> bool:
    """Whether saving came to its end: the trainer's state is what is written last."""
    try:
        json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def rollout_window(args: Any) -> int:
    """Micro-batches from one rollout to the next, by the settings of a ``GRPOConfig``."""
    return int(args.steps_per_generation or 1) * int(args.num_iterations)


class ResumableRollouts(TRLGRPOTrainer):
    """Mixin for ``trl.GRPOTrainer``: a resumed run ends with the weights of one never stopped."""

    args: Any
    _step: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._train_sampler: Any = None
        self._boundary = RolloutBoundaryCallback(self)
        self.add_callback(self._boundary)

    def train(
        self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        path = resume_path(resume_from_checkpoint, str(self.args.output_dir))
        return super().train(path, *args, **kwargs)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        self._train_sampler = super()._get_train_sampler(dataset)
        return self._train_sampler

    def _find_place(self, state: TrainerState) -> None:
        """Bring what TRL counts from 0 to where a run that was never stopped would have it."""
        self._step = state.global_step * self.args.gradient_accumulation_steps
        sampler = self._train_sampler  # none where the dataset is a stream
        if sampler is not None and sampler.shuffle:
            for _ in range(int(state.epoch or 0)):
                torch.randperm(sampler.num_samples, generator=sampler.generator)


class RolloutBoundaryCallback(TrainerCallback):
    """Moves each save to the end of the current rollout, and the resumed run to where it was.

    The best checkpoint cannot be moved, because it is named by the step of its evaluation: where
    one is kept, saves stay where they are.
    """

    def __init__(self, trainer: ResumableRollouts) -> None:
        self._trainer = trainer
        self._save_is_due = False

    def at_boundary(self, global_step: int) -> bool:
        """Whether after this optimizer step the next one samples a new rollout."""
        args = self._trainer.args
        return bool(global_step * args.gradient_accumulation_steps % rollout_window(args) == 0)

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._save_is_due = False
        self._trainer._find_place(state)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if args.load_best_model_at_end or args.save_strategy == "best":
            return
        self._save_is_due = self._save_is_due or control.should_save
        # A run that ends here will not reach the boundary: better a checkpoint than none.
        control.should_save = self._save_is_due and (
            self.at_boundary(state.global_step) or control.should_training_stop
        )
        self._save_is_due = self._save_is_due and not control.should_save
