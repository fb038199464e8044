"""``mrlm compare``: compare two evaluations of the same rows."""

from __future__ import annotations

import argparse
import sys

from mrlm.cli.command import Commands, add_command, add_json

_EXAMPLES = """
mrlm compare runs/demo/eval_before runs/demo/eval_after
mrlm compare runs/before runs/after --output_dir runs/comparison  # writes report.html too
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "compare two evaluations of the same rows"
    parser = add_command(commands, "compare", summary, _run, _EXAMPLES)
    parser.add_argument("before", help="folder of the first evaluation")
    parser.add_argument("after", help="folder of the second")
    parser.add_argument("--output_dir", help="where to write results.json and report.html")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mrlm.comparison import compare
    from mrlm.evaluation import Evaluation
    from mrlm.files import to_json
    from mrlm.report import print_comparison, write_report
    from mrlm.run_folder import RunFolder

    before, after = Evaluation.load(arguments.before), Evaluation.load(arguments.after)
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
