"""recipes/slurm/fsdp2.sh with stand-ins for Slurm's programs: what each node would launch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "recipes" / "slurm" / "fsdp2.sh"
# As Slurm does: the hosts of a job, and a command on each of its nodes.
SCONTROL = '[[ "$*" == "show hostnames node[1-2]" ]] && printf "node1\\nnode2\\n"'
SRUN = """
[[ $1 == --kill-on-bad-exit=1 ]] && shift
for ((node = 0; node < SLURM_JOB_NUM_NODES; node++)); do SLURM_NODEID=$node "$@"; done
"""
ACCELERATE = f'exec "{sys.executable}" -c \'{{}}\' "$@"'.format(
    'import json, os, sys; print(json.dumps([os.environ["SLURM_NODEID"], *sys.argv[1:]]))'
)
JOB = {
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_JOB_NODELIST": "node[1-2]",
    "SLURM_JOB_ID": "4711",
}


@pytest.fixture
def submit(tmp_path: Path) -> Any:
    """``submit(*words, **variables)``: the script with these words, run as sbatch would."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("scontrol", SCONTROL), ("srun", SRUN), ("accelerate", ACCELERATE)):
        (programs / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    copy = tmp_path / "slurm_script"  # sbatch copies it
    copy.write_bytes(SCRIPT.read_bytes())

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(copy), *words],
            env=os.environ | JOB | {"PATH": path, "PYTHONPATH": str(ROOT)} | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.mark.parametrize("gpus", [{"SLURM_GPUS_ON_NODE": "4"}, {"SLURM_GPUS_PER_NODE": "h100:4"}])
def test_every_node_launches_its_share(gpus: dict[str, str], submit: Any) -> None:
    flags = ["--model_name_or_path", "Qwen/Qwen2.5-7B-Instruct", "--kinds", "a b"]
    done = submit("grpo_code.py", *flags, **gpus)
    assert done.returncode == 0, done.stderr
    started = [json.loads(line) for line in done.stdout.splitlines()]
    assert [words[0] for words in started] == ["0", "1"]
    for node, words in enumerate(started):
        assert words[1] == "launch"
        parsed = launch_command_parser().parse_args(words[2:])
        assert (parsed.num_machines, parsed.num_processes) == (2, 8)
        assert parsed.machine_rank == node
        assert (parsed.main_process_ip, parsed.main_process_port) == ("node1", 24711)
        assert Path(parsed.training_script) == ROOT / "recipes" / "grpo_code.py"
        assert parsed.training_script_args == flags
        config = load_config_from_file(parsed.config_file)
        assert str(config.distributed_type).endswith("FSDP")
        assert config.fsdp_config["fsdp_version"] == 2


def test_a_recipe_of_one_s_own(submit: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").touch()
    done = submit("mine.py", SLURM_GPUS_ON_NODE="8")
    parsed = launch_command_parser().parse_args(json.loads(done.stdout.splitlines()[0])[2:])
    assert (parsed.training_script, parsed.num_processes) == ("mine.py", 16)


def test_without_a_recipe_it_says_how(submit: Any) -> None:
    done = submit()
    assert done.returncode == 2 and done.stderr.startswith("usage: sbatch fsdp2.sh RECIPE.py")


def test_its_settings_are_sbatch_s() -> None:
    """One task on each node, which starts one process for each GPU."""
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    settings = dict(
        line.removeprefix("#SBATCH --").split("=", 1)
        for line in lines[:first]  # sbatch reads no further
        if line.startswith("#SBATCH")
    )
    assert settings["ntasks-per-node"] == "1" and "gpus-per-node" in settings
    assert not any(line.startswith("#SBATCH") for line in lines[first:])
