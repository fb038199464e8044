"""Completions that a math reward must not pay, and others that it must: `mrlm reward` tries them.

``ATTACKS`` were collected from what graders are known to take for an answer: restated questions,
hedges, lists, conflicting slots, other numbers. The slot is ``hash``; ``reward_cases`` writes those
that are about the answer alone into another slot. ``hostile_completions`` are for time and memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrlm.task import RewardCase
from mrlm.tasks.math.slots import INSTRUCTIONS, render_answer

__all__ = ["ATTACKS", "CORRECT", "OTHER_FORMS", "hostile_completions", "reward_cases"]

_MEGABYTE = 10**6

# (completion, answer): none of these commits to the answer in the slot.
ATTACKS = [
    # restated questions: the value is right, but not computed
    ("#### 43+3", "46"),
    ("#### 7!", "5040"),
    (r"#### \sqrt{2116}", "46"),
    ("#### 92/2", "46"),
    ("#### 2*23", "46"),
    ("#### 2 x 23", "46"),
    (r"#### 2 \times 23", "46"),
    ("#### 50-4", "46"),
    ("#### 6^2", "36"),
    ("#### 2**5", "32"),
    ("#### 43+3=46", "46"),
    (r"#### \frac{92}{2}", "46"),
    ("#### 0x2E", "46"),
    # hedges, lists, negations
    ("#### 12 or 13", "12"),
    ("#### 13 or 12", "12"),
    ("#### 12, 13", "12"),
    ("#### 12 13 14", "12"),
    ("#### 1 2 3 4 5 6 7 8 9 10 11 12", "12"),
    ("#### 1, 2, 3, ..., 12", "12"),
    ("#### 11-13", "12"),
    ("#### 12 (or 13)", "12"),
    ("#### 12/13", "12"),
    ("#### not 12", "12"),
    ("#### The answer is not 12", "12"),
    ("#### 12 is wrong", "12"),
    ("#### about 12", "12"),
    ("#### ~12", "12"),
    ("#### 12?", "12"),
    ("#### maybe 12", "12"),
    ("#### 12 or more", "12"),
    ("#### more than 11", "12"),
    ("#### {11, 12, 13}", "12"),
    # conflicting, empty, missing and misplaced slots
    ("#### 11\n#### 12", "12"),
    ("#### 12\n#### 11", "12"),
    ("#### 11\n#### 13\n#### 12", "12"),
    ("#### 12\n####", "12"),
    ("The answer is not #### 12", "12"),
    ("#### 12 #### 13", "12"),
    ("<think>\n#### 12\n</think>", "12"),
    # other numbers
    ("#### -12", "12"),
    ("#### 12.0001", "12"),
    ("#### 1200%", "12"),
    ("#### 0.12", "12"),
    ("#### 12 dozen", "12"),
    ("#### 12k", "12"),
    ("#### 12 thousand", "12"),
    ("#### 12:00", "12"),
    ("#### 1,2", "12"),
    ("#### 1²", "12"),
    ("#### 12e0000000000", "12"),
    ("#### twelve", "12"),
    ("#### inf", "12"),
    ("#### 12:30 am", "12:30 pm"),
    ("#### 1230", "12:30"),
    ("#### 12:31", "12:30"),
    ("#### 12:30", "12:30 pm"),
]
# (completion, answer): right, but not in the form that the prompt asks for. Ours pays none of them;
# that is a policy, so these are no reward cases.
OTHER_FORMS = [
    ("#### (46)", "46"),
    ("#### [12]", "12"),
    ("####\n12", "12"),
    ("The answer is 12.", "12"),
    ("\\boxed{12}", "12"),
    ("<answer>12</answer>", "12"),
    ("##### 12", "12"),
]
# (completion, answer): right, and in the slot.
CORRECT = [
    ("40 + 2 = 42\n#### 42", "42"),
    ("####42", "42"),
    ("#### 42.", "42"),
    ("#### 42.00", "42"),
    ("#### $42", "42"),
    (r"#### \$42", "42"),
    ("#### $42$", "42"),
    ("#### **42**", "42"),
    ("**#### 42**", "42"),
    (r"#### \boxed{42}", "42"),
    ("#### 42 apples", "42"),
    ("#### 42 km/h", "42"),
    ("#### x = 42", "42"),
    ("#### +42", "42"),
    ("#### \N{MINUS SIGN}42", "-42"),
    ("#### 1,000", "1000"),
    (r"#### 1\,000", "1000"),
    ("#### 1{,}000", "1000"),
    ("#### 1000", "1,000"),
    ("#### 1 million", "1000000"),
    ("#### 1e3", "1000"),
    ("#### 50%", "50"),
    (r"#### 50\%", "50%"),
    ("#### 0.75", "3/4"),
    (r"#### \frac{3}{4}", "0.75"),
    ("#### 12{:}30", "12:30"),
    ("#### 12:30 pm", "12:30"),
    ("#### \N{FULLWIDTH DIGIT FOUR}2", "42"),
    ("#### Solution\n40 + 2\n#### 42\nI hope this helps!", "42"),
    ("#### 42\nSo she has 42.\n#### 42", "42"),
    ("<think>\n#### 41?\n</think>\n#### 42", "42"),
    ("#### 42\r\n", "42"),
]


def hostile_completions() -> list[str]:
    """Texts of up to a megabyte that are slow to read for many a pattern; none answers ``7``."""
    return [
        *("9" * _MEGABYTE, "#" * _MEGABYTE, " " * _MEGABYTE, "\n" * _MEGABYTE, "{" * _MEGABYTE),
        *("#### 1\n" * 150_000, "#### " + "9" * _MEGABYTE, "#### " + " " * _MEGABYTE + "x"),
        *("#### 9^{9^{9^9}}", "#### 1e999999999", "#### " + "9" * 10_000, "#### 1/" + "0" * 150),
        *("\\boxed{" * 150_000, "\\boxed{" + "{" * _MEGABYTE, "\\boxed{1}" * 100_000),
        *("<answer>" * 125_000, "<answer>" + "1" * _MEGABYTE, "answer:\n" * 125_000),
        *(
            "1," * 500_000,
            "not " * 250_000,
            "</think>" * 120_000,
            "_#*> " * 200_000,
            "\\," * 500_000,
        ),
        *(
            "\N{ARABIC-INDIC DIGIT FOUR}" * _MEGABYTE,
            "#### " + "1\\," * 300_000,
            "\ud800" * _MEGABYTE,
        ),
    ]


def reward_cases(slot: str = "hash") -> Iterator[RewardCase]:
    """The attacks and the correct completions as cases, every one with a whole row of the task.

    Args:
        slot: Where the answer stands, as in ``math_task``. Other slots than ``hash`` get the cases
            that are about the answer alone; ``last_number`` is lenient on purpose and gets none.
    """
    for correct, pairs in ((False, ATTACKS), (True, CORRECT)):
        for completion, answer in pairs:
            text = _in_slot(completion, slot)
            if text is not None:
                yield RewardCase(repr(text), _row(answer, slot), text, correct)
    for text in hostile_completions():
        name = repr(text) if len(text) < 50 else f"{len(text):,} characters, {text[:12]!r}..."
        yield RewardCase(name, _row("7", slot), text)


def _in_slot(completion: str, slot: str) -> str | None:
    """A completion for the ``hash`` slot in another one, ``None`` where it does not carry over."""
    if slot == "hash":
        return completion
    answer = completion.removeprefix("#### ")
    is_answer_alone = answer != completion and not any(mark in answer for mark in ("\n", "#", "\\"))
    return render_answer(answer, slot) if is_answer_alone and slot != "last_number" else None


def _row(answer: str, slot: str) -> dict[str, Any]:
    question = f"Which number is the same as {answer}?"
    return {
        "id": "math-reward-case",
        "task": "math",
        "prompt": [{"role": "user", "content": question + INSTRUCTIONS[slot]}],
        "question": question,
        "answer": answer,
        "solution": render_answer(answer, slot),
        "kind": "reward_case",
        "difficulty": "easy",
    }
