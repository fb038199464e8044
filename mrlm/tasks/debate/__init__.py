"""Debate: arguments whose facts and quotes are checked, closed questions, rounds, a judge.

``TASK`` holds all kinds of rows; ``debate_task`` chooses some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mrlm.task import Task
from mrlm.tasks.debate.attacks import reward_cases
from mrlm.tasks.debate.dataset import DIFFICULTIES, KINDS, build_dataset, generate_rows
from mrlm.tasks.debate.environment import ArgueEnvironment, DebateEnvironment
from mrlm.tasks.debate.episodes import (
    MAX_ROUNDS,
    check_rounds,
    extract_in_rounds,
    reward_cases_in_rounds,
    rounds_reward,
    score_in_rounds,
    user_rows_in_rounds,
)
from mrlm.tasks.debate.reward import debate_reward, extract, score
from mrlm.tasks.debate.user_rows import USER_ROWS

__all__ = ["OPTIONS", "TASK", "debate_task"]

# What recipes and commands take as flags.
OPTIONS = {
    "kinds": f"Kinds of rows: some of {', '.join(KINDS)}.",
    "difficulties": f"Difficulties: some of {', '.join(DIFFICULTIES)}.",
    "rounds": f"Arguments that the model makes against a scripted opponent, 1 to {MAX_ROUNDS}; "
    "more than one are made by calling a tool.",
}


def debate_task(
    *,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
    rounds: int = 1,
) -> Task:
    """The debate task with some kinds of rows.

    Args:
        kinds: Some of ``"opening"`` and ``"rebuttal"`` (grounded arguments) and ``"closed"``.
        difficulties: Of its rows.
        rounds: Arguments that the model makes. From 2 on a row is an episode in which it calls
            ``argue``, a scripted opponent answers, and the reward is the mean over the arguments.

    Raises:
        ValueError: ``rounds`` is too small or too large.
    """
    check_rounds(rounds)
    if rounds > 1:
        settings: dict[str, Any] = {"kinds": kinds, "difficulties": difficulties, "rounds": rounds}
        return Task(
            name="debate",
            build_dataset=partial(build_dataset, **settings),
            reward_funcs=(rounds_reward,),
            score=score_in_rounds,
            extract=extract_in_rounds,
            environment=ArgueEnvironment,
            max_tool_calling_iterations=rounds,
            reward_cases=partial(reward_cases_in_rounds, rounds),
            generate_rows=partial(generate_rows, **settings),
            user_rows=user_rows_in_rounds(rounds),
        )
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
