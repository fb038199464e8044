"""``mrlm doctor``: what this machine can do, and what to run on it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mrlm.cli.command import Commands, add_command, add_json

if TYPE_CHECKING:
    from mrlm.doctor import Diagnosis

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "missing": ("✗", "red")}


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "what can this machine do?"
    examples = "mrlm doctor\nmrlm doctor --json"
    description = (
        "Look at versions, device, memory, sandbox, hub and models, and recommend a command. "
        "Exit code 1: something without which nothing works is missing."
    )
    parser = add_command(commands, "doctor", summary, _run, examples, description=description)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.doctor import diagnose
    from mrlm.files import to_json

    diagnosis = diagnose()
    if arguments.json:
        sys.stdout.write(to_json(diagnosis.to_dict()))
    else:
        _print(diagnosis)
    return 0 if diagnosis.passed else 1


def _print(diagnosis: Diagnosis) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for check in diagnosis.checks:
        mark, style = _MARKS[check.status]
        console.print(Text.assemble((f"{mark} ", style), (f"{check.name}: ", "bold"), check.detail))
        if check.advice:
            console.print(Text(f"    {check.advice}", style="dim"))
    table = Table("Model", "Parameters", "PPO, full", "PPO, LoRA", box=box.SIMPLE)
    for size in diagnosis.sizes:
        cells = [(size.full_gib, size.fits_full), (size.lora_gib, size.fits_lora)]
        table.add_row(
            size.model,
            f"{size.parameters / 1e6:,.0f}M",
            *(
                Text(f"{gib:,.1f} GiB{'' if fits else ' no'}", style="green" if fits else "red")
                for gib, fits in cells
            ),
        )
    console.print(table)
    console.print(
        Text(
            "GiB at the peak of a run with the recipes' settings on one device, of which "
            f"{diagnosis.memory_gib:,.1f} GiB can be used; only the first line was measured.",
            style="dim",
        )
    )
    console.print(Text.assemble("\nTry: ", (diagnosis.command, "bold")), soft_wrap=True)
