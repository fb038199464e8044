"""What people see while a trainer works, and the completions that they can read afterwards.

``LiveEvaluation`` and ``CompletionsTable`` read TRL's own buffers of an online trainer,
``_metrics`` and ``_logs``; ``log_completions=True`` gives TRL's tables besides, all rows of all
steps. Not covered: a live evaluation where weights are sharded (FSDP, DeepSpeed ZeRO-3).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.text import Text
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation, evaluate
from mrlm.experiment.rows import EvalTask
from mrlm.files import append_json_lines, read_json_lines, write_json_lines
from mrlm.hardware import has_sharded_weights
from mrlm.progress import progress_columns
from mrlm.report.format import question
from mrlm.runs.folder import COMPLETIONS_FILE
from mrlm.sampling.episodes import transcript
from mrlm.sampling.types import SamplingParams

if TYPE_CHECKING:
    from mrlm.experiment.run import Run

__all__ = ["CompletionsTable", "LiveEvaluation", "TrainingProgress", "watch"]
from mrlm.trainers import trl_internals

LIVE_ACCURACY = "held_out_accuracy"  # the key in a trainer's log; by kind, "<key>/<kind>"
_LIVE_P_VALUE = "held_out_p_value"  # of the accuracy beside that of the first live evaluation
_PER_STEP = 8  # completions of one step that are kept
_MAX_STEPS = 128  # steps whose completions are kept; beyond, every second one goes
_MAX_LENGTH = 20_000  # characters of a completion that are kept
_MAX_SHOWN = 600  # and that are printed
_MAX_KINDS = 50_000  # training rows whose kind is looked up


def watch(trainer: Any, run: Run, eval_task: EvalTask) -> None:
    """Show how an online trainer gets on, and keep some of what it samples.

    Args:
        trainer: An online trainer of TRL.
        run: Its arguments say what is shown.
        eval_task: Whose rows a live evaluation takes.

    Raises:
        SystemExit: A live evaluation was asked for where weights are sharded.
    """
    arguments = run.arguments
    if arguments.live_eval_rows:
        if has_sharded_weights():
            raise SystemExit("live_eval_rows with sharded weights: leave it at 0.")
        trainer.add_callback(LiveEvaluation(trainer, eval_task, arguments.live_eval_rows))
    TrainingProgress.replace_default(trainer, run.algorithm, arguments.sample_every)
    trainer.add_callback(CompletionsTable(trainer, run.folder.path))


class TrainingProgress(TrainerCallback):
    """A progress bar with an estimate and the last step's figures, instead of printed dicts.

    Where stderr is not a terminal, one line is printed every tenth of the run.

    Args:
        description: What runs.
        console: Where to; stderr if left out.
        trainer: With ``sample_every``: an online trainer of TRL, whose samples are shown.
        sample_every: Print one sampled completion every so many steps; 0: none.
    """

    def __init__(
        self,
        description: str = "Training",
        console: Console | None = None,
        trainer: Any = None,
        sample_every: int = 0,
    ) -> None:
        self._console = console or Console(stderr=True)
        self._description = description
        self._trainer, self._sample_every = trainer, sample_every
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._accuracy = ""

    @classmethod
    def replace_default(
        cls, trainer: Trainer, description: str = "Training", sample_every: int = 0
    ) -> None:
        """Show this bar in ``trainer`` in place of its own."""
        trainer.remove_callback(ProgressCallback)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(cls(description, trainer=trainer, sample_every=sample_every))

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not state.is_world_process_zero:
            return
        if self._console.is_terminal:
            self._progress = Progress(
                *progress_columns("{task.fields[figures]}"), console=self._console
            )
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
        fresh = logs.get(LIVE_ACCURACY)
        if fresh is not None:
            self._accuracy = f", {fresh:.1%} right held out"
        figures += self._accuracy
        if self._progress is not None:
            self._progress.update(self._task, completed=state.global_step, figures=figures)
        elif fresh is not None or state.global_step % max(1, state.max_steps // 10) == 0:
            step = f"{self._description}: step {state.global_step} of {state.max_steps}"
            self._console.print(f"{step}, {figures}")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        due = self._sample_every and state.global_step % self._sample_every == 0
        sampled = _sampled(self._trainer) if due and state.is_world_process_zero else None
        if sampled is not None and sampled["completion"]:
            row = _row(sampled, 0, state.global_step)
            rewards = ", ".join(f"{name} {reward}" for name, reward in row["rewards"].items())
            said = row["completion"]
            said = said if len(said) <= _MAX_SHOWN else f"{said[:_MAX_SHOWN]} …"
            self._console.print(Text(f"Step {state.global_step}, {rewards}", style="bold"))
            self._console.print(Text(f"  {_asked(row['prompt'])}", style="dim"))
            self._console.print(Text(f"  {said or '(nothing)'}"))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stop drawing; safe to call twice."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class LiveEvaluation(TrainerCallback):
    """Greedy accuracy on a few held-out rows every tenth of the run, into the trainer's log.

    It samples with seeds of its own, so training goes on exactly as without it. The rows are the
    first of those that the evaluations before and after measure: never choose a checkpoint by it.

    Args:
        trainer: An online trainer of TRL.
        eval_task: What is evaluated.
        num_rows: How many of its rows, the first ones.
    """

    def __init__(self, trainer: Any, eval_task: EvalTask, num_rows: int) -> None:
        self._trainer, self._eval_task = trainer, eval_task
        self._rows = list(islice(eval_task.rows, num_rows))
        self._first: Evaluation | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        due = state.global_step % max(1, state.max_steps // 10) == 0
        if not due or not state.is_world_process_zero:
            return
        trainer = self._trainer
        model = trainer.accelerator.unwrap_model(trainer.model)
        training = model.training
        model.eval()
        try:
            evaluation = evaluate(
                model,
                trainer.processing_class,
                self._eval_task.task,
                SamplingParams(self._eval_task.max_new_tokens, temperature=0.0),
                rows=self._rows,
                generator=trainer.synced_generator(),
                progress=False,
            )
        finally:
            model.train(training)
        if evaluation.summary.accuracy is None or not trl_internals.usable("metrics", trainer):
            return
        metrics = trainer._metrics["train"]
        metrics[LIVE_ACCURACY].append(evaluation.summary.accuracy)
        self._first = self._first or evaluation
        metrics[_LIVE_P_VALUE].append(compare(self._first, evaluation).p_value)
        kinds = evaluation.summary.by_kind
        for kind, group in kinds.items() if len(kinds) > 1 else ():
            if group.accuracy is not None:
                metrics[f"{LIVE_ACCURACY}/{kind}"].append(group.accuracy)


class CompletionsTable(TrainerCallback):
    """A few completions of each logged step, as ``completions.jsonl`` of a run folder.

    At most 8 of a step, spread over its prompts, and 128 steps: in a longer run every second of
    those kept goes, so that the table always spans the run. It grows with every logged step, for
    those who read while the run goes on; a run that is resumed goes on with it.

    Args:
        trainer: An online trainer of TRL.
        folder: The run's folder.
    """

    def __init__(self, trainer: Any, folder: Path) -> None:
        self._trainer, self._path = trainer, folder / COMPLETIONS_FILE
        self._steps: dict[int, list[dict[str, Any]]] = {}
        self._kinds: dict[str, str] = {}
        self._stride = 1

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step and self._path.is_file():
            for row in read_json_lines(self._path, is_growing=True):
                if row["step"] <= state.global_step:
                    self._steps.setdefault(row["step"], []).append(row)
        self._kinds = _kinds_by_prompt(getattr(self._trainer, "train_dataset", None))
        self._write(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        sampled, step = _sampled(self._trainer), state.global_step
        if sampled is None:
            return
        count = len(sampled["completion"])
        if not state.is_world_process_zero or not count or "reward" not in (logs or {}):
            return
        if step % self._stride:
            return
        chosen = range(0, count, max(1, count // _PER_STEP))[:_PER_STEP]
        rows = [_row(sampled, i, step) for i in chosen]
        for row in rows:
            row["kind"] = self._kinds.get(_asked(row["prompt"]))
        self._steps[step] = rows
        if len(self._steps) <= _MAX_STEPS:
            append_json_lines(self._path, rows)
            return
        while len(self._steps) > _MAX_STEPS:
            self._stride *= 2
            self._steps = {
                step: rows for step, rows in self._steps.items() if step % self._stride == 0
            }
        self._write(state)

    def _write(self, state: Any) -> None:
        if state.is_world_process_zero:
            write_json_lines(self._path, (row for rows in self._steps.values() for row in rows))


def _sampled(trainer: Any) -> Mapping[str, Any] | None:
    """TRL's buffer of the samples since the last rollout; ``None`` where there is none any more."""
    if not trl_internals.usable("samples", trainer):
        return None
    sampled: Mapping[str, Any] = trainer._logs
    return sampled


def _kinds_by_prompt(rows: Any) -> dict[str, str]:
    """What the user asks -> the row's kind; TRL's buffer of samples has no other columns."""
    columns = getattr(rows, "column_names", None) or ()
    if not hasattr(rows, "__len__") or not {"prompt", "kind"} <= set(columns):
        return {}
    rows = rows.select_columns(["prompt", "kind"]).select(range(min(len(rows), _MAX_KINDS)))
    return {_asked(row["prompt"]): str(row["kind"]) for row in rows}


def _row(sampled: Mapping[str, Any], i: int, step: int) -> dict[str, Any]:
    """One row of TRL's buffer of samples as plain data."""
    completion = sampled["completion"][i]
    text = completion if isinstance(completion, str) else transcript(completion)
    return {
        "step": step,
        "prompt": sampled["prompt"][i],
        "completion": text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]} …",
        "rewards": {name: values[i] for name, values in sampled["rewards"].items()},
        "advantage": sampled["advantages"][i],
    }


def _asked(prompt: Any) -> str:
    return prompt if isinstance(prompt, str) else question(prompt)
