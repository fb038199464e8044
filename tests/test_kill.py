"""``kill -9`` in the middle of a step, then resume: the weights of a run that nobody stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import kill_run
import pytest
import torch

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("kill")]

FAST = ("ppo-full", "grpo-lora", "sft-full", "dpo-lora")
SLOW = ("ppo-lora", "grpo-full", "sft-lora", "dpo-full")
RUNS = [*FAST, *(pytest.param(run, marks=pytest.mark.slow) for run in SLOW)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Any, tiny_tokenizer: Any) -> Path:
    folder = tmp_path_factory.mktemp("kill") / "base"
    tiny_llama().save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def killed(base: Path, request: pytest.FixtureRequest) -> Path:
    """Folder with what each of the selected runs left behind when it was killed."""
    out = base.with_name("killed")
    tests = [item for item in request.session.items if item.path == request.path]
    runs = [item.callspec.params["run"] for item in tests if isinstance(item, pytest.Function)]
    command = [sys.executable, kill_run.__file__, str(base), str(out), *runs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def weights(trainer: Any) -> dict[str, torch.Tensor]:
    return {name: x.detach().clone() for name, x in trainer.model.state_dict().items()}


@pytest.mark.parametrize("run", RUNS)
def test_resume_after_kill(run: str, base: Path, killed: Path, tmp_path: Path) -> None:
    folder = killed / run
    assert (folder / "exit_code").read_text() == str(-signal.SIGKILL)
    # A save is due at step 5; PPO and GRPO wait for the end of the rollout.
    step = 6 if run.startswith(("ppo", "grpo")) else 5
    assert [p.name for p in folder.glob("checkpoint-*")] == [f"checkpoint-{step}"]

    straight = kill_run.make_trainer(run, str(base), str(tmp_path))
    start = weights(straight)
    straight.train()
    resumed = kill_run.make_trainer(run, str(base), str(folder))
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.global_step == straight.state.global_step == 8
    expected, found = weights(straight), weights(resumed)
    assert expected.keys() == found.keys()
    assert [name for name, x in expected.items() if not torch.equal(x, found[name])] == []
    assert any(not torch.equal(x, start[name]) for name, x in expected.items())
