"""Which part of a completion is the code: one rule, stated here, that never runs or parses it.

1. What stands before ``</think>`` (or another closing mark of ``THINKING``) does not count, nor
   what follows an opening mark that is never closed.
2. Fenced blocks are read, dedented. A bare fence after text that defines what is asked for closes
   that text: the prompt had opened the block.
3. Of them, the last one that defines what is asked for: of those tagged as Python, else of the
   untagged ones, else the one that the completion's end cut off. Where none defines it, the last
   block in the same order; where there is no block, the whole text.
4. What that block uses and does not define is taken from the blocks before it, where they import or
   define it.

What is asked for is a function or class by its name, and, of a program, reading standard input.
Code of more than ``MAX_CODE`` characters, with a NUL, or that UTF-8 cannot encode is no code.

Not covered: code without a fence between words; a body without its ``def``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mrlm.completion_text import THINK_TAGS, completion_text
from mrlm.tasks.code.statements import after_setup, borrowed

__all__ = ["MAX_CODE", "READS", "THINKING", "extract_code"]

MAX_CODE = 50_000
# Opening and closing marks of what a model says to itself. In quotes they are text of a program.
THINKING = (
    THINK_TAGS,
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
)
_OPENING = re.compile("^[ \t]*(?:" + "|".join(re.escape(mark) for mark, _ in THINKING) + ")", re.M)
_CLOSING = re.compile("(?:" + "|".join(re.escape(mark) for _, mark in THINKING) + ")(?![\"'])")
_TAG = re.compile(r"\{?\.?(?:python|py)[\d.]*\}?(?:[:,{].*)?", re.I)
# Indentation, list bullets and quotation marks, then the fence, a tag, and anything else.
_FENCE = re.compile(
    r"^([ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+|>[ \t]?)*)(`{3,}|~{3,})[ \t]*([^\s`]*)([^`\n]*)$", re.M
)
_LATE_FENCE = re.compile(r"(?<!`)```[ \t]*$", re.M)
_QUOTED = re.compile(r"^[ \t]*>[ \t]?", re.M)
# A line that only marks where an answer begins or ends, and what ends a model's turn.
_MARK = re.compile(r"^[ \t]*(?:</?(?:answer|code|solution)>|\[/?(?:PYTHON|ANSWER)\])[ \t]*$", re.M)
_END = re.compile(r"(?:\s|</s>|<eos>|<end_of_turn>|<\|[a-z_]{1,30}\|>)*\Z")
_END_CHARS = 200
# What reads standard input.
READS = re.compile(r"\binput\s*\(|\bstdin\b|\bopen\s*\(\s*0\b|\bos\.read\s*\(|\bfileinput\b")


class _Block(NamedTuple):
    code: str
    rank: int  # the lower, the better


_TAGGED, _UNTAGGED, _CUT_OFF, _CUT_OFF_UNTAGGED = range(4)


def extract_code(
    completion: str | Sequence[Mapping[str, Any]], entry_point: str | None = None
) -> str | None:
    """The code in a completion, or ``None``. Linear in its length.

    Args:
        completion: A text or a conversation.
        entry_point: What the code must define, ``f`` or ``Solution().f``; ``""`` or ``None`` for
            a program.
    """
    text = _answer(completion_text(completion).replace("\r\n", "\n"))
    defines = _definition(entry_point)
    blocks = _blocks(text, defines)
    best = _best(blocks, defines)
    if best is None:
        code = _MARK.sub("", text)
    else:
        code = blocks[best].code
        before = [block.code for block in blocks[:best] if len(block.code) <= MAX_CODE]
        if code.strip() and len(code) <= MAX_CODE and before:
            code = after_setup(code, borrowed(code, before))
    if not code.strip() or len(code) > MAX_CODE or "\x00" in code or not _is_unicode(code):
        return None
    return code


def _answer(text: str) -> str:
    """What is left without thinking and without the marks that end a turn."""
    closed = [mark.end() for mark in _CLOSING.finditer(text)]
    text = text[closed[-1] :] if closed else text
    opened = _OPENING.search(text)
    text = text[: opened.start()] if opened else text
    tail = text[-_END_CHARS:]
    end = _END.search(tail)
    cut = len(tail) - end.start() if end else 0
    return text[: len(text) - cut] + "\n" if cut and text[-cut:].strip() else text


def _definition(entry_point: str | None) -> re.Pattern[str]:
    """Matches where a text defines the entry point."""
    owner, _, method = (entry_point or "").rpartition(".")
    name = owner.removesuffix("()") or method
    if not name.isidentifier():
        return READS
    return re.compile(
        rf"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{name}\b|^{name}[ \t]*(?::[^=\n]*)?=(?!=)",
        re.M,
    )


def _best(blocks: Sequence[_Block], defines: re.Pattern[str]) -> int | None:
    """The index of the block that is the answer."""
    having = [index for index, block in enumerate(blocks) if defines.search(block.code)]
    # Where nothing defines it, the code is wrong or, of a program, reads nothing.
    choice = having or [index for index, block in enumerate(blocks)]
    return min(choice, key=lambda index: (blocks[index].rank, -index), default=None)


def _blocks(text: str, defines: re.Pattern[str]) -> list[_Block]:
    """The Python and the untagged blocks of a text, in order."""
    blocks: list[_Block] = []
    start, opening, rank = 0, None, None
    for fence in _FENCE.finditer(text):
        prefix, marker, tag, rest = fence.groups()
        bare = not tag and not rest.strip()
        if opening is None:
            if bare and defines.search(text, start, fence.start()):
                blocks.append(_Block(_dedent(text[start : fence.start()], prefix), _TAGGED))
                start = fence.end() + 1
                continue
            opening, start = (prefix, marker), fence.end() + 1
            rank = _UNTAGGED if not tag else _TAGGED if _TAG.fullmatch(tag) else None
        elif bare and marker.startswith(opening[1]) and _is_outer(prefix, opening[0]):
            if rank is not None:
                blocks.append(_Block(_dedent(text[start : fence.start()], opening[0]), rank))
            opening, start = None, fence.end() + 1
    if opening is not None and rank is not None:
        code = text[start:]
        late = _LATE_FENCE.search(code)  # at the end of the last line of code
        code = code[: late.start()] + "\n" if late else code
        cut_off = _CUT_OFF if rank == _TAGGED else _CUT_OFF_UNTAGGED
        blocks.append(_Block(_dedent(code, opening[0]), cut_off))
    return blocks


def _is_outer(prefix: str, opening: str) -> bool:
    """Whether a fence can close a block: not where it stands deeper, in a text of the code's."""
    return len(prefix.expandtabs(4)) <= len(opening.expandtabs(4)) + 3


def _dedent(code: str, prefix: str) -> str:
    """A block's code without the indentation of its first statement, and without quotation marks.

    Lines that have less of it, in a text of the code's, lose what they have.
    """
    if len(code) > 2 * MAX_CODE:
        return code
    code = _QUOTED.sub("", code) if ">" in prefix else code
    lines = code.split("\n")
    first = next((line for line in lines if line.strip() and line.lstrip()[0] != "#"), "")
    margin = len(first) - len(first.lstrip(" \t"))
    return (
        "\n".join(re.sub(rf"\A[ \t]{{1,{margin}}}", "", line) for line in lines) if margin else code
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
