"""What every task's scorer does first: the text of a completion, and what of it is the answer's.

Not covered: other marks of thinking around code, where they may be part of a program
(``mrlm.tasks.code.extraction``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["THINK_TAGS", "completion_text", "without_thinking"]

THINK_TAGS = ("<think>", "</think>")


def completion_text(completion: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a completion: itself, or the content of its last assistant message."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion or ()):
        if isinstance(message, Mapping) and message.get("role") == "assistant":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = [part for part in content or () if isinstance(part, Mapping)]
            return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return ""


def without_thinking(text: str, think_tags: tuple[str, str] = THINK_TAGS) -> str:
    """What stands after the last closing tag, and before an opening one that is never closed."""
    opening, closing = think_tags
    return text.rpartition(closing)[2].partition(opening)[0]
