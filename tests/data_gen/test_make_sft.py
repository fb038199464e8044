from __future__ import annotations

import importlib
import json
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "data_gen"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The job as a module; it takes its sampling from ``make_preferences.py`` beside it."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("make_sft")


def length_reward(completions: list[Any], **kwargs: Any) -> list[float]:
    """Prefers short texts, so that even a random model earns something."""
    texts = ["".join(m.get("content") or "" for m in messages) for messages in completions]
    return [1 / (1 + len(text.encode())) for text in texts]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["math", "tools"])
def test_writes_examples_that_sft_trainer_takes(
    name: str,
    job: ModuleType,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mrlm.tasks import TASKS

    task = replace(TASKS[name], reward_funcs=(length_reward,))
    monkeypatch.setattr(job.SFTConfig, "build_task", lambda self: task)
    tiny_llama(max_position_embeddings=4096).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    output = tmp_path / "new" / "sft.jsonl"
    job.main(
        [
            "--task",
            name,
            "--model_name_or_path",
            str(tmp_path / "tiny"),
            "--output",
            str(output),
            "--num_rows",
            "4",
            "--num_generations",
            "4",
            "--max_new_tokens",
            "150",
            "--min_reward",
            "0",
            "--samples_per_row",
            "2",
            "--temperature",
            "1.5",
        ]
    )
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert 1 <= len(rows) <= 8
    assert str(len(rows)) in capsys.readouterr().out
    for row in rows:
        if name == "tools":
            assert row["messages"][-1]["role"] == "assistant" and row["tools"]
        else:
            assert set(row) == {"prompt", "completion"}
            assert row["completion"][0]["role"] == "assistant"

    monkeypatch.syspath_prepend(str(FOLDER.parent / "recipes"))
    importlib.import_module("sft_tools").main(
        [
            "--task",
            name,
            "--dataset_name",
            str(output),
            "--max_steps",
            "1",
            "--eval_rows",
            "2",
            "--model_name_or_path",
            str(tmp_path / "tiny"),
            "--eval_max_new_tokens",
            "4",
            "--per_device_train_batch_size",
            "2",
            "--output_dir",
            str(tmp_path / "run"),
        ]
        + (["--max_length", "4096"] if name == "tools" else [])
    )
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_model_that_is_never_right_gives_an_empty_file(
    job: ModuleType, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    tiny_llama(max_position_embeddings=4096).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    output = tmp_path / "sft.jsonl"
    job.main(
        [
            "--task",
            "math",
            "--model_name_or_path",
            str(tmp_path / "tiny"),
            "--output",
            str(output),
            "--num_rows",
            "2",
            "--num_generations",
            "2",
            "--max_new_tokens",
            "4",
        ]
    )
    assert output.read_text() == ""
