"""What a run says while it goes, from its start to its end, and after it was stopped."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mrlm.files import read_json, read_json_lines
from mrlm.runs.live import LiveMetrics, LiveStatus, stopped_in_training


@pytest.fixture
def state() -> Any:
    return SimpleNamespace(is_world_process_zero=True, log_history=[], max_steps=10)


def test_the_status_is_there_until_the_end(tmp_path: Path) -> None:
    status = LiveStatus(tmp_path, title="PPO", max_steps=-1)
    assert not (tmp_path / "live.json").exists()
    status.update(phase="Evaluation before")
    found = read_json(tmp_path / "live.json")
    assert found["title"] == "PPO" and found["phase"] == "Evaluation before"
    assert not stopped_in_training(tmp_path)
    status.update(training=True)
    assert stopped_in_training(tmp_path)
    status.end()
    status.end()
    assert not stopped_in_training(tmp_path) and not (tmp_path / "live.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"training"'])
def test_a_status_that_cannot_be_read_stops_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "live.json").write_text(text)
    assert not stopped_in_training(tmp_path)


def test_the_log_grows_and_findings_are_told(state: Any, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 99}\n')  # of an earlier run
    trainer = SimpleNamespace(diagnostics=[])
    metrics = LiveMetrics(tmp_path, LiveStatus(tmp_path), trainer)
    metrics.on_train_begin(None, state, None)
    assert read_json_lines(tmp_path / "metrics.jsonl") == []
    assert read_json(tmp_path / "live.json")["max_steps"] == 10
    for step in (1, 2):
        state.log_history.append({"step": step, "reward": float("nan")})
        metrics.on_log(None, state, None)
    assert read_json_lines(tmp_path / "metrics.jsonl") == [
        {"step": 1, "reward": None},
        {"step": 2, "reward": None},
    ]
    trainer.diagnostics.append(SimpleNamespace(step=2, name="x", message="Nothing to learn."))
    state.log_history.append({"step": 3})
    metrics.on_log(None, state, None)
    told = read_json(tmp_path / "live.json")["findings"]
    assert told == [{"step": 2, "name": "x", "message": "Nothing to learn."}]


def test_a_resumed_run_goes_on_with_its_log(state: Any, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"step": 3')
    state.log_history = [{"step": 1}]  # of the checkpoint
    metrics = LiveMetrics(tmp_path, LiveStatus(tmp_path), SimpleNamespace())
    metrics.on_train_begin(None, state, None)
    state.log_history.append({"step": 2})
    metrics.on_log(None, state, None)
    assert read_json_lines(tmp_path / "metrics.jsonl") == [{"step": 1}, {"step": 2}]


def test_only_the_main_process_writes(state: Any, tmp_path: Path) -> None:
    state.is_world_process_zero = False
    metrics = LiveMetrics(tmp_path, LiveStatus(tmp_path), SimpleNamespace())
    metrics.on_train_begin(None, state, None)
    metrics.on_log(None, state, None)
    assert list(tmp_path.iterdir()) == []
