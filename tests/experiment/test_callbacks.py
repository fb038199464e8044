"""What a run shows and keeps while it trains, with a real trainer of a tiny model."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from trl import GRPOConfig

from mrlm.experiment.callbacks import CompletionsTable, LiveEvaluation, TrainingProgress
from mrlm.experiment.rows import EvalTask
from mrlm.files import read_json_lines
from mrlm.tasks.math import math_task
from mrlm.trainers.grpo import GRPOTrainer


def make(folder: Path, model: Any, tokenizer: Any, steps: int) -> Any:
    task = math_task("last_number")
    config = GRPOConfig(
        str(folder),
        use_cpu=True,
        bf16=False,
        report_to="none",
        per_device_train_batch_size=4,
        num_generations=2,
        max_completion_length=5,
        max_steps=steps,
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )
    return GRPOTrainer(
        model,
        list(task.reward_funcs),
        config,
        train_dataset=task.build_dataset(8, 0, "train"),
        processing_class=tokenizer,
    )


def test_a_watched_run_is_the_same_run(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    """Accuracy and samples are seen, completions are kept, and training does not change."""
    plain = make(tmp_path / "plain", tiny_llama(), tiny_tokenizer, steps=3)
    plain.train()
    watched = make(tmp_path / "watched", tiny_llama(), tiny_tokenizer, steps=3)
    console = Console(file=io.StringIO(), width=200)
    task = math_task("last_number")
    held_out = EvalTask(task, task.build_dataset(6, 0, "test"), max_new_tokens=4)
    watched.add_callback(LiveEvaluation(watched, held_out, num_rows=4))
    watched.add_callback(TrainingProgress("GRPO", console, watched, sample_every=2))
    watched.add_callback(CompletionsTable(watched, tmp_path / "run"))
    watched.train()

    for old, new in zip(plain.state.log_history[:-1], watched.state.log_history, strict=False):
        assert new["loss"] == old["loss"] and new["reward"] == old["reward"]
        assert 0 <= new["held_out_accuracy"] <= 1
        assert 0 <= new["held_out_p_value"] <= 1
        assert "held_out_accuracy" not in old
        kinds = {name for name in new if name.startswith("held_out_accuracy/")}
        assert kinds == {
            f"held_out_accuracy/{row['kind']}" for row in held_out.rows.select(range(4))
        }
    assert watched.state.log_history[0]["held_out_p_value"] == 1  # nothing to compare with yet
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "GRPO: step 3 of 3, reward" in text and "right held out" in text
    assert text.count("Step 2, math_last_number_reward") == 1 and "Step 1," not in text
    rows = read_json_lines(tmp_path / "run" / "completions.jsonl")
    assert [row["step"] for row in rows] == [1] * 4 + [2] * 4 + [3] * 4
    assert rows[0]["prompt"][-1]["role"] == "user" and isinstance(rows[0]["completion"], str)
    assert set(rows[0]["rewards"]) == {"math_last_number_reward"}
    kinds = {row["prompt"][-1]["content"]: row["kind"] for row in watched.train_dataset}
    assert [row["kind"] for row in rows] == [kinds[row["prompt"][-1]["content"]] for row in rows]


@pytest.fixture
def state() -> Any:
    return SimpleNamespace(is_world_process_zero=True, global_step=0, max_steps=1000)


def sampled(count: int, text: str = "yes") -> Any:
    return SimpleNamespace(
        _logs={
            "prompt": [f"p{i}" for i in range(count)],
            "completion": [text] * count,
            "rewards": {"r": [float(i) for i in range(count)]},
            "advantages": [0.0] * count,
        }
    )


def test_the_table_stays_small_spans_the_run_and_goes_on(state: Any, tmp_path: Path) -> None:
    table = CompletionsTable(sampled(64, "x" * 30_000), tmp_path)
    for state.global_step in range(1, 1001):
        table.on_log(None, state, None, {"reward": 1.0})
        last = {1: 1, 128: 128, 129: 128, 1000: 1000}.get(state.global_step)
        if last:  # at any time the file is there, up to the newest step that is kept
            told = read_json_lines(tmp_path / "completions.jsonl")
            assert told[-1]["step"] == last

    rows = read_json_lines(tmp_path / "completions.jsonl")
    steps = sorted({row["step"] for row in rows})
    assert len(steps) <= 128 and steps[0] <= 16 and steps[-1] >= 980
    assert {b - a for a, b in pairwise(steps)} == {8}
    assert [row["prompt"] for row in rows[:8]] == [f"p{8 * i}" for i in range(8)]
    assert len(rows[0]["completion"]) < 20_100

    with (tmp_path / "completions.jsonl").open("a") as file:
        file.write('{"step": 1000, "prom')  # killed while it wrote
    state.global_step = 500  # as a resumed run: what came later is sampled again
    again = CompletionsTable(sampled(2), tmp_path)
    again.on_train_begin(None, state, None)
    state.global_step = 501
    again.on_log(None, state, None, {"reward": 1.0})
    steps = [row["step"] for row in read_json_lines(tmp_path / "completions.jsonl")]
    assert steps[0] <= 16 and max(steps) == 501 and steps.count(501) == 2 and 496 in steps
