"""Math problems: generated data, GSM8K, rows of the user's, an exact reward, an environment.

``TASK`` asks for a number as ``#### 42``; ``math_task`` builds the task for another format or type
of answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mrlm.completion_text import THINK_TAGS
from mrlm.task import Task
from mrlm.tasks.math.answer_format import ANSWER_FORMATS, ANSWER_TYPES
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
    "answer_format": f"Where the answer stands: one of {', '.join(ANSWER_FORMATS)}; last_number is "
    "lenient, for models too small to follow a format. Default: hash.",
    "answer_type": "What the answers of rows of your own are: one of "
    f"{', '.join(ANSWER_TYPES)}, or auto, each what it is. Default: number.",
}


def math_task(
    answer_format: str = "hash",
    *,
    answer_type: str = "number",
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
    think_tags: tuple[str, str] = THINK_TAGS,
) -> Task:
    """The math task with one way of answering.

    Args:
        answer_format: ``"hash"`` (a line ``#### 42``), ``"boxed"``, ``"tag"``, ``"phrase"``, or the
            lenient ``"last_number"``, whose prompt is the question alone. The reward's name, and so
            every result, says when it is not ``"hash"``.
        answer_type: What the answers of imported rows are, where a row does not say:
            ``"number"`` (a literal one), ``"expression"``, ``"choice"`` (a letter), ``"list"``, or
            ``"auto"``, which is each answer's own: words are expressions. Generated rows have
            numbers, whatever this is.
        kinds: Of its problems.
        difficulties: Of its problems.
        think_tags: The marks around reasoning, which is not read.

    Raises:
        ValueError: An argument is not one of these.
    """
    # Rows say their own type; what has none, such as a generated row, is a number.
    scored_type = "number" if answer_type == "auto" else answer_type
    reward = MathReward(answer_format, scored_type, think_tags)
    return Task(
        name="math",
        build_dataset=partial(
            build_dataset, answer_format=answer_format, kinds=kinds, difficulties=difficulties
        ),
        reward_funcs=(reward,),
        score=reward.score,
        extract=reward.extract,
        environment=partial(MathReasoningEnvironment, answer_format, scored_type, think_tags),
        reward_cases=partial(reward_cases, answer_format, scored_type),
        generate_rows=partial(
            generate_rows, answer_format=answer_format, kinds=kinds, difficulties=difficulties
        ),
        user_rows=user_rows(answer_format, answer_type, think_tags),
    )


TASK = math_task()
