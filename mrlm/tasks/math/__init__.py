"""Math word problems: generated data, GSM8K, an exact reward, an environment.

``TASK`` asks for the answer as ``#### 42``; ``math_task`` builds the task for another answer slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mrlm.task import Task
from mrlm.tasks.math.attacks import reward_cases
from mrlm.tasks.math.environment import MathReasoningEnvironment
from mrlm.tasks.math.problems import DIFFICULTIES, KINDS, build_dataset, generate_rows
from mrlm.tasks.math.reward import MathReward
from mrlm.tasks.math.user_rows import user_rows

__all__ = ["OPTIONS", "TASK", "math_task"]

# What recipes and commands take as flags.
OPTIONS = {
    "kinds": f"Kinds of problems: some of {', '.join(KINDS)}.",
    "difficulties": f"Difficulties: some of {', '.join(DIFFICULTIES)}.",
    "answer_format": "Where the answer stands: hash, boxed, tag and phrase are strict; "
    "last_number is lenient, for models too small to follow a format.",
}


def math_task(
    answer_format: str = "hash",
    *,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
) -> Task:
    """The math task with one way of answering.

    Args:
        answer_format: ``"hash"`` (a line ``#### 42``), ``"boxed"``, ``"tag"``, ``"phrase"``, or the
            lenient ``"last_number"``, whose prompt is the question alone. The reward's name, and so
            every result, says when it is not ``"hash"``.
        kinds: Of its problems.
        difficulties: Of its problems.

    Raises:
        ValueError: An argument is not one of these.
    """
    reward = MathReward(slot=answer_format)
    return Task(
        name="math",
        build_dataset=partial(
            build_dataset, slot=answer_format, kinds=kinds, difficulties=difficulties
        ),
        reward_funcs=(reward,),
        score=reward.score,
        extract=reward.extract,
        environment=partial(MathReasoningEnvironment, slot=answer_format),
        reward_cases=partial(reward_cases, slot=answer_format),
        generate_rows=partial(
            generate_rows, slot=answer_format, kinds=kinds, difficulties=difficulties
        ),
        user_rows=user_rows(answer_format),
    )


TASK = math_task()
