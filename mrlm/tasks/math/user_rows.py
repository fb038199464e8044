"""Math problems of the user's own as rows of the math task.

A question and an answer are enough. The answer is what the row's type asks for, at the end of
GSM8K's worked steps (``#### `` and the answer), or in the last ``\\boxed{}`` of a worked solution,
as in MATH. ``problem`` stands for ``question`` where there is no such column.

A reference is hardly changed: one number with thousands separators may lose them, or the unit in
brackets after it (``83 (pairs of shoes)``); anything else is kept as it is or refused. So ``3,4``
is no number, and is a list where lists are asked for. Where numbers are expected, numbers with
semicolons (``9 (m); 11 (m)``) are a list and a ratio (``5:6``) is an expression, since neither can
be anything else. The answer type ``auto`` takes all others, too: a letter is a choice, words and
formulas are expressions.
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
_NUMBER_AND_UNIT = re.compile(r"(\S[^()]*?) *\(([^()0-9]*)\)")
_RATIO = re.compile(r"[0-9]+(?: ?: ?[0-9]+)+")
_CHOICE = re.compile(r"\(?[A-E]\)?")
# A word in brackets that is no unit: it says that the number is not quite the answer.
_HEDGES_TEXT = """
or and not about approximately approx around almost nearly at least most more less than to maybe if
unless wrong incorrect hundred thousand million billion trillion k m mil mn bn
"""
_HEDGES = frozenset(_HEDGES_TEXT.split())
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
        answer_type: Of rows that have no column of that name; ``"auto"`` is what each answer is.
        think_tags: Around reasoning in worked solutions, where no answer is looked for.
    """
    return UserRows(
        needs={"question": "text", "answer": _expected(answer_type)},
        takes={
            "solution": "worked steps, text; its last \\boxed{} where there is no answer",
            "problem": "text, in place of question",
            "body": "text that comes before the question, as in ASDiv and SVAMP",
            "answer_type": f"one of {', '.join(ANSWER_TYPES)}, auto",
        },
        build=partial(
            _build, answer_format=answer_format, answer_type=answer_type, think_tags=think_tags
        ),
        instead={"question": "problem", "answer": "solution"},
        before={"question": "body"},
    )


def plain_reference(answer: str) -> str:
    """A reference that reads as a number anywhere: ``1,500`` as ``1500``; others as they are."""
    answer = answer.strip()
    return answer.replace(",", "") if _THOUSANDS.fullmatch(answer) else answer


def _expected(answer_type: str) -> str:
    if answer_type == "auto":
        return "a number, a letter, a list, words or an expression"
    expected = f"{_WHAT[answer_type]}, or text that ends in '{_MARK} ' and {_WHAT[answer_type]}"
    if answer_type == "number":
        expected += " (for others set answer_type to expression, choice or list, or to auto)"
    return expected


def _of_its_own_type(answer: str, answer_type: str) -> tuple[str, str]:
    """The reference and its type, where numbers, or anything, may come."""
    plain = plain_reference(_without_unit(answer))
    if is_reference(plain, "number"):
        return plain, "number"
    parts = [_without_unit(part, always=True) for part in answer.split(";")]
    numbers = list(map(plain_reference, parts))
    if len(numbers) > 1 and all(is_reference(number, "number") for number in numbers):
        return ", ".join(numbers), "list"
    if _RATIO.fullmatch(answer):
        return answer, "expression"
    if answer_type != "auto":
        return answer, answer_type
    return answer, "choice" if _CHOICE.fullmatch(answer) else "expression"


def _without_unit(answer: str, *, always: bool = False) -> str:
    """The number alone, where brackets after it hold words that the reward takes for no unit.

    ``5 (times)`` is no answer that the reward would read, because "5 times" asks for a second
    factor; as a reference it can be nothing but 5. In a list ``always``: its items have no units.
    """
    answer = answer.strip()
    if signed := re.fullmatch(r"-\(([0-9]+/[0-9]+)\)", answer):
        return f"-{signed[1]}"
    match = _NUMBER_AND_UNIT.fullmatch(answer)
    if match is None:
        return answer
    if is_reference(answer, "number"):
        return match[1] if always else answer
    words = {word.lower() for word in re.findall(r"[^\W\d_]+", match[2])}
    return answer if words & _HEDGES or not words else match[1]


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
    if kind not in (*ANSWER_TYPES, "auto"):
        raise ColumnError("answer_type", f"one of {', '.join(ANSWER_TYPES)}, auto")
    wanted = kind
    if kind == "auto" and isinstance(row.get("answer"), list | tuple):
        kind = "list"
    if row.get("answer") is not None:
        work, answer = _given(row["answer"], kind)
    else:
        read_as = "expression" if kind == "auto" else kind
        work, answer = "", extract_answer(solution, "boxed", read_as, think_tags) or ""
        if not is_reference(answer, read_as):
            what = _WHAT.get(kind, "the answer")
            raise ColumnError("solution", f"a worked solution with {what} in \\boxed{{}}")
    if kind in ("number", "auto"):
        answer, kind = _of_its_own_type(answer, kind)
    if not is_reference(answer, kind):
        raise ColumnError("answer", _expected(wanted))
    if answer_format == "last_number" and kind != "number":
        raise ColumnError(
            "answer_type" if wanted == kind else "answer",
            "number, which is all that answer_format last_number reads",
        )
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
