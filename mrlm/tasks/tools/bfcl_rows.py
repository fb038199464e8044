"""BFCL's files as rows of the tools task, for an evaluation that follows the leaderboard's rules.

    rows = bfcl_dataset("data/BFCL_v4_simple_python.json")
    evaluate(model, tokenizer, TASKS["tools"], params, rows=rows)

Not covered: the categories that ``bfcl_files`` leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.errors import ColumnError, DatasetError
from mrlm.tasks.tools.bfcl_files import completed, completed_by, read_lines
from mrlm.tasks.tools.user_rows import user_rows

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["bfcl_dataset", "bfcl_rows"]


def bfcl_rows(questions: str | Path, answers: str | Path | None = None) -> Iterator[dict[str, Any]]:
    """The rows of the tools task that a pair of BFCL's files makes, in order.

    Scored by ``score``: 1.0 for exactly the labelled calls, by the rules of BFCL's AST checker.

    Args:
        questions: ``BFCL_v4_<category>.json``.
        answers: Its answers; default: the file of the same name in ``possible_answer`` beside it.

    Raises:
        FileNotFoundError: A file is not there.
        DatasetError: A line is no JSON, or a row does not fit.
    """
    build = user_rows().build
    path = Path(questions).expanduser()
    complete = completed(str(path)) if answers is None else completed_by(Path(answers))
    for index, row in enumerate(read_lines(path)):
        try:
            built = build(complete(row))
        except ColumnError as error:
            raise DatasetError(
                f"{path}, row {index}, column {error.column!r}: expected {error.expected}."
            ) from error
        yield {
            "id": str(row["id"]),
            "task": "tools",
            "difficulty": "unknown",
            **(built[0] if isinstance(built, list) else built),
        }


def bfcl_dataset(questions: str | Path, answers: str | Path | None = None) -> Dataset:
    """The rows of ``bfcl_rows`` (same arguments, same errors) as a ``datasets.Dataset``."""
    from datasets import Dataset, Features, Json, Value

    rows = list(bfcl_rows(questions, answers))
    if not rows:
        raise DatasetError(f"{questions} has no rows.")
    types = {
        name: Value("string") if isinstance(value, str) else Json()
        for name, value in rows[0].items()
    }
    columns = {
        name: [row[name] if isinstance(row[name], str) else json.dumps(row[name]) for row in rows]
        for name in types
    }
    return Dataset.from_dict(columns, features=Features(types))
