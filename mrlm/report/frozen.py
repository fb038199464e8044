"""A run's rows for a page that holds its data: few enough for a small file, and how many of all.

Of the log, steps that are evenly spread; of what was sampled in training, steps that are evenly
spread with their rows; of the evaluations, first the rows that changed, then the first ones. Long
texts are cut. ``mrlm board`` shows all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mrlm.report.format import question
from mrlm.report.run_data import ROW_FILES, STAGES
from mrlm.report.tail import read_all

__all__ = ["frozen_rows"]

Row = dict[str, Any]

_MAX_LOGS = 600
_MAX_ROLLOUTS = 256
_MAX_RECORDS = 160  # rows of an evaluation, each at every stage
_MAX_CHANGED = 60  # gained, and lost
_MAX_CHARS = 4_000  # of one text
_MAX_TOTAL = 1_500_000  # characters of all texts of a file
_DIGITS = 6
_RECORD = (
    "id",
    "sample",
    "kind",
    "difficulty",
    "answer",
    "reference",
    "score",
    "num_tokens",
    "truncated",
)


def frozen_rows(folder: Path, *, only_log: bool = False) -> dict[str, Any]:
    """Rows of a run's files, and ``counts``: how many of how many are among them.

    Args:
        folder: Of the run.
        only_log: Leave completions and records out.
    """
    log = read_all(folder / ROW_FILES["metrics"])
    rows: dict[str, Any] = {"metrics": [_numbers(row) for row in _spread(log, _MAX_LOGS)]}
    counts = {"metrics": (len(rows["metrics"]), len(log))}
    if not only_log:
        rollouts = read_all(folder / ROW_FILES["completions"])
        rows["completions"] = _within(map(_rollout, _spread_steps(rollouts)))
        counts["completions"] = (len(rows["completions"]), len(rollouts))
        stages = {stage: read_all(folder / ROW_FILES[stage]) for stage in STAGES}
        chosen = _chosen(stages)
        for stage, records in stages.items():
            rows[stage] = _within(
                map(_record, sorted(_of(records, chosen), key=lambda row: chosen[row["id"]]))
            )
            counts[stage] = (len(rows[stage]), len(records))
    return rows | {"counts": counts}


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    """Evenly spread over all, with the first and the last."""
    if len(rows) <= most:
        return list(rows)
    last = len(rows) - 1
    return [rows[round(i * last / (most - 1))] for i in range(most)]


def _spread_steps(rows: Sequence[Row]) -> list[Row]:
    """Whole steps, evenly spread, with the first and the last."""
    steps = sorted({row.get("step", 0) for row in rows})
    if not steps:
        return []
    per_step = max(1, len(rows) // len(steps))
    most = max(2, _MAX_ROLLOUTS // per_step)
    kept = {step["step"] for step in _spread([{"step": step} for step in steps], most)}
    return [row for row in rows if row.get("step", 0) in kept][:_MAX_ROLLOUTS]


def _numbers(row: Row) -> Row:
    """A log's numbers, rounded to what a curve can show."""
    return {
        key: value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")
        for key, value in row.items()
        if isinstance(value, int | float)
    }


def _rollout(row: Row) -> Row:
    asked = row.get("prompt", "")
    return row | {
        "prompt": _cut(asked if isinstance(asked, str) else question(asked)),
        "completion": _cut(str(row.get("completion", ""))),
    }


def _record(row: Row) -> Row:
    kept = {key: row.get(key) for key in _RECORD}
    kept["prompt"] = _cut(question(row.get("prompt", [])))
    kept["completion"] = _cut(str(row.get("completion", "")))
    kept["answer"] = None if row.get("answer") is None else _cut(str(row["answer"]))
    reference: Mapping[str, Any] = row.get("reference") or {}
    kept["reference"] = {
        name: value if isinstance(value, int | float) else _cut(str(value))
        for name, value in reference.items()
        if value is not None
    }
    return kept


def _chosen(stages: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Ids of the rows that are shown, with their place."""
    before, after = (
        {row["id"]: row.get("score") for row in stages[stage] if not row.get("sample")}
        for stage in ("before", "after")
    )
    order = list(after or before)
    gained: list[str] = []
    lost: list[str] = []
    for name in order:
        old, new = before.get(name), after.get(name)
        if old is None or new is None or old == new:
            continue
        (gained if new > old else lost).append(name)
    changed = [*gained[:_MAX_CHANGED], *lost[:_MAX_CHANGED]]
    kept = set(dict.fromkeys([*changed, *order][:_MAX_RECORDS]))
    return {name: place for place, name in enumerate(order) if name in kept}


def _of(records: Iterable[Row], chosen: Mapping[str, int]) -> list[Row]:
    return [row for row in records if row.get("id") in chosen and row.get("sample", 0) < 4]


def _within(rows: Iterable[Row]) -> list[Row]:
    """The first ones, until their texts are too much for one page."""
    kept, size = [], 0
    for row in rows:
        size += len(row["prompt"]) + len(row["completion"])
        if size > _MAX_TOTAL:
            break
        kept.append(row)
    return kept


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]} …"
