"""BFCL's files: a file of questions with functions, and beside it one of possible answers.

``bfcl-eval`` keeps ``BFCL_v4_<category>.json`` in one folder and the answers under the same name in
``possible_answer``; both are one JSON object a line, matched by ``id``. Irrelevance has no answers:
no call is right there.

Not covered: the categories in Java and JavaScript, multi-turn, memory, web search, and
live_relevance, where any call is right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mrlm.errors import DatasetError

__all__ = [
    "CATEGORIES",
    "WHERE",
    "category",
    "completed",
    "completed_by",
    "is_irrelevance",
]

CATEGORIES = (
    "simple_python",
    "multiple",
    "parallel",
    "parallel_multiple",
    "irrelevance",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
    "live_irrelevance",
)
WHERE = (
    "BFCL keeps them in a folder possible_answer beside the questions, in a file of the same name, "
    "which is read from there; there is none"
)
_ANSWERS = "possible_answer"


def completed(name: str) -> Callable[[Any], Any]:
    """What adds the ground truth to rows of this dataset, where it lies beside the file."""
    path = Path(name).expanduser()
    answers = path.parent / _ANSWERS / path.name
    return completed_by(answers) if path.is_file() and answers.is_file() else _as_it_is


def category(row_id: Any) -> str | None:
    """BFCL's category, which begins a row's id (``live_simple_3-1-0``); ``None`` for other ids."""
    text = row_id if isinstance(row_id, str) else ""
    name = text.rstrip("0123456789-").removesuffix("_")
    return name if name in CATEGORIES else None


def is_irrelevance(row_id: Any) -> bool:
    """Whether a row is of a category in which no call is right."""
    return (category(row_id) or "").endswith("irrelevance")


def completed_by(answers: Path) -> Callable[[Any], Any]:
    """What adds the ground truth of this file to rows, by their ids."""
    found = {
        line["id"]: line.get("ground_truth")
        for line in _read_lines(answers)
        if isinstance(line, Mapping) and "id" in line
    }

    def complete(row: Any) -> Any:
        if not isinstance(row, Mapping) or "ground_truth" in row or row.get("id") not in found:
            return row
        return {**row, "ground_truth": found[row["id"]]}

    return complete


def _as_it_is(row: Any) -> Any:
    return row


def _read_lines(path: Path) -> Iterator[Any]:
    """The objects of a file of JSON lines.

    Raises:
        FileNotFoundError: There is no such file.
        DatasetError: A line is no JSON.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DatasetError(f"{path}, line {number}: not JSON ({error}).") from error
