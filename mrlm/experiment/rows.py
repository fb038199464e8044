"""The rows of a run: what it trains on, warms up on and is evaluated on.

They are the task's own, or where the arguments name a dataset, rows of the user's. What is held
out is never trained on: a row whose prompt stands on both sides, whatever its case and spacing, is
left out of the training and counted.

Not covered: near duplicates with other words; holding out a share of one dataset.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.benchmarks import load_benchmark, parse_benchmark
from mrlm.data.curriculum import DIFFICULTIES, curriculum
from mrlm.data.ready import ReadyDataset, ReadyRows
from mrlm.errors import DatasetError, MrlmError
from mrlm.experiment.arguments import TaskArguments
from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from mrlm.experiment.run import Run

__all__ = ["EvalTask", "RunRows", "load_rows"]

logger = logging.getLogger(__name__)

_ASKED = ("question", "description")  # columns that hold what a row asks, without the instructions
_LOOKED_AT = 64  # rows of a task, for a worked solution


@dataclass(frozen=True, eq=False)
class EvalTask:
    """Held-out rows that a run is evaluated on.

    Attributes:
        task: Scores them.
        rows: All of them.
        max_new_tokens: Where a completion is cut.
        name: Of the evaluation; its folder is ``<name>_<stage>``.
        subfolder: Of the run's folder, where several tasks have results of their own.
        protocol: Of a benchmark: how its rows are asked and scored.
    """

    task: Task
    rows: Dataset | Sequence[Mapping[str, Any]]
    max_new_tokens: int
    name: str = "eval"
    subfolder: str = ""
    protocol: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """For people."""
        return self.subfolder or self.name

    def folder(self, run: Path, stage: str) -> Path:
        """Where the evaluation at this stage is kept."""
        return run / self.subfolder / f"{self.name}_{stage}"


class RunRows:
    """Rows of one run; a dataset of the user's is read at once, so that a mistake is told early.

    Args:
        arguments: Which rows, and how many.
        config: Of the trainer; with a curriculum changed, so that the rows keep their order.
        notes: Gets what became of the user's rows, in plain language.

    Attributes:
        task: Whose rows, or in whose columns.
        ready: The user's rows where they are ready to train on as they are.
        eval_tasks: What is held out: rows of the task, then the benchmarks that are asked for.
        notes: As given.

    Raises:
        FileNotFoundError: There is no such dataset.
        DatasetError: A dataset has no row that fits, one that does not, or an id twice; or all of
            the rows to train on are held out.
    """

    def __init__(self, arguments: TaskArguments, config: Any, notes: list[str]) -> None:
        self.arguments, self.config, self.notes = arguments, config, notes
        self.task = arguments.build_task()
        own: Dataset | None = None
        self._ready_dataset = arguments.ready_dataset(self.task)
        if arguments.eval_dataset_name:
            held_out = self._load("eval_dataset")
        elif arguments.dataset_name and not self._ready_dataset and _needs_user_rows(self.task):
            own, held_out = self._hold_out(self._load("dataset"))
        else:
            held_out = self.task.build_dataset(arguments.eval_rows, 0, "test")
        self.eval_tasks = [EvalTask(self.task, held_out, arguments.eval_max_new_tokens)]
        self._user_rows: Dataset | None = None
        self.ready: ReadyRows | None = None
        self._held_out: set[str] = set()
        if arguments.dataset_name or arguments.eval_dataset_name:
            # The task keeps its own splits apart.
            self._held_out = set(map(_content, held_out["prompt"])) - {""}
        for benchmark in arguments.benchmark:
            self._add_benchmark(benchmark)
        if self._ready_dataset is not None:
            self.ready = self._load_ready(self._ready_dataset)
        elif arguments.dataset_name:
            own = self._load("dataset") if own is None else own
            self._user_rows = self._without_held_out(own)
        self._skip_warmup()

    def _add_benchmark(self, text: str) -> None:
        name, path = parse_benchmark(text)
        loaded = load_benchmark(name, path, num_rows=self.arguments.benchmark_rows or None)
        self.eval_tasks.append(
            EvalTask(
                loaded.task,
                loaded.rows,
                self.arguments.benchmark_max_new_tokens or loaded.benchmark.max_new_tokens,
                name=name,
                protocol=loaded.protocol,
            )
        )
        # All of it is held out, in whatever words the training asks, also where a part is measured.
        self._held_out.update(map(_plain, loaded.held_out))
        self.notes.append(
            f"{name}: {len(loaded.rows):,} rows of {loaded.protocol['source']} to evaluate on."
        )

    @property
    def has_tools(self) -> bool:
        """Whether conversations with tools come, in training or in an evaluation."""
        return self.task.has_tools or (self.ready is not None and self.ready.has_tools)

    def ready_examples(self, tokenizer: PreTrainedTokenizerBase) -> Dataset:
        """The user's rows that are ready, as TRL's trainer takes them.

        Raises:
            SystemExit: The tokenizer's chat template does not take one; says which.
        """
        assert self.ready is not None and self._ready_dataset is not None
        dropped = self._ready_dataset.dropped.total()
        with _mistakes_told():
            rows = self._ready_dataset.rendered(self.ready, tokenizer)
        if further := self._ready_dataset.dropped.total() - dropped:
            self.notes.append(f"Rows dropped that the chat template does not take: {further:,}.")
        return rows.examples

    def train_rows(self, *, solved: bool = False) -> Dataset:
        """The rows to train on; by difficulty in a curriculum, where they have one.

        Args:
            solved: Only those with a worked solution.

        Raises:
            DatasetError: No row has one.
        """
        if self._user_rows is None:
            rows = self._generated(self.arguments.train_rows, self.config.seed)
        else:
            rows = self._user_rows
        if solved:
            rows = self._solved(rows)
        if not self.arguments.curriculum:
            return rows
        if not set(rows["difficulty"]) <= set(DIFFICULTIES):
            levels = ", ".join(DIFFICULTIES)
            self.notes.append(f"No curriculum: not every row has a difficulty of {levels}.")
            return rows
        return curriculum(rows, self.config)

    def warmup_rows(self, num_rows: int) -> Dataset:
        """Rows with worked solutions, the user's where they have any.

        Others than ``train_rows`` gives where they are the task's own; of the user's the same.
        """
        if self._user_rows is not None:
            rows = _with_solutions(self._user_rows)
            if len(rows):
                rows = rows.select(range(min(num_rows, len(rows))))
                self.notes.append(f"SFT warm-up on {len(rows):,} worked solutions of your rows.")
                return rows
            self.notes.append(
                "Your rows have no worked solutions, so the SFT warm-up took the task's own."
            )
        elif self.ready is not None:
            self.notes.append("SFT warm-up on the task's own rows.")
        return self._solved(self._generated(num_rows, self.config.seed + 1))

    def _hold_out(self, own: Dataset) -> tuple[Dataset, Dataset]:
        """The first rows to train on, the last to evaluate on: a fifth, ``eval_rows`` at most."""
        count = min(self.arguments.eval_rows, len(own) // 5 or 1)
        if len(own) < 2:
            raise DatasetError(
                f"{self.arguments.dataset_name} has one row, and none is left to evaluate on: add "
                "rows, or name others with --eval_dataset_name."
            )
        self.notes.append(
            f"The last {count:,} of your rows are held out for the evaluation; --eval_dataset_name "
            "names others."
        )
        first = len(own) - count
        return own.select(range(first)), own.select(range(first, len(own)))

    def _skip_warmup(self) -> None:
        """No SFT warm-up on rows or with tools of the user's for which there are no solutions."""
        is_own = self._user_rows is not None or self.task.has_tools
        if not is_own or not getattr(self.arguments, "sft_rows", 0):
            return
        sources = [] if self._user_rows is None else [self._user_rows]
        if not self.task.needs_dataset:
            sources.append(self.task.build_dataset(1, self.config.seed, "train"))
        if not any(len(_with_solutions(rows)) for rows in sources):
            vars(self.arguments)["sft_rows"] = 0
            self.notes.append("No SFT warm-up: there are no worked solutions of these rows.")

    def check_solutions(self, *, are_trained_on: bool) -> None:
        """Raise ``DatasetError`` where no row that will be asked for has a worked solution.

        Args:
            are_trained_on: By SFT, which takes those of the rows to train on; the warm-up goes on
                with the task's own where the user's rows have none.
        """
        given = self._user_rows
        if given is None or not (are_trained_on or len(_with_solutions(given))):
            given = self.task.build_dataset(_LOOKED_AT, self.config.seed, "train")
        if not len(_with_solutions(given)):
            raise DatasetError(self._no_solution())

    def _solved(self, given: Dataset) -> Dataset:
        rows = _with_solutions(given)
        if not len(rows):
            raise DatasetError(self._no_solution())
        if len(rows) < len(given):
            missing = len(given) - len(rows)
            self.notes.append(f"Rows left out for want of a worked solution: {missing:,}.")
        return rows

    def _no_solution(self) -> str:
        """That no row says how it is solved, and what to do."""
        if self.arguments.dataset_name:
            return (
                f"{self.arguments.dataset_name} has no row with a worked solution: name "
                "its column with --columns solution=YOUR_COLUMN where the task takes one, or "
                "train with PPO or GRPO."
            )
        return (
            f"The task {self.task.name} has no worked solutions to learn from: give its rows a "
            "column 'solution', a completion that earns 1.0; or leave out the SFT warm-up with "
            "--sft_rows 0, and train with PPO, GRPO or DPO."
        )

    def _generated(self, num_rows: int, seed: int) -> Dataset:
        return self._without_held_out(self.task.build_dataset(num_rows, seed, "train"))

    def _load(self, which: str) -> Dataset:
        arguments, is_held_out = self.arguments, which == "eval_dataset"
        user = arguments.user_dataset(which, self.task)
        rows = user.load(arguments.eval_rows if is_held_out else arguments.train_rows)
        repeated = len(rows) - len(set(rows["id"]))
        if repeated:
            raise DatasetError(
                f"{user.name}: {repeated} rows have the id of an earlier one; make the column id "
                "unique, or rename it."
            )
        shown = Path(user.name).name if Path(user.name).exists() else user.name
        dropped = f", {user.dropped.total():,} dropped that do not fit" if user.dropped else ""
        use = "evaluate" if is_held_out else "train"
        self.notes.append(f"{shown}: {len(rows):,} rows to {use} on{dropped}.")
        if user.repeats_message:
            self.notes.append(user.repeats_message)
        return rows

    def _load_ready(self, dataset: ReadyDataset) -> ReadyRows:
        rows = dataset.load(self.arguments.train_rows)
        shown = Path(dataset.name).name if Path(dataset.name).exists() else dataset.name
        dropped = (
            f", {dataset.dropped.total():,} dropped that do not fit" if dataset.dropped else ""
        )
        more = "; it has more: raise train_rows" if rows.has_more else ""
        self.notes.append(
            f"{shown}: {len(rows.examples):,} rows to train on, as they are{dropped}{more}."
        )
        if dataset.dropped:
            logger.warning("%s", dataset.dropped_message)
        if self.arguments.curriculum:
            self.notes.append("No curriculum: rows that are ready have no difficulty.")
        examples = self._without_held_out(rows.examples)
        return replace(rows, examples=examples)

    def _without_held_out(self, rows: Dataset) -> Dataset:
        """The rows that do not ask what is held out."""
        if not self._held_out:
            return rows
        columns = rows.column_names
        asked = [list(map(_content, rows["prompt" if "prompt" in columns else "messages"]))]
        asked += [list(map(_plain, rows[name])) for name in _ASKED if name in columns]
        kept = [
            i
            for i, texts in enumerate(zip(*asked, strict=True))
            if self._held_out.isdisjoint(texts)
        ]
        if len(kept) == len(rows):
            return rows
        if not kept:
            raise DatasetError(
                f"All of the {len(rows)} rows to train on are held out for the evaluation, too: "
                "name another dataset or split for one of the two."
            )
        self.notes.append(
            f"Rows left out of the training because they are held out: {len(rows) - len(kept):,}."
        )
        return rows.select(kept)


