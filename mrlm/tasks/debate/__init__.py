"""Debate: arguments whose facts and quotes are checked, closed questions, rounds, a judge.

``TASK`` holds all kinds of rows; ``debate_task`` chooses some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mrlm.task import Task
from mrlm.tasks.debate.attacks import reward_cases
from mrlm.tasks.debate.dataset import DIFFICULTIES, KINDS, build_dataset, generate_rows
from mrlm.tasks.debate.environment import DebateEnvironment
from mrlm.tasks.debate.reward import debate_reward, extract, score
from mrlm.tasks.debate.user_rows import USER_ROWS

__all__ = ["OPTIONS", "TASK", "debate_task"]

# What recipes and commands take as flags.
OPTIONS = {
    "kinds": f"Kinds of rows: some of {', '.join(KINDS)}.",
    "difficulties": f"Difficulties: some of {', '.join(DIFFICULTIES)}.",
}


def debate_task(
    *, kinds: Sequence[str] = KINDS, difficulties: Sequence[str] = DIFFICULTIES
) -> Task:
    """The debate task with some kinds of rows.

    Args:
        kinds: Some of ``"opening"`` and ``"rebuttal"`` (grounded arguments) and ``"closed"``.
        difficulties: Of its rows.
    """
    return Task(
        name="debate",
        build_dataset=partial(build_dataset, kinds=kinds, difficulties=difficulties),
        reward_funcs=(debate_reward,),
        score=score,
        extract=extract,
        environment=DebateEnvironment,
        reward_cases=reward_cases,
        generate_rows=partial(generate_rows, kinds=kinds, difficulties=difficulties),
        user_rows=USER_ROWS,
    )


TASK = debate_task()
