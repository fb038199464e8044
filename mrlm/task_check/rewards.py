"""Whether right answers are paid and others not, by rewards that trainers can call."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

from mrlm.rewards.calls import call
from mrlm.rewards.values import read_rewards
from mrlm.task import Task, callable_name
from mrlm.task_check.draw import SIZE, NotApplicable, draw_rows, shown, text_of

__all__ = ["CHECKS", "WRONG"]

WRONG = ("", " ", "I do not know.", "\x00\ud7ff{]", "#### ", "0" * 1000)


def _solved(task: Task, split: str = "train", size: int = SIZE) -> list[Any]:
    rows = draw_rows(task, size, split=split)
    if rows and "solution" not in rows[0]:
        raise NotApplicable("the rows have no column 'solution', a completion that earns 1.0")
    solved = [row for row in rows if row["solution"]]
    if not solved:
        raise NotApplicable("no row has a worked solution")
    return solved


def _completion(task: Task, text: str) -> Any:
    """A text as the task scores it: of an episode with tools, the messages after the prompt."""
    return _spoken(text) if task.has_tools else text


def _spoken(completion: Any) -> Any:
    """A completion as TRL gives it to rewards; of several turns it is one already."""
    if isinstance(completion, str):
        return [{"role": "assistant", "content": completion}]
    return completion


def _rewards(task: Task, rows: list[Any], completions: list[Any]) -> list[list[float | None]]:
    """Of each reward, called as TRL calls it."""
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
    found = []
    for reward in task.reward_funcs:
        given = call(
            reward,
            {
                "prompts": [row["prompt"] for row in rows],
                "completions": [_spoken(completion) for completion in completions],
                "completion_ids": [list(range(5)) for _ in rows],
                "trainer_state": None,
                "log_extra": _ignore,
                "log_metric": _ignore,
                **columns,
            },
        )
        found.append(list(given))
    return found


def _gold(split: str) -> Callable[[Task], Iterator[str]]:
    def look(task: Task) -> Iterator[str]:
        rows = _solved(task, split)
        for row in rows:
            score = task.score(row["solution"], row)
            if score != 1.0:
                yield f"row {row['id']}: its solution scores {score}; it must score 1.0."
                return
            if task.extract(row["solution"], row) is None:
                yield f"row {row['id']}: extract finds no answer in its solution."
                return

    return look


def _gold_is_rewarded(task: Task) -> Iterator[str]:
    if not task.reward_funcs:
        raise NotApplicable("the task has no reward_funcs; its environment rewards")
    rows = _solved(task)
    gold = _rewards(task, rows, [row["solution"] for row in rows])
    wrong = _rewards(task, rows, ["I do not know."] * len(rows))
    for i, row in enumerate(rows):
        best, worst = (sum(rewards[i] or 0.0 for rewards in found) for found in (gold, wrong))
        if best <= worst:
            yield (
                f"row {row['id']}: its solution earns {best}, and 'I do not know.' earns {worst}."
            )
            return


def _garbage_scores_nothing(task: Task) -> Iterator[str]:
    for row in draw_rows(task, 10):
        for wrong in WRONG:
            score = task.score(_completion(task, wrong), row)
            if score != 0.0:
                yield f"row {row['id']}: {shown(wrong)} scores {score}; it must score 0.0."
                return


def _the_prompt_scores_nothing(task: Task) -> Iterator[str]:
    for row in draw_rows(task):
        score = task.score(_completion(task, text_of(row["prompt"])), row)
        if score != 0.0:
            yield f"row {row['id']}: its prompt, repeated, scores {score}; it must score 0.0."
            return


def _rewards_have_trls_shape(task: Task) -> Iterator[str]:
    if not task.reward_funcs:
        raise NotApplicable("the task has no reward_funcs; its environment rewards")
    rows = draw_rows(task, 3)
    completions = [rows[0].get("solution") or "", "", "garbage"]
    for reward, found in zip(task.reward_funcs, _rewards(task, rows, completions), strict=True):
        try:
            read_rewards(found, len(rows))
        except ValueError as error:
            yield f"{callable_name(reward)} {error}."


def _rewards_are_named(task: Task) -> Iterator[str]:
    if not task.reward_funcs:
        raise NotApplicable("the task has no reward_funcs; its environment rewards")
    names = [callable_name(reward) for reward in task.reward_funcs]
    if len(set(names)) < len(names):
        yield f"two rewards have one name: {', '.join(names)}."
    if "<lambda>" in names:
        yield "a reward is a lambda; metrics are called after a function's name, so write one."


def _pickles(task: Task) -> Iterator[str]:
    try:
        again = pickle.loads(pickle.dumps(task))
    except Exception as error:
        yield (
            f"the task cannot be pickled ({error}); use functions of the file's top level and "
            "functools.partial."
        )
        return
    rows = draw_rows(task, 3)
    completions = [rows[0].get("solution") or "", "", "garbage"]
    if _rewards(again, rows, completions) != _rewards(task, rows, completions):
        yield "its rewards pay otherwise once the task was pickled."


def _ignore(*_: Any) -> None:
    """Stands for TRL's ``log_extra`` and ``log_metric``."""


CHECKS: dict[str, Callable[[Task], Iterator[str]]] = {
    "worked solutions of train score 1.0": _gold("train"),
    "worked solutions of test score 1.0": _gold("test"),
    "worked solutions earn more than garbage": _gold_is_rewarded,
    "garbage scores 0.0": _garbage_scores_nothing,
    "the prompt scores 0.0": _the_prompt_scores_nothing,
    "rewards have TRL's shape": _rewards_have_trls_shape,
    "rewards are named": _rewards_are_named,
    "the task can be pickled": _pickles,
}
