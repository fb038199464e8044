r"""Where a completion states its final answer.

A strict slot is text that only a final answer occupies: ``hash`` (a line ``#### 42``), ``boxed``
(``\boxed{42}``), ``tag`` (``<answer>42</answer>``), ``phrase`` (a line ``Answer: 42``). Claims in
the slot must agree: two different ones give no answer at all, so hedging never pays.
``last_number`` is lenient, for models too weak to follow a format: the last number of the text.

Reasoning before ``</think>`` is not read. A claim that is negated right before or after it, or
followed by "or", is no answer. Known limits: the guards know common English phrasing only, and
``last_number`` refuses lists and expressions only where they end the text.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.tasks.math.numerals import MAX_CHARS, parse_literal

__all__ = [
    "INSTRUCTIONS",
    "SLOTS",
    "check_slot",
    "completion_text",
    "extract_answer",
    "render_answer",
]

# What a prompt adds to the question. Few words: prompt tokens cost time on a CPU.
INSTRUCTIONS = {
    "hash": '\nEnd with "#### " and the number.',
    "boxed": "\nPut the final number in \\boxed{}.",
    "tag": "\nPut the final number in <answer></answer>.",
    "phrase": '\nEnd with "Answer: " and the number.',
    "last_number": " Answer in one short sentence.",
}
SLOTS = tuple(INSTRUCTIONS)
_RENDERED = {
    "hash": "#### {}",
    "boxed": "\\boxed{{{}}}",
    "tag": "<answer>{}</answer>",
    "phrase": "Answer: {}",
    "last_number": "The answer is {}.",
}

_MAX_CLAIMS = 20  # more than this is spam, and would be slow to compare
_MAX_BOX = 2_000  # characters searched for the brace that closes a box
_CONTEXT = 60  # characters around an answer that the guards read
_SHORT_NUMBER = 40  # characters; where last_number looks first
_TAIL = 2_000  # characters at the end that last_number reads
_HASH_LINE = re.compile(r"^[ \t>*]*####(?!#)(.*)$", re.MULTILINE)
_PHRASE_LINE = re.compile(r"^[ \t>*_#]*(?:final )?answer[*_]*:(.*)$", re.MULTILINE | re.IGNORECASE)
_BOX = re.compile(r"\\boxed[ \t]{0,4}\{")
_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|rather than|instead of|except|unlikely)\b|n't)"
    r"(?:\s+[a-z]+){0,2}[\s:$*(]*$",
    re.IGNORECASE,
)
_UNDONE_AFTER = re.compile(
    r"[\s$*),]*(?:(?:is|was|would be)\s+)?"
    r"(?:not\b|isn't|wasn't|wrong\b|incorrect\b|false\b|or\b|\?)",
    re.IGNORECASE,
)
_UP_TO_LAST_DIGIT = re.compile(r".*\d", re.DOTALL)
_TOKEN = re.compile(
    r"\d(?:[\d,]|\\,(?=\d)|\{,\}(?=\d))*(?::\d\d)?(?:\.\d+)?(?:[eE][+-]?\d+)?(?:/\d+)?"
    r"(?:\s(?:hundred|thousand|million|billion|trillion)\b|\\?%)?"
)
_JOINTS = (
    *"+/-^,;&\u00d7\u00f7\u00b7\u2212…",
    *("..", "x", "times", "cdot", "div", "or", "and", "to", "vs"),
)
_IN_EXPRESSION = re.compile(
    r"(?:[+/\u00d7\u00f7\u00b7^]|\\times|\\cdot|\\div|\d\s?\*{1,2}|\d\s?x|[\d)}]\s?[-\u2212])\s*$"
)
_OPERATOR_AFTER = re.compile(r"\s?(?:[+\u00d7\u00f7^]|\*(?!\*))")
_MINUS_SIGN = re.compile(r"(?:^|[\s=:($*])[-\u2212]$")
_IN_LIST = re.compile(
    r"\d[^\d\n.=]{0,30}(?:[,;/&]|\bor|\band|\bto|\bvs|\.\.\.|…)[\s$€£(*]*$|\d[.…]{2,}\s*$|\d[ \t]+$"
)


def check_slot(slot: str) -> None:
    """Raise ``ValueError`` unless ``slot`` is one of ``SLOTS``."""
    if slot not in SLOTS:
        raise ValueError(f"The answer slot is {slot!r}; choose one of {', '.join(SLOTS)}.")


def render_answer(answer: str, slot: str) -> str:
    """The last line of a solution: the answer as the slot's prompt asks for it."""
    return _RENDERED[slot].format(answer)


