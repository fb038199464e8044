"""The tables and rows of docs/tasks.md are those of the code, and its Python runs; and the probes
that docs/rewards.md counts."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pages
import pytest
from datasets import Dataset

from mrlm.splits import SPLITS, split_of
from mrlm.task import Task
from mrlm.tasks import TASKS
from mrlm.tasks.code import humaneval_task
from mrlm.tasks.code.families import FAMILIES
from mrlm.tasks.debate.topics import TOPICS
from mrlm.tasks.math.attacks import ATTACKS, CORRECT, OTHER_FORMS, hostile_completions

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
TEXT = PAGE.read_text(encoding="utf-8")
ALL_ROWS_HAVE = {"id", "task", "prompt", "solution", "kind", "difficulty"}


def _table(*heads: str) -> dict[str, list[str]]:
    """A table's other cells by the name in the first."""
    lines = iter(TEXT.splitlines())
    assert f"| {' | '.join(heads)} |" in lines, f"the page has no table {heads}"
    next(lines)
    rows: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.strip("`")] = cells
    return rows


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def _blocks(language: str) -> list[str]:
    return [block.text for block in pages.blocks(PAGE) if block.language == language]


def _tools(task: Task) -> set[str]:
    """The public methods of every environment that the task has."""
    factory: Any = task.environment
    environments = (
        [make() for make in factory.values()] if isinstance(factory, dict) else [factory()]
    )
    return {
        name
        for environment in environments
        for name in dir(environment)
        if not name.startswith("_") and name not in ("reset", "get_reward")
    }


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_a_task_is_what_the_tables_say(task: Task) -> None:
    kinds, rewards, tools = _table("task", "kinds", "rewards", "tools of its environment")[
        task.name
    ]
    module = importlib.import_module(f"mrlm.tasks.{task.name}")
    rows = task.build_dataset(30, 0, "train")
    assert _names(kinds) == list(module.KINDS) and set(rows["kind"]) <= set(module.KINDS)
    assert module.DIFFICULTIES == ("easy", "medium", "hard")
    assert set(rows["difficulty"]) == set(module.DIFFICULTIES)
    assert _names(rewards) == [reward.__name__ for reward in task.reward_funcs]
    assert set(_names(tools)) == _tools(task)
    (columns,) = _table("task", "columns")[task.name]
    assert set(_names(columns)) == set(rows.column_names) - ALL_ROWS_HAVE
    assert set(rows.column_names) >= ALL_ROWS_HAVE


def test_every_table_names_every_task() -> None:
    tables = re.findall(r"^\| task \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [
            "math",
            "code",
            "tools",
            "debate",
        ]
    assert set(TASKS) == {"math", "code", "tools", "debate"}


def test_the_counts_of_the_splits() -> None:
    contents = _table("task", "content", "what may repeat across the splits")
    code = [sum(family.split == split for family in FAMILIES) for split in SPLITS]
    assert [int(n) for n in re.findall(r"\d+", contents["code"][0])] == code
    motions = [sum(split_of(name) == split for name in TOPICS) for split in SPLITS]
    assert [int(n) for n in re.findall(r"\d+", contents["debate"][0])] == motions


def test_the_rows_are_those_that_the_tasks_give() -> None:
    (block,) = (text for text in _blocks("text") if text.startswith("task:"))
    shown = [part.splitlines() for part in block.strip().split("\n\n")]
    assert len(shown) == len(TASKS)
    for first, *lines in shown:
        name, difficulty, kind = re.fullmatch(r"task: (\w+) \((\w+) (\w+)\)", first).groups()  # type: ignore[union-attr]
        row = TASKS[name].build_dataset(1, 0, "train")[0]
        assert (row["difficulty"], row["kind"]) == (difficulty, kind)
        for line in lines:
            column, _, value = line.partition(": ")
            whole = row[column][0]["content"] if column == "prompt" else row[column]
            text = str(whole).replace("\n", "\\n")
            assert text.startswith(value.removesuffix("...").rstrip()), column
            assert value.endswith("...") or text == value, f"{column} goes on"


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generated, real = _blocks("python")
    names: dict[str, Any] = {}
    assert "(1000," in generated
    exec(generated.replace("(1000,", "(20,"), names)
    assert names["rows"].num_rows == 20 and set(names["held_out"]["kind"]) == {"addition"}
    assert set(names["held_out"]["difficulty"]) == {"easy", "medium"}

    file = tmp_path / "test.jsonl"
    questions = [{"question": f"{n} + 1?", "answer": f"Add.\n#### {n + 1}"} for n in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in questions), encoding="utf-8")
    monkeypatch.setattr("datasets.load_dataset", lambda *name, split: Dataset.from_json(str(file)))
    exec(real, names)
    rows = names["gsm8k"].build_dataset(2, 0, "test")
    assert rows["answer"] == ["1", "2"]
    assert names["gsm8k"].score(rows[1]["solution"], rows[1]) == 1.0
    assert rows[1]["solution"].endswith("\\boxed{2}")


def test_the_real_data_is_where_the_page_says() -> None:
    for name in re.findall(r"`(mrlm\.tasks\.[\w.]+)", TEXT):
        module, _, attribute = name.rpartition(".")
        found = importlib.import_module(module)
        assert hasattr(found, attribute) or importlib.util.find_spec(name), name
    assert len(humaneval_task().build_dataset(2, 0, "test")) == 2


def test_the_probes_are_as_many_as_the_page_on_rewards_says() -> None:
    text = " ".join(PAGE.with_name("rewards.md").read_text(encoding="utf-8").split())
    found = re.search(
        r"(\d+) attacks, .*?; (\d+) right answers in the slot, .* (\d+) right answers ou"
        r"tside .*\((\d+) passed\); (\d+) more",
        text,
    )
    assert found, "the page counts the probes in other words"
    probes, passed = [ATTACKS, CORRECT, OTHER_FORMS], int(found[4])
    assert [int(found[i]) for i in (1, 2, 3)] == [len(probe) for probe in probes]
    assert passed == sum(map(len, probes)) and int(found[5]) == len(hostile_completions())
    assert f"`{found[1]} {found[2]} {found[3]} {found[5]}`" in text
