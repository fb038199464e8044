"""``mrlm report``: make ``report.html`` of a run folder again, and its model's card."""

from __future__ import annotations

import argparse
import sys

from mrlm.cli.command import Commands, add_command


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "make report.html and the model card of a run folder again"
    parser = add_command(commands, "report", summary, _run, "mrlm report runs/demo")
    parser.add_argument("folder", help="a folder that holds results.json")


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.report import write_model_card, write_report
    from mrlm.runs.folder import RunFolder

    run = RunFolder(arguments.folder)
    if run.model.is_dir():
        sys.stdout.write(f"{write_model_card(run.path)}\n")
    sys.stdout.write(f"{write_report(arguments.folder)}\n")
    return 0
