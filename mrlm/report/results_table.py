"""Does each algorithm learn each task? Groups of runs as a Markdown page and as data.

A pair of algorithm and task that nobody ran is said to be not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from mrlm.report import format
from mrlm.runs.groups import Change, RunGroup, Stage
from mrlm.tasks import TASKS

__all__ = ["markdown", "to_data"]

_ALGORITHMS = ("SFT", "DPO", "GRPO", "PPO")
_NOT_RUN = "not run"
_HOW_TO_READ = """\
The command below made this page from the score of every held-out row at every stage of every run.

    {command}

Each stage is compared with the one above it, on the same rows, which no training saw. *Right* is
the share of rows with full marks, in points of 100 where it changes; where answers can be partly
right the *mean score*, from 0 to 1, stands beside it. The first table has what the algorithm itself
changed, without the SFT warm-up before it; bold is what chance does not explain.

One seed: exact McNemar test. Several seeds, and mean scores: a row counts with its mean over the
seeds, and signs of rows are flipped; that speaks of other rows, while each seed's own change
speaks of other seeds. Intervals have 95% confidence and are bootstrapped over rows. With this many
tests a p just below 0.05 means little. Minutes are a run's, in the mean, measuring included."""


def markdown(groups: Sequence[RunGroup], command: str) -> str:
    """A page: for each model which algorithm learns which task, then all numbers by task.

    Args:
        groups: Of ``group_runs``.
        command: What makes the page, for its head.
    """
    parts = ["# Does each learn?", _HOW_TO_READ.format(command=command)]
    for model in dict.fromkeys(group.first.model for group in groups):
        mine = [group for group in groups if group.first.model == model]
        parts += [f"## The model {model}", _matrix(mine)]
        for task in _tasks(mine):
            of_task = [group for group in mine if group.first.task == task]
            if of_task:
                parts += [f"### {task}", _table(of_task), _commands(of_task)]
    if not groups:
        parts += ["## No run yet", _matrix([])]
    return "\n\n".join(parts) + "\n"


def to_data(groups: Sequence[RunGroup]) -> list[dict[str, Any]]:
    """The groups as plain data, and one without stages for each pair that nobody ran."""
    pairs = {(group.first.algorithm, group.first.task) for group in groups}
    missing = [
        {"algorithm": algorithm, "task": task, "seeds": [], "stages": []}
        for task in _tasks(groups)
        for algorithm in _algorithms(groups)
        if (algorithm, task) not in pairs
    ]
    return [*(group.to_dict() for group in groups), *missing]


def _tasks(groups: Iterable[RunGroup]) -> list[str]:
    return list(dict.fromkeys([*TASKS, *(group.first.task for group in groups)]))


def _algorithms(groups: Iterable[RunGroup]) -> list[str]:
    return list(dict.fromkeys([*_ALGORITHMS, *(group.first.algorithm for group in groups)]))


def _matrix(groups: Sequence[RunGroup]) -> str:
    tasks = _tasks(groups)
    rows = []
    for algorithm in _algorithms(groups):
        row = [algorithm]
        for task in tasks:
            mine = [g for g in groups if (g.first.algorithm, g.first.task) == (algorithm, task)]
            told = [f"{g.name}: {_outcome(g)}" if len(mine) > 1 else _outcome(g) for g in mine]
            row.append("<br>".join(told) or _NOT_RUN)
        rows.append(row)
    return _lines(["", *tasks], rows)


def _outcome(group: RunGroup) -> str:
    """What the algorithm itself changed, in a few words."""
    last = group.stages[-1]
    told = [_verdict(last.change, format.points, "points")]
    if group.is_graded:
        told.append(_verdict(last.score_change, _signed, "mean score"))
    return "; ".join(told)


def _verdict(change: Change | None, say: Callable[[float], str], unit: str) -> str:
    if change is None:
        return "no score"
    text = f"{say(change.difference)} {unit}"
    if not format.is_clear(asdict(change)):
        return f"{text}, no clear change"
    return f"**{text}**" if change.difference > 0 else f"**{text}, worse**"


def _table(groups: Sequence[RunGroup]) -> str:
    """All stages of all groups on one task."""
    is_graded = any(group.is_graded for group in groups)
    heads = ["", "stage", "rows", "right", "points", "p"]
    heads += ["mean score", "change", "p"] if is_graded else []
    heads += ["each seed", "minutes"]
    rows = [row for group in groups for row in _stage_rows(group, is_graded)]
    for algorithm in _algorithms(groups):
        if all(group.first.algorithm != algorithm for group in groups):
            rows.append([f"**{algorithm}**", _NOT_RUN, *[""] * (len(heads) - 2)])
    return _lines(heads, rows)


def _stage_rows(group: RunGroup, is_graded: bool) -> list[list[str]]:
    rows = []
    for stage in group.stages:
        row = [_stage_name(stage, group), f"{stage.num_rows:,}", format.percent(stage.accuracy)]
        row += _cells(stage.change, format.points)
        if is_graded:
            score = stage.mean_score
            row.append(format.ABSENT if score is None else f"{score:.3f}")
            row += _cells(stage.score_change, _signed)
        rows.append(["", *row, "", ""])
    rows[0][0] = f"**{group.name}**"
    rows[-1][-2:] = [_by_seed(group), f"{group.minutes:.1f}"]
    return rows


def _stage_name(stage: Stage, group: RunGroup) -> str:
    named = {"before": "base model", "sft": "after SFT warm-up"}
    without = f" ({stage.num_unscored} without a score)" if stage.num_unscored else ""
    return named.get(stage.name, f"after {group.first.algorithm}") + without


def _cells(change: Change | None, say: Callable[[float], str]) -> list[str]:
    """A difference with its interval, and its p; empty for the first stage."""
    if change is None:
        return ["", ""]
    low, high = say(change.interval.low), say(change.interval.high)
    p_value = format.p_value(change.p_value).removeprefix("p = ").removeprefix("p ")
    return [f"{say(change.difference)} ({low} to {high})", p_value]


def _by_seed(group: RunGroup) -> str:
    """``1: +14.8; 42: +22.7``, with the mean score's change where it matters; or the one seed."""
    if len(group.seeds) == 1:
        return str(group.seeds[0])
    last = group.stages[-1]
    measures = [(last.change, format.points)]
    measures += [(last.score_change, _signed)] if group.is_graded else []
    told = []
    for place, seed in enumerate(group.seeds):
        values = [(change.by_seed[place] if change else None, say) for change, say in measures]
        said = [format.ABSENT if value is None else say(value) for value, say in values]
        told.append(f"{seed}: {' and '.join(said)}")
    return "; ".join(told)


def _signed(difference: float) -> str:
    return f"{difference:+.3f}".replace("-", "\N{MINUS SIGN}")


def _commands(groups: Sequence[RunGroup]) -> str:
    """What repeats the first run of each group, and what there is to know about it."""
    lines = []
    for group in groups:
        settings, environment = group.first.settings, group.first.environment
        known = [
            f"{name} {', '.join(settings[name])}"
            for name in ("kinds", "difficulties")
            if settings.get(name)
        ]
        known.append(f"seeds {', '.join(map(str, group.seeds))}")
        machine = environment.get("gpu") or f"CPU cores: {environment.get('cpu_cores', 'unknown')}"
        told = "; ".join([*known, str(machine)])
        lines.append(f"- {group.name} ({told}): `{group.first.command}`")
    return "\n".join(lines)


def _lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: names on the left, numbers to the right."""
    marks = ["---" if name in ("", "stage") else "---:" for name in heads]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, marks, *rows])
