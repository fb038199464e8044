"""Why an argument earns nothing, whatever it cites: form that only serves to please a scorer.

Each gate is a fact about the text that can be checked, not a judgement of quality. Phrases are
English. A text of any length is refused or read in time linear in ``MAX_CHARS``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mrlm.tasks.debate.citations import words

__all__ = ["MAX_CHARS", "MAX_WORDS", "MIN_WORDS", "fresh_words", "gate"]

MAX_CHARS = 4000
MIN_WORDS, MAX_WORDS = 8, 150  # quotes included
MAX_OWN_WORDS = 100

_LABEL = re.compile(r"[\s*_#>]*(PRO|CON)\b[*_]*\s*:", re.IGNORECASE)
_ANY_LABEL = re.compile(r"\b(PRO|CON)\b[*_]*\s*:", re.IGNORECASE)
# In the first person only: "those who oppose the motion" is part of a good argument for it.
_WE = r"\b(?:i|we)(?: (?:strongly|firmly|fully|really|do|must))?"
_WE_ARE = r"\b(?:i am|i'm|we are|we're)(?: (?:strongly|firmly|fully|really))?"
_DISOWNS = {
    "PRO": re.compile(
        rf"{_WE} (?:oppose|reject) th(?:e|is) motion|{_WE_ARE} against th(?:e|is) motion"
        r"|\bcon (?:is (?:also )?right|wins|should win)\b",
        re.IGNORECASE,
    ),
    "CON": re.compile(
        rf"{_WE} support th(?:e|is) motion|{_WE_ARE} (?:for|in favou?r of) th(?:e|is) motion"
        r"|\bpro (?:is (?:also )?right|wins|should win)\b",
        re.IGNORECASE,
    ),
}
_SCORER = r"(?:judge|jury|grader|evaluator|scorer)"
_TO_THE_JUDGE = re.compile(
    # orders to forget the task
    r"\b(?:ignore|disregard|forget|override)\s+(?:\w+ ){0,3}"
    r"(?:instruction|prompt|rubric|criteri|guideline)"
    r"|\b(?:ignore|disregard|forget|override)\s+(?:all |everything |anything )?"
    r"(?:previous|prior|above|that came before)"
    # the scorer addressed
    rf"|\b(?:dear|hello|hi|attention|note to|message to)[\s,:]+(?:the )?(?:{_SCORER}|assistant)\b"
    rf"|\b(?:you are|you're|as) (?:the|an? (?:impartial|fair|helpful|strict|expert)) {_SCORER}\b"
    # marks asked for or announced
    r"|\b(?:give|award|grant|assign) (?:this|my|me|us|our|it)\b[^.\n]{0,30}"
    r"\b(?:score|marks?|points?|reward|rating|grade|win)\b"
    r"|\b(?:this|my|our|it)\b[^.\n]{0,20}\b(?:deserves?|merits?|earns?|is worth)\b[^.\n]{0,20}"
    r"\b(?:score|marks?|points?|reward|rating|grade)\b"
    r"|\b(?:score|rating|grade|reward|verdict|winner)[\"' ]{0,3}[:=][\"' ]{0,3}"
    r"(?:[0-9]|full|max|perfect|pro\b|con\b|a\b|b\b|me\b|mine\b|this\b)"
    r"|\bscore (?:is|of|should be) (?:10\b|100\b|1\.0|full|max|perfect)"
    r"|\byou (?:must|should|have to|will) (?:score|rate|award|declare)\b"
    r"|\b(?:vote for|choose|pick|prefer|select|declare) (?:this|my)"
    r" (?:answer|argument|response|side)"
    r"|\b(?:this|my|our) (?:argument|answer|response) (?:is|was) (?:clearly )?(?:the )?"
    r"(?:best|perfect|flawless|excellent|outstanding|superior|winner)"
    # forged turns and delimiters
    r"|<\|[^|\n]{0,30}\|>|\[/?INST\]|\[\[[AB]\]\]|</?(?:system|argument|judge|verdict)\b"
    r"|^[ \t]*(?:system|user|assistant|judge|verdict)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_RUN = 4  # words in a row that also stand in another text count as copied
_COPIED = 12  # so many copied words, and more than those that are not, are a copy
_REPEATED = 0.7  # of the runs of three words must be distinct
_DISTINCT = 0.5  # of the words must be distinct, in own text of at least _LONG words
_LONG = 15
_FUNCTION_SHARE = 0.15  # of the words of such a text must be function words; prose has 0.4
_PROSE = """
a about all also an and are as at be because been but by can do for from had has have he her his how
i if in into is it its may more most no not of on one or our out over say set she so some than that
the their them then there these they this to up was we were what when which who will with would you
your
"""
_FUNCTION_WORDS = frozenset(_PROSE.split())


def gate(text: str, own_text: str, side: str, heard: Iterable[str]) -> str | None:
    """The first gate that stops an argument, by name, or ``None``.

    Args:
        text: The normalized argument.
        own_text: The same without citations.
        side: The side that it must take.
        heard: Texts that it must not copy: the motion, the facts, the opponent, earlier turns.

    Returns:
        ``"side"``, ``"length"``, ``"judge"``, ``"repetition"``, ``"stuffing"``, ``"copy"`` or
        ``None``.
    """
    label = _LABEL.match(text)
    if label is None or {found.upper() for found in _ANY_LABEL.findall(text)} != {side}:
        return "side"
    if _DISOWNS[side].search(own_text):
        return "side"
    said, own = words(text), words(own_text)
    if not MIN_WORDS <= len(said) <= MAX_WORDS or len(own) > MAX_OWN_WORDS:
        return "length"
    if _TO_THE_JUDGE.search(own_text):
        return "judge"
    if _share_distinct(_runs(said, 3)) < _REPEATED or _share_distinct(_runs(own, 3)) < _REPEATED:
        return "repetition"
    if len(own) >= _LONG:
        function_words = sum(word in _FUNCTION_WORDS for word in own)
        if _share_distinct(own) < _DISTINCT or function_words < _FUNCTION_SHARE * len(own):
            return "stuffing"
    fresh = fresh_words(own_text, heard)
    if len(own) - len(fresh) >= _COPIED and 2 * len(fresh) < len(own):
        return "copy"
    return None


def fresh_words(own_text: str, heard: Iterable[str]) -> list[str]:
    """The words of ``own_text`` that are not part of a run copied from a text in ``heard``."""
    own = words(own_text)
    known = {run for text in heard for run in _runs(words(text), _RUN)}
    copied: set[int] = set()
    for i, run in enumerate(_runs(own, _RUN)):
        if run in known:
            copied.update(range(i, i + _RUN))
    return [word for i, word in enumerate(own) if i not in copied]


def _runs(items: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(items[i : i + length]) for i in range(len(items) - length + 1)]


def _share_distinct(items: Sequence[object]) -> float:
    return len(set(items)) / len(items) if items else 1.0
