"""The closed family: two debaters hold different answers to a small word problem; one is right.

The row's debater has said one of the two worked arguments (``held`` is its answer) and hears the
other. What counts is the final position: the right number, whoever held it first. Wrong arguments
misread a number, choose the wrong operation, or slip in the sum.

A problem's content is its situation and numbers, so that train and test share none. The problems
are few and plain on purpose: the task is to weigh two arguments, not to be good at arithmetic.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mrlm.completion_text import without_thinking
from mrlm.splits import RowStream, split_of

__all__ = ["FLAWS", "draw_closed", "final_answer", "grade_final", "render_closed_prompt"]

FLAWS = ("misread", "operation", "slip")

_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_NUMBERS = {
    "easy": {"+": (2, 9), "-": (2, 9), "*": (2, 5)},
    "medium": {"+": (11, 49), "-": (11, 49), "*": (3, 9)},
    "hard": {"+": (101, 480), "-": (101, 480), "*": (11, 29)},
}
_OTHER_OPERATION = {"+": "-", "-": "+", "*": "+"}
_NAMES = "Ada Amir Carla Chen Diego Elena Felix Hana Ivan Jamal Kira Lina Omar Priya"
_ITEMS = "stamps marbles books shells coins cards pencils beads buttons photos"


@dataclass(frozen=True)
class _Problem:
    name: str
    sign: str
    text: str


_PROBLEMS = (
    _Problem(
        "get", "+", "{name} has {a} {items} and gets {b} more. How many {items} are there now?"
    ),
    _Problem(
        "two_boxes", "+", "One box holds {a} {items}, another {b}. How many are there in both?"
    ),
    _Problem("years", "+", "{name} is {a} years old. How old will {name} be in {b} years?"),
    _Problem("join", "+", "{a} people wait for a bus and {b} more come. How many people wait?"),
    _Problem("give", "-", "{name} has {a} {items} and gives {b} away. How many {items} are left?"),
    _Problem("spend", "-", "{name} has ${a} and spends ${b}. How many dollars are left?"),
    _Problem("more", "-", "{name} owns {a} {items} and Tom owns {b}. How many more has {name}?"),
    _Problem("leave", "-", "{a} people sit in a hall and {b} leave. How many people stay?"),
    _Problem("bags", "*", "There are {a} bags with {b} {items} each. How many {items} are there?"),
    _Problem("rows", "*", "A hall has {a} rows of {b} seats. How many seats does it have?"),
    _Problem("price", "*", "One ticket costs ${a}. {name} buys {b}. How many dollars is that?"),
    _Problem("weeks", "*", "{name} reads {a} pages a day for {b} days. How many pages is that?"),
)
_CLAIM = re.compile(r"\banswer(?:\s+is\b|:)", re.IGNORECASE)
_NUMBER = re.compile(
    r"[\s:*$]{0,6}([0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,12})(?:\.0{1,2})?(?![0-9]|[.,][0-9]|e[0-9]|%)"
)
_UNDONE_BEFORE = re.compile(
    r"(?:\bnot\b|n't\b|\bnever\b|\bwrong\b|\bfalse\b|\bdoubt\w*|\bif\b|\bwhether\b|\bmaybe\b"
    r"|\bperhaps\b|\bno longer\b)[^.\n]{0,30}$",
    re.IGNORECASE,
)
_UNDONE_AFTER = re.compile(
    r"(?:\*\*)?+[\s,]*(?:or\b|and [0-9]|not\b|to [0-9]|minus\b|plus\b|times\b|hundred\b|thousand\b"
    r"|million\b|dozen\b|(?:is|was)\s+(?:wrong|not|false)\b|isn't\b|[-+*/=?^\u00d7])",
    re.IGNORECASE,
)
_MAX_CHARS = 20_000
_MAX_CLAIMS = 20
_CONTEXT = 60  # characters before and after a claim that are read


def draw_closed(stream: RowStream, split: str, difficulty: str) -> dict[str, Any]:
    """One row's columns, without the ones that all families share."""
    while True:
        problem = stream.pick(_PROBLEMS)
        low, high = _NUMBERS[difficulty][problem.sign]
        a, b = stream.between(low, high), stream.between(low, high)
        if problem.sign == "-":
            a += b  # nothing goes below zero
        if split_of(f"{problem.name}/{a}/{b}") == split:
            break
    right = f"{a} {problem.sign} {b} = {_OPERATIONS[problem.sign](a, b)}"
    wrong = _flawed(stream, problem.sign, a, b)
    names = {"name": stream.pick(_NAMES.split()), "items": stream.pick(_ITEMS.split())}
    held, heard = (right, wrong) if stream.below(2) else (wrong, right)
    text = problem.text.format(a=a, b=b, **names)
    said = [f"{step}, so the answer is {_result(step)}." for step in (held, heard)]
    row = {
        "problem": text,
        "said": said[0],
        "held": _result(held),
        "opponent": said[1],
        "answer": _result(right),
        "solution": f"{right}. The answer is {_result(right)}.",
    }
    return row | {"prompt": [{"role": "user", "content": render_closed_prompt(row)}]}


def render_closed_prompt(row: Mapping[str, Any]) -> str:
    """What a debater is asked, from the problem and what the two have said."""
    return (
        f"Problem: {row['problem']}\n\nYou said: {row['said']}\nYour opponent said: "
        f"{row['opponent']}\n\nOne of you is right. Work it out again. End with "
        '"The answer is " and the number.'
    )


def final_answer(text: str) -> str | None:
    """The one position that a text takes, as digits, or ``None``.

    A position reads "the answer is 42" or "Answer: 42". Every one in the text must be the same
    number, neither negated nor hedged: who repeats both sides takes none.
    """
    text = without_thinking(text)
    if len(text) > _MAX_CHARS:
        return None
    claims = set()
    for count, claim in enumerate(_CLAIM.finditer(text)):
        if count == _MAX_CLAIMS:
            return None
        before = text[max(0, claim.start() - _CONTEXT) : claim.start()]
        found = _NUMBER.match(text, claim.end(), claim.end() + _CONTEXT)
        if found is None or _UNDONE_BEFORE.search(before) or _UNDONE_AFTER.match(text, found.end()):
            return None
        claims.add(_digits(found[1]))
    return claims.pop() if len(claims) == 1 else None


def grade_final(text: str, answer: str) -> float | None:
    """1.0 where the final position is right, else 0.0; ``None`` for an answer that is no number."""
    gold = str(answer).strip()
    if not (gold.isascii() and gold.isdigit()):
        return None
    return float(final_answer(text) == _digits(gold))


def _digits(number: str) -> str:
    return number.replace(",", "").lstrip("0") or "0"


def _flawed(stream: RowStream, sign: str, a: int, b: int) -> str:
    """A worked step with another result than the right one."""
    answer = _OPERATIONS[sign](a, b)
    flaw = stream.pick(FLAWS)
    if flaw == "operation":
        sign = _OTHER_OPERATION[sign]
    elif flaw == "misread":
        b += stream.pick((1, 2)) if sign != "-" else -1
    result = _OPERATIONS[sign](a, b)
    while flaw == "slip" or result == answer or result < 0:
        result = answer + stream.pick((-2, -1, 1, 2, 10))
        flaw = ""
    return f"{a} {sign} {b} = {result}"


def _result(step: str) -> str:
    return step.rpartition("= ")[2]
