"""GSM8K, MATH-500 and AIME: a question, worked steps, the answer in a box.

All three are asked with the sentence that Qwen, DeepSeek and most reports on chat models use, zero
shots, no system prompt; what counts is the last box, compared as the math task compares. A figure
that was got with few-shot prompts or a lenient reader is another figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mrlm.benchmarks.benchmark import Benchmark, text
from mrlm.benchmarks.sources import HubSource
from mrlm.task import Task
from mrlm.tasks.math import math_task

__all__ = ["AIME", "GSM8K", "MATH500"]

_PROMPT = "{question}\nPlease reason step by step, and put your final answer within \\boxed{{}}."
_SHOWN_PROMPT = _PROMPT.replace("{{}}", "{}")


def _task(name: str, answer_type: str) -> Task:
    return replace(math_task("boxed", answer_type=answer_type), name=name)


def _build(row: Mapping[str, Any], index: int, *, task: Callable[[], Task]) -> dict[str, Any]:
    question = text(row, "question", "problem").strip()
    user_rows = task().user_rows
    assert user_rows is not None
    columns = {"question": question, "answer": row.get("answer"), "solution": row.get("solution")}
    built = user_rows.build({name: value for name, value in columns.items() if value is not None})
    prompt = [{"role": "user", "content": _PROMPT.format(question=question)}]
    groups = {"kind": _kind(row), "difficulty": _difficulty(row)}
    assert isinstance(built, dict)  # one row makes one
    return {**built, "prompt": prompt, **{name: group for name, group in groups.items() if group}}


def _kind(row: Mapping[str, Any]) -> str:
    """MATH's subject, AIME's year."""
    found = row.get("subject") or row.get("type") or row.get("year")
    return str(found) if isinstance(found, str | int) else ""


def _difficulty(row: Mapping[str, Any]) -> str:
    """MATH's level, which is a number or such as "Level 5"."""
    level = row.get("level")
    if not isinstance(level, str | int):
        return ""
    return f"level {str(level).lower().removeprefix('level').strip()}"


def _benchmark(
    name: str, hub: tuple[HubSource, ...], answer_type: str, compared: str, max_new_tokens: int
) -> Benchmark:
    task = partial(_task, name, answer_type)
    return Benchmark(
        name=name,
        needs={"question": "text", "answer": "the answer"},
        instead={"question": ("problem",), "answer": ("solution",)},
        hub=hub,
        build=partial(_build, task=task),
        make_task=task,
        prompt=_SHOWN_PROMPT,
        answer=f"in the last \\boxed{{}}; {compared}",
        max_new_tokens=max_new_tokens,
    )


GSM8K = _benchmark(
    "gsm8k",
    (HubSource("openai/gsm8k", "main", "test"),),
    "number",
    "right if it is the same number",
    512,
)
MATH500 = _benchmark(
    "math500",
    (HubSource("HuggingFaceH4/MATH-500", None, "test"),),
    "expression",
    "right if it is equal by algebra",
    2048,
)
AIME = _benchmark(
    "aime",
    (
        HubSource("HuggingFaceH4/aime_2024", None, "train"),
        HubSource("MathArena/aime_2025", None, "train"),
    ),
    "number",
    "right if it is the same number",
    8192,
)