def load_rows(run: Run, *, solved: bool = False) -> RunRows:
    """The rows that a run's arguments ask for; what became of the user's goes into its notes.

    Args:
        run: Its arguments name the task.
        solved: What is trained on are worked solutions.

    Raises:
        SystemExit: As ``RunRows``; the message says what to do.
    """
    with _mistakes_told():
        rows = RunRows(run.arguments, run.config, run.notes)
        if (solved and rows.ready is None) or getattr(run.arguments, "sft_rows", 0) > 0:
            rows.check_solutions(are_trained_on=solved and rows.ready is None)
    for note in run.notes:
        run.console.print(note)
    # Training ends an episode where evaluation does.
    if rows.task.has_tools and getattr(run.config, "max_tool_calling_iterations", 0) is None:
        run.config.max_tool_calling_iterations = rows.task.max_tool_calling_iterations
    return rows


def _needs_user_rows(task: Task) -> bool:
    """Whether rows of the task's own do not do beside the user's: it has none, or other columns."""
    return task.needs_dataset or bool(task.user_rows and task.user_rows.all_columns)


@contextmanager
def _mistakes_told() -> Iterator[None]:
    """End the program with a message for a dataset that does not fit."""
    try:
        yield
    except (MrlmError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error


def _with_solutions(rows: Dataset) -> Dataset:
    if "solution" not in rows.column_names:
        return rows.select([])
    return rows.select([i for i, solution in enumerate(rows["solution"]) if solution])


def _content(prompt: str | Iterable[Mapping[str, Any]]) -> str:
    """What is asked, without case and spacing; of a conversation up to the first answer."""
    if not isinstance(prompt, str):
        asked = takewhile(lambda message: message["role"] != "assistant", prompt)
        prompt = " ".join(str(message["content"]) for message in asked)
    return _plain(prompt)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
