"""The tasks by name. A new task is a folder here and a line in ``TASKS``."""

from __future__ import annotations

from mrlm.task import Task
from mrlm.tasks import code, debate, math, tools

__all__ = ["TASKS"]

TASKS: dict[str, Task] = {
    "code": code.TASK,
    "debate": debate.TASK,
    "math": math.TASK,
    "tools": tools.TASK,
}
