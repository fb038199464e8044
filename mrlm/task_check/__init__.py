"""The contract of a task, as checks that say what breaks it: ``mrlm tasks --check`` and the tests.

Rows are drawn, worked solutions and garbage are scored and rewarded as an evaluation and a trainer
do it, and the environment is entered as TRL enters it.

    check = check_task(TASK)
    print(check)

Not covered: whether a reward can be fooled (``mrlm reward``), and whether the rows are any good.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrlm.task import Task
from mrlm.task_check import environment, rewards, rows
from mrlm.task_check.draw import NotApplicable
from mrlm.task_check.rewards import WRONG

__all__ = ["CHECKS", "WRONG", "NotApplicable", "TaskCheck", "check_task"]

CHECKS: dict[str, Callable[[Task], Iterator[str]]] = {
    **rows.CHECKS,
    **rewards.CHECKS,
    **environment.CHECKS,
}
_HERE = str(Path(__file__).parent)


@dataclass(frozen=True)
class TaskCheck:
    """What came of the checks.

    Attributes:
        task: The task's name.
        broken: Check -> what breaks it, in words.
        left_out: Check -> why there was nothing to look at.
        kept: The checks that the task passed.
    """

    task: str
    broken: dict[str, list[str]]
    left_out: dict[str, str]
    kept: list[str]

    @property
    def passed(self) -> bool:
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "passed": self.passed,
            "kept": self.kept,
            "broken": self.broken,
            "left_out": self.left_out,
        }

    def __str__(self) -> str:
        lines = [f"{self.task}: {'keeps' if self.passed else 'breaks'} the contract of tasks"]
        lines += [f"  ok      {name}" for name in self.kept]
        lines += [f"  -       {name}: {why}" for name, why in self.left_out.items()]
        for name, found in self.broken.items():
            lines += [f"  BROKEN  {name}", *(f"            {text}" for text in found)]
        return "\n".join(lines) + "\n"


def check_task(task: Task) -> TaskCheck:
    """Hold a task to the contract; what it raises is a finding, too."""
    check = TaskCheck(task.name, {}, {}, [])
    for name, look in CHECKS.items():
        try:
            found = list(look(task))
        except NotApplicable as reason:
            check.left_out[name] = str(reason)
            continue
        except Exception as error:
            found = [f"raised {type(error).__name__}: {error}{_place(error)}"]
        if found:
            check.broken[name] = found
        else:
            check.kept.append(name)
    return check


def _place(error: BaseException) -> str:
    """The line of the user's that raised, where there is one."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    own = [frame for frame in frames if not frame.filename.startswith(_HERE)]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
