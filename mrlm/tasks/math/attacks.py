"""Completions that a math reward must not pay, and others that it must: `mrlm reward` tries them.

``ATTACKS`` were collected from what graders are known to take for an answer: restated questions,
hedges, lists, conflicting slots, other numbers. The format is ``hash``; ``reward_cases`` writes
those that are about the answer alone into another format. ``TYPED_ATTACKS`` and ``TYPED_CORRECT``
are answers of the other types. ``hostile_completions`` and ``HOSTILE_EXPRESSIONS`` are for time and
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mrlm.task import RewardCase
from mrlm.tasks.math.answer_format import instruction, render_answer

__all__ = [
    "ATTACKS",
    "CORRECT",
    "HOSTILE_EXPRESSIONS",
    "OTHER_FORMS",
    "TYPED_ATTACKS",
    "TYPED_CORRECT",
    "hostile_completions",
    "reward_cases",
]

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
    # a sign, a digit or an unknown that looks like part of a unit
    ("#### 6-2", "6"),
    ("#### 6 -3", "6"),
    ("#### 24-3", "24"),
    ("#### 6 cm 2", "6"),
    ("#### 6 cm-2", "6"),
    (r"#### 6 \text{-2}", "6"),
    ("#### 6a", "6"),
    ("#### 6 (7 apples)", "6"),
    ("#### 6 (or 7)", "6"),
    ("#### 3 14ths", "3"),
    # a comma, a name or a fraction that is read as another number
    ("#### 3,4", "34"),
    ("#### 3,5", "35"),
    ("#### $35,36,37$", "353637"),
    ("#### twice = 6", "6"),
    (r"#### 1\frac{3}{2}", "5/2"),
    (r"#### -\frac{-3}{4}", "3/4"),
    (r"#### 3 \times 10^2 - 1", "300"),
    # reasoning that is never closed
    ("<think>\n#### 12", "12"),
    ("#### 13\n</think>\n<think>\n#### 12", "12"),
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
    (r"#### 1\frac{1}{2}", "3/2"),
    (r"#### \frac32", "3/2"),
    (r"#### \frac{-3}{4}", "-0.75"),
    (r"#### 5 \mathrm{~cm}", "5"),
    (r"#### 5~\text{cm}^2", "5"),
    ("#### 5 sq. ft.", "5"),
    ("#### 7/10,000", "0.0007"),
    (r"#### 14^{\text{th}}", "14"),
    ("#### 9 (apples)", "9"),
    ("#### AB = 5", "5"),
    ("#### f(2) = 5 cm", "5"),
    ("#### 10{,}000", "10000"),
    (r"#### 1,\!000", "1000"),
    (r"#### 3 \times 10^{8}", "3e8"),
    (r"#### 0.\overline{3}", "1/3"),
    (r"#### \fbox{42}", "42"),
    ("#### 42</s>", "42"),
    ("#### 42<|im_end|>", "42"),
    ("#### 42\n<think>\nor #### 43?", "42"),
]
# Answer type -> (answer, reference): not the reference, though a grader may take it for it.
TYPED_ATTACKS = {
    "expression": [
        *((junk, "12") for junk in ("13 | 12", "12 | 13", "> 12", "13 = 12", "12 = 13", "x > 12")),
        *((rf"13 \{arrow} 12", "12") for arrow in ("to", "rightarrow", "implies", "mid", "over")),
        *((rf"\{mark} 12", "12") for mark in ("approx", "neq", "neg", "not", "sim", "leq", "pm")),
        *((rf"\{strike}{{13}} 12", "12") for strike in ("cancel", "xcancel", "sout", "underbrace")),
        *((hedge, "12") for hedge in ("12 or 13", "not 12", "1 2 3 ... 12", "12, maybe", "12?")),
        *((two, "12") for two in ("12, 13", "12 13", r"\{12, 13\}", "(12, 13)", r"13 \\ 12")),
        (r"\sqrt{2} \text{ is wrong}", r"\sqrt{2}"),
        (r"\text{not } \sqrt{2}", r"\sqrt{2}"),
        (r"\sqrt{2} is wrong", r"\sqrt{2}"),
        (r"\sqrt{3} | \sqrt{2}", r"\sqrt{2}"),
        (r"9.1\times10^{-31}", r"6.6\times10^{-34}"),
        (r"9.1 \times 10^{-31} x", r"6.6\times 10^{-34} x"),
        ("1.41", r"\sqrt{2}"),
        ("3102_6", "3102_{5}"),
        ("402", "3102_5"),
        ("CAT", "ACT"),
        ("34", "3,4"),
        ("3.5", "3,5"),
        ("2, 3", "-2, 3"),
        ("(4, 3)", "(3, 4)"),
        ("(0, 1)", "[0, 1]"),
        ("y = 5", "x = 5"),
        ("10x - 6y + 17 = 0", "5x - 3y + 8 = 0"),
    ],
    "choice": [
        *((answer, "B") for answer in ("A", "B or C", "A, B", "(A) (B)", "B) or C)", "B or (C)")),
        *((answer, "B") for answer in ("not B", "B is wrong", "B?", "B. no, C.", "Because", "b a")),
        ("(C) 13", "(C) 12"),
        ("A", "A, C"),
        ("A, B, C", "A, C"),
    ],
    "list": [
        *((answer, "-2, 3") for answer in ("-2", "2, 3", "-2, 3, 4", "-2, -2", "-2 + 3", "1")),
        ("1234", "1,234"),
        ("-2, 3, maybe 4", "-2, 3"),
        (r"-2 \text{ and not } 3", "-2, 3"),
        ("(2, 1)", "(1, 2)"),
    ],
}
# Answer type -> (answer, reference): the same, in another form.
TYPED_CORRECT = {
    "expression": [
        (r"\frac{-1 \pm \sqrt{17}}{4}", r"\frac{-1 \pm \sqrt{17}}{4}"),
        (r"\frac{-1+\sqrt{17}}{4}, \frac{-1-\sqrt{17}}{4}", r"\frac{-1 \pm \sqrt{17}}{4}"),
        (r"-2 \text{ and } 3", "-2, 3"),
        (r"x = 3 \text{ or } x = -2", "-2, 3"),
        ("B.", "B"),
        (r"\text{(C) } 12", "C"),
        (r"3 \times 10^{8}", "3e8"),
        (r"0.\overline{3}", r"\frac{1}{3}"),
        ("10x - 6y + 16 = 0", "5x - 3y + 8 = 0"),
        (r"\sqrt{117} \text{ cm}", r"3\sqrt{13}"),
        ("x^2+2x+1", "(x+1)^2"),
        ("3102_{5}", "3102_5"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"x \in [-2, 7]", "[-2,7]"),
        ("2.23606798", r"\sqrt{5}"),
    ],
    "choice": [
        *((answer, "B") for answer in ("B", "B.", "(B)", "B)", "**B**", r"\text{B}", "Option B")),
        *((answer, "B") for answer in ("B. 12", r"\textbf{(B)}", r"\text{(B) } 12", "B: the sun")),
        ("C", r"\text{(C)} 12"),
        ("C and A", "A, C"),
    ],
    "list": [
        *((answer, "-2, 3") for answer in ("3, -2", "-2 and 3", "[-2, 3]", r"\{3, -2\}", "-2; 3")),
        (r"x = -2 \text{ or } x = 3", "-2, 3"),
        ("1/2, 0.25", r"\frac{1}{4}, \frac{1}{2}"),
        (r"1 - \sqrt{2}, 1 + \sqrt{2}", r"1 \pm \sqrt{2}"),
    ],
}
# Short, and slow or large to compare; none is the same as x^2 + 7.
HOSTILE_EXPRESSIONS = (
    *(
        "9^{9^{9^9}}",
        "300000000!",
        "99999!!!",
        "(x+7)^{500}",
        "x^{10^{10}}",
        r"2^{2^{2^{2^{2^2}}}}",
    ),
    *(r"\sum_{x=1}^{10^9} x^{x}", r"\prod_{x=1}^{10^8} x", r"\binom{10^9}{10^8}", "e^{e^{e^{e}}}"),
    *(
        "(" * 300 + "x" + ")" * 300,
        r"\sqrt{" * 200 + "2" + "}" * 200,
        "x^{" * 100 + "2" + "}" * 100,
    ),
    *(r"\frac{1}{" * 150 + "x" + "}" * 150, "1+" * 900 + "x", "9" * 1900, "{" * 1000, "|" * 1000),
    *(",".join(map(str, range(500))), r"\pm 1 " * 200, r"\text{" * 200, r"\sin(x^2) = " * 100),
)


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


def reward_cases(answer_format: str = "hash", answer_type: str = "number") -> Iterator[RewardCase]:
    """The attacks and the correct completions as cases, every one with a whole row of the task.

    Args:
        answer_format: Where the answer stands, as in ``math_task``. Others than ``hash`` get the
            cases that are about the answer alone; ``last_number`` is lenient on purpose and gets
            none.
        answer_type: As in ``math_task``.
    """
    if answer_type != "number":
        yield from _typed_cases(answer_format, answer_type)
        return
    for correct, pairs in ((False, ATTACKS), (True, CORRECT)):
        for completion, answer in pairs:
            text = _in_format(completion, answer_format)
            if text is not None:
                row = _row(answer, answer_format, answer_type)
                yield RewardCase(repr(text), row, text, correct)
    for text in hostile_completions():
        yield RewardCase(_short(text), _row("7", answer_format, answer_type), text)


def _typed_cases(answer_format: str, answer_type: str) -> Iterator[RewardCase]:
    for correct, pairs in ((False, TYPED_ATTACKS), (True, TYPED_CORRECT)):
        for answer, reference in pairs[answer_type]:
            text = render_answer(answer, answer_format)
            row = _row(reference, answer_format, answer_type)
            yield RewardCase(f"{text!r} for {reference}", row, text, correct)
    reference = {"expression": "x^2 + 7", "choice": "B", "list": "7, x"}[answer_type]
    hostile = [render_answer(text, answer_format) for text in HOSTILE_EXPRESSIONS]
    for text in [*hostile, *hostile_completions()]:
        yield RewardCase(_short(text), _row(reference, answer_format, answer_type), text)


def _short(text: str) -> str:
    return repr(text) if len(text) < 50 else f"{len(text):,} characters, {text[:12]!r}..."


def _in_format(completion: str, answer_format: str) -> str | None:
    """A completion of the ``hash`` format in another, ``None`` where it does not carry over."""
    if answer_format == "hash":
        return completion
    answer = completion.removeprefix("#### ")
    is_answer_alone = answer != completion and not any(mark in answer for mark in ("\n", "#", "\\"))
    if not is_answer_alone or answer_format == "last_number" or answer.endswith(">"):
        return None
    return render_answer(answer, answer_format)


def _row(answer: str, answer_format: str, answer_type: str) -> dict[str, Any]:
    question = f"What is the same as {answer}?"
    return {
        "id": "math-reward-case",
        "task": "math",
        "prompt": [{"role": "user", "content": question + instruction(answer_format, answer_type)}],
        "question": question,
        "answer": answer,
        "answer_type": answer_type,
        "solution": render_answer(answer, answer_format),
        "kind": "reward_case",
        "difficulty": "easy",
    }
