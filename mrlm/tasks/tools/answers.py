"""The final answer: one line ``Answer: ...`` that ends the last message.

Marks of Markdown around it are read over (``**Answer:** 12``), and what stands in ``<think>`` is a
draft. Two such lines are no answer, so that a list of guesses does not pay. Numbers are compared by
value (``1,081`` is 1081), everything else as text without case, quotes and a final dot; several
results are separated by commas and keep their order.
"""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["extract_answer", "same_answer", "without_thinking"]

_MAX_LENGTH = 300  # characters of an answer; longer ones are wrong
_TAIL = 4000  # characters of a message that are looked at
_SLOT = re.compile(
    r"^[ \t]*(?:[-*+>#]{1,6}[ \t]+)?[*_`]{0,3}answer[*_`]{0,3}[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_END = re.compile(r"(?:\s|</s>|<\|[a-z_]{1,20}\|>)+\Z")
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)
_SEPARATOR = re.compile(r"\s*(?:,\s+(?:and\s+)?|;\s*|\s+and\s+)")


def extract_answer(text: str) -> str | None:
    """The answer in a message, ``None`` when it has none or more than one."""
    text = without_thinking(text)
    if len(text) > _TAIL and _SLOT.search(text[:-_TAIL]):
        return None
    text = _END.sub("", text[-_TAIL:])
    slots = list(_SLOT.finditer(text))
    if len(slots) != 1:
        return None
    answer = text[slots[0].end() :].strip("* \t\r")
    return answer if answer and "\n" not in answer and len(answer) <= _MAX_LENGTH else None


def without_thinking(text: str) -> str:
    """What a message says after its thoughts; nothing where they were never closed."""
    said = text.rpartition("</think>")[2]
    return "" if "<think>" in said else said


def same_answer(given: str, right: str) -> bool:
    """Whether two answers say the same."""
    return [_value(part) for part in _parts(given)] == [_value(part) for part in _parts(right)]


def _parts(text: str) -> list[str]:
    return _SEPARATOR.split(text.strip().removesuffix("."))


def _value(text: str) -> Decimal | str:
    text = text.strip().strip("'\"`").strip()
    if _NUMBER.fullmatch(text):
        return Decimal(text.replace(",", ""))
    return " ".join(text.casefold().split())
