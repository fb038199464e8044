"""What stands in the pages. One convention for all of them, which CONTRIBUTING.md tells:

- a block without a language, or of ``bash``: commands; so is code in a sentence that begins with a
  program's name;
- ``python``: run, a page's blocks one after the other; ``py``: compiled, its imports looked up;
- a block after a line that ends with a file's name and a colon: that file of the reader's.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import benchmark_files

from mrlm.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))
PROGRAMS = "accelerate|hf|make|mrlm|pip|pytest|python|torchrun|trl"

_FENCE = re.compile(r"(?:`(\w+\.\w+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_BETWEEN = (";", "&", "&&", "|", "||")


class Block(NamedTuple):
    place: str
    file: str | None
    language: str
    text: str


class Command(NamedTuple):
    """One program and its arguments; ``block`` is the place of its block, "" in a sentence."""

    place: str
    block: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(_place(page, text, match.start(2)), *match.groups())


def write_files(folder: Path) -> None:
    """The files that the pages show, and those that they only name."""
    for block in (block for page in PAGES for block in blocks(page) if block.file):
        (folder / str(block.file)).write_text(block.text, encoding="utf-8")
    (folder / "gsm8k").mkdir()
    benchmark_files.write(folder / "gsm8k" / "test.jsonl", benchmark_files.GSM8K)
    benchmark_files.write_bfcl(folder / "bfcl_eval" / "data")
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["new", str(folder / "my_task.py")]) == 0


def prose(page: Path) -> str:
    """The page with its fenced blocks blanked, line for line."""
    text = page.read_text(encoding="utf-8")
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)


def spans(page: Path) -> Iterator[tuple[str, str]]:
    """Place and text of each piece of code in a sentence."""
    text = prose(page)
    for match in _SPAN.finditer(text):
        yield _place(page, text, match.start()), " ".join(match[1].split())


def commands(page: Path) -> Iterator[Command]:
    for block in blocks(page):
        if block.language in ("", "bash"):
            for words in split_commands(block.text):
                yield Command(block.place, block.place, words)
    for place, text in spans(page):
        if re.match(rf"({PROGRAMS}) ", text):
            for words in split_commands(re.sub(r"\bN\b", "1", text)):
                yield Command(place, "", words)


def split_commands(text: str) -> Iterator[tuple[str, ...]]:
    """The words of each command; a variable counts as 1, settings of variables are left out."""
    line = ""
    for part in text.replace("\\\n", " ").splitlines():
        line += part
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = [re.sub(r"\$\{?\w+\}?", "1", word) for word in lexer]
        except ValueError:  # a quotation goes on
            line += "\n"
            continue
        line = ""
        while words:
            end = next((i for i, word in enumerate(words) if word in _BETWEEN), len(words))
            command = words[:end]
            del words[: end + 1]
            while command and re.match(r"[A-Z_]+=", command[0]):
                del command[0]
            if command:
                yield tuple(command)
    assert not line, f"a quotation is never closed: {line}"


def table(page: str, *heads: str) -> dict[str, list[str]]:
    """A table's other cells by the name in the first, for the tests of what it restates."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"| {' | '.join(heads)} |\n")
    assert found, f"{page} has no table {heads}"
    lines = re.match(r"(\|.*\n)+", rest)
    assert lines
    cells = [line.strip("| ").split(" | ") for line in lines[0].splitlines()[1:]]
    return {name.strip(" `"): [cell.strip() for cell in others] for name, *others in cells}


def _place(page: Path, text: str, position: int) -> str:
    return f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, position) + 1}"
