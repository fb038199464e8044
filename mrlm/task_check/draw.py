"""Rows of a task as the checks look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.task import Task

__all__ = ["SIZE", "NotApplicable", "draw_prompts", "draw_rows", "shown", "text_of"]

SIZE = 60  # rows that most checks look at
_SHOWN = 80  # characters of a value in a message


class NotApplicable(Exception):
    """A check has nothing to look at; says why."""


def draw_rows(task: Task, size: int = SIZE, seed: int = 0, split: str = "train") -> list[Any]:
    return task.build_dataset(size, seed, split).to_list()  # type: ignore[no-any-return]


def text_of(prompt: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(str(message["content"]) for message in prompt)


def draw_prompts(task: Task, size: int, seed: int, split: str = "train") -> list[str]:
    return [text_of(row["prompt"]) for row in draw_rows(task, size, seed, split)]


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
