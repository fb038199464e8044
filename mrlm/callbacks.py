"""What people see while a trainer works."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback

from mrlm.progress import progress_columns


class TrainingProgress(TrainerCallback):
    """A progress bar with an estimate and the last step's figures, instead of printed dicts.

    Where stderr is not a terminal, one line is printed every tenth of the run.
    """

    def __init__(self, description: str = "Training", console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._description = description
        self._progress: Progress | None = None
        self._task = TaskID(0)

    @classmethod
    def replace_default(cls, trainer: Trainer, description: str = "Training") -> None:
        """Show this bar in ``trainer`` in place of its own."""
        trainer.remove_callback(ProgressCallback)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(cls(description))

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not state.is_world_process_zero:
            return
        if self._console.is_terminal:
            self._progress = Progress(*progress_columns("{task.fields[figures]}"))
            self._task = self._progress.add_task(
                self._description, total=state.max_steps, completed=state.global_step, figures=""
            )
            self._progress.start()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        logs = logs or {}
        if not state.is_world_process_zero or "completions/mean_length" not in logs:
            return
        # Where no completion could be scored there is no reward to show.
        reward = "none" if logs.get("reward") is None else f"{logs['reward']:.2f}"
        figures = f"reward {reward}, {logs['completions/mean_length']:.0f} tokens"
        if self._progress is not None:
            self._progress.update(self._task, completed=state.global_step, figures=figures)
        elif state.global_step % max(1, state.max_steps // 10) == 0:
            step = f"{self._description}: step {state.global_step} of {state.max_steps}"
            self._console.print(f"{step}, {figures}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stop drawing; safe to call twice."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
