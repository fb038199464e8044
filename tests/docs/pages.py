"""What stands in the Markdown pages: blocks, commands, code in sentences."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
# What a command in the middle of a sentence begins with.
PROGRAMS = ("accelerate", "hf", "make", "mrlm", "pip", "pytest", "python", "torchrun", "trl")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
# A paragraph of code without a fence that begins with a program.
_INDENTED = re.compile(
    rf"(?<=\n\n)(?: {{4}}|\t)(?:{'|'.join(PROGRAMS)}) .*\n(?:(?: {{4}}|\t).*\n)*"
)
_SHELL = ("", "bash", "sh", "console")


class Block(NamedTuple):
    """A fenced block: where it stands, its language ("" where none is named), and its text."""

    place: str
    language: str
    text: str


class Command(NamedTuple):
    """One program and its arguments, as a shell would start it.

    ``place`` is the page and line, ``block`` the place of its block, "" for one in a sentence.
    """

    place: str
    block: str
    words: tuple[str, ...]
    environment: dict[str, str]

    def __str__(self) -> str:
        return shlex.join(self.words)


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(_place(page, text, match.start()), match[1], match[2])


def files() -> dict[str, str]:
    """Files of the reader's own that pages show: Python blocks that begin with ``# NAME.py``, and
    rows (``questions.jsonl``)."""
    found = {}
    for page in PAGES:
        for block in blocks(page):
            named = re.match(r"# (\w+\.py)\n", block.text)
            if block.language == "python" and named:
                found[named[1]] = block.text
            elif block.language == "jsonl":
                found["questions.jsonl"] = block.text
    return found


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
    """Those in blocks for a shell, fenced or indented, then those in sentences."""
    for block in blocks(page):
        if block.language in _SHELL:
            name, line = block.place.rsplit(":", 1)
            for offset, text in logical_lines(block.text):
                yield from split_commands(f"{name}:{int(line) + 1 + offset}", block.place, text)
    text = prose(page)
    for match in _INDENTED.finditer(text):
        place = _place(page, text, match.start())
        for _, line in logical_lines(textwrap.dedent(match[0])):
            yield from split_commands(place, place, line)
    for place, text in spans(page):
        if text.startswith(tuple(f"{program} " for program in PROGRAMS)):
            yield from split_commands(place, "", re.sub(r"\bN\b", "1", text))


def _place(page: Path, text: str, position: int) -> str:
    return f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, position) + 1}"


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations; of a transcript with prompts, what follows the prompts."""
    lines, start, whole = text.splitlines(), 0, ""
    prompted = any(line.startswith("$ ") for line in lines)
    for number, line in enumerate(lines):
        if prompted and not whole and not line.startswith("$ "):
            continue
        start = start if whole else number
        whole += line.removeprefix("$ ")
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        if _words(whole) is None and number + 1 < len(lines):  # a quotation goes on
            whole += "\n"
            continue
        yield start, whole
        whole = ""


def _words(line: str) -> list[str] | None:
    """Its words without a comment; none where a quotation is open."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return [re.sub(r"\$\{?\w+\}?", "1", token) for token in lexer]
    except ValueError:
        return None


def split_commands(place: str, block: str, line: str) -> Iterator[Command]:
    """The commands of a line; redirections are left out, and a variable counts as 1."""
    words: list[str] = []
    # With an open quotation it is no command, and the tests say so.
    found = _words(line)
    for token in [*([line] if found is None else found), ";"]:
        if token not in (";", "&", "&&", "|", "||"):
            words.append(token)
            continue
        while any(arrow in words for arrow in (">", ">>", "<")):
            arrow = next(i for i, word in enumerate(words) if word in (">", ">>", "<"))
            del words[arrow : arrow + 2]
        environment = {}
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, environment[name] = words.pop(0).partition("=")
        if words:
            yield Command(place, block, tuple(words), environment)
        words = []
