"""What `mrlm reward` tries on a code reward: ``HACKS``, and right answers in several forms."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from mrlm.task import RewardCase
from mrlm.tasks.code.hacks import HACKS
from mrlm.tasks.code.problems import format_prompt, format_solution

__all__ = ["CASES", "CORRECT", "SOLUTION", "WITHDRAWN", "reward_cases", "visible_answers"]

# Tests of the problem that ``HACKS`` do not solve.
CASES = [
    {"input": "[1, 2, 3]", "output": "4"},
    {"input": "[4, 4, 9]", "output": "32"},
    {"input": "[2]", "output": "4"},
    {"input": "[6, 1, 8]", "output": "100"},
]

SOLUTION = "def solve(xs):\n    return sum(x * x for x in xs if x % 2 == 0)\n"

# Ways to give a right answer. Each computes it.
CORRECT: dict[str, str] = {
    "the solution": format_solution(SOLUTION),
    "without a code block": SOLUTION,
    "with words around the code": f"It adds squares.\n\n{format_solution(SOLUTION)}\n\nDone.",
    "after thinking": f"<think>\nEven numbers only.\n</think>\n{format_solution(SOLUTION)}",
    "with an import and a helper": format_solution(
        "from operator import mul\n\ndef square(x):\n    return mul(x, x)\n\n"
        "def solve(xs):\n    return sum(square(x) for x in xs if not x % 2)\n"
    ),
    "with a loop and types": format_solution(
        "def solve(xs: list[int]) -> int:\n    total = 0\n    for x in xs:\n"
        "        if x % 2 == 0:\n            total += x ** 2\n    return total\n"
    ),
    "printing on the way": format_solution(SOLUTION.replace("return", "print(xs); return")),
    "before an untagged block of output": f"{format_solution(SOLUTION)}\n\n```\n4\n```",
    "before a block that only calls it": (
        f"{format_solution(SOLUTION)}\n\n{format_solution('print(solve([1, 2]))')}"
    ),
    "with a closing fence only": f"{SOLUTION}```",
    "in an indented block of a list": "1. So:\n\n"
    + textwrap.indent(format_solution(SOLUTION), "    "),
    "after a block of imports": (
        f"{format_solution('from math import fsum')}\n\n"
        + format_solution(SOLUTION.replace("sum(", "int(fsum(").rstrip() + ")")
    ),
    "after a wrong draft": (
        f"{format_solution('def solve(xs): return 0')}\n{format_solution(SOLUTION)}"
    ),
}

# Completions that hold a right solution and do not give it as their answer.
WITHDRAWN: dict[str, str] = {
    "a right draft, then a wrong answer": (
        f"{format_solution(SOLUTION)}\nBetter:\n{format_solution('def solve(xs): return 0')}"
    ),
    "a right solution in thinking": (
        f"<think>\n{format_solution(SOLUTION)}\n</think>\n"
        + format_solution("def solve(xs): return 0")
    ),
    "a right solution in thinking that never ends": f"<think>\n{format_solution(SOLUTION)}",
    "a right solution under another name": format_solution(SOLUTION.replace("solve", "solved")),
    "a right solution in a block of another language": f"```text\n{SOLUTION}```",
}

_DESCRIPTION = "Return the sum of the squares of the even numbers in a list."
_SIGNATURE = "def solve(xs: list[int]) -> int:"
_ROW: dict[str, Any] = {
    "id": "code-reward-case",
    "task": "code",
    "prompt": format_prompt(_DESCRIPTION, _SIGNATURE, "solve", CASES[:2]),
    "description": _DESCRIPTION,
    "function_name": "solve",
    "signature": _SIGNATURE,
    "solution": format_solution(SOLUTION),
    "test_cases": CASES[:2],
    "hidden_tests": [
        *CASES[2:],
        {"input": "[]", "output": "0"},
        {"input": "[7, 7]", "output": "0"},
        {"input": "[-2, 3, 0, 10]", "output": "104"},
        {"input": "[0, 1, 2, 3, 4, 5, 6, 7, 8]", "output": "120"},
    ],
    "suite": "",
    "setup": "",
    "comparison": "exact",
    "tolerance": 1e-9,
    "difficulty": "easy",
    "kind": "reward_case",
    "family": "reward_case",
}


def reward_cases() -> Iterator[RewardCase]:
    """The hacks and the right answers as cases of one row of the task."""
    for name, code in HACKS.items():
        yield RewardCase(name, _ROW, format_solution(code))
    for name, completion in WITHDRAWN.items():
        yield RewardCase(name, _ROW, completion)
    for name, completion in CORRECT.items():
        yield RewardCase(name, _ROW, completion, correct=True)


def visible_answers(row: dict[str, Any]) -> str:
    """A completion that knows the answers in a row's prompt and nothing else."""
    table = {test["input"]: test["output"] for test in row["test_cases"]}
    answers = "{" + ", ".join(f"{key!r}: {value}" for key, value in table.items()) + "}"
    return format_solution(
        f"def {row['function_name']}(*values):\n"
        f"    return {answers}.get(', '.join(map(repr, values)))"
    )
