"""docs/tasks.md and docs/my_task.md restate what the code has: their tables, counts and rows."""

from __future__ import annotations

import dataclasses
import importlib
import re
from typing import Any

import pages
import pytest

from mrlm.splits import SPLITS, split_of
from mrlm.task import Task
from mrlm.tasks import TASKS
from mrlm.tasks.code.families import FAMILIES
from mrlm.tasks.debate.topics import TOPICS

ENVIRONMENT = ("task", "kinds", "rewards", "tools of its environment")


def names_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def tools_of(task: Task) -> set[str]:
    """The public methods of every environment that the task has."""
    factory: Any = task.environment
    made = [make() for make in (factory.values() if isinstance(factory, dict) else [factory])]
    found = {name for environment in made for name in dir(environment) if name[0] != "_"}
    return found - {"reset", "get_reward"}


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_a_task_is_what_the_tables_say(task: Task) -> None:
    kinds, rewards, tools = pages.table("tasks.md", *ENVIRONMENT)[task.name]
    module = importlib.import_module(f"mrlm.tasks.{task.name}")
    rows = task.build_dataset(30, 0, "train")
    assert names_in(kinds) == list(module.KINDS)
    assert names_in(rewards) == [reward.__name__ for reward in task.reward_funcs]
    assert set(names_in(tools)) == tools_of(task)
    columns = names_in(pages.table("tasks.md", "task", "columns")[task.name][0])
    everyone = {"id", "task", "prompt", "solution", "kind", "difficulty"}
    assert {*columns, *everyone} == set(rows.column_names)


def test_the_counts_of_the_splits() -> None:
    contents = pages.table("tasks.md", "task", "content", "what may repeat across the splits")
    code = [sum(family.split == split for family in FAMILIES) for split in SPLITS]
    assert [int(n) for n in re.findall(r"\d+", contents["code"][0])] == code
    motions = [sum(split_of(name) == split for name in TOPICS) for split in SPLITS]
    assert [int(n) for n in re.findall(r"\d+", contents["debate"][0])] == motions


def test_the_rows_are_those_that_the_tasks_give() -> None:
    (block,) = (b.text for b in pages.blocks(pages.DOCS / "tasks.md") if b.text.startswith("task:"))
    shown = [part.splitlines() for part in block.strip().split("\n\n")]
    assert len(shown) == len(TASKS)
    for first, *lines in shown:
        name, difficulty, kind = re.findall(r"\w+", first)[1:]
        row = TASKS[name].build_dataset(1, 0, "train")[0]
        assert (row["difficulty"], row["kind"]) == (difficulty, kind)
        for line in lines:
            column, _, value = line.partition(": ")
            whole = row[column][0]["content"] if column == "prompt" else row[column]
            text = str(whole).replace("\n", "\\n")
            assert text.startswith(value.removesuffix("...").rstrip()), column
            assert value.endswith("...") or text == value, f"{column} goes on"


def test_the_page_names_the_parts_that_a_task_needs() -> None:
    missing = dataclasses.MISSING
    needed = [
        field.name
        for field in dataclasses.fields(Task)
        if field.default is missing and field.default_factory is missing
    ]
    parts = pages.table("my_task.md", "part", "what it is")
    assert [re.match(r"\w+", part)[0] for part in parts] == needed  # type: ignore[index]
