"""``mrlm results``: which algorithm learns which task, from runs or from what was kept of them."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from mrlm.cli.command import Commands, add_command, add_json

_EXAMPLES = """
mrlm results runs                                       # all runs below a folder
mrlm results runs/ppo_math runs/grpo_code --keep docs/results    # small files to commit
mrlm results docs/results --output docs/results.md      # the page in the docs
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "table of what each algorithm gained on each task"
    parser = add_command(commands, "results", summary, _run, _EXAMPLES)
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a run, a file that --keep wrote, or a folder with any of them",
    )
    parser.add_argument("--output", help="write the Markdown page to this file")
    parser.add_argument(
        "--keep", metavar="FOLDER", help="write a small file for each run into this folder"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.files import to_json, write_text
    from mrlm.report.results_table import markdown, to_data
    from mrlm.runs.groups import group_runs
    from mrlm.runs.result import find_results

    runs, left_out = find_results(map(Path, arguments.paths))
    for why in left_out:
        sys.stderr.write(f"left out {why}\n")
    sys.stderr.write(f"read {len(runs)} runs\n")
    if arguments.keep:
        for run in runs:
            sys.stderr.write(f"wrote {run.keep(Path(arguments.keep))}\n")
    groups = group_runs(runs)
    output = ["--output", arguments.output] if arguments.output else []
    page = markdown(groups, shlex.join(["mrlm", "results", *arguments.paths, *output]))
    if arguments.output:
        write_text(Path(arguments.output), page)
        sys.stderr.write(f"wrote {arguments.output}\n")
    if arguments.json:
        sys.stdout.write(to_json(to_data(groups)))
    elif not arguments.output:
        sys.stdout.write(page)
    return 0
