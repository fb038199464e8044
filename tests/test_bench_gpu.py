"""The GPU bench as far as it goes without one: its options, its refusal, its table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bench import gpu as bench

SCRIPT = Path(__file__).parent / "bench" / "gpu.py"


def test_options() -> None:
    options = bench.parse_arguments(["--steps", "2", "--runs", "GRPO", "PPO, critic"])
    assert (options.steps, options.runs) == (2, ["GRPO", "PPO, critic"])
    assert bench.parse_arguments([]).runs == list(bench.RUNS)


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


def test_table() -> None:
    options = bench.parse_arguments(["--completions", "8", "--tokens", "100"])
    results = {
        "GRPO": {"seconds": [2.0, 1.0, 4.0], "peak_bytes": 3 * 2**30},
        "PPO, value head": {"seconds": [2.5], "peak_bytes": 2**29},
    }
    assert bench.table(results, options).splitlines()[2:] == [
        "| GRPO | 2.00 | 1.00 to 4.00 | 400 | 1.00 | 3.00 |",
        "| PPO, value head | 2.50 | 2.50 to 2.50 | 320 | 0.80 | 0.50 |",
    ]


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
    assert done.stdout.count("| PPO, value head") == 2
