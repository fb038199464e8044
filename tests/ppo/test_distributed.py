"""Two processes learn what one does: real ``torchrun``, gloo, CPU; DDP and FSDP2.

Accelerate does not offer FSDP without GPUs; ``tests/fsdp_on_cpu.py`` says how it runs here.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from mrlm.ppo.checkpoint import VALUE_FILE

SCRIPT = Path(__file__).with_name("distributed_run.py")
FSDP = Path(__file__).parents[1] / "fsdp_on_cpu.py"

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

pytestmark = [pytest.mark.integration, pytest.mark.distributed]


def run_under_torchrun(processes: int, *arguments: str) -> str:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, f"--nproc_per_node={processes}", *arguments]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stderr


def seen(folder: Path, process: int) -> Any:
    return json.loads(Path(f"{folder}.process{process}.json").read_text("utf-8"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Everything that was trained: the model or the adapter, and the value function."""
    files = (folder / name for name in ("model.safetensors", "adapter_model.safetensors"))
    saved = [load_file(file) for file in files if file.is_file()]
    return saved[0] | load_file(folder / VALUE_FILE)


def files(folder: str) -> list[str]:
    return sorted(p.name for p in Path(folder).rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def base(
    tmp_path_factory: pytest.TempPathFactory, tiny_llama: Any, tiny_tokenizer: Any
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("distributed") / "base"
    tiny_llama().save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    yield folder


@pytest.fixture(scope="module")
def alone(base: Path) -> Path:
    """Folder with the runs ``whole`` and ``lora`` of one process."""
    run = runpy.run_path(str(SCRIPT))["run"]
    folder = base.with_name("alone")
    run(str(base), str(folder / "whole"))
    run(str(base), str(folder / "lora"), lora=True)
    return folder


def check_two_equal_one(alone: Path, together: Path) -> None:
    one, two = weights(alone), weights(together)
    # FSDP2 exports a tied output head twice; it is checked as the embedding.
    assert one.keys() == two.keys() - {"lm_head.weight"}
    worst = max((two[name] - x).abs().max().item() for name, x in one.items())
    assert worst < 1e-5, worst
    assert one["value_head.weight"].abs().max() > 1e-3

    reference, (first, second) = seen(alone, 0), (seen(together, 0), seen(together, 1))
    for one_log, log, other in zip(
        reference["history"], first["history"], second["history"], strict=True
    ):
        for name in METRICS:
            assert one_log.get(name) == pytest.approx(log.get(name), abs=1e-4), name
        # All other metrics, too, are the same on both processes.
        differ = {name for name in log.keys() | other.keys() if log.get(name) != other.get(name)}
        times = {"step_time", "tokens_per_second"}
        assert {name for name in differ - times if not name.startswith("train_")} == set()
    assert {"value/explained_variance", "value/clip_frac"} <= {
        name for log in reference["history"] for name in log
    }

    # Each completion was scored once, by one process or the other, and both had some to score.
    assert first["prompts"] and second["prompts"]
    assert Counter(first["prompts"] + second["prompts"]) == Counter(reference["prompts"])
    assert files(f"{together}.process1") == []


def test_ddp_equals_one_process_and_stops_together(base: Path, alone: Path) -> None:
    out = base.with_name("ddp")
    stderr = run_under_torchrun(2, str(SCRIPT), "ddp", str(base), str(out))
    start = load_file(base / "model.safetensors")
    trained = weights(alone / "whole")
    assert max((trained[name] - x).abs().max().item() for name, x in start.items()) > 1e-2
    check_two_equal_one(alone / "whole", out / "whole")
    check_two_equal_one(alone / "lora", out / "lora")

    # One process was interrupted in step 5; the rollout's second epoch ends with step 6.
    assert "Stopped by Ctrl-C after step 6" in stderr
    checkpoints = list((out / "interrupted").glob("checkpoint-*"))
    assert [p.name for p in checkpoints] == ["checkpoint-6"]
    assert (checkpoints[0] / "trainer_state.json").is_file()
    # The state of its random numbers is all that the other process writes.
    assert files(f"{out}/interrupted.process1") == ["rng_state_1.pth"]
    # Step 7 lies in the second pass over the prompts, whose order is another.
    straight, resumed = weights(out / "whole"), weights(out / "resumed")
    assert [n for n, x in straight.items() if not torch.equal(x, resumed[n])] == []


def check_resume_and_export(base: Path, out: Path) -> None:
    for kind in ("full", "adapter"):
        straight, resumed = weights(out / f"{kind}_saved"), weights(out / f"{kind}_resumed")
        assert straight.keys() == resumed.keys()
        different = [n for n, x in straight.items() if not torch.equal(x, resumed[n])]
        assert different == []
        assert straight["value_head.weight"].abs().max() > 0
        # Of two rollouts only the second was sampled again.
        scored = [seen(out / f"{kind}_{run}", 0)["prompts"] for run in ("saved", "resumed")]
        assert scored[1] == scored[0][2:]

    loaded, report = AutoModelForCausalLM.from_pretrained(
        out / "full_saved", output_loading_info=True
    )
    assert not any(report.values()), report
    start = AutoModelForCausalLM.from_pretrained(base)
    assert not torch.equal(loaded.lm_head.weight, start.lm_head.weight)
    adapted = PeftModel.from_pretrained(start, out / "adapter_saved")
    exported = load_file(out / "adapter_saved" / "adapter_model.safetensors")
    assert len(exported) == sum("lora_" in name for name, _ in adapted.named_parameters())


def test_fsdp2_equals_one_process_resumes_and_exports(base: Path, alone: Path) -> None:
    out = base.with_name("fsdp")
    run_under_torchrun(2, str(FSDP), str(SCRIPT), "fsdp", str(base), str(out))
    assert seen(out / "whole", 0)["is_fsdp"]
    check_two_equal_one(alone / "whole", out / "whole")
    check_two_equal_one(alone / "lora", out / "lora")
    check_resume_and_export(base, out)


@pytest.mark.slow
def test_fsdp2_with_sharded_checkpoints(base: Path) -> None:
    out = base.with_name("sharded")
    run_under_torchrun(2, str(FSDP), str(SCRIPT), "fsdp_sharded", str(base), str(out))
    assert (out / "adapter_saved" / "checkpoint-2" / "pytorch_model_fsdp_0").is_dir()
    check_resume_and_export(base, out)
