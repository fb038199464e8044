"""GSM8K (Cobbe et al. 2021, https://arxiv.org/abs/2110.14168) in the columns of the math task."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.errors import DatasetError
from mrlm.splits import SPLITS
from mrlm.tasks.math.answer_format import check_answer_format, instruction, render_answer
from mrlm.tasks.math.numerals import parse_number
from mrlm.tasks.math.problems import to_dataset
from mrlm.tasks.math.user_rows import plain_reference

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["load_gsm8k"]

_HUB_ID = "openai/gsm8k"
_CALCULATOR = re.compile(r"<<[^<>]*>>")


def load_gsm8k(
    split: str, path: str | Path | None = None, *, answer_format: str = "hash"
) -> Dataset:
    """Load GSM8K as rows of the math task.

    Args:
        split: ``"train"`` (7,473 rows) or ``"test"`` (1,319).
        path: A JSON lines file with the columns ``question`` and ``answer``, or a folder that holds
            ``<split>.jsonl``. Without it, the data comes from the Hugging Face Hub.
        answer_format: The answer slot that the prompt asks for and the solution ends in.

    Raises:
        ValueError: ``split`` or ``answer_format`` is unknown.
        FileNotFoundError: ``path`` does not exist.
        DatasetError: The Hub cannot be reached, or a row lacks a question or a numeric answer; the
            message names dataset, index and column.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; choose one of {', '.join(SPLITS)}.")
    check_answer_format(answer_format)
    source, rows = _local_rows(Path(path), split) if path is not None else _hub_rows(split)
    return to_dataset(
        _row(source, split, index, row, answer_format) for index, row in enumerate(rows)
    )


def _local_rows(path: Path, split: str) -> tuple[str, Iterable[dict[str, Any]]]:
    file = path / f"{split}.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; expected JSON lines in GSM8K's schema.")
    return str(file), _read_lines(file)


def _read_lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for index, line in enumerate(lines):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise DatasetError(f"{file}, row {index}: not a JSON object ({error}).") from error


def _hub_rows(split: str) -> tuple[str, Iterable[dict[str, Any]]]:
    from datasets import load_dataset

    try:
        return _HUB_ID, load_dataset(_HUB_ID, "main", split=split)
    except (OSError, RuntimeError) as error:  # the Hub's and httpx's errors derive from these
        raise DatasetError(
            f"{_HUB_ID} could not be loaded from the Hugging Face Hub ({type(error).__name__}: "
            f"{error}). Without network, pass path= to JSON lines with question and answer."
        ) from error


def _row(source: str, split: str, index: int, row: Any, answer_format: str) -> dict[str, Any]:
    for column in ("question", "answer"):
        value = row.get(column) if isinstance(row, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise DatasetError(f"{source}, row {index}, column {column!r}: expected text.")
    question = row["question"].strip()
    work, marker, final = row["answer"].rpartition("####")
    if not marker or parse_number(final) is None:
        raise DatasetError(
            f"{source}, row {index}, column 'answer': expected '#### ' and a number at the end, "
            f"got {row['answer'][-40:]!r}."
        )
    answer = plain_reference(final)
    return {
        "id": f"gsm8k-{split}-{index}",
        "task": "math",
        "prompt": [{"role": "user", "content": question + instruction(answer_format)}],
        "question": question,
        "answer": answer,
        "answer_type": "number",
        "solution": f"{_CALCULATOR.sub('', work).strip()}\n{render_answer(answer, answer_format)}",
        "kind": "multi_step",
        "difficulty": "gsm8k",
    }