def completion_text(completion: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a completion: itself, or the content of its last assistant message."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        if message.get("role") == "assistant":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = content or ()
            return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return ""


def extract_answer(text: str, slot: str = "hash") -> str | None:
    """The final answer that ``text`` states in ``slot``, unparsed, or ``None``.

    ``None`` when there is no claim, when claims differ, or when the claim is negated. Linear in
    the length of ``text``.
    """
    if "</think>" in text:
        text = text.rpartition("</think>")[2]
    if slot == "last_number":
        return _last_number(text)
    claims = _CLAIMS[slot](text)
    if not claims or len(claims) > _MAX_CLAIMS:
        return None
    start, end, answer = claims[-1]
    if not answer or _NEGATED_BEFORE.search(text[max(0, start - _CONTEXT) : start]):
        return None
    if _UNDONE_AFTER.match(text[end : end + _CONTEXT]):
        return None
    if len(claims) > 1:
        final = _identity(answer)
        for _, _, claim in claims[:-1]:
            if _identity(claim) != final and not (slot == "hash" and _is_heading(claim)):
                return None
    return answer


Claim = tuple[int, int, str]  # start and end in the text, content


def _line_claims(text: str, pattern: re.Pattern[str]) -> list[Claim]:
    claims = []
    for match in pattern.finditer(text):
        # The guards look at running text; a line's slot takes the whole line, so nothing is around.
        claims.append((0, len(text), match[1].strip().strip("*_").strip()))
        if len(claims) > _MAX_CLAIMS:
            break
    return claims


def _hash_claims(text: str) -> list[Claim]:
    return _line_claims(text, _HASH_LINE) if "####" in text else []


def _phrase_claims(text: str) -> list[Claim]:
    return _line_claims(text, _PHRASE_LINE)


def _boxed_claims(text: str) -> list[Claim]:
    claims: list[Claim] = []
    position = 0
    while len(claims) <= _MAX_CLAIMS and (match := _BOX.search(text, position)):
        depth, position = 1, match.end()
        limit = min(len(text), position + _MAX_BOX)
        while depth and position < limit:
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            position += 1
        content = "" if depth else text[match.end() : position - 1].strip()
        claims.append((match.start(), position, content))
    return claims


def _tag_claims(text: str) -> list[Claim]:
    claims: list[Claim] = []
    position = 0
    while len(claims) <= _MAX_CLAIMS and (start := text.find("<answer>", position)) >= 0:
        close = text.find("</answer>", start)
        position = len(text) if close < 0 else close + len("</answer>")
        content = "" if close < 0 else text[start + len("<answer>") : close].strip()
        claims.append((start, position, content))
    return claims


_CLAIMS = {
    "hash": _hash_claims,
    "boxed": _boxed_claims,
    "tag": _tag_claims,
    "phrase": _phrase_claims,
}


def _identity(claim: str) -> object:
    """What makes two claims the same: their value, or their text where they are no literal."""
    value = parse_literal(claim)
    return claim if value is None else value


def _is_heading(claim: str) -> bool:
    """A Markdown heading of level four, which looks like a ``####`` slot."""
    return claim[:1].isalpha() and parse_literal(claim) is None


def _last_number(text: str) -> str | None:
    tail = text[-_TAIL:]
    last_digit = _UP_TO_LAST_DIGIT.match(tail)
    if last_digit is None:
        return None
    for reach in (_SHORT_NUMBER, MAX_CHARS):
        first = max(0, last_digit.end() - reach)
        match = deque(_TOKEN.finditer(tail, first), maxlen=1)[0]
        if match.start() > first:
            break
    else:
        # It starts where the search did: all of a short text, or a piece of something too long.
        if first > 0 or len(tail) < len(text):
            return None
    number = match[0].rstrip(",")
    before = tail[max(0, match.start() - _CONTEXT) : match.start()].rstrip("$€£\\")
    after = tail[match.end() : match.end() + _CONTEXT]
    if _is_part_of_more(before) or _NEGATED_BEFORE.search(before) or _UNDONE_AFTER.match(after):
        return None
    if _OPERATOR_AFTER.match(after) or before[-1:].isalpha() or before[-1:] == "_":
        return None
    return f"-{number}" if _MINUS_SIGN.search(before) else number


def _is_part_of_more(before: str) -> bool:
    """Whether text that ends in ``before`` makes the next number a list item or an operand."""
    joint = before.rstrip(" \t\n$€£(*")
    # Nearly every text stops here; the patterns are ten times slower.
    if not (joint.endswith(_JOINTS) or joint[-1:].isdigit()):
        return False
    return bool(_IN_EXPRESSION.search(before) or _IN_LIST.search(before))
