"""What the commands share: how they are added, and flags that several have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

    from mrlm.task import Task

__all__ = [
    "TASK_HELP",
    "Commands",
    "add_command",
    "add_dataset",
    "add_json",
    "add_model",
    "add_prompts",
    "add_task",
    "chosen_task",
    "load_dataset_rows",
]

TASK_HELP = "a name that `mrlm tasks` lists, or your own: FILE.py:TASK or package.module:TASK"

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
    parser.add_argument("--task", required=required, help=TASK_HELP)
    parser.set_defaults(takes_rest=True)
    more = "The task's own options are flags, too: `mrlm tasks NAME` lists them."
    parser.epilog = f"{parser.epilog}\n{more}"


def chosen_task(arguments: argparse.Namespace, *, as_it_is: bool = False) -> Task:
    """The task that ``--task`` names, with its options that are among the other flags, and prompts.

    Args:
        arguments: Of the command line.
        as_it_is: Do not look at the rows of a task of the user's own.

    Raises:
        ValueError: There is no such task, or it has no such option or value.
    """
    from mrlm.prompts import with_prompts
    from mrlm.tasks import TASKS, make_task, parse_task_options, task_options
    from mrlm.tasks.own import check_rows

    name = arguments.task
    known = [option.name for option in fields(task_options(name))]
    taken = [option for option in known if option in vars(arguments)]
    if taken and name not in TASKS:
        raise ValueError(
            f"The task {name!r} has the option {taken[0]}, which is a flag of this command; rename "
            "the parameter."
        )
    options, unknown = parse_task_options(name, arguments.rest)
    if unknown:
        flags = ", ".join(f"--{option}" for option in known) or "no options"
        raise ValueError(
            f"unrecognized arguments: {' '.join(unknown)}; the task {name!r} has {flags}"
        )
    task = make_task(name, **options)
    if name not in TASKS and not as_it_is:
        check_rows(task)
    system_prompt = getattr(arguments, "system_prompt", None)
    return with_prompts(task, system_prompt, getattr(arguments, "prompt_template", None))


def add_dataset(parser: argparse.ArgumentParser, split: str) -> None:
    """Rows of the user's own, in place of the task's; ``split`` is the default of a dataset's."""
    parser.add_argument("--dataset_name", help="rows of your own: a Hub id, folder or file")
    parser.add_argument("--dataset_config", help="configuration of datasets that have several")
    parser.add_argument(
        "--dataset_split",
        help=f"the split of dataset_name; a file is one split (default: {split})",
    )
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[],
        help="the dataset's columns by the task's: question=prompt_text answer=target",
    )
    parser.add_argument(
        "--drop_invalid", action="store_true", help="leave out and count rows that do not fit"
    )


def load_dataset_rows(arguments: argparse.Namespace, task: Task, split: str) -> Dataset:
    """The rows that the flags of ``add_dataset`` name, ``num_rows`` of them at most."""
    from mrlm.data.user import load_user_dataset

    return load_user_dataset(
        arguments.dataset_name,
        task,
        arguments.columns,
        split=arguments.dataset_split or split,
        config=arguments.dataset_config,
        size=arguments.num_rows,
        drop_invalid=arguments.drop_invalid,
    )


def add_prompts(parser: argparse.ArgumentParser) -> None:
    """``--system_prompt`` and ``--prompt_template``, which ``chosen_task`` reads."""
    parser.add_argument("--system_prompt", help="system message of every prompt")
    parser.add_argument(
        "--prompt_template",
        help="what the user says, in place of the task's words: a format over the row's columns, "
        "such as 'Question: {question}'",
    )


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
