"""``mrlm tasks``: what can be trained and measured, with a row of each."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mrlm.cli.command import Commands, add_command, add_json

if TYPE_CHECKING:
    from mrlm.task import Task

_EXAMPLES = """
mrlm tasks
mrlm tasks math                # a whole row, the worked solution included
mrlm tasks --json
"""
_ROWS = 300  # drawn to see the kinds and difficulties
_LONGEST = 300  # characters of a prompt in the list


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "list the tasks with their kinds, rewards and a row"
    parser = add_command(commands, "tasks", summary, _run, _EXAMPLES)
    parser.add_argument("task", nargs="?", help="show this one in full")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.files import to_json
    from mrlm.tasks import TASKS, make_task

    chosen = [make_task(arguments.task)] if arguments.task else list(TASKS.values())
    found = [_describe(task) for task in sorted(chosen, key=lambda task: task.name)]
    if arguments.json:
        sys.stdout.write(to_json(found))
    else:
        for task in found:
            sys.stdout.write(_text(task, in_full=bool(arguments.task)))
    return 0


def _describe(task: Task) -> dict[str, Any]:
    from mrlm.tasks import task_options

    rows = task.build_dataset(_ROWS, 0, "train")
    return {
        "task": task.name,
        "kinds": dict(sorted(Counter(rows["kind"]).items())),
        "difficulties": sorted(set(rows["difficulty"])),
        "rewards": [reward.__name__ for reward in task.reward_funcs],
        "options": {o.name: o.metadata["help"] for o in fields(task_options(task.name))},
        "environment": _environment_name(task.environment),
        "columns": list(rows.column_names),
        "example": rows[0],
    }


def _text(task: Mapping[str, Any], in_full: bool) -> str:
    """The task's name, and indented below it what there is to know."""
    lines = [
        f"kinds: {', '.join(task['kinds'])}",
        f"difficulties: {', '.join(map(str, task['difficulties']))}",
        f"rewards: {', '.join(task['rewards'])}",
        f"environment: {task['environment']}",
    ]
    if in_full:
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
    return type(first()).__name__
