"""Which part of a completion is the code: one rule, stated here, that never runs or parses it.

The code is the last complete fenced block that is tagged ``python``, ``py``, ``python3`` or not at
all. Where no such block is complete, one that the completion's end cut off runs to that end; where
there is none at all, the code is the whole text. What stands before ``</think>`` does not count.
Code of more than ``MAX_CODE`` characters, with a NUL, or that UTF-8 cannot encode is no code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MAX_CODE", "completion_text", "extract_code"]

MAX_CODE = 50_000
_TAGS = ("", "python", "py", "python3")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)([^`\n]*)$", re.M)


def completion_text(completion: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a completion: itself, or the content of its last assistant message."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        if message.get("role") == "assistant":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = content or ()
            return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return ""


def extract_code(completion: str | Sequence[Mapping[str, Any]]) -> str | None:
    """The code in a completion, or ``None``. Linear in its length."""
    text = completion_text(completion).replace("\r\n", "\n").rpartition("</think>")[2]
    complete, cut_off = _blocks(text)
    blocks = complete or cut_off
    code = blocks[-1] if blocks else text
    if not code.strip() or len(code) > MAX_CODE or "\x00" in code or not _is_unicode(code):
        return None
    return code


def _blocks(text: str) -> tuple[list[str], list[str]]:
    """The complete Python blocks of a text, and the one that its end cut off, if any."""
    complete: list[str] = []
    marker, is_python, start = "", False, 0
    for fence in _FENCE.finditer(text):
        found, tag, rest = fence.groups()
        if not marker:
            marker, is_python, start = found, tag.lower() in _TAGS, fence.end() + 1
        elif found.startswith(marker) and not tag and not rest.strip():
            if is_python:
                complete.append(text[start : fence.start()])
            marker = ""
    return complete, [text[start:]] if marker and is_python else []


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
