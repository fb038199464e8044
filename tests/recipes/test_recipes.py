"""The recipes run: on a tiny model here, on the embedded one in the slow tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def run(script: str, *flags: str, launcher: tuple[str, ...] = (sys.executable,)) -> str:
    done = subprocess.run(
        [*launcher, str(ROOT / "recipes" / script), *flags],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=900,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture
def tiny_folder(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> str:
    tiny_llama().save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


SMALL = (
    "--max_steps", "2", "--eval_rows", "8", "--train_rows", "32", "--max_completion_length", "6",
    "--per_device_train_batch_size", "8", "--num_generations", "2",
)  # fmt: skip


@pytest.mark.parametrize("peft", [(), ("--use_peft", "--learning_rate", "1e-3")])
def test_ppo_math(tiny_folder: str, tmp_path: Path, peft: tuple[str, ...]) -> None:
    folder = tmp_path / "run"
    launch = (sys.executable, "-m", "accelerate.commands.launch", "--cpu")
    flags = ("--model_name_or_path", tiny_folder, "--output_dir", str(folder), *SMALL, *peft)
    run("ppo_math.py", *flags, launcher=launch)
    results = json.loads((folder / "results.json").read_text())
    assert results["comparison"]["num_pairs"] == 8
    for name in ("report.html", "config.json", "metrics.jsonl", "model/value_head.safetensors"):
        assert (folder / name).is_file(), name


def test_config_file_and_command_line(tiny_folder: str, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"model_name_or_path: {tiny_folder}\nmax_steps: 5\ntemperature: 0.9\n")
    run("ppo_math.py", "--config", str(settings), "--output_dir", str(tmp_path / "run"), *SMALL)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["max_steps"], config["temperature"]) == (2, 0.9)


def test_demo_tells_its_phases(tiny_folder: str, tmp_path: Path) -> None:
    flags = ("--model_name_or_path", tiny_folder, "--output_dir", str(tmp_path / "run"), *SMALL)
    told = run("demo.py", *flags)
    for phase in ("Data", "Configuration", "Model", "Policy environment",
                  "Evaluation environments", "Evaluation before", "PPO training",
                  "Evaluation after"):  # fmt: skip
        assert phase in told
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.fixture
def long_folder(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> str:
    """A tiny model whose context holds a prompt with tools, byte by byte."""
    tiny_llama(max_position_embeddings=4096).save_pretrained(tmp_path / "long")
    tiny_tokenizer.save_pretrained(tmp_path / "long")
    return str(tmp_path / "long")


@pytest.mark.parametrize("algorithm", ["sft", "grpo", "ppo"])
def test_tools(long_folder: str, tmp_path: Path, algorithm: str) -> None:
    folder = tmp_path / "run"
    sampling = ("--max_completion_length", "6", "--num_generations", "2")
    told = run(
        f"{algorithm}_tools.py", "--model_name_or_path", long_folder, "--output_dir", str(folder),
        "--max_steps", "2", "--train_rows", "16", "--eval_rows", "6", "--eval_max_new_tokens", "6",
        "--per_device_train_batch_size", "4", *(sampling if algorithm != "sft" else ()),
    )  # fmt: skip
    assert "before, score 0.0" in told and "after, score 0.0" in told
    results = json.loads((folder / "results.json").read_text())
    assert results["comparison"]["num_pairs"] == 6
    log = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert any("loss" in entry or "train_loss" in entry for entry in log)
    from mrlm.chat_templates import supports_tool_calling
    from mrlm.models import load_tokenizer

    assert supports_tool_calling(load_tokenizer(str(folder / "model")))


@pytest.mark.slow
def test_demo_on_the_embedded_model(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run("demo.py", "--max_steps", "3", "--eval_rows", "64", "--output_dir", str(folder))
    results = json.loads((folder / "results.json").read_text())
    comparison = results["comparison"]
    assert comparison["num_pairs"] == 64
    assert 0 <= comparison["p_value"] <= 1
    assert comparison["test"].startswith("exact McNemar")
    for part in ("eval_before", "eval_after"):
        assert len((folder / part / "records.jsonl").read_text().splitlines()) == 64
    from mrlm.models import load_model

    load_model(str(folder / "model"))
