"""Stop anywhere, go on as if nothing had happened: what TRL's online trainers need for it.

TRL forgets three things when a run resumes. It drops the rollout that is half used: saves wait for
its end here. It samples by a counter that starts at 0 again: the counter is set. And it walks
through the prompts in the order of the first epoch, whichever epoch it is: the order is brought
forward. SFT and DPO need none of this.

A run that is killed while it writes a checkpoint leaves half of one; ``resume_path`` passes it by.
A new run in the folder of an earlier one must not be resumed from that one's checkpoints, nor lose
what can still be resumed: ``start_path`` refuses, ``delete_checkpoints`` makes room.

Not covered: random numbers that reward functions or environments draw from generators of their own.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

if TYPE_CHECKING:
    from mrlm.trainers.online import OnlineTrainer


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
    found = _whole_checkpoints(output_dir)
    if not found:
        raise FileNotFoundError(
            f"resume_from_checkpoint=true, but {output_dir} holds no whole checkpoint. Leave the "
            "option out to start anew, or name the output_dir of the run that was stopped."
        )
    return str(found[-1])


def start_path(
    config: Any, finished: str, has_stopped: Callable[[Path], bool] = lambda folder: False
) -> str | None:
    """The checkpoint where a run goes on, ``None`` in a new run.

    Args:
        config: A ``TrainingArguments``.
        finished: Name of the file that a run writes into its folder when it has trained.
        has_stopped: Whether the run in a folder stopped in spite of that file, which may grow while
            a run goes.

    Raises:
        FileExistsError: The run is new, and the folder has a checkpoint of a run that stopped.
        FileNotFoundError: As in ``resume_path``.
        ValueError: The checkpoint is of a later step than the run has.
    """
    folder = Path(config.output_dir)
    path = resume_path(config.resume_from_checkpoint, folder)
    if path is not None:
        step = _state(Path(path))["global_step"]
        if 0 < config.max_steps < step:
            raise ValueError(
                f"{path} is of step {step}, and max_steps is {config.max_steps}: there is nothing "
                "left to train. Raise --max_steps, or name an earlier checkpoint."
            )
        return path
    stale = _whole_checkpoints(folder)
    is_finished = stale and _is_of_finished_run(stale[-1], folder / finished)
    if stale and (not is_finished or has_stopped(folder)):
        raise FileExistsError(
            f"{stale[-1]} is of a run that stopped before its end. Go on with it: "
            "--resume_from_checkpoint true; start anew: another --output_dir, or delete "
            f"{folder}/checkpoint-* first."
        )
    return None


def delete_checkpoints(output_dir: str | Path, say: Callable[[str], None]) -> None:
    """Before a new run that ``start_path`` let pass: what is there is of a run that finished."""
    for checkpoint in _whole_checkpoints(output_dir):
        say(f"Deleting {checkpoint}, of an earlier run that has finished.")
        shutil.rmtree(checkpoint)


def _is_of_finished_run(checkpoint: Path, finished: Path) -> bool:
    """Whether the run came to its last step, and wrote its results after this checkpoint."""
    state = _state(checkpoint)
    return (
        state["global_step"] >= state["max_steps"]
        and finished.is_file()
        and finished.stat().st_mtime >= (checkpoint / TRAINER_STATE_NAME).stat().st_mtime
    )


def _whole_checkpoints(folder: str | Path) -> list[Path]:
    """By their step, the newest last."""
    found = {
        int(match[1]): path
        for path in Path(folder).glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", path.name)) and _is_whole(path)
    }
    return [found[step] for step in sorted(found)]


def _is_whole(checkpoint: Path) -> bool:
    """Whether saving came to its end: the trainer's state is what is written last."""
    try:
        _state(checkpoint)
    except (OSError, ValueError):
        return False
    return True


def _state(checkpoint: Path) -> Any:
    return json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))


def rollout_window(args: Any) -> int:
    """Micro-batches from one rollout to the next, by the settings of a ``GRPOConfig``."""
    return int(args.steps_per_generation or 1) * int(args.num_iterations)


def advance_to_epoch(sampler: Any, epoch: int) -> None:
    """Bring TRL's order of the prompts, always that of the first epoch, to a later one.

    Args:
        sampler: A ``RepeatSampler``; ``None`` where the dataset is a stream.
        epoch: Epochs that have ended.
    """
    if sampler is not None and sampler.shuffle:
        for _ in range(epoch):
            torch.randperm(sampler.num_samples, generator=sampler.generator)


class RolloutBoundaryCallback(TrainerCallback):
    """Moves each save to the end of the current rollout, and the resumed run to where it was.

    The best checkpoint cannot be moved, because it is named by the step of its evaluation: where
    one is kept, saves stay where they are.
    """

    def __init__(self, trainer: OnlineTrainer) -> None:
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
        self._trainer.find_place(state)

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
