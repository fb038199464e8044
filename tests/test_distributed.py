"""``setup_distributed`` and the accelerate configs. That training is right with them is tested in
``tests/ppo/test_distributed.py``, which starts real processes with both.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from mrlm.distributed import ENVIRONMENTS, STRATEGIES, setup_distributed

CONFIGS = Path(__file__).parents[1] / "recipes" / "accelerate"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def torchrun(monkeypatch: pytest.MonkeyPatch, processes: int, gpus: int) -> None:
    """The environment of the first of ``processes`` on a machine with ``gpus``."""
    for name in list(os.environ):
        if name.startswith(("ACCELERATE_", "FSDP_")):
            monkeypatch.delenv(name)
    values = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    for name, value in (values | {"MASTER_ADDR": "localhost", "MASTER_PORT": 29511}).items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


@pytest.mark.parametrize(
    ("strategy", "processes", "gpus", "says", "command"),
    [
        ("fdsp", 2, 2, "choose one of ddp, fsdp, zero2, zero3", None),
        ("fsdp", 2, 0, "needs GPUs, and there is none here", 2),
        ("zero3", 2, 0, "needs GPUs, and there is none here", 2),
        ("fsdp", 1, 1, "with one process: there is nothing to split", 2),
        ("fsdp", 1, 8, "with one process: there is nothing to split", 8),
        ("zero2", 1, 4, "with one process: there is nothing to split", 4),
        ("ddp", 4, 1, "4 processes were started on this machine, but it has 1 GPU:", 1),
        ("fsdp", 8, 4, "8 processes were started on this machine, but it has 4 GPUs:", 4),
    ],
)
def test_wrong_combinations_are_refused_with_the_right_command(
    strategy: str,
    processes: int,
    gpus: int,
    says: str,
    command: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torchrun(monkeypatch, processes, gpus)
    with pytest.raises(ValueError, match=re.escape(says)) as refusal:
        setup_distributed(strategy)
    expected = [] if command is None else [str(command)]
    assert re.findall(r"torchrun --nproc_per_node=(\d+) YOUR", str(refusal.value)) == expected
    assert "ACCELERATE_USE_FSDP" not in os.environ


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_torchrun(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torchrun(monkeypatch, 2, 4)
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("MASTER_PORT")
    with pytest.raises(ValueError, match=r"not set: RANK, MASTER_PORT") as refusal:
        setup_distributed(strategy)
    assert "torchrun --nproc_per_node=4 YOUR_SCRIPT.py" in str(refusal.value)


@pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is not None, reason="DeepSpeed is installed"
)
def test_deepspeed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    torchrun(monkeypatch, 2, 2)
    with pytest.raises(ValueError, match="pip install deepspeed, or use strategy='fsdp'"):
        setup_distributed("zero2")


def test_a_strategy_chosen_by_accelerate_is_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    torchrun(monkeypatch, 2, 2)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ValueError, match="was given another one"):
        setup_distributed("ddp")


def run_under_torchrun(processes: int, script: str) -> str:
    """What the script printed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--no-python"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, f"--nproc_per_node={processes}", sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.integration
@pytest.mark.distributed
def test_one_process_under_torchrun() -> None:
    """A real start: the state that comes back, and that trainers' settings follow it."""
    script = (
        "from mrlm.distributed import setup_distributed\n"
        "state = setup_distributed()\n"
        "from transformers import TrainingArguments\n"
        "config = TrainingArguments('unused')\n"
        "print('got', state.num_processes, state.process_index, state.is_main_process, "
        "config.device.type)\n"
    )
    assert "got 1 0 True cpu" in run_under_torchrun(1, script)


@pytest.mark.integration
@pytest.mark.distributed
def test_shares_come_back_in_the_order_of_the_rows() -> None:
    """Five rows over two processes, two results of each."""
    script = (
        "from mrlm.distributed import gather_shares, process_seed, shard_for_process\n"
        "from mrlm.distributed import setup_distributed\n"
        "setup_distributed()\n"
        "own = shard_for_process(range(5))\n"
        "every = gather_shares([(row, name) for row in own for name in 'ab'], 2)\n"
        "said = f\"got {list(own)} {process_seed(3)} {[f'{row}{name}' for row, name in every]}\"\n"
        "print(said + chr(10), end='', flush=True)  # in one piece: both write to one pipe\n"
    )
    every = "['0a', '0b', '1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b']"
    lines = run_under_torchrun(2, script).splitlines()
    said = sorted(line for line in lines if line.startswith("got"))
    assert said == [f"got [0, 2, 4] 3 {every}", f"got [1, 3] 15485866 {every}"]


def launched(name: str) -> argparse.Namespace:
    """What ``accelerate launch`` makes of a config."""
    flags = ["--config_file", str(CONFIGS / f"{name}.yaml"), "--main_process_port", "0", "x.py"]
    arguments: argparse.Namespace = _validate_launch_command(
        launch_command_parser().parse_args(flags)
    )[0]
    return arguments


@pytest.mark.parametrize("name", NAMES)
def test_accelerate_loads_the_config(name: str) -> None:
    config: Any = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert isinstance(config, ClusterConfig)
    arguments = launched(name)
    assert arguments.num_processes == config.num_processes
    assert arguments.use_fsdp == name.startswith("fsdp2")
    assert arguments.use_deepspeed == name.startswith("zero")
    assert arguments.num_machines == (2 if name == "fsdp2_multinode" else 1)
    assert bool(arguments.multi_gpu) == (name == "multi_gpu")
    assert arguments.mixed_precision == ("no" if name == "cpu" else "bf16")
    assert bool(arguments.use_cpu) == (name == "cpu")


def test_all_configs_are_there() -> None:
    assert {
        "cpu",
        "single_gpu",
        "multi_gpu",
        "fsdp2",
        "fsdp2_multinode",
        "zero2",
        "zero3",
    } == set(NAMES)


@pytest.mark.parametrize("name", ["fsdp2", "fsdp2_multinode", "zero2", "zero3"])
def test_setup_distributed_means_what_the_config_means(name: str) -> None:
    arguments = launched(name)
    # No port is asked for on another machine's behalf.
    arguments.num_machines, arguments.deepspeed_fields_from_accelerate_config = 1, ""
    if arguments.use_fsdp:
        environment = prepare_multi_gpu_env(arguments)
    else:
        environment = prepare_deepspeed_cmd_env(arguments)[1]
    ours = ENVIRONMENTS[{"fsdp2_multinode": "fsdp", "fsdp2": "fsdp"}.get(name, name)]
    assert {key: environment.get(key) for key in ours} == ours
