"""Math problems of the user's own as rows of the math task.

A question and an answer are enough. The answer is what the row's type asks for, at the end of
GSM8K's worked steps (``#### `` and the answer), or in the last ``\\boxed{}`` of a worked solution,
as in MATH. ``problem`` stands for ``question`` where there is no such column.

A reference is never changed: one number with thousands separators may lose them, anything else is
kept as it is or refused. So ``3,4`` is no number, and is a list where lists are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from mrlm.completion_text import THINK_TAGS
from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.math.answer_format import ANSWER_TYPES, extract_answer, instruction
from mrlm.tasks.math.answer_format import render_answer as rendered
from mrlm.tasks.math.comparison import is_reference

__all__ = ["plain_reference", "user_rows"]

_MARK = "####"
_CALCULATOR = re.compile(r"<<[^<>]*>>")
_THOUSANDS = re.compile(r"[-+]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_BOX = re.compile(r"\\(?:boxed|fbox)\b")
_WHAT = {
    "number": "a number",
    "expression": "an expression",
    "choice": "the letter of a choice",
    "list": "a list with commas",
}


def user_rows(
    answer_format: str, answer_type: str = "number", think_tags: tuple[str, str] = THINK_TAGS
) -> UserRows:
    """How a question and an answer become a row whose prompt asks for the answer in a format.

    Args:
        answer_format: Where the prompt wants the answer.
        answer_type: Of rows that have no column of that name.
        think_tags: Around reasoning in worked solutions, where no answer is looked for.
    """
    return UserRows(
        needs={"question": "text", "answer": _expected(answer_type)},
        takes={
            "solution": "worked steps, text; its last \\boxed{} where there is no answer",
            "problem": "text, in place of question",
            "answer_type": f"one of {', '.join(ANSWER_TYPES)}",
        },
        build=partial(
            _build, answer_format=answer_format, answer_type=answer_type, think_tags=think_tags
        ),
        instead={"question": "problem", "answer": "solution"},
    )


def plain_reference(answer: str) -> str:
    """A reference that reads as a number anywhere: ``1,500`` as ``1500``; others as they are."""
    answer = answer.strip()
    return answer.replace(",", "") if _THOUSANDS.fullmatch(answer) else answer


def _expected(answer_type: str) -> str:
    expected = f"{_WHAT[answer_type]}, or text that ends in '{_MARK} ' and {_WHAT[answer_type]}"
    if answer_type == "number":
        expected += " (for others set answer_type to expression, choice or list)"
    return expected


def _build(
    row: Mapping[str, Any], answer_format: str, answer_type: str, think_tags: tuple[str, str]
) -> dict[str, Any]:
    column = "question" if row.get("question") is not None else "problem"
    question, solution = row[column], row.get("solution") or ""
    kind = row.get("answer_type") or answer_type
    if not isinstance(question, str) or not question.strip():
        raise ColumnError(column, "text")
    if not isinstance(solution, str):
        raise ColumnError("solution", "text, or nothing")
    if kind not in ANSWER_TYPES:
        raise ColumnError("answer_type", f"one of {', '.join(ANSWER_TYPES)}")
    if answer_format == "last_number" and kind != "number":
        raise ColumnError(
            "answer_type", "number, which is all that answer_format last_number reads"
        )
    if row.get("answer") is not None:
        work, answer = _given(row["answer"], kind)
    else:
        work, answer = "", extract_answer(solution, "boxed", kind, think_tags) or ""
        if not is_reference(answer, kind):
            raise ColumnError("solution", f"a worked solution with {_WHAT[kind]} in \\boxed{{}}")
    answer = plain_reference(answer) if kind == "number" else answer
    if not is_reference(answer, kind):
        raise ColumnError("answer", _expected(kind))
    steps = _CALCULATOR.sub("", (solution or work).partition(_MARK)[0]).strip()
    shown = rendered(answer, answer_format)
    if answer_format == "boxed" and _BOX.search(steps):
        if extract_answer(steps, "boxed", kind, think_tags) == answer:
            shown = ""  # it stands in the steps
        else:
            steps = _BOX.sub("", steps)  # two boxes would be two answers
    return {
        "prompt": [
            {"role": "user", "content": question.strip() + instruction(answer_format, kind)}
        ],
        "question": question.strip(),
        "answer": answer,
        "answer_type": kind,
        "solution": "\n".join(filter(None, (steps, shown))),
    }


def _given(answer: Any, kind: str) -> tuple[str, str]:
    """Worked steps and the answer of an ``answer`` column."""
    if isinstance(answer, list | tuple) and kind == "list":
        if not answer or not all(_is_plain(item) for item in answer):
            raise ColumnError("answer", "a list of texts or numbers")
        return "", ", ".join(map(str, answer))
    if not _is_plain(answer):
        raise ColumnError("answer", _expected(kind))
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)  # what a column of numbers makes of 42 where one of them is missing
    text = str(answer)
    work, _, final = text.rpartition(_MARK)
    if not work and kind != "choice" and _BOX.search(text):
        boxed = extract_answer(text, "boxed", kind)
        return (text, boxed) if boxed else ("", final.strip())
    return work, final.strip()


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
