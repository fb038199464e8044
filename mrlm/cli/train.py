"""``mrlm train``: start a recipe through Accelerate; flags it does not know are the recipe's."""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from mrlm.cli.command import TASK_HELP, Commands, add_command

_EXAMPLES = """
mrlm train ppo --task math
mrlm train grpo --task my_task.py:TASK                      # a task of your own
mrlm train ppo --task math --max_steps 3 --use_peft --learning_rate 3e-4
mrlm train sft --task tools --config my.yaml                # the recipe's flags from a file
mrlm train grpo --task code --accelerate_config multi_gpu   # a name of mrlm's, or a file
mrlm train ppo --task math --recipe_help                    # every flag of the recipe
mrlm train ppo --task math --dry_run                        # the command, not run
"""
_PACKAGE = Path(__file__).parents[1]
# Part of the package where it is installed, beside it in a checkout.
RECIPES = next(f for f in (_PACKAGE / "recipes", _PACKAGE.parent / "recipes") if f.is_dir())


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "train with a recipe: ppo, grpo, sft, dpo or distill on any task"
    parser = add_command(
        commands,
        "train",
        summary,
        _run,
        _EXAMPLES,
        takes_rest=True,
        description="Train with a recipe through `accelerate launch`. Flags that are not listed "
        "here go to the recipe.",
    )
    parser.add_argument("algorithm", help="ppo, grpo, sft, dpo, distill; or the name of a recipe")
    parser.add_argument("--task", help=f"{TASK_HELP} (default: the recipe's)")
    parser.add_argument(
        "--accelerate_config",
        metavar="FILE",
        help=f"Accelerate's settings, a file or one of {', '.join(_accelerate_configs())}",
    )
    parser.add_argument("--num_processes", metavar="N", type=int, help="Accelerate's: one per GPU")
    parser.add_argument("--recipes", metavar="FOLDER", help="where the recipes are")
    parser.add_argument("--recipe_help", action="store_true", help="show the recipe's own flags")
    parser.add_argument("--dry_run", action="store_true", help="print the command, run nothing")


def _run(arguments: argparse.Namespace) -> int:
    if not all(flag.startswith("-") for flag in arguments.rest[:1]):
        raise ValueError(f"{arguments.rest[0]!r} is no flag: write `mrlm train ALGORITHM --task T`")
    recipe = find_recipe(arguments.algorithm, arguments.task, arguments.recipes)
    own = ["--task", arguments.task] if arguments.task else []
    if arguments.recipe_help:
        return subprocess.run([sys.executable, str(recipe), *own, "--help"]).returncode
    launcher = [sys.executable, "-m", "mrlm.cli.launch"]  # passes the recipe's exit code on
    launch = []
    if arguments.accelerate_config:
        launch += ["--config_file", _accelerate_config(arguments.accelerate_config)]
    if arguments.num_processes:
        launch += ["--num_processes", str(arguments.num_processes)]
    words = [*launch, str(recipe), *own, *arguments.rest]
    sys.stderr.write(f"{shlex.join(['accelerate', 'launch', *words])}\n")
    return 0 if arguments.dry_run else run_to_its_end([*launcher, *words])


def _accelerate_configs() -> list[str]:
    return sorted(path.stem for path in (RECIPES / "accelerate").glob("*.yaml"))


def _accelerate_config(name: str) -> str:
    """The file that ``--accelerate_config`` names."""
    if Path(name).is_file():
        return name
    if name not in _accelerate_configs():
        known = ", ".join(_accelerate_configs())
        raise ValueError(f"--accelerate_config {name}: name a file, or one of {known}")
    return str(RECIPES / "accelerate" / f"{name}.yaml")


def find_recipe(algorithm: str, task: str | None, folder: str | None = None) -> Path:
    """The recipe of an algorithm: the one that is named after the task, else after another task.

    Args:
        algorithm: For instance ``ppo``; or the whole name of a recipe, such as ``demo``.
        task: A task's name, or how one of the user's own is named; recipes take any as ``--task``.
        folder: Where to look; default: those of mrlm.

    Raises:
        FileNotFoundError: There is no folder with recipes; says what to do.
        ValueError: There is no recipe for this algorithm or no such task.
    """
    from mrlm.tasks import TASKS, task_label

    task = None if task is None else task_label(task)  # refuses a name that does not exist
    place = Path(folder) if folder else RECIPES
    found = {path.stem: path for path in place.glob("*.py")}
    if not found:
        raise FileNotFoundError(f"there are no recipes in {place}: name a folder that has some")
    wanted = [f"{algorithm}_{task}", *(f"{algorithm}_{name}" for name in TASKS), algorithm]
    recipe = next((found[name] for name in wanted if name in found), None)
    if recipe is None:
        known = ", ".join(sorted({name.partition("_")[0] for name in found}))
        raise ValueError(f"there is no recipe for {algorithm!r}: choose one of {known}")
    return recipe


def run_to_its_end(command: list[str]) -> int:
    """Run the command to its end; returns its exit code, after a signal 128 + its number.

    Ctrl-C reaches the recipe by itself, which then saves and stops. Accelerate's launcher does not
    wait for that, so it is waited for here.
    """
    import psutil

    process = subprocess.Popen(command)
    trainers: list[psutil.Process] = []

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        if process.poll() is None:
            trainers.extend(psutil.Process(process.pid).children(recursive=True))

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        code = process.wait()
        psutil.wait_procs(trainers)
    finally:
        signal.signal(signal.SIGINT, previous)
    return code if code >= 0 else 128 - code
