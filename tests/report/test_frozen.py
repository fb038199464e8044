"""Which rows a page holds: few enough to open anywhere, spread over the run, and counted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.files import write_json_lines
from mrlm.report import write_report
from mrlm.report.frozen import frozen_rows
from mrlm.runs.folder import RunFolder

Make = Callable[..., Evaluation]


def rollout(step: int, text: str = "said", **more: Any) -> dict[str, Any]:
    prompt = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"ask {step}"},
    ]
    return {"step": step, "prompt": prompt, "completion": text, "rewards": {"r": 1.0}, **more}


def test_a_small_run_is_held_whole(evaluation: Make, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    evaluation([0.0, 1.0]).save(run.eval_before)
    run.write_metrics({"step": i, "reward": 1 / 3, "text": "no"} for i in range(5))
    write_json_lines(tmp_path / "completions.jsonl", [rollout(1, kind="even"), rollout(2)])

    rows = frozen_rows(tmp_path)

    assert rows["metrics"] == [{"step": i, "reward": 0.333333} for i in range(5)]
    assert [(row["prompt"], row["step"]) for row in rows["completions"]] == [
        ("ask 1", 1),
        ("ask 2", 2),
    ]
    assert rows["completions"][0]["kind"] == "even"
    assert [row["id"] for row in rows["before"]] == ["row-0", "row-1"]
    assert rows["before"][1]["prompt"] == "What is 1 + 1?" and rows["after"] == []
    assert rows["counts"] == {
        "metrics": (5, 5),
        "completions": (2, 2),
        "before": (2, 2),
        "sft": (0, 0),
        "after": (0, 0),
    }


def test_a_long_run_keeps_its_begin_and_its_end(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_metrics({"step": i, "reward": 0.5} for i in range(5000))
    lines = [rollout(step) for step in range(1, 401) for _ in range(8)]
    write_json_lines(tmp_path / "completions.jsonl", lines)

    rows = frozen_rows(tmp_path)

    steps = [row["step"] for row in rows["metrics"]]
    assert len(steps) == 600 and steps[0] == 0 and steps[-1] == 4999
    assert max(b - a for a, b in pairwise(steps)) <= 9
    assert rows["counts"]["metrics"] == (600, 5000)
    kept = [row["step"] for row in rows["completions"]]
    assert len(kept) <= 256 and kept[0] == 1 and kept[-1] == 400 and kept.count(1) == 8


def test_rows_that_changed_come_first(evaluation: Make, tmp_path: Path) -> None:
    run, size = RunFolder(tmp_path), 1000
    lost, gained = {700, 900}, {650, 999}
    evaluation([1.0 if i in lost else 0.0 for i in range(size)]).save(run.eval_before)
    evaluation([1.0 if i in gained else 0.0 for i in range(size)]).save(run.eval_after)

    rows = frozen_rows(tmp_path)

    held = [row["id"] for row in rows["after"]]
    assert held == [row["id"] for row in rows["before"]] and len(held) == 160
    assert {f"row-{i}" for i in lost | gained} <= set(held)
    assert held[:3] == ["row-0", "row-1", "row-2"]


def test_the_page_stays_small(evaluation: Make, tmp_path: Path) -> None:
    """However much a run has written: a page of a few megabytes opens anywhere."""
    before, after = evaluation([0.0] * 400), evaluation([1.0] * 400)
    run = RunFolder(tmp_path)
    run.write_results(compare(before, after), title="Long texts")
    text = "word " * 4000
    for folder in (run.eval_before, run.eval_after):
        before.save(folder)
        records = [
            {"id": f"row-{i}", "sample": 0, "prompt": [], "completion": text, "score": 0.0}
            for i in range(400)
        ]
        write_json_lines(folder / "records.jsonl", records)
    lines = [rollout(step, text) for step in range(128) for _ in range(8)]
    write_json_lines(tmp_path / "completions.jsonl", lines)

    report = write_report(tmp_path)

    assert 1_000_000 < report.stat().st_size < 6_000_000
    assert len(frozen_rows(tmp_path)["completions"][0]["completion"]) < 4_010
