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
        (["tango", "--task", "math"], "no recipe for 'tango': choose one of demo, dpo, grpo, ppo"),
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
        "print(*sys.argv[1:])\nsys.exit('no good')\n"
    )
    arguments = ["--recipes", str(tmp_path), "--max_steps", "3", "--num_processes", "1"]

    assert cli.main(["train", "ppo", "--task", "math", *arguments]) == 1
    output = capfd.readouterr()
    assert output.out == "--task math --max_steps 3\n"
    assert "no good" in output.err
    assert "Traceback" not in output.err


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
