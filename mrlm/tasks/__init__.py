"""The tasks by name. A new task is a folder here and a line in ``TASKS``."""

from __future__ import annotations

from mrlm.task import Task
from mrlm.tasks import math

__all__ = ["TASKS"]

TASKS: dict[str, Task] = {
    "math": math.TASK,
}
