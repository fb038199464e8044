"""Peak memory of short runs of the recipes beside what ``mrlm doctor`` says: ``make bench-memory``.

Each recipe runs for a few steps in a process of its own, with its own settings and the embedded
model. Prints a table; exit code 1 where a peak is further than a quarter from the estimate.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mrlm.doctor import fitting_sizes
from mrlm.hardware import detect_hardware

ROOT = Path(__file__).parents[2]
RECIPES = ["demo", "ppo_math", "sft_tools", "grpo_code"]
TOLERANCE = 0.25
GIB = 1 << 30


def measure(recipe: str, flags: list[str]) -> dict[str, float]:
    """Peak in bytes of each phase of a run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "recipes" / f"{recipe}.py")]
        subprocess.run([*command, "--output_dir", folder, *flags], check=True, stdout=sys.stderr)
        results = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    return {phase["name"]: phase["peak_memory"] for phase in results["phases"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="+", default=RECIPES, choices=RECIPES)
    parser.add_argument("--max_steps", type=int, default=3)
    parser.add_argument("--eval_rows", type=int, default=0, help="0: each recipe's own")
    arguments = parser.parse_args()
    flags = ["--max_steps", str(arguments.max_steps)]
    flags += ["--eval_rows", str(arguments.eval_rows)] if arguments.eval_rows else []
    estimate = fitting_sizes(0, detect_hardware(use_cpu=True).bf16)[0].full_gib
    table = Table("recipe", "peak GiB", "in", "of the estimate")
    is_right = True
    for recipe in arguments.recipes:
        phases = measure(recipe, flags)
        phase = max(phases, key=phases.__getitem__)
        share = phases[phase] / GIB / estimate
        is_right &= abs(share - 1) <= TOLERANCE
        table.add_row(recipe, f"{phases[phase] / GIB:.2f}", phase, f"{share:.0%}")
    console = Console()
    console.print(table)
    console.print(f"mrlm doctor: {estimate:.2f} GiB for full fine-tuning of the embedded model")
    sys.exit(not is_right)


if __name__ == "__main__":
    main()
