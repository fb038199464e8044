"""What the pages have beside commands: Python that runs, and links that lead somewhere."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from pages import DOCS, ROOT

import mrlm
from mrlm.models import loading

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
