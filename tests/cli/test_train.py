"""``mrlm train``: which recipe, with what, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mrlm import cli
from mrlm.cli.train import find_recipe

RECIPES = Path(cli.__file__).parents[2] / "recipes"


@pytest.mark.parametrize(
    ("algorithm", "task", "name"),
    [
        ("ppo", "math", "ppo_math.py"),
        ("ppo", "tools", "ppo_math.py"),
        ("grpo", "math", "grpo_code.py"),
        ("sft", None, "sft_tools.py"),
        ("dpo", "debate", "dpo_debate.py"),
        ("distill", "code", "distill_math.py"),
        ("demo", None, "demo.py"),
    ],
)
def test_the_recipe_is_found(algorithm: str, task: str | None, name: str) -> None:
    assert find_recipe(algorithm, task).name == name


def test_a_recipe_of_the_task_comes_first(tmp_path: Path) -> None:
    for name in ("ppo_code.py", "ppo_tools.py"):
        (tmp_path / name).touch()
    assert find_recipe("ppo", "tools", str(tmp_path)).name == "ppo_tools.py"
    assert find_recipe("ppo", "math", str(tmp_path)).name == "ppo_code.py"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(
        [
            "train",
            "ppo",
            "--task",
            "math",
            "--difficulties",
            "easy",
            "hard",
            "--max_steps",
            "3",
            "--accelerate_config",
            "fsdp2",
            "--num_processes",
            "2",
            "--dry_run",
        ]
    )

    output = capsys.readouterr()
    assert code == 0
    assert output.err == (
        f"accelerate launch --config_file {RECIPES / 'accelerate' / 'fsdp2.yaml'} "
        f"--num_processes 2 {RECIPES / 'ppo_math.py'} "
        "--task math --difficulties easy hard --max_steps 3\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ppo", "--task", "chess"], "no task 'chess'; choose one of"),
        (["ppo", "--accelerate_config", "fast"], "fast: name a file, or one of cpu, fsdp2"),
        (
            ["tango", "--task", "math"],
            "no recipe for 'tango': choose one of demo, distill, dpo, grpo",
        ),
        (["ppo", "math"], "'math' is no flag: write `mrlm train ALGORITHM --task T`"),
        (
            ["ppo", "--recipes", "nowhere"],
            "no recipes in nowhere: name a folder",
        ),
    ],
)
def test_mistakes(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.integration
def test_the_recipe_runs_and_its_failure_is_passed_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ppo_math.py").write_text(
        "import os, sys\nassert 'ACCELERATE_MIXED_PRECISION' in os.environ\n"
        "print(*sys.argv[1:])\nsys.stderr.write('no good\\n')\nsys.exit(2)\n"
    )
    arguments = ["--recipes", str(tmp_path), "--max_steps", "3", "--num_processes", "1"]

    assert cli.main(["train", "ppo", "--task", "math", *arguments]) == 2
    output = capfd.readouterr()
    assert output.out == "--task math --max_steps 3\n"
    command, message = output.err.splitlines()
    assert command.startswith("accelerate launch ") and message == "no good"


@pytest.mark.integration
def test_a_mistake_is_one_message_through_all_that_starts_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A real recipe, Accelerate's launcher, and ``mrlm`` around it."""
    assert cli.main(["train", "sft", "--task", "math", "--eval_rows", "0"]) == 2
    _, *message = capfd.readouterr().err.splitlines()
    assert message == [
        "sft_tools.py: error: eval_rows is 0; it must be at least 1.",
        "sft_tools.py --help lists all options.",
    ]


# What Accelerate runs for --multi_gpu, two processes, on the CPU.
TWO_PROCESSES = """
import sys
from unittest import mock
import torch.distributed.run
from accelerate.commands import launch

def start():
    torch.distributed.run.main(["--standalone", "--nproc_per_node=2", *sys.argv[1:]])

with mock.patch.object(launch, "main", start):
    from mrlm.cli.launch import main
    code = main()
sys.exit(code)
"""


@pytest.mark.integration
@pytest.mark.distributed
@pytest.mark.parametrize(
    ("ends", "code", "heard"),
    [
        # Both find the mistake; the main process says it, and its launcher ends the other.
        ("raise SystemExit('no good')", 2, ["recipe.py: error: no good"]),
        ("os.kill(os.getpid(), 9)", 137, None),
        ("sys.exit(3 if os.environ['RANK'] == '1' else time.sleep(60))", 3, None),
    ],
)
def test_several_processes(ends: str, code: int, heard: list[str] | None, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text(
        "import os, sys, time\nfrom mrlm.termination import run_program\n"
        f"def main():\n    {ends}\nrun_program(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", TWO_PROCESSES, str(recipe)],
        env=os.environ | {"PYTHONPATH": str(RECIPES.parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    if heard is not None:
        assert done.stderr.splitlines() == heard
    else:
        assert "Root Cause" in done.stderr and "Traceback" not in done.stderr


# Like Accelerate's launcher, which Ctrl-C ends while the recipe still saves.
LAUNCHER = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1]]).wait()
"""
RECIPE = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(1.5)
    pathlib.Path("saved").touch()
    sys.exit()
signal.signal(signal.SIGINT, save)
pathlib.Path("ready").touch()
time.sleep(600)
"""


@pytest.mark.integration
def test_ctrl_c_waits_until_the_recipe_has_saved(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom mrlm.cli.train import run_to_its_end\n"
        f"sys.exit(run_to_its_end([sys.executable, '-c', {LAUNCHER!r}, {RECIPE!r}]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 600
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(timeout=600) == 128 + signal.SIGINT
    assert (tmp_path / "saved").exists()
