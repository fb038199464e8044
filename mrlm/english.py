"""Texts that generated problems are made of: sections of a file, and articles.

A file holds sections that a blank line parts. The first line of each is its name, in brackets or
not; a line that begins with ``#`` is a comment.

Not covered: articles before initials and numerals.
"""

from __future__ import annotations

import re
from importlib.resources.abc import Traversable

__all__ = ["read_sections", "with_article"]

_NO_VOWEL_SOUND = ("eu", "one", "uni", "use")


def read_sections(file: Traversable) -> dict[str, str]:
    """The sections of a text file by their names, comments left out."""
    text = file.read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    blocks = re.split(r"\n{2,}", "\n".join(lines).strip())
    parts = (block.partition("\n") for block in blocks)
    return {head.strip("[]"): body for head, _, body in parts}


def with_article(word: str) -> str:
    """``a lamp``, ``an oven``, ``a unicorn``."""
    vowel = word[0].lower() in "aeiou" and not word.lower().startswith(_NO_VOWEL_SOUND)
    return f"a{'n' if vowel else ''} {word}"
