"""How scenarios ask: all their English comes from the files in ``texts/``.

``questions.txt`` has the questions of each family, ``frames.txt`` what people say around a
question, ``words.txt`` the words that scenarios draw.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from mrlm.english import read_sections
from mrlm.splits import RowStream

__all__ = ["ask", "framed", "questions", "words"]

_OPTIONS = re.compile(r"\[([^\[\]]*)\]")


def ask(stream: RowStream, family: str, **values: object) -> str:
    """One of the questions of a family, about these values.

    Raises:
        KeyError: The file has no such family, or a question has a slot without a value.
    """
    return _drawn(stream, questions()[family]).format(**values)


def framed(stream: RowStream, question: str) -> str:
    """The question with what somebody says around it."""
    frames = _sections("frames.txt")
    line = _drawn(stream, _lines("frames.txt")["frame"])
    name = stream.pick(_entries(frames["name"]))
    occasion = stream.pick(_entries(frames["occasion"]))
    return line.format(question=question, name=name, occasion=occasion)


@cache
def words(bank: str) -> tuple[str, ...]:
    """The entries of a bank of words."""
    return _entries(_sections("words.txt")[bank])


def questions() -> dict[str, tuple[str, ...]]:
    """The ways of asking by family."""
    return _lines("questions.txt")


def _drawn(stream: RowStream, lines: tuple[str, ...]) -> str:
    """One of the lines, with one of each of its options."""
    line = stream.pick(lines)
    return _OPTIONS.sub(lambda match: stream.pick(match[1].split("|")), line)


@cache
def _sections(file: str) -> dict[str, str]:
    return read_sections(files("mrlm.tasks.tools.scenarios").joinpath("texts", file))


@cache
def _lines(file: str) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(line.removeprefix("- ") for line in body.splitlines())
        for name, body in _sections(file).items()
    }


@cache
def _entries(body: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in body.replace("\n", " ").split(","))
