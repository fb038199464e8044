"""Several runs side by side: a table on the terminal, and one page with their curves.

Each run is read from its folder alone. Where the runs were measured on the same rows, each is also
paired with the first one, row by row, as two evaluations are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.files import read_json, write_text
from mrlm.report import format
from mrlm.report.page import freeze, render_page
from mrlm.report.terminal import number_table
from mrlm.runs.folder import CONFIG_FILE, REPORT_FILE, RESULTS_FILE, is_run

_HEADS = (
    "Rows",
    "Before",
    "After",
    "Points",
    "95% interval",
    "p",
    "Against the first",
    "Wall time",
)
MAX_RUNS = 6  # that a chart can tell apart
_NOT_A_CHOICE = ("output_dir", "logging_dir", "run_name")


@dataclass(frozen=True)
class Run:
    """What a run left, and how its model does against the first run's.

    Attributes:
        name: Its folder as it was named.
        results: ``results.json``.
        config: ``config.json``; empty where there is none.
        against: Its model compared with the first run's; ``None`` for the first, and where the two
            were measured on different rows.
    """

    name: str
    results: dict[str, Any]
    config: dict[str, Any]
    against: dict[str, Any] | None

    def cells(self) -> list[str]:
        """The numbers of its line, in the order of the table's heads."""
        comparison, against = self.results["comparison"], self.against
        return [
            f"{comparison['num_pairs']:,}",
            format.percent(comparison["accuracy_before"]["accuracy"]),
            format.percent(comparison["accuracy_after"]["accuracy"]),
            format.points(comparison["difference"]),
            _interval(comparison),
            format.p_value(comparison["p_value"]).removeprefix("p = ").removeprefix("p "),
            f"{format.points(against['difference'])} ({format.p_value(against['p_value'])})"
            if against
            else format.ABSENT,
            format.duration(self.results["wall_seconds"]),
        ]

    def to_dict(self) -> dict[str, Any]:
        """The table's line as plain data."""
        comparison, against = self.results["comparison"], self.against
        return {
            "run": self.name,
            "title": self.results["title"],
            "num_pairs": comparison["num_pairs"],
            "accuracy_before": comparison["accuracy_before"]["accuracy"],
            "accuracy_after": comparison["accuracy_after"]["accuracy"],
            "difference": comparison["difference"],
            "interval": comparison["interval"],
            "p_value": comparison["p_value"],
            "against_first": against
            and {name: against[name] for name in ("difference", "interval", "p_value", "test")},
            "wall_seconds": self.results["wall_seconds"],
        }


def load_runs(folders: Sequence[str | Path]) -> list[Run]:
    """Read finished runs.

    Raises:
        ValueError: There are fewer than two or too many, or a file is not what a run writes.
        FileNotFoundError: A folder holds no finished run.
    """
    if not 2 <= len(folders) <= MAX_RUNS:
        raise ValueError(f"{len(folders)} runs: name 2 to {MAX_RUNS}")
    runs: list[Run] = []
    first: Evaluation | None = None
    for folder in map(Path, folders):
        if not is_run(folder):
            raise FileNotFoundError(
                f"{folder} holds no finished run: name folders of runs, or two evaluations"
            )
        config = folder / CONFIG_FILE
        after = folder / "eval_after"
        evaluation = Evaluation.load(after) if after.is_dir() else None
        run = Run(
            name=str(folder),
            results=read_json(folder / RESULTS_FILE),
            config=read_json(config) if config.is_file() else {},
            against=_against(first, evaluation),
        )
        try:
            run.cells()
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{folder} was not written by this version of mrlm ({error})"
            ) from error
        runs.append(run)
        first = first or evaluation
    return runs


def print_runs(console: Console, runs: Sequence[Run]) -> None:
    """Print one line for each run."""
    table = number_table("Run", *_HEADS)
    for run in runs:
        table.add_row(Text(run.name), *run.cells())
    console.print(table)
    for run in runs:
        for warning in run.results["warnings"]:
            console.print(Text(f"! {run.name}: {warning}", style="yellow"))


def write_runs_report(runs: Sequence[Run], folder: str | Path) -> Path:
    """Write ``report.html`` of several runs into a folder."""
    path = Path(folder) / REPORT_FILE
    data = {
        "runs": [freeze(Path(run.name), run.name, only_log=True) for run in runs],
        "table": runs_table(runs),
    }
    write_text(path, render_page(f"{len(runs)} runs", data))
    return path


def runs_table(runs: Sequence[Run], names: Sequence[str] | None = None) -> dict[str, Any]:
    """What the page says of several runs beside their curves: tables of text.

    Args:
        runs: At least two.
        names: What they are called; as they were named when they were read if left out.
    """
    names = names or [run.name for run in runs]
    named = list(zip(names, runs, strict=True))
    return {
        "heads": ["Run", *_HEADS],
        "rows": [[name, *run.cells()] for name, run in named],
        "warnings": [
            f"{name}: {warning}" for name, run in named for warning in run.results["warnings"]
        ],
        "kinds": _kinds(runs),
        "settings": _settings(runs),
        "commands": [[name, run.results["command"]] for name, run in named],
    }


def _against(first: Evaluation | None, after: Evaluation | None) -> dict[str, Any] | None:
    if first is None or after is None:
        return None
    try:
        return compare(first, after).to_dict()
    except ValueError:  # of different rows
        return None


def _interval(comparison: dict[str, Any]) -> str:
    interval = comparison["interval"]
    return f"{format.points(interval['low'])} to {format.points(interval['high'])}"


def _kinds(runs: Sequence[Run]) -> list[list[str]]:
    """Each kind of rows and the runs' accuracy on it after training."""
    groups = [run.results["comparison"]["by_kind"] for run in runs]
    kinds = dict.fromkeys(kind for group in groups for kind in group)
    return [
        [kind, *(format.percent(group.get(kind, {}).get("after")) for group in groups)]
        for kind in kinds
    ]


def _settings(runs: Sequence[Run]) -> list[list[str]]:
    """Each setting that is not the same in all runs, and the runs' values."""
    rows = []
    for name in dict.fromkeys(name for run in runs for name in run.config):
        values = [str(run.config.get(name, format.ABSENT)) for run in runs]
        if name not in _NOT_A_CHOICE and len(set(values)) > 1:
            rows.append([name, *values])
    return rows
