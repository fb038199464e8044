"""The contract that every task keeps; a task added to ``TASKS`` is tested here without new code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from mrlm.task import Task
from mrlm.tasks import TASKS

SIZE = 60
WRONG = ("", " ", "I do not know.", "\x00\ud7ff{]", "#### ", "0" * 1000)


@pytest.fixture(params=TASKS.values(), ids=TASKS.keys())
def task(request: pytest.FixtureRequest) -> Task:
    return request.param


def _rows(task: Task, size: int = SIZE, seed: int = 0, split: str = "train") -> list[Any]:
    return task.build_dataset(size, seed, split).to_list()


def _reward(task: Task, rows: list[Any], completions: list[Any]) -> list[list[float | None]]:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return [reward(completions=completions, **columns) for reward in task.reward_funcs]


def _spoken(solution: Any) -> Any:
    """A worked solution as TRL gives completions; of several turns it is one already."""
    return [{"role": "assistant", "content": solution}] if isinstance(solution, str) else solution


def _text(prompt: list[dict[str, str]]) -> str:
    return "\n".join(message["content"] for message in prompt)


def test_name_and_columns(task: Task) -> None:
    assert TASKS[task.name] is task
    dataset = task.build_dataset(SIZE, 0, "train")
    assert len(dataset) == SIZE
    assert {"id", "task", "prompt", "difficulty", "kind"} <= set(dataset.column_names)
    assert set(dataset["task"]) == {task.name}
    assert len(set(dataset["id"])) == SIZE
    for prompt in dataset["prompt"]:
        assert prompt[-1]["role"] == "user"
        assert all(message["content"].strip() for message in prompt)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_gold_solution_scores_one(task: Task, split: str) -> None:
    rows = _rows(task, split=split)
    assert all(task.score(row["solution"], row) == 1.0 for row in rows)
    assert all(task.extract(row["solution"], row) is not None for row in rows)
    plain = _reward(task, rows, [row["solution"] for row in rows])
    spoken = [_spoken(row["solution"]) for row in rows]
    assert plain == [[1.0] * SIZE] * len(task.reward_funcs)
    assert _reward(task, rows, spoken) == plain


@pytest.mark.parametrize("wrong", WRONG)
def test_garbage_scores_zero(task: Task, wrong: str) -> None:
    rows = _rows(task, size=10)
    assert [task.score(wrong, row) for row in rows] == [0.0] * 10
    assert _reward(task, rows, [wrong] * 10) == [[0.0] * 10] * len(task.reward_funcs)


def test_the_prompt_does_not_score(task: Task) -> None:
    rows = _rows(task)
    assert [task.score(_text(row["prompt"]), row) for row in rows] == [0.0] * SIZE


def test_rows_depend_on_seed_split_and_index_alone(task: Task) -> None:
    rows = _rows(task)
    assert rows == _rows(task)
    assert rows[:7] == _rows(task, size=7)
    assert rows != _rows(task, seed=1)


def test_neighbouring_seeds_are_not_shifted_copies(task: Task) -> None:
    first = {_text(row["prompt"]) for row in _rows(task, 200, seed=5)}
    second = {_text(row["prompt"]) for row in _rows(task, 200, seed=6)}
    assert len(first & second) < 20


def test_train_and_test_are_disjoint_for_any_seeds(task: Task) -> None:
    train = {_text(row["prompt"]) for seed in (0, 1) for row in _rows(task, 2000, seed)}
    test = {_text(row["prompt"]) for seed in (0, 2) for row in _rows(task, 1000, seed, "test")}
    assert train and test and not train & test


def test_an_empty_dataset_has_the_same_types(task: Task) -> None:
    empty = task.build_dataset(0, 0, "train")
    assert len(empty) == 0
    assert empty.features == task.build_dataset(1, 0, "train").features


def test_rewards_are_named_and_picklable(task: Task) -> None:
    names = [reward.__name__ for reward in task.reward_funcs]
    assert len(set(names)) == len(names) > 0
    again = pickle.loads(pickle.dumps(task))
    rows = _rows(task, size=3)
    completions = [rows[0]["solution"], "", "garbage"]
    assert _reward(again, rows, completions) == _reward(task, rows, completions)


def test_wrong_requests_are_refused(task: Task) -> None:
    with pytest.raises(ValueError, match="size"):
        task.build_dataset(-1, 0, "train")
    with pytest.raises(ValueError, match="split"):
        task.build_dataset(1, 0, "dev")


def test_the_environment_follows_the_protocol(task: Task) -> None:
    if task.environment is None:
        return
    row = _rows(task, size=1)[0]
    factory = task.environment
    # A mapping of factories goes with a column that names one of them for each row.
    environment = (factory[row["environment"]] if isinstance(factory, Mapping) else factory)()
    observation = environment.reset(**row)
    assert observation is None or isinstance(observation, str)
    tools = [
        getattr(environment, name)
        for name in dir(environment)
        if not name.startswith("_") and name not in ("reset", "get_reward")
    ]
    assert tools
    for tool in tools:
        assert tool.__doc__
        assert "return" in tool.__annotations__
    if hasattr(environment, "get_reward"):
        assert environment.get_reward() == 0.0  # nothing was done yet
