"""What else the pages promise: Python that compiles, imports and flags that exist, links."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import parsers
import pytest
from pages import ROOT

PYTHON = [b for page in pages.PAGES for b in pages.blocks(page) if b.language in ("python", "py")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def by_place(block: Any) -> str:
    return str(block.place)


def missing(source: str) -> list[str]:
    """Imports from mrlm, recipes' and other libraries' names included, that do not resolve."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, name in names:
            if module.partition(".")[0] == "mrlm" and not _resolves(module, name):
                found.append(f"{module}: {name}" if name else module)
    return found


def _resolves(module: str, name: str) -> bool:
    try:
        imported = importlib.import_module(module)
        return not name or hasattr(imported, name) or bool(_resolves(f"{module}.{name}", ""))
    except ModuleNotFoundError:
        return False


def anchors(page: Path) -> set[str]:
    """GitHub's: headings in lower case, punctuation dropped, spaces as hyphens."""
    headings = re.findall(r"^#+ (.+)$", pages.prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for match in LINK.finditer(pages.prose(page)):
        path, _, anchor = match[1].partition("#")
        if re.match(r"\w+:", match[1]):
            continue
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield match[1]


@pytest.mark.parametrize("block", PYTHON, ids=by_place)
def test_python_compiles_and_its_imports_exist(block: Any) -> None:
    compile(block.text, block.place, "exec")
    assert not missing(block.text)


def test_every_link_leads_somewhere() -> None:
    wrong = {str(page.relative_to(ROOT)): list(broken_links(page)) for page in pages.PAGES}
    assert not {page: links for page, links in wrong.items() if links}
    assert sum(len(LINK.findall(pages.prose(page))) for page in pages.PAGES) > 20


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in text]


def test_every_flag_in_a_sentence_exists() -> None:
    known = parsers.known_flags()
    said = [
        (place, flag)
        for page in pages.PAGES
        for place, span in pages.spans(page)
        if span.startswith("--")
        for flag in re.findall(r"(?<!\S)--\w[\w-]+", span)
    ]
    assert len(said) > 40
    assert not [f"{place}: {flag}" for place, flag in said if flag not in known]


def test_mistakes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing("from mrlm import PPOTrainer, nothing\nimport mrlm.tusks, json") == [
        "mrlm: nothing",
        "mrlm.tusks",
    ]
    assert not missing("from mrlm.tasks import math\nfrom mrlm.tasks.math import gsm8k")
    page = tmp_path / "page.md"
    page.write_text("# A b, c\n[1](#a-b-c) [2](#d) [3](no.md) [4](https://no.where)\n")
    assert list(broken_links(page)) == ["#d", "no.md"]
    assert "--max_steps" in parsers.known_flags() and "--max_stepz" not in parsers.known_flags()
