"""Word problems of the user's own as rows of the math task.

A question and an answer are enough. The answer is a number, or GSM8K's form: worked steps, then
``#### `` and a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.math.numerals import parse_literal
from mrlm.tasks.math.slots import INSTRUCTIONS, render_answer

__all__ = ["user_rows"]

_MARK = "####"
_CALCULATOR = re.compile(r"<<[^<>]*>>")
_ANSWER = f"a number, or text that ends in '{_MARK} ' and a number"


def user_rows(slot: str) -> UserRows:
    """How a question and an answer become a row whose prompt asks for the answer in ``slot``."""
    return UserRows(
        needs={"question": "text", "answer": _ANSWER},
        takes={"solution": "worked steps, text"},
        build=partial(_build, slot=slot),
    )


def _build(row: Mapping[str, Any], slot: str) -> dict[str, Any]:
    question, given, solution = row["question"], row["answer"], row.get("solution") or ""
    if not isinstance(question, str) or not question.strip():
        raise ColumnError("question", "text")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ColumnError("answer", _ANSWER)
    if not isinstance(solution, str):
        raise ColumnError("solution", "text, or nothing")
    if isinstance(given, float) and given.is_integer():
        given = int(given)  # what a column of numbers makes of 42 where one of them is missing
    work, _, final = str(given).rpartition(_MARK)
    # The reference has no thousands separators, so that it reads as a plain number anywhere.
    answer = final.strip().replace(",", "")
    if parse_literal(answer) is None:
        raise ColumnError("answer", _ANSWER)
    steps = _CALCULATOR.sub("", (solution or work).partition(_MARK)[0]).strip()
    shown = render_answer(answer, slot)
    return {
        "prompt": [{"role": "user", "content": question.strip() + INSTRUCTIONS[slot]}],
        "question": question.strip(),
        "answer": answer,
        "solution": f"{steps}\n{shown}" if steps else shown,
    }
