"""Which rows ``mrlm eval`` measures a model on: a task's own, a dataset's, or a benchmark's."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.cli.command import add_dataset, chosen_task, load_dataset_rows
from mrlm.errors import DatasetError

if TYPE_CHECKING:
    from datasets import Dataset

    from mrlm.task import Task

__all__ = ["EvalRows", "add_rows", "load_eval_rows"]

_NUM_ROWS, _MAX_NEW_TOKENS = 200, 256


@dataclass(frozen=True)
class EvalRows:
    """What a model is measured on.

    Attributes:
        task: Scores the rows.
        rows: Given ones; ``None``: ``num_rows`` of the task's own.
        num_rows: Of the task's own.
        split: Of the task's own; of given rows the name of their source.
        max_new_tokens: Where completions end.
        protocol: Of a benchmark.
    """

    task: Task
    rows: Dataset | Sequence[Mapping[str, Any]] | None
    num_rows: int
    split: str
    max_new_tokens: int
    protocol: dict[str, Any] = field(default_factory=dict)


def add_rows(parser: argparse.ArgumentParser) -> None:
    """The flags that choose the rows."""
    parser.add_argument(
        "--benchmark",
        metavar="NAME[=PATH]",
        help="gsm8k, math500, aime, humaneval, humaneval_plus, mbpp, mbpp_plus or bfcl, in place "
        "of a task, with its usual prompt; from its package or the Hub, or from a file or folder",
    )
    add_dataset(parser, "test")  # with --benchmark it is the benchmark's file
    parser.add_argument(
        "--num_rows",
        type=int,
        help=f"rows (default: {_NUM_ROWS}; all of a dataset or a benchmark)",
    )
    parser.add_argument("--split", default="test", help="test or train (default: test)")
    parser.add_argument("--seed", type=int, default=0, help="of rows and sampling (default: 0)")
    parser.add_argument(
        "--max_new_tokens",
        type=int,
        help=f"where completions end (default: {_MAX_NEW_TOKENS}; of a benchmark its own)",
    )


def load_eval_rows(arguments: argparse.Namespace) -> EvalRows:
    """Read the rows that the flags name; no model is needed, so a mistake is told at once.

    Raises:
        ValueError: Flags are missing or do not go together.
        FileNotFoundError: There is no such file.
        DatasetError: The rows cannot be read or do not fit.
    """
    if arguments.num_rows is not None and arguments.num_rows < 1:
        raise ValueError(f"num_rows must be at least 1, got {arguments.num_rows}")
    if arguments.benchmark is not None:
        return _benchmark(arguments)
    if arguments.task is None:
        raise ValueError("Give --task NAME (`mrlm tasks` lists them) or --benchmark NAME.")
    task = chosen_task(arguments)
    max_new_tokens = _given(arguments.max_new_tokens, _MAX_NEW_TOKENS)
    if arguments.dataset_name is not None:
        rows, name = _dataset(arguments, task)
        return EvalRows(task, rows, len(rows), name, max_new_tokens)
    for name in ("dataset_config", "dataset_split", "columns", "drop_invalid"):
        if getattr(arguments, name):
            raise ValueError(f"--{name} goes with --dataset_name; give that, too.")
    num_rows = _given(arguments.num_rows, _NUM_ROWS)
    return EvalRows(task, None, num_rows, arguments.split, max_new_tokens)


def _given(value: int | None, default: int) -> int:
    return default if value is None else value


def _dataset(arguments: argparse.Namespace, task: Task) -> tuple[Dataset, str]:
    rows = load_dataset_rows(arguments, task, "test")
    repeated = len(rows) - len(set(rows["id"]))
    if repeated:
        raise DatasetError(
            f"{arguments.dataset_name}: {repeated} rows have the id of an earlier one; make the "
            "column id unique, or rename it."
        )
    path = Path(arguments.dataset_name)
    return rows, path.name if path.exists() else arguments.dataset_name


def _benchmark(arguments: argparse.Namespace) -> EvalRows:
    from mrlm.benchmarks import load_benchmark, parse_benchmark

    name, path = parse_benchmark(arguments.benchmark)
    if arguments.task is not None:
        raise ValueError(
            f"--benchmark {name} brings its own task; leave out --task {arguments.task}, or "
            "evaluate a dataset on it with --dataset_name."
        )
    if arguments.rest:
        raise ValueError(
            f"unrecognized arguments: {' '.join(arguments.rest)}; the prompt and the scoring of a "
            "benchmark are fixed, so that its figures compare."
        )
    for flag in ("columns", "drop_invalid"):
        if getattr(arguments, flag):
            raise ValueError(
                f"--{flag} does not go with --benchmark: its file has the benchmark's own columns, "
                "all of its rows count. For other rows give --task and --dataset_name."
            )
    if path is not None and arguments.dataset_name is not None:
        raise ValueError(f"The file of {name} is given twice: {path}, {arguments.dataset_name}.")
    loaded = load_benchmark(
        name,
        path or arguments.dataset_name,
        num_rows=arguments.num_rows,
        config=arguments.dataset_config,
        split=arguments.dataset_split,
    )
    return EvalRows(
        loaded.task,
        loaded.rows,
        len(loaded.rows),
        arguments.dataset_split or "test",
        _given(arguments.max_new_tokens, loaded.benchmark.max_new_tokens),
        loaded.protocol,
    )
