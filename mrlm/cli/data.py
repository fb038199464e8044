"""``mrlm data``: write rows of tasks as a dataset; flags and work are those of the data job."""

from __future__ import annotations

import argparse

from mrlm.cli.command import Commands, add_command


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    # --help is the job's own: it knows its flags.
    add_command(
        commands,
        "data",
        "write rows of a task, or a dataset of yours, as a dataset",
        _run,
        "",
        takes_rest=True,
        add_help=False,
    )


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.data.job import main

    return main(arguments.rest)
