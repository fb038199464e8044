"""What the pages say beside commands: Python that runs, links, tables and counts of the code."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from pages import DOCS, ROOT

import mrlm
from mrlm.benchmarks import BENCHMARKS
from mrlm.models import loading
from mrlm.splits import SPLITS, split_of
from mrlm.task import Task
from mrlm.tasks import TASKS
from mrlm.tasks.code.families import FAMILIES
from mrlm.tasks.debate.topics import TOPICS

PYTHON = [b for page in pages.PAGES for b in pages.blocks(page) if b.language in ("python", "py")]
RUN = [b for b in PYTHON if b.language == "python" and not b.file]
LINK = re.compile(r"\]\(([^)\s]+)\)")
LESS = {
    r"max_steps=\d+": "max_steps=2",
    r"\((512|1000|2048)": "(16",
    r"num_rows=\d+": "num_rows=2",
    r"(new_tokens|completion_length)=\d+": r"\1=6",
    r"batch_size=\d+": "batch_size=8",
    r"loaded.benchmark.max_new_tokens": "4",
}


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_python_compiles_and_its_imports_exist(block: pages.Block) -> None:
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("mrlm"):
            module = importlib.import_module(str(node.module))
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]


@pytest.mark.integration
@pytest.mark.parametrize("page", sorted({block.place.partition(":")[0] for block in RUN}))
def test_its_python_runs(
    page: str, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All blocks one after the other, as a reader types them, with less work on a tiny model."""
    monkeypatch.chdir(tmp_path)
    pages.write_files(tmp_path)
    load = loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda: load(tiny))
    monkeypatch.setattr(mrlm, "load_model", lambda: load(tiny), raising=False)
    script = "\n".join(block.text for block in RUN if block.place.startswith(f"{page}:"))
    for much, little in LESS.items():
        script = re.sub(much, little, script)
    names: dict[str, Any] = {}
    exec(compile(script, page, "exec"), names)
    if "trainer" in names:
        assert names["trainer"].state.global_step == 2


def anchors(page: Path) -> set[str]:
    """GitHub's: headings in lower case, punctuation dropped, spaces as hyphens."""
    headings = re.findall(r"^#+ (.+)$", pages.prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for match in LINK.finditer(pages.prose(page)):
        path, _, anchor = match[1].partition("#")
        target = page.parent / path if path else page
        if not re.match(r"\w+:", match[1]) and (
            not target.exists() or (anchor and anchor not in anchors(target))
        ):
            yield match[1]


@pytest.mark.parametrize("page", [*pages.PAGES, DOCS / "notebook.ipynb"], ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not list(broken_links(page))


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A b, c\n[1](#a-b-c) [2](#d) [3](no.md) [4](https://no.where)\n")
    assert list(broken_links(page)) == ["#d", "no.md"]


def test_every_page_is_linked_and_every_picture_used() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in pages.PAGES)
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert not [p.name for p in DOCS.glob("*.md") if p.name not in index + "README.md"]
    assert not [p.name for p in DOCS.glob("*.png") if p.name not in text]


def test_pages_that_the_code_names_exist() -> None:
    for folder in ("mrlm", "recipes", "data_gen", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for name in re.findall(r"docs/\w+\.md", path.read_text(encoding="utf-8")):
                assert (ROOT / name).exists(), f"{path}: {name}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 600


def table(page: str, *heads: str) -> dict[str, list[str]]:
    """A table's other cells by the name in the first."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"| {' | '.join(heads)} |\n")
    assert found, f"{page} has no table {heads}"
    lines = re.match(r"(\|.*\n)+", rest)
    assert lines
    cells = [line.strip("| ").split(" | ") for line in lines[0].splitlines()[1:]]
    return {name.strip(" `"): [cell.strip() for cell in others] for name, *others in cells}


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
    kinds, rewards, tools = table(
        "tasks.md", "task", "kinds", "rewards", "tools of its environment"
    )[task.name]
    module = importlib.import_module(f"mrlm.tasks.{task.name}")
    rows = task.build_dataset(30, 0, "train")
    assert names_in(kinds) == list(module.KINDS)
    assert names_in(rewards) == [reward.__name__ for reward in task.reward_funcs]
    assert set(names_in(tools)) == tools_of(task)
    columns = names_in(table("tasks.md", "task", "columns")[task.name][0])
    everyone = {"id", "task", "prompt", "solution", "kind", "difficulty"}
    assert {*columns, *everyone} == set(rows.column_names)


def test_the_counts_of_the_splits() -> None:
    contents = table("tasks.md", "task", "content", "what may repeat across the splits")
    code = [sum(family.split == split for family in FAMILIES) for split in SPLITS]
    assert [int(n) for n in re.findall(r"\d+", contents["code"][0])] == code
    motions = [sum(split_of(name) == split for name in TOPICS) for split in SPLITS]
    assert [int(n) for n in re.findall(r"\d+", contents["debate"][0])] == motions


def test_the_rows_are_those_that_the_tasks_give() -> None:
    (block,) = (b.text for b in pages.blocks(DOCS / "tasks.md") if b.text.startswith("task:"))
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


def test_the_table_of_benchmarks_is_the_code_s() -> None:
    rows = table("benchmarks.md", "name", "rows", "prompt", "answer", "room, tokens", "source")
    assert list(rows) == [name for name in BENCHMARKS if not name.startswith("bfcl_")]
    for name, (*_, room, source) in rows.items():
        assert int(room.replace(",", "")) == BENCHMARKS[name].max_new_tokens
        assert all(hub.repo_id in source for hub in BENCHMARKS[name].hub)


def test_the_page_names_the_parts_that_a_task_needs() -> None:
    missing = dataclasses.MISSING
    needed = [
        field.name
        for field in dataclasses.fields(Task)
        if field.default is missing and field.default_factory is missing
    ]
    parts = table("my_task.md", "part", "what it is")
    assert [re.match(r"\w+", part)[0] for part in parts] == needed  # type: ignore[index]
