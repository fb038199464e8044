"""Each check of the contract finds what it is for, in tasks that break one thing."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from mrlm.cli import main
from mrlm.task import Task
from mrlm.task_check import check_task
from mrlm.tasks import make_task


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "checked_task.py"]) == 0
    return make_task("checked_task.py:TASK")


@pytest.fixture
def tools_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "checked_tools.py", "--tools"]) == 0
    return make_task("checked_tools.py:TASK")


def test_what_is_written_passes(task: Task, tools_task: Task) -> None:
    assert check_task(task).passed and check_task(tools_task).passed
    assert not check_task(tools_task).left_out


def with_rows(task: Task, change: Callable[[list[dict[str, Any]], int, int, str], Any]) -> Task:
    """The task with other rows."""

    def build(size: int, seed: int, split: str) -> Dataset:
        rows = task.build_dataset(size, seed, split)
        return Dataset.from_list(
            change(rows.to_list(), size, seed, split), features=rows.features if size else None
        )

    return replace(task, build_dataset=build)  # type: ignore[arg-type]


def each(**columns: Any) -> Callable[..., Any]:
    return lambda rows, *_: [row | columns for row in rows]


def shifted(task: Task) -> Task:
    """Seeds that are added to the index, as some do."""

    def build(size: int, seed: int, split: str) -> Dataset:
        rows = task.build_dataset(size + 2 * seed, 0, split)
        return rows.select(range(2 * seed, size + 2 * seed))

    return replace(task, build_dataset=build)


class NoTools:
    def reset(self, **row: Any) -> None:
        """Begin."""


class Untyped:
    def reset(self, **row: Any) -> int:
        """Begin."""
        return 3

    def look(self, what):  # type: ignore[no-untyped-def]
        return what

    def get_reward(self) -> float:
        return 1.0


CASES: dict[str, tuple[Callable[[Task], Task], str, str]] = {
    "fewer rows": (
        lambda t: with_rows(t, lambda rows, *_: rows[:40]),
        "rows have the columns",
        "gave 40 rows; it must give 60",
    ),
    "another name": (
        lambda t: with_rows(t, each(task="other")),
        "rows have the columns",
        "column task holds 'other'",
    ),
    "one id": (lambda t: with_rows(t, each(id="x")), "rows have the columns", "not unique: 1 ids"),
    "a prompt that ends elsewhere": (
        lambda t: with_rows(t, each(prompt=[{"role": "assistant", "content": "Hm."}])),
        "rows have the columns",
        "the role 'assistant'",
    ),
    "other rows each time": (
        lambda t: with_rows(
            t, lambda rows, *_: [row | {"kind": str(random.random())} for row in rows]
        ),
        "the same seed gives the same rows",
        "other rows the second time",
    ),
    "rows that know the size": (
        lambda t: with_rows(t, lambda rows, size, *_: [row | {"kind": str(size)} for row in rows]),
        "row i does not depend on the size",
        "row 0 is another one",
    ),
    "no seed": (
        lambda t: replace(
            t, build_dataset=lambda size, seed, split: t.build_dataset(size, 0, split)
        ),
        "seeds give different rows",
        "seed 0 and seed 1 give the same rows",
    ),
    "seeds that are added": (shifted, "seeds give different rows", "share 198 of 200 prompts"),
    "one split": (
        lambda t: replace(
            t, build_dataset=lambda size, seed, split: t.build_dataset(size, seed, "train")
        ),
        "train and test share no prompt",
        "prompts stand in train and in test",
    ),
    "untyped nothing": (
        lambda t: with_rows(t, lambda rows, *_: rows),
        "no rows have the same types",
        "its features",
    ),
    "a wrong solution": (
        lambda t: with_rows(t, each(solution="Answer: x")),
        "worked solutions of test score 1.0",
        "its solution scores 0.0",
    ),
    "nothing extracted": (
        lambda t: replace(t, extract=lambda completion, row: None),
        "worked solutions of train score 1.0",
        "extract finds no answer",
    ),
    "all is right": (
        lambda t: replace(t, score=lambda completion, row: 1.0),
        "garbage scores 0.0",
        "'' scores 1.0",
    ),
    "the prompt is right": (
        lambda t: replace(
            t,
            score=lambda completion, row: float(
                t.score(completion, row) or "backwards" in completion
            ),
        ),
        "the prompt scores 0.0",
        "its prompt, repeated, scores 1.0",
    ),
    "a reward for silence": (
        lambda t: replace(t, reward_funcs=(lambda completions, **k: [0.0] * len(completions),)),
        "worked solutions earn more than garbage",
        "its solution earns 0.0",
    ),
    "a lambda": (
        lambda t: replace(t, reward_funcs=(lambda completions, **k: [1.0] * len(completions),)),
        "rewards are named",
        "is a lambda",
    ),
    "one name twice": (
        lambda t: replace(t, reward_funcs=t.reward_funcs * 2),
        "rewards are named",
        "two rewards have one name",
    ),
    "words for rewards": (
        lambda t: replace(t, reward_funcs=(lambda completions, **k: ["good"] * len(completions),)),
        "rewards have TRL's shape",
        "returned 'good'",
    ),
    "too few rewards": (
        lambda t: replace(t, reward_funcs=(lambda completions, **k: [1.0],)),
        "rewards have TRL's shape",
        "returned 1 values for 3 completions",
    ),
    "no kwargs": (
        lambda t: replace(t, reward_funcs=(lambda completions, answer: [1.0] * len(completions),)),
        "rewards have TRL's shape",
        "unexpected keyword argument",
    ),
    "local functions": (
        lambda t: replace(t, score=lambda completion, row: t.score(completion, row)),
        "the task can be pickled",
        "cannot be pickled",
    ),
    "no tools": (
        lambda t: replace(t, environment=NoTools),
        "the environment keeps TRL's protocol",
        "no public method",
    ),
    "tools without types": (
        lambda t: replace(t, environment=Untyped),
        "the environment keeps TRL's protocol",
        "look does not say what it returns",
    ),
    "a name of no environment": (
        lambda t: replace(t, environment={"one": Untyped}),
        "the environment keeps TRL's protocol",
        "it must name one of one",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_found(case: str, task: Task) -> None:
    break_it, check, message = CASES[case]
    found = check_task(break_it(task))
    assert not found.passed
    assert any(re.search(re.escape(message), text) for text in found.broken[check]), found
    assert f"BROKEN  {check}" in str(found)


def test_what_an_environment_returns_is_looked_at(task: Task) -> None:
    found = check_task(replace(task, environment=Untyped))
    texts = "\n".join(found.broken["the environment keeps TRL's protocol"])
    assert (
        "reset returned 3" in texts and "has no schema" in texts and "get_reward gives 1.0" in texts
    )


def test_a_task_without_solutions_is_not_tried_with_them(task: Task) -> None:
    unsolved = replace(
        task,
        build_dataset=lambda *request: task.build_dataset(*request).remove_columns("solution"),
    )
    found = check_task(unsolved)
    assert "worked solutions of train score 1.0" in found.left_out
    assert set(found.broken) == {"the task can be pickled"}  # for the lambda of this test


def test_a_task_of_few_problems_may_repeat_them(task: Task) -> None:
    def build(size: int, seed: int, split: str) -> Dataset:
        pool = task.build_dataset(12, 0, split)
        draw = random.Random(f"{seed} {split}")
        rows = pool.select([draw.randrange(12) for _ in range(size)])
        ids = [f"{split}-{seed}-{i}" for i in range(size)]
        return rows.remove_columns("id").add_column("id", ids) if size else pool.select([])

    found = check_task(replace(task, build_dataset=build))
    assert "seeds give different rows" in found.kept


def test_what_a_task_raises_is_a_finding_with_its_line(task: Task) -> None:
    def broken(completion: Any, row: Any) -> float:
        return float(row["no such column"])

    found = check_task(replace(task, score=broken))
    [text] = found.broken["garbage scores 0.0"]
    assert "KeyError: 'no such column'" in text and "test_task_check.py, line" in text


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["new", "command_task.py"], ["tasks", "--check", "command_task.py:TASK"]):
        assert main(words) == 0
    assert "command_task: keeps the contract" in capsys.readouterr().out
    file = tmp_path / "command_task.py"
    text = file.read_text(encoding="utf-8")
    written = text.replace('f"Answer: {word[::-1]}"', '"Answer: x"')
    (tmp_path / "command_broken.py").write_text(written, encoding="utf-8")
    assert main(["tasks", "--check", "command_broken.py:TASK"]) == 1
    assert "its solution scores 0.0; it must score 1.0" in capsys.readouterr().out
    for words, message in (
        (["new", "command_task.py"], "exists and is left as it is"),
        (["new", "math.py"], "a task of mrlm's"),
        (["new", "json.py"], "a module of Python's own"),
        (["new", "my-task.py"], "no name for a Python module"),
        (["new", "task.txt"], "no name for a Python module"),
        (["new", "nowhere/task.py"], "no folder nowhere"),
        (["tasks", "--check"], "--check goes with a task"),
        (["tasks", "--check", "nowhere.py:TASK"], "no file nowhere.py"),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text
