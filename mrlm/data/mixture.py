"""Several tasks in one training set: shares of each, every row scored by its own task alone.

A row's columns differ from task to task, so the mixture keeps them as one JSON text in the column
``row``; ``TaskReward`` reads it back for the task's own reward, and answers ``None`` to the rows of
other tasks, which TRL leaves out.

Not covered: tasks with episodes of tool calls, whose environments need every row to have one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mrlm.rewards.calls import call
from mrlm.rewards.guarded import reward_notes
from mrlm.task import RewardFunc, Task, callable_name

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["SharedReward", "TaskReward", "build_mixture", "mixture_rewards", "parse_quotas"]


def parse_quotas(words: Sequence[str]) -> dict[str, int]:
    """``["math=2", "my_task.py:TASK=1"]`` as a dict.

    Raises:
        ValueError: A word is not of this form, or a task comes twice.
    """
    quotas: dict[str, int] = {}
    for word in words:
        name, _, count = word.rpartition("=")
        if not name or not count.isdecimal() or int(count) < 1 or name in quotas:
            raise ValueError(
                f"The mixture {' '.join(words)!r} is not understood at {word!r}: write each task "
                "once with its share, a whole number above 0, such as math=2 code=1."
            )
        quotas[name] = int(count)
    return quotas


def build_mixture(
    tasks: Mapping[str, Task], quotas: Mapping[str, int], size: int, seed: int
) -> Dataset:
    """Training rows of several tasks, in the same shares anywhere in the data set.

    Of any ``sum(quotas.values())`` rows from the start, each task has its quota; training must not
    shuffle them.

    Args:
        tasks: By name.
        quotas: Rows of each task in one round.
        size: Rows in all, rounded down to whole rounds.
        seed: Of every task's rows.

    Returns:
        Columns ``prompt``, ``task`` and ``row``.

    Raises:
        ValueError: A task has episodes with tools, or ``size`` is less than one round.
    """
    from datasets import Dataset

    for name in quotas:
        if tasks[name].max_tool_calling_iterations:
            raise ValueError(
                f"The task {name!r} cannot be mixed: its rows bring environments with tools, and "
                "rows of other tasks have none. Train it by itself."
            )
    rounds = size // sum(quotas.values())
    if rounds < 1:
        raise ValueError(
            f"{size} rows are less than one round of {sum(quotas.values())}; ask for more."
        )
    streams = {
        name: iter(tasks[name].build_dataset(rounds * quota, seed, "train"))
        for name, quota in quotas.items()
    }
    rows: list[dict[str, Any]] = []
    for _ in range(rounds):
        for name, quota in quotas.items():
            for _ in range(quota):
                row = dict(next(streams[name]))
                rows.append({"prompt": row["prompt"], "task": name, "row": json.dumps(row)})
    return Dataset.from_list(rows)


def mixture_rewards(tasks: Mapping[str, Task]) -> list[TaskReward]:
    """The rewards of all tasks, each for the rows of its own."""
    return [TaskReward(name, f) for name, task in tasks.items() for f in task.reward_funcs]


class TaskReward:
    """A task's reward in a mixture; ``None`` for the rows of other tasks.

    Args:
        task: Its name.
        reward: With TRL's signature.
    """

    def __init__(self, task: str, reward: RewardFunc) -> None:
        self.task, self.reward = task, reward
        self.__name__ = callable_name(reward)

    def notes(self) -> list[str]:
        """What the reward has to say at the end of a run."""
        return reward_notes([self.reward])

    def __call__(
        self,
        completions: Sequence[Any],
        task: Sequence[str],
        row: Sequence[str],
        completion_ids: Sequence[Any] = (),
        **kwargs: Any,
    ) -> list[float | None]:
        """Rewards of a batch of the mixture; arguments as TRL passes them."""
        own = [i for i, name in enumerate(task) if name == self.task]
        rewards: list[float | None] = [None] * len(task)
        if not own:
            return rewards
        rows = [json.loads(row[i]) for i in own]
        columns = {name: [r[name] for r in rows] for name in rows[0] if name != "prompt"}
        shared = {name: x for name, x in kwargs.items() if not isinstance(x, list | tuple)}
        ids = {"completion_ids": [completion_ids[i] for i in own]} if completion_ids else {}
        given = {
            "completions": [completions[i] for i in own],
            "prompts": [r["prompt"] for r in rows],
            **columns,
            **shared,
            **ids,
        }
        found = call(self.reward, given)
        for i, reward in zip(own, found, strict=True):
            rewards[i] = reward
        return rewards


class SharedReward:
    """A reward of all tasks in a mixture, which gets each row's own columns.

    Args:
        tasks: The names of the tasks.
        reward: With TRL's signature. It is called once for the rows of each task.
    """

    def __init__(self, tasks: Sequence[str], reward: RewardFunc) -> None:
        self.parts = [TaskReward(task, reward) for task in tasks]
        self.__name__ = callable_name(reward)

    def notes(self) -> list[str]:
        """What the reward has to say at the end of a run."""
        return self.parts[0].notes()

    def __call__(self, task: Sequence[str], **kwargs: Any) -> list[float | None]:
        """Rewards of a batch of the mixture; arguments as TRL passes them."""
        rewards: list[float | None] = [None] * len(task)
        for part in self.parts:
            found = part(task=task, **kwargs)
            rewards = [b if a is None else a for a, b in zip(rewards, found, strict=True)]
        return rewards
