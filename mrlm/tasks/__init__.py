"""The tasks by name. A new task is a folder here and a line in ``TASKS`` and in ``_BUILDERS``.

``make_task`` builds one with options. What options a task has, its own folder says: the parameters
of its builder, and in ``OPTIONS`` a help text for each that recipes and commands take as a flag.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import field, make_dataclass
from typing import Any, get_origin, get_type_hints

from mrlm.task import Task
from mrlm.tasks import code, debate, math, tools

__all__ = ["TASKS", "make_task", "task_options"]

TASKS: dict[str, Task] = {
    "code": code.TASK,
    "debate": debate.TASK,
    "math": math.TASK,
    "tools": tools.TASK,
}

# What builds a task with options, and the help texts of those that are flags.
_BUILDERS: dict[str, tuple[Callable[..., Task], dict[str, str]]] = {
    "code": (code.code_task, code.OPTIONS),
    "debate": (debate.debate_task, debate.OPTIONS),
    "math": (math.math_task, math.OPTIONS),
    "tools": (tools.tools_task, tools.OPTIONS),
}


def make_task(name: str, **options: Any) -> Task:
    """A task with some of its options set.

    Args:
        name: Key in ``TASKS``.
        **options: As the task's own builder takes them, for instance ``kinds`` and
            ``difficulties``; ``None`` leaves one at its default.

    Raises:
        ValueError: There is no such task, or it has no such option or value.
    """
    if name not in TASKS:
        raise ValueError(f"There is no task {name!r}; choose one of {', '.join(TASKS)}.")
    given = {option: value for option, value in options.items() if value is not None}
    if not given:
        return TASKS[name]
    builder, _ = _BUILDERS[name]
    allowed = list(inspect.signature(builder).parameters)
    wrong = [option for option in given if option not in allowed]
    if wrong:
        raise ValueError(
            f"The task {name!r} has no {' and no '.join(wrong)}; it has {', '.join(allowed)}."
        )
    return builder(**given)


def task_options(name: str) -> type:
    """The options of a task that are flags, as a dataclass: each ``None`` until it is set.

    Args:
        name: Key in ``TASKS``.
    """
    builder, texts = _BUILDERS[name]
    hints = get_type_hints(builder)
    return make_dataclass(
        f"{name.capitalize()}Options",
        [
            (option, _flag_type(hints[option]), field(default=None, metadata={"help": text}))
            for option, text in texts.items()
        ],
    )


def _flag_type(hint: Any) -> Any:
    return (list[str] if get_origin(hint) is Sequence else hint) | None
