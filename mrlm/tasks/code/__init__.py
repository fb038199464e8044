"""Function problems: generated data, HumanEval, MBPP, a reward by hidden tests, an environment.

``TASK`` holds all difficulties; ``code_task`` builds the task for some, and for other limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from mrlm.sandbox.packages import find_packages
from mrlm.task import Task
from mrlm.tasks.code.attacks import reward_cases
from mrlm.tasks.code.environment import CodeExecutionEnvironment
from mrlm.tasks.code.execution import DEFAULT_LIMITS, Limits
from mrlm.tasks.code.humaneval import build_humaneval
from mrlm.tasks.code.problems import DIFFICULTIES, KINDS, build_dataset, generate_rows
from mrlm.tasks.code.reward import CodeReward
from mrlm.tasks.code.user_rows import USER_ROWS

__all__ = ["OPTIONS", "TASK", "Limits", "code_task", "humaneval_task"]

# What recipes and commands take as flags.
OPTIONS = {
    "kinds": f"Kinds of problems: some of {', '.join(KINDS)}.",
    "difficulties": f"Difficulties: some of {', '.join(DIFFICULTIES)}.",
    "time_limit": "Seconds that the tests of one completion may take.",
    "packages": "Installed packages that a completion may import, such as numpy.",
}


def code_task(
    *,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
    held_out: str = "families",
    limits: Limits = DEFAULT_LIMITS,
    time_limit: float | None = None,
    packages: Sequence[str] = (),
) -> Task:
    """The code task on some of its problems.

    Args:
        kinds: Of its problems.
        difficulties: Of its problems.
        held_out: What its test split holds, ``"families"`` or ``"parameters"``; see ``problems``.
        limits: What the code of a completion may use.
        time_limit: Seconds for all tests of one completion, in place of those in ``limits``.
        packages: Installed packages that it may import, in place of those in ``limits``.

    Raises:
        ValueError: A package is not installed, or ``time_limit`` is none. Other wrong limits are
            found when the sandbox starts.
    """
    if time_limit is not None:
        if time_limit <= 0:
            raise ValueError(f"time_limit is {time_limit}; it must be above 0, in seconds.")
        limits = replace(limits, time_limit=time_limit)
    if packages:
        limits = replace(limits, packages=tuple(find_packages(packages)))
    reward = CodeReward(limits=limits)
    return Task(
        name="code",
        build_dataset=partial(
            build_dataset, kinds=kinds, difficulties=difficulties, held_out=held_out
        ),
        reward_funcs=(reward,),
        score=reward.score,
        extract=reward.extract,
        environment=partial(CodeExecutionEnvironment, limits=limits),
        reward_cases=reward_cases,
        generate_rows=partial(
            generate_rows, kinds=kinds, difficulties=difficulties, held_out=held_out
        ),
        user_rows=USER_ROWS,
    )


def humaneval_task(limits: Limits = DEFAULT_LIMITS) -> Task:
    """HumanEval as a task that can be evaluated; it has a test split only."""
    reward = CodeReward(limits=limits)
    return Task(
        name="code",
        build_dataset=build_humaneval,
        reward_funcs=(reward,),
        score=reward.score,
        extract=reward.extract,
        environment=partial(CodeExecutionEnvironment, limits=limits),
    )


TASK = code_task()
