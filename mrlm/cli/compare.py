"""``mrlm compare``: compare two evaluations of the same rows, or several runs."""

from __future__ import annotations

import argparse
import sys

from mrlm.cli.command import Commands, add_command, add_json

_EXAMPLES = """
mrlm compare runs/demo/eval_before runs/demo/eval_after
mrlm compare runs/before runs/after --output_dir runs/comparison  # writes report.html too
mrlm compare runs/ppo_math runs/grpo_math runs/demo --output_dir runs/all  # several runs
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "compare two evaluations of the same rows, or several runs"
    parser = add_command(commands, "compare", summary, _run, _EXAMPLES)
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="two evaluations, or two or more runs"
    )
    parser.add_argument("--output_dir", help="where to write report.html")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.runs.folder import is_run

    folders = arguments.folders
    if any(map(is_run, folders)):
        return _compare_runs(arguments)
    if len(folders) != 2:
        raise ValueError(f"{len(folders)} folders: name two evaluations, or two or more runs")
    return _compare_evaluations(arguments)


def _compare_runs(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mrlm.files import to_json
    from mrlm.report.runs import load_runs, print_runs, write_runs_report

    runs = load_runs(arguments.folders)
    if arguments.output_dir:
        sys.stderr.write(f"wrote {write_runs_report(runs, arguments.output_dir)}\n")
    if arguments.json:
        sys.stdout.write(to_json([run.to_dict() for run in runs]))
    else:
        print_runs(Console(), runs)
    return 0


def _compare_evaluations(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mrlm.evaluation.comparison import compare
    from mrlm.evaluation.evaluation import Evaluation
    from mrlm.files import to_json
    from mrlm.report import print_comparison, write_report
    from mrlm.runs.folder import RunFolder

    before, after = map(Evaluation.load, arguments.folders)
    comparison = compare(before, after)
    if arguments.output_dir:
        run = RunFolder(arguments.output_dir)
        title = f"{before.settings.model} against {after.settings.model}"
        run.write_results(comparison, title=title)
        report = write_report(run.path)
        sys.stderr.write(f"wrote {report}\n")
    if arguments.json:
        sys.stdout.write(to_json(comparison.to_dict()))
    else:
        print_comparison(Console(), comparison)
    return 0
