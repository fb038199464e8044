"""The tasks by name. A new task is a folder here and a line in ``_TABLE``.

``make_task`` builds one with options, of ours or of the user's own (``mrlm.tasks.own``). What
options a task has, its own folder says: the parameters of its builder, and in ``OPTIONS`` a help
text for each that recipes and commands take as a flag.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Sequence
from dataclasses import field, fields, make_dataclass
from typing import Any, get_args, get_origin

from mrlm.task import Task
from mrlm.tasks import code, debate, math, tools
from mrlm.tasks.own import check_task, flag_types, label, load_task_object, option_texts

__all__ = ["TASKS", "make_task", "parse_task_options", "task_label", "task_options"]

# The task, what builds it with options, and the help texts of those that are flags.
_TABLE: tuple[tuple[Task, Callable[..., Task], dict[str, str]], ...] = (
    (code.TASK, code.code_task, code.OPTIONS),
    (debate.TASK, debate.debate_task, debate.OPTIONS),
    (math.TASK, math.math_task, math.OPTIONS),
    (tools.TASK, tools.tools_task, tools.OPTIONS),
)
TASKS: dict[str, Task] = {task.name: task for task, _, _ in _TABLE}
_BUILDERS = {task.name: (builder, texts) for task, builder, texts in _TABLE}


def make_task(name: str, **options: Any) -> Task:
    """A task with some of its options set.

    Args:
        name: Key in ``TASKS``; or of the user's own ``FILE.py:TASK``, ``package.module:TASK``, or
            the name of an entry point of the group ``mrlm.tasks``.
        **options: As the task's own builder takes them, for instance ``kinds`` and
            ``difficulties``; ``None`` leaves one at its default.

    Raises:
        ValueError: There is no such task, it is none, or it has no such option or value.
        FileNotFoundError: There is no such file.
    """
    given = {option: value for option, value in options.items() if value is not None}
    if name in TASKS and not given:
        return TASKS[name]
    found = _BUILDERS[name][0] if name in TASKS else load_task_object(name, list(TASKS))
    if isinstance(found, Task):
        if given:
            raise ValueError(
                f"The task {name!r} has no {' and no '.join(given)}: it is no function with "
                "options."
            )
        return check_task(name, found, TASKS)
    parameters = inspect.signature(found).parameters
    wrong = [option for option in given if option not in parameters]
    if wrong:
        raise ValueError(
            f"The task {name!r} has no {' and no '.join(wrong)}; it has "
            f"{', '.join(parameters) or 'no options'}."
        )
    missing = [
        parameter.name
        for parameter in parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and parameter.name not in given
    ]
    if missing:
        raise ValueError(
            f"The task {name!r} needs {' and '.join(missing)}: give "
            f"{' '.join(f'--{option} VALUE' for option in missing)}, or a default in its function."
        )
    built = found(**given)
    return built if name in TASKS else check_task(name, built, TASKS)


def task_options(name: str) -> type:
    """The options of a task that are flags, as a dataclass: each ``None`` until it is set.

    Args:
        name: As in ``make_task``; errors are the same.
    """
    if name in TASKS:
        builder, texts = _BUILDERS[name]
    else:
        found = load_task_object(name, list(TASKS))
        if isinstance(found, Task):
            check_task(name, found, TASKS)
            return make_dataclass("NoOptions", [])
        builder, texts = found, option_texts(found)
    kinds = flag_types(builder)
    return make_dataclass(
        f"{task_label(name).title().replace('_', '')}Options",
        [
            (
                option,
                kinds[option] | None,
                field(default=None, metadata=_metadata(kinds[option], text)),
            )
            for option, text in texts.items()
            if option in kinds
        ],
    )


def _metadata(kind: Any, text: str) -> dict[str, Any]:
    """Of a flag's field, as transformers' parser reads it; a boolean needs no value."""
    return {"help": text} | ({"nargs": "?", "const": True} if kind is bool else {})


def task_label(name: str) -> str:
    """What stands for a task in the names of folders; arguments and errors as in ``make_task``."""
    return name if name in TASKS else label(name, load_task_object(name, list(TASKS)))


def parse_task_options(name: str, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The options of a task among the words of a command line, and the words that are none.

    Args:
        name: As in ``make_task``; errors are the same.
        words: Flags with their values.

    Raises:
        ValueError: A value is not of its option's type.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in fields(task_options(name)):
        kind = get_args(option.type)[0]  # each is a type or None
        if get_origin(kind) is list:
            parser.add_argument(f"--{option.name}", nargs="+", type=get_args(kind)[0])
        elif get_origin(kind) is not None:  # a choice of texts
            parser.add_argument(f"--{option.name}", choices=get_args(kind))
        elif kind is bool:
            parser.add_argument(f"--{option.name}", nargs="?", const=True, type=_truth)
        else:
            parser.add_argument(f"--{option.name}", type=kind)
    try:
        options, rest = parser.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
    return {k: v for k, v in vars(options).items() if v is not None}, rest


def _truth(text: str) -> bool:
    """``true`` or ``false``, as recipes take them."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]
