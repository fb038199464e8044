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
from mrlm.files import read_json, read_json_lines, write_text
from mrlm.report import format
from mrlm.report.charts import MOST_RUNS, curves
from mrlm.report.markup import Markup, join, tag
from mrlm.report.page import document
from mrlm.report.terminal import number_table
from mrlm.runs.folder import CONFIG_FILE, METRICS_FILE, REPORT_FILE, RESULTS_FILE, is_run

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
_NOT_A_CHOICE = ("output_dir", "logging_dir", "run_name")


@dataclass(frozen=True)
class Run:
    """What a run left, and how its model does against the first run's.

    Attributes:
        name: Its folder as it was named.
        results: ``results.json``.
        config: ``config.json``; empty where there is none.
        log: ``metrics.jsonl``; empty where there is none.
        against: Its model compared with the first run's; ``None`` for the first, and where the two
            were measured on different rows.
    """

    name: str
    results: dict[str, Any]
    config: dict[str, Any]
    log: list[dict[str, Any]]
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
    if not 2 <= len(folders) <= MOST_RUNS:
        raise ValueError(f"{len(folders)} runs: name 2 to {MOST_RUNS}")
    runs: list[Run] = []
    first: Evaluation | None = None
    for folder in map(Path, folders):
        if not is_run(folder):
            raise FileNotFoundError(
                f"{folder} holds no finished run: name folders of runs, or two evaluations"
            )
        config, log = folder / CONFIG_FILE, folder / METRICS_FILE
        after = folder / "eval_after"
        evaluation = Evaluation.load(after) if after.is_dir() else None
        run = Run(
            name=str(folder),
            results=read_json(folder / RESULTS_FILE),
            config=read_json(config) if config.is_file() else {},
            log=read_json_lines(log) if log.is_file() else [],
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
    body = tag(
        "main",
        tag("h1", f"{len(runs)} runs compared"),
        tag(
            "p",
            "Accuracy on held-out rows before and after each run; the last but one column pairs a "
            "run's model with the first run's, row by row, where both saw the same rows. With "
            "several runs a small p-value is less of a surprise than with one.",
            class_="note",
        ),
        _table(("Run", *_HEADS), [[_name(i, run), *run.cells()] for i, run in enumerate(runs)]),
        _warnings(runs),
        _charts(runs),
        _kinds(runs),
        _settings(runs),
        tag("h2", "Do it again"),
        *(
            join(tag("h3", run.name), tag("pre", run.results["command"], class_="card command"))
            for run in runs
        ),
    )
    write_text(path, document(f"{len(runs)} runs · mrlm", body))
    return path


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


def _name(index: int, run: Run) -> Markup:
    colour = "var(--accent)" if index == 0 else f"var(--run{index + 1})"
    return join(tag("span", class_="key", style=f"background:{colour}"), run.name)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = [tag("th", heads[0]), *(tag("th", name, class_="number") for name in heads[1:])]
    body = [
        tag(
            "tr",
            tag("th", cells[0], scope="row"),
            *(tag("td", cell, class_="number") for cell in cells[1:]),
        )
        for cells in rows
    ]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    return tag("div", table, class_="card scroll runs")


def _warnings(runs: Sequence[Run]) -> Markup | None:
    found = [f"{run.name}: {warning}" for run in runs for warning in run.results["warnings"]]
    return tag("ul", *(tag("li", text) for text in found), class_="warnings") if found else None


def _charts(runs: Sequence[Run]) -> Markup | None:
    figures = [
        tag("figure", tag("b", title), tag("span", note), svg, class_="card chart")
        for title, note, svg in curves(*(run.log for run in runs))
    ]
    if not figures:
        return None
    keys = tag("p", *(tag("span", _name(i, run), " \u2003") for i, run in enumerate(runs)))
    return join(tag("h2", "Training"), keys, tag("div", *figures, class_="charts"))


def _kinds(runs: Sequence[Run]) -> Markup | None:
    groups = [run.results["comparison"]["by_kind"] for run in runs]
    kinds = list(dict.fromkeys(kind for group in groups for kind in group))
    if len(kinds) < 2:
        return None
    rows = [
        [kind, *(format.percent(group.get(kind, {}).get("after")) for group in groups)]
        for kind in kinds
    ]
    return join(
        tag("h2", "Accuracy after, by kind"), _table(("Kind", *(run.name for run in runs)), rows)
    )


def _settings(runs: Sequence[Run]) -> Markup | None:
    names = dict.fromkeys(name for run in runs for name in run.config)
    rows = []
    for name in names:
        values = [str(run.config.get(name, format.ABSENT)) for run in runs]
        if name not in _NOT_A_CHOICE and len(set(values)) > 1:
            rows.append([name, *values])
    if not rows:
        return None
    return join(
        tag("h2", "Settings that differ"), _table(("Setting", *(run.name for run in runs)), rows)
    )
