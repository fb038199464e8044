"""What the commands share: how they are added, and flags that several have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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


def add_task(parser: argparse.ArgumentParser) -> None:
    """``--task`` and the option that decides how math answers are written."""
    parser.add_argument("--task", required=True, help="a name that `mrlm tasks` lists")
    parser.add_argument(
        "--answer_mode",
        help="math: where the answer stands, one of hash, boxed, tag, phrase, last_number "
        "(default: hash)",
    )


def chosen_task(arguments: argparse.Namespace) -> Task:
    """The task that ``add_task``'s flags name.

    Raises:
        ValueError: There is no such task, or it has no such option.
    """
    from mrlm.tasks import make_task

    return make_task(arguments.task, answer_mode=arguments.answer_mode)


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
