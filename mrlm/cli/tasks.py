"""``mrlm tasks``: what can be trained and measured, with a row of each."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mrlm.cli.command import Commands, add_command, add_json, chosen_task

if TYPE_CHECKING:
    from mrlm.task import Task

_EXAMPLES = """
mrlm tasks
mrlm tasks math                # a whole row, the worked solution included
mrlm tasks --json
mrlm tasks --check my_task.py:TASK
"""
_ROWS = 300  # drawn to see the kinds and difficulties
_LONGEST = 300  # characters of a prompt in the list


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "list the tasks with their kinds, rewards and a row; check one of your own"
    parser = add_command(commands, "tasks", summary, _run, _EXAMPLES, takes_rest=True)
    parser.add_argument("task", nargs="?", help="show this one in full: a name, or FILE.py:TASK")
    parser.add_argument(
        "--check", action="store_true", help="hold it to the contract of tasks; exit code 1: broken"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.files import to_json

    if arguments.task is None and (arguments.check or arguments.rest):
        what = "--check" if arguments.check else " ".join(arguments.rest)
        raise ValueError(f"{what} goes with a task; name it, such as my_task.py:TASK.")
    if arguments.check:
        return _check(arguments)
    found = [_describe(name, task) for name, task in sorted(_chosen(arguments).items())]
    if arguments.json:
        sys.stdout.write(to_json(found))
    else:
        for task in found:
            sys.stdout.write(_text(task, in_full=bool(arguments.task)))
    return 0


def _chosen(arguments: argparse.Namespace) -> dict[str, Task]:
    """The task that is named, else ours and those of installed packages."""
    from mrlm.tasks import TASKS, make_task
    from mrlm.tasks.own import installed_names

    if arguments.task:
        return {arguments.task: chosen_task(arguments)}
    found = dict(TASKS)
    for name in installed_names():
        try:
            found.setdefault(name, make_task(name))
        except Exception as error:  # a package that broke must not hide the other tasks
            sys.stderr.write(f"The task {name!r}, of an installed package: {error}\n")
    return found


def _check(arguments: argparse.Namespace) -> int:
    from mrlm.files import to_json
    from mrlm.task_check import check_task

    check = check_task(chosen_task(arguments, as_it_is=True))
    if arguments.json:
        sys.stdout.write(to_json(check.to_dict()))
    else:
        sys.stdout.write(str(check))
    return 0 if check.passed else 1


def _describe(name: str, task: Task) -> dict[str, Any]:
    from mrlm.task import callable_name
    from mrlm.tasks import task_options

    rows = _rows(task)
    return {
        "task": task.name,
        "kinds": dict(sorted(Counter(row["kind"] for row in rows).items())),
        "difficulties": sorted({row["difficulty"] for row in rows}),
        "rewards": [callable_name(reward) for reward in task.reward_funcs],
        "options": {
            option.name: option.metadata["help"].replace("%%", "%")
            for option in fields(task_options(name))
        },
        "environment": _environment_name(task.environment),
        "columns": list(rows[0]),
        "example": rows[0],
    }


def _rows(task: Task) -> list[Mapping[str, Any]]:
    if task.generate_rows is not None:  # without `datasets`, which takes a second to import
        return list(task.generate_rows(_ROWS, 0, "train"))
    return list(task.build_dataset(_ROWS, 0, "train"))


def _text(task: Mapping[str, Any], in_full: bool) -> str:
    """The task's name, and indented below it what there is to know."""
    lines = [
        f"kinds: {', '.join(task['kinds'])}",
        f"difficulties: {', '.join(map(str, task['difficulties']))}",
        f"rewards: {', '.join(task['rewards'])}",
        f"environment: {task['environment']}",
    ]
    if in_full and task["options"]:
        lines += ["options:", *(f"  --{name}: {text}" for name, text in task["options"].items())]
    row = task["example"]
    prompt = "\n".join(message["content"] for message in row["prompt"])
    if in_full:
        lines += [f"{name}: {_value(value)}" for name, value in row.items() if name != "prompt"]
    elif len(prompt) > _LONGEST:
        prompt = f"{prompt[:_LONGEST]}..."
    lines += ["example:", *(f"  | {line}" for line in prompt.splitlines())]
    body = "\n".join(f"  {line}" for text in lines for line in text.split("\n"))
    return f"{task['task']}\n{body}\n"


def _value(value: Any) -> str:
    text = str(value)
    return "".join(f"\n  | {line}" for line in text.splitlines()) if "\n" in text else text


def _environment_name(factory: Any) -> str:
    if factory is None:
        return "none"
    first = next(iter(factory.values())) if isinstance(factory, Mapping) else factory
    return first.__name__ if isinstance(first, type) else type(first()).__name__
