"""The contract that every task keeps; a task added to ``TASKS`` is tested here without new code.

The checks are those of ``mrlm tasks --check``. Ours keep more than a task of the user's must.
"""

from __future__ import annotations

from typing import Any

import pytest

from mrlm.task import Task
from mrlm.task_check import CHECKS, WRONG, NotApplicable
from mrlm.tasks import TASKS

SIZE = 60


@pytest.fixture(params=TASKS.values(), ids=TASKS.keys())
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_the_contract(task: Task, check: str) -> None:
    try:
        assert list(CHECKS[check](task)) == []
    except NotApplicable:
        assert task.environment is None and "environment" in check  # all of ours have the rest


def _rewards(task: Task, rows: list[Any], completions: list[Any]) -> list[list[float | None]]:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return [reward(completions=completions, **columns) for reward in task.reward_funcs]


def _spoken(solution: Any) -> Any:
    """A worked solution as TRL gives completions; of several turns it is one already."""
    return [{"role": "assistant", "content": solution}] if isinstance(solution, str) else solution


def test_our_rewards_pay_one_for_gold_as_text_and_as_a_conversation(task: Task) -> None:
    rows = task.build_dataset(SIZE, 0, "train").to_list()
    plain = _rewards(task, rows, [row["solution"] for row in rows])
    assert plain == [[1.0] * SIZE] * len(task.reward_funcs)
    assert _rewards(task, rows, [_spoken(row["solution"]) for row in rows]) == plain


@pytest.mark.parametrize("wrong", WRONG)
def test_our_rewards_pay_nothing_for_garbage(task: Task, wrong: str) -> None:
    rows = task.build_dataset(10, 0, "train").to_list()
    assert [task.score(wrong, row) for row in rows] == [0.0] * 10
    assert _rewards(task, rows, [wrong] * 10) == [[0.0] * 10] * len(task.reward_funcs)
