"""Two processes learn what one does: real ``torchrun``, gloo, CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mrlm.ppo.checkpoint import VALUE_FILE

SCRIPT = Path(__file__).with_name("distributed_run.py")

# What must come out the same from any number of processes. Means that are taken per process and
# then averaged, such as the loss, are not among them.
METRICS = (
    "reward",
    "frac_unscorable",
    "value/mean",
    "value/return",
    "value/explained_variance",
    "value/loss",
    "value/clip_frac",
    "value/grad_norm",
    "policy/approx_kl",
    "entropy",
    "grad_norm",
)


def run_here(model: Path, out: Path) -> None:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.run(str(model), str(out))


def run_under_torchrun(processes: int, *arguments: str) -> str:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, f"--nproc_per_node={processes}", str(SCRIPT), *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stderr


def history(folder: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((folder / "history.json").read_text("utf-8"))
    return loaded


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors") | load_file(folder / VALUE_FILE)


@pytest.mark.distributed
def test_two_processes_equal_one_and_stop_together(
    tmp_path: Path, tiny_llama: Any, tiny_tokenizer: Any
) -> None:
    base, alone = tmp_path / "base", tmp_path / "alone"
    tiny_llama().save_pretrained(base)
    tiny_tokenizer.save_pretrained(base)
    run_here(base, alone)
    stderr = run_under_torchrun(2, str(base), str(tmp_path))

    one, two = weights(alone), weights(tmp_path / "whole")
    start = load_file(base / "model.safetensors")
    assert one.keys() == two.keys()
    moved = max((one[name] - x).abs().max().item() for name, x in start.items())
    worst = max((two[name] - x).abs().max().item() for name, x in one.items())
    assert moved > 1e-2
    assert worst < 1e-5, worst
    steps = list(zip(history(alone), history(tmp_path / "whole"), strict=True))
    assert {"value/explained_variance", "value/clip_frac"} <= {k for a, _ in steps for k in a}
    for log_of_one, log_of_two in steps:
        for name in METRICS:
            assert log_of_one.get(name) == pytest.approx(log_of_two.get(name), abs=1e-4), name

    # One process was interrupted in step 5; the rollout's second epoch ends with step 6.
    assert "Stopped by Ctrl-C after step 6" in stderr
    checkpoints = list((tmp_path / "interrupted").glob("checkpoint-*"))
    assert [p.name for p in checkpoints] == ["checkpoint-6"]
    assert len(list(checkpoints[0].glob("rng_state_*.pth"))) == 2
