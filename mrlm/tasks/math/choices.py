r"""Letters of a choice: ``B``, ``(B)``, ``B.``, ``\text{(C) } 12``, ``Option D``, ``A, C``.

The letter is the answer. Text after it may repeat the choice; where reference and answer both give
a number there, it must be the same one. Several letters are right only where the reference has
exactly these.

Not covered: lower case without brackets (``b`` is a variable as often), roman numerals, choices
that are named by their text alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from mrlm.tasks.math.numerals import MAX_CHARS, parse_literal, plain_characters

__all__ = ["Choice", "parse_choice", "same_choice"]

_WRAPPERS = '$*_`" \n\t'
_LEAD = re.compile(r"(?:option|choice|answer|letter)\b[ :]*(?:is )?", re.IGNORECASE)
_LETTER = r"(?:\( ?([A-Za-z]) ?\)|\[([A-Za-z])\]|([A-Z]))"
_ONE = re.compile(rf"{_LETTER}(?:$|(?<=[)\]])\s*|\s*[.):]\s*|\s+[-\u2013]\s+)(.*)", re.DOTALL)
_SEVERAL = re.compile(
    rf"{_LETTER}(?:\s*(?:,|;|&|\band\b|\bor\b|,\s*and\b|\s)\s*{_LETTER})+[.]?", re.IGNORECASE
)
_EACH = re.compile(r"[A-Za-z]")
# Another letter in the text of a choice, or words that take the choice back.
_TAKEN_BACK = re.compile(
    r"\(\s*[A-Z]\s*\)|\b[A-Z][.):](?:\s|$)|\b(?:or|and|nor|not|to)\s+\(?[A-Z]\b(?![a-z'])|[?]"
    r"|^\W*(?:or|and|nor|not|no|isn't|is|was|wrong|incorrect|false|maybe|perhaps|unless|but)\b"
    r"|\b(?:wrong|incorrect|maybe|perhaps)\b",
    re.IGNORECASE,
)
_OTHER_LETTER = re.compile(r"[,;/|&]\s*\(?[A-Z]\)?(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Choice:
    """Letters in upper case, and the number that stands beside a single one."""

    letters: frozenset[str]
    number: Fraction | str | None = None


def parse_choice(text: str) -> Choice | None:
    """The choice that a text is, or ``None`` where it is not clearly one."""
    if len(text) > 10 * MAX_CHARS:
        return None
    text = plain_characters(text.strip(_WRAPPERS)).strip(_WRAPPERS)
    for box in ("\\boxed{", "\\fbox{"):
        if text.startswith(box) and text.endswith("}"):
            text = text[len(box) : -1].strip(_WRAPPERS)
    text = _LEAD.sub("", text, count=1).strip(_WRAPPERS)
    if several := _SEVERAL.fullmatch(text):
        return _several(several[0])
    match = _ONE.match(text)
    if match is None:
        return None
    letter = next(group for group in match.groups()[:3] if group)
    rest = match[4].strip().strip("$*").strip()
    if _TAKEN_BACK.search(rest) or _OTHER_LETTER.search(rest):
        return None
    return Choice(frozenset(letter.upper()), parse_literal(rest) if rest else None)


def same_choice(gold: Choice, given: Choice) -> bool:
    """Whether both name the same letters, and no other number beside them."""
    if gold.letters != given.letters:
        return False
    return gold.number is None or given.number is None or gold.number == given.number


def _several(text: str) -> Choice | None:
    """The letters of a list; ``or`` between them is a hedge."""
    words = re.findall(r"[A-Za-z]+", text)
    if any(word.lower() == "or" for word in words):
        return None
    letters = [word for word in words if word.lower() != "and"]
    if len(set(letters)) != len(letters) or any(len(word) > 1 for word in letters):
        return None
    return Choice(frozenset(letter.upper() for letter in letters))
