r"""Which facts a text cites, and whether it quotes them truly.

A citation is a number in square brackets with a quote beside it, ``[2] "words"`` or
``"words" [2]``. A quote is true when its words stand in that fact, in that order and without gaps,
when it holds at least half of the fact's words, and when no word that turns the meaning ("not",
"only", "but" ...) is among those left out. Case, spacing and punctuation do not matter.

Everything here is linear in the length of the text and never fails, whatever the text is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Citation", "Reading", "normalized", "read", "words"]

MIN_LOOSE_QUOTE = 5  # words; a shorter quote without a number may be a figure of speech

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_MARK = re.compile(r'\[([0-9][0-9,;\s]{0,40})\]|"([^"]{0,600})"')
_UNDONE = re.compile(
    r"[\s,.;:)]{0,4}(?:but |and |which |this |that |it ){0,2}(?:is |was |are )"
    r"(?:just |simply |plainly |completely )?"
    r"(?:false|wrong|untrue|not true|a lie|lies|nonsense|made up|irrelevant)\b",
    re.IGNORECASE,
)
_GAP = 30  # characters between a number and its quote
_TURNING_WORDS = """
not no never nobody nothing none neither nor without cannot few little rarely hardly only but unless
except instead less fewer stop stopped
"""
_TURNING = frozenset(_TURNING_WORDS.split())
_STRAIGHT = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
    | dict.fromkeys("\u2018\u2019\u201b", "'")
)


@dataclass(frozen=True)
class Citation:
    """One number in square brackets, or one quote that has none.

    Attributes:
        kind: ``"true"``: a number and a true quote of that fact. ``"bare"``: a number without a
            quote. ``"false"``: there is no such fact, the quote beside the number is not of it, or
            a long quote without a number is of no fact. ``"loose"``: a true quote without a number.
        number: Of the fact; ``None`` for a false quote without a number.
        is_undone: What follows calls the quote false.
    """

    kind: str
    number: int | None
    is_undone: bool = False


@dataclass(frozen=True)
class Reading:
    """A text taken apart.

    Attributes:
        citations: In the order of the text.
        own_text: What is left without numbers in brackets and without quotes, short ones excepted.
    """

    citations: list[Citation]
    own_text: str


@dataclass
class _Mark:
    """A number or a list of numbers in brackets, or a quote: what it quotes, and its length."""

    start: int
    end: int
    numbers: list[int] = field(default_factory=list)
    quoted: list[int] = field(default_factory=list)
    num_words: int = 0
    taken: bool = False


def normalized(text: str) -> str:
    """``text`` with compatible characters unified, invisible ones dropped, quotes straightened."""
    folded = unicodedata.normalize("NFKC", text).translate(_STRAIGHT)
    return "".join(c for c in folded if c in "\n\t" or unicodedata.category(c)[0] != "C")


def words(text: str) -> list[str]:
    """The words of a normalized text, in lower case."""
    return _WORD.findall(text.casefold())


def read(text: str, facts: Sequence[str]) -> Reading:
    """Find the citations in a normalized text, given the facts that it could cite."""
    known = [words(normalized(fact)) for fact in facts]
    marks = [_mark(match, known) for match in _MARK.finditer(text)]
    found = [
        (mark.start, _numbered(number, i, marks, len(facts), text))
        for i, mark in enumerate(marks)
        for number in mark.numbers
    ]
    left, position = [], 0
    for mark in marks:
        if not (mark.numbers or mark.taken):
            if mark.quoted:
                undone = _is_undone(text, mark)
                found.append((mark.start, Citation("loose", mark.quoted[0], undone)))
            elif mark.num_words >= MIN_LOOSE_QUOTE:
                found.append((mark.start, Citation("false", None)))
            else:
                continue  # a figure of speech: part of the text
        left.append(text[position : mark.start])
        position = mark.end
    left.append(text[position:])
    found.sort(key=lambda item: item[0])
    return Reading([citation for _, citation in found], " ".join(left))


def _mark(match: re.Match[str], facts: Sequence[list[str]]) -> _Mark:
    numbers, quote = match.groups()
    if numbers is not None:
        listed = [int(n[:4]) for n in re.findall("[0-9]+", numbers)]
        return _Mark(match.start(), match.end(), numbers=listed)
    said = words(quote)
    quoted = [n for n, fact in enumerate(facts, start=1) if _quotes(said, fact)]
    return _Mark(match.start(), match.end(), quoted=quoted, num_words=len(said))


def _numbered(
    number: int, place: int, marks: Sequence[_Mark], num_facts: int, text: str
) -> Citation:
    """One number, judged by the quotes beside it, which then belong to it."""
    mark = marks[place]
    beside = [
        quote
        for quote in (*marks[place + 1 : place + 2], *marks[max(0, place - 1) : place])
        if not quote.numbers and max(quote.start - mark.end, mark.start - quote.end) <= _GAP
    ]
    for quote in beside:
        if number in quote.quoted:
            quote.taken = True
            last = max(mark, quote, key=lambda m: m.end)
            return Citation("true", number, _is_undone(text, last))
    after = [quote for quote in beside if quote.start > mark.start and not quote.taken]
    if after:
        after[0].taken = True
    return Citation("bare" if not after and 1 <= number <= num_facts else "false", number)


def _quotes(said: list[str], fact: list[str]) -> bool:
    """Whether the words of a quote give the fact truly; see the module's docstring."""
    if 2 * len(said) < len(fact) or len(said) > len(fact):
        return False
    for start in range(len(fact) - len(said) + 1):
        end = start + len(said)
        if fact[start:end] == said:
            return not _TURNING & {*fact[:start], *fact[end:]}
    return False


def _is_undone(text: str, mark: _Mark) -> bool:
    return _UNDONE.match(text, mark.end) is not None
