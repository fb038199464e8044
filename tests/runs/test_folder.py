"""The files of a run, its clock, and what its command line may reveal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.files import read_json, read_json_lines
from mrlm.runs.folder import RunFolder, command_line, describe_environment


def test_a_run_leaves_what_a_report_needs(
    evaluation: Callable[..., Evaluation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    run = RunFolder(tmp_path / "runs" / "x")
    with run.phase("Train"):
        now += 2
    with pytest.raises(RuntimeError), run.phase("Break"):
        raise RuntimeError
    run.write_config({"lr": 1e-5, "path": Path("a")})
    run.write_metrics([{"step": 1, "reward": 0.5}, {"step": 2, "reward": float("nan")}])
    comparison = compare(evaluation([0.0, None]), evaluation([1.0, 1.0]))
    now += 3

    results = run.write_results(comparison, title="A run", warnings=["Mind the gap."])

    assert read_json(run.path / "config.json") == {"lr": 1e-5, "path": "a"}
    assert read_json_lines(run.path / "metrics.jsonl")[1] == {"step": 2, "reward": None}
    written = read_json(run.path / "results.json")
    assert written["title"] == "A run"
    assert written["comparison"]["difference"] == results["comparison"]["difference"] == 1.0
    peaks = [phase.pop("peak_memory") for phase in written["phases"]]
    assert written["phases"] == [
        {"name": "Train", "seconds": 2.0},
        {"name": "Break", "seconds": 0.0},
    ]
    assert written["peak_memory"] == max(peaks) > 1 << 20
    assert written["wall_seconds"] == 5.0
    assert written["warnings"] == ["Mind the gap.", *comparison.warnings]
    assert len(comparison.warnings) == 2


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["/v/bin/python3.11", "recipes/demo.py", "--lr", "1"], "python recipes/demo.py --lr 1"),
        (["/v/bin/python", "-m", "mrlm.cli", "tasks"], "python -m mrlm.cli tasks"),
        (["/v/bin/python3", "/v/bin/mrlm", "report", "my runs"], "mrlm report 'my runs'"),
        (
            ["python", "a.py", "--hub_token", "hf_x", "--n", "1"],
            "python a.py --hub_token ... --n 1",
        ),
        (["python", "a.py", "--judge_api_key=sk-x"], "python a.py --judge_api_key=..."),
        (["python", "a.py", "--max_new_tokens", "9"], "python a.py --max_new_tokens 9"),
        (["/v/python", "-m", "ipykernel_launcher", "-f", "/home/me/k.json"], "cells of a notebook"),
    ],
)
def test_the_command_can_be_repeated_and_keeps_secrets(argv: list[str], line: str) -> None:
    assert command_line(argv) == line


def test_the_environment_names_versions_and_cores() -> None:
    environment = describe_environment()

    assert str(environment["transformers"]).startswith("5.")
    assert int(environment["cpu_cores"]) >= 1
