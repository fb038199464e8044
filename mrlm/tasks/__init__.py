"""The tasks by name. A new task is a folder here and a line in ``TASKS``.

``make_task`` builds one with options, for recipes and data jobs that take any task.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mrlm.task import Task
from mrlm.tasks import code, debate, math, tools

__all__ = ["TASKS", "make_task"]

TASKS: dict[str, Task] = {
    "code": code.TASK,
    "debate": debate.TASK,
    "math": math.TASK,
    "tools": tools.TASK,
}

# What builds a task with options; a task that is not here has none.
_BUILDERS: dict[str, Callable[..., Task]] = {
    "code": code.code_task,
    "debate": debate.debate_task,
    "math": math.math_task,
    "tools": tools.tools_task,
}


def make_task(name: str, **options: Any) -> Task:
    """A task with some of its options set.

    Args:
        name: Key in ``TASKS``.
        **options: As the task's own builder takes them, for instance ``kinds`` and
            ``difficulties``; ``None`` leaves one at its default. Where a builder takes ``limits``,
            ``time_limit`` (seconds) is one of them.

    Raises:
        ValueError: There is no such task, or it has no such option or value.
    """
    if name not in TASKS:
        raise ValueError(f"There is no task {name!r}; choose one of {', '.join(TASKS)}.")
    given = {option: value for option, value in options.items() if value is not None}
    if not given:
        return TASKS[name]
    builder = _BUILDERS.get(name)
    if builder is None:
        raise ValueError(f"The task {name!r} has no options; {', '.join(given)} must stay unset.")
    allowed = list(inspect.signature(builder).parameters)
    if "limits" in allowed:
        allowed[allowed.index("limits")] = "time_limit"
    wrong = [option for option in given if option not in allowed]
    if wrong:
        raise ValueError(
            f"The task {name!r} has no {' and no '.join(wrong)}; it has {', '.join(allowed)}."
        )
    if "time_limit" in given:
        given["limits"] = code.Limits(time_limit=given.pop("time_limit"))
    return builder(**given)
