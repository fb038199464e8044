"""What the commands share: how they are added, and flags that several have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from mrlm.task import Task

__all__ = ["Commands", "add_command", "add_json", "add_model", "add_task", "chosen_task"]

Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_command(
    commands: Commands[argparse.ArgumentParser],
    name: str,
    summary: str,
    run: Callable[[argparse.Namespace], int],
    examples: str,
    *,
    takes_rest: bool = False,
    **options: Any,
) -> argparse.ArgumentParser:
    """A command whose ``--help`` ends with examples.

    Args:
        commands: Where it is added.
        name: What the user types.
        summary: One line.
        run: Returns the exit code.
        examples: Command lines.
        takes_rest: Arguments that it does not know are its business, in ``arguments.rest``.
        **options: Of ``ArgumentParser``.
    """
    lines = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser = commands.add_parser(
        name,
        help=summary,
        description=options.pop("description", f"{summary[0].upper()}{summary[1:]}."),
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **options,
    )
    parser.set_defaults(run=run, parser=parser, takes_rest=takes_rest)
    return parser


def add_task(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """``--task``; the options of the task that it names are flags, which ``chosen_task`` reads."""
    parser.add_argument("--task", required=required, help="a name that `mrlm tasks` lists")
    parser.set_defaults(takes_rest=True)
    more = "The task's own options are flags, too: `mrlm tasks NAME` lists them."
    parser.epilog = f"{parser.epilog}\n{more}"


def chosen_task(arguments: argparse.Namespace) -> Task:
    """The task that ``--task`` names, with those of its options that are among the other flags.

    Raises:
        ValueError: There is no such task, or it has no such option or value.
    """
    from mrlm.tasks import make_task, task_options

    make_task(arguments.task)  # refuses a name that does not exist
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in fields(task_options(arguments.task)):
        kind = get_args(option.type)[0]  # each is a type or None
        if get_origin(kind) is list:
            parser.add_argument(f"--{option.name}", nargs="+")
        elif kind is bool:
            parser.add_argument(f"--{option.name}", action="store_true", default=None)
        else:
            parser.add_argument(f"--{option.name}", type=kind)
    try:
        options, unknown = parser.parse_known_args(arguments.rest)
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
    if unknown:
        known = ", ".join(f"--{option.name}" for option in fields(task_options(arguments.task)))
        raise ValueError(
            f"unrecognized arguments: {' '.join(unknown)}; the task {arguments.task!r} has {known}"
        )
    return make_task(arguments.task, **vars(options))


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model``, with the name that TRL's scripts use as well."""
    parser.add_argument(
        "--model",
        "--model_name_or_path",
        dest="model",
        help="hub id or folder; without it the embedded model",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="results as JSON on stdout")
