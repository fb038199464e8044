"""The rows of a run: what it trains on, imitates and is measured on.

They are the task's own, or where the arguments name a dataset, rows of the user's. What is held
out is never trained on: a row whose prompt stands on both sides, whatever its case and spacing, is
left out of the training and counted.

Not covered: near duplicates with other words; holding out a share of one dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.data.curriculum import DIFFICULTIES, curriculum
from mrlm.errors import DatasetError
from mrlm.experiment.arguments import TaskArguments
from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["RunRows"]


class RunRows:
    """Rows of one run; a dataset of the user's is read at once, so that a mistake is told early.

    Args:
        arguments: Which rows, and how many.
        task: Whose rows, or in whose columns.
        config: Of the trainer; with a curriculum changed, so that the rows keep their order.

    Attributes:
        exam: The task with the rows to measure on as its ``build_dataset``.
        notes: What became of the user's rows, in plain language; empty where there are none.

    Raises:
        FileNotFoundError: There is no such dataset.
        DatasetError: A dataset has no row that fits, one that does not, or an id twice; or all of
            the rows to train on are held out.
    """

    def __init__(self, arguments: TaskArguments, task: Task, config: Any) -> None:
        self.arguments, self.task, self.config = arguments, task, config
        self.exam = task
        self.notes: list[str] = []
        self._held_out: set[str] = set()
        self._own: Dataset | None = None
        if arguments.eval_dataset_name:
            self.exam = replace(task, build_dataset=_Held(self._load("eval_dataset")))
        if arguments.dataset_name or arguments.eval_dataset_name:
            held_out = self.exam.build_dataset(arguments.eval_rows, 0, "test")
            self._held_out = set(map(_content, held_out["prompt"]))
        if arguments.dataset_name:
            self._own = self._apart(self._load("dataset"))

    def to_train(self, *, solved: bool = False) -> Dataset:
        """The rows to train on; by difficulty in a curriculum, where they have one.

        Args:
            solved: Only those with a worked solution, which every row of the task's own has.

        Raises:
            DatasetError: No row has one.
        """
        if self._own is None:
            rows = self._generated(self.arguments.train_rows, self.config.seed)
        else:
            rows = self._solved(self._own) if solved else self._own
        if not self.arguments.curriculum:
            return rows
        if self._own is not None and not set(rows["difficulty"]) <= set(DIFFICULTIES):
            levels = ", ".join(DIFFICULTIES)
            self.notes.append(f"No curriculum: not every row has a difficulty of {levels}.")
            return rows
        return curriculum(rows, self.config)

    def to_imitate(self, num_rows: int) -> Dataset:
        """Rows with worked solutions, the user's where they have any.

        Others than ``to_train`` gives where they are the task's own; of the user's the same.
        """
        if self._own is not None:
            rows = _with_solutions(self._own)
            if len(rows):
                rows = rows.select(range(min(num_rows, len(rows))))
                self.notes.append(f"Worked solutions imitated: {len(rows):,}, of your rows.")
                return rows
            self.notes.append(
                "Your rows have no worked solutions, so the task's own were imitated."
            )
        return self._generated(num_rows, self.config.seed + 1)

    def _solved(self, own: Dataset) -> Dataset:
        rows = _with_solutions(own)
        if not len(rows):
            raise DatasetError(
                f"{self.arguments.dataset_name} has no row with a worked solution to imitate: name "
                "its column with --columns solution=YOUR_COLUMN where the task takes one, or "
                "train with PPO or GRPO."
            )
        if len(rows) < len(own):
            missing = len(own) - len(rows)
            self.notes.append(f"Rows left out for want of a worked solution: {missing:,}.")
        return rows

    def _generated(self, num_rows: int, seed: int) -> Dataset:
        return self._apart(self.task.build_dataset(num_rows, seed, "train"))

    def _load(self, which: str) -> Dataset:
        arguments, is_exam = self.arguments, which == "eval_dataset"
        user = arguments.user_dataset(which, self.task)
        rows = user.load(arguments.eval_rows if is_exam else arguments.train_rows)
        repeated = len(rows) - len(set(rows["id"]))
        if repeated:
            raise DatasetError(
                f"{user.name}: {repeated} rows have the id of an earlier one; make the column id "
                "unique, or rename it."
            )
        shown = Path(user.name).name if Path(user.name).exists() else user.name
        dropped = f", {user.dropped.total():,} dropped that do not fit" if user.dropped else ""
        use = "measure" if is_exam else "train"
        self.notes.append(f"{shown}: {len(rows):,} rows to {use} on{dropped}.")
        return rows

    def _apart(self, rows: Dataset) -> Dataset:
        """The rows whose prompts are not held out."""
        if not self._held_out:  # the task keeps its own splits apart
            return rows
        kept = [i for i, p in enumerate(rows["prompt"]) if _content(p) not in self._held_out]
        if len(kept) == len(rows):
            return rows
        if not kept:
            raise DatasetError(
                f"All of the {len(rows)} rows to train on are held out for measuring, too: name "
                "another dataset or split for one of the two."
            )
        self.notes.append(
            f"Rows left out of the training because they are held out: {len(rows) - len(kept):,}."
        )
        return rows.select(kept)


class _Held:
    """``build_dataset`` of an exam on the user's rows: they do not depend on seed and split."""

    def __init__(self, rows: Dataset) -> None:
        self.rows = rows

    def __call__(self, size: int, seed: int, split: str) -> Dataset:
        return self.rows.select(range(min(size, len(self.rows))))


def _with_solutions(rows: Dataset) -> Dataset:
    return rows.select([i for i, solution in enumerate(rows["solution"]) if solution])


def _content(prompt: Iterable[Mapping[str, Any]]) -> str:
    """What a prompt says, without case and spacing."""
    return " ".join(" ".join(str(m["content"]) for m in prompt).split()).casefold()
