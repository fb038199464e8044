"""MBPP (Austin et al. 2021, https://arxiv.org/abs/2108.07732) in the columns of the code task.

The first test of a problem stands in the prompt, because only it tells what the arguments are; all
of them decide.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.errors import DatasetError
from mrlm.tasks.code.problems import format_prompt, format_solution, to_dataset
from mrlm.tasks.code.program import assertion_case, find_function, tested_function

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["MBPP_SPLITS", "load_mbpp"]

MBPP_SPLITS = ("train", "validation", "test", "prompt")
_HUB_ID = "google-research-datasets/mbpp"


def load_mbpp(split: str, path: str | Path | None = None) -> Dataset:
    """Load MBPP, or its sanitized version, as rows of the code task.

    Args:
        split: ``"train"`` (374 rows), ``"validation"``, ``"test"`` (500) or ``"prompt"``.
        path: A JSON lines file with MBPP's columns, or a folder that holds ``<split>.jsonl``.
            Without it, the data comes from the Hugging Face Hub.

    Raises:
        ValueError: ``split`` is unknown.
        FileNotFoundError: ``path`` does not exist.
        DatasetError: The Hub cannot be reached, or a row is not as expected; the message names
            dataset, index and column.
    """
    if split not in MBPP_SPLITS:
        raise ValueError(f"split is {split!r}; choose one of {', '.join(MBPP_SPLITS)}.")
    source, rows = _local_rows(Path(path), split) if path is not None else _hub_rows(split)
    return to_dataset(_row(source, split, index, row) for index, row in enumerate(rows))


def _local_rows(path: Path, split: str) -> tuple[str, Iterable[Any]]:
    file = path / f"{split}.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; expected JSON lines in MBPP's schema.")
    return str(file), _read_lines(file)


def _read_lines(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8") as lines:
        for index, line in enumerate(lines):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise DatasetError(f"{file}, row {index}: not a JSON object ({error}).") from error


def _hub_rows(split: str) -> tuple[str, Iterable[Any]]:
    from datasets import load_dataset

    try:
        return _HUB_ID, load_dataset(_HUB_ID, split=split)
    except (OSError, RuntimeError) as error:  # the Hub's and httpx's errors derive from these
        raise DatasetError(
            f"{_HUB_ID} could not be loaded from the Hugging Face Hub ({type(error).__name__}: "
            f"{error}). Without network, pass path= to JSON lines in MBPP's schema."
        ) from error


def _row(source: str, split: str, index: int, row: Any) -> dict[str, Any]:
    def text(column: str) -> str:
        value = row.get(column) if isinstance(row, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise DatasetError(f"{source}, row {index}, column {column!r}: expected text.")
        return value.strip()

    # The sanitized version calls its texts "prompt" and its setup a list of imports.
    description = text("prompt" if isinstance(row, dict) and "prompt" in row else "text")
    code = text("code").replace("\r\n", "\n").expandtabs(4)
    asserts = [*(row.get("test_list") or []), *(row.get("challenge_test_list") or [])]
    name = tested_function(code, asserts)
    function = find_function(code, name) if name else None
    if name is None or function is None:
        raise DatasetError(
            f"{source}, row {index}, column 'test_list': expected assert statements on a function "
            f"that the column 'code' defines."
        )
    preparation = "\n".join([row.get("test_setup_code") or "", *(row.get("test_imports") or [])])
    suite = f"{preparation}\n\ndef check(candidate):\n    global {name}\n    {name} = candidate\n"
    suite += "\n".join(f"    {ast.unparse(ast.parse(test))}" for test in asserts)
    signature = f"def {name}({ast.unparse(function.args)}):"
    cases = [case for case in [assertion_case(asserts[0], name)] if case is not None]
    return {
        "id": f"mbpp-{split}-{index}",
        "task": "code",
        "prompt": format_prompt(
            f"{description}\n\nIt must pass: {asserts[0].strip()}", signature, name, ()
        ),
        "description": description,
        "function_name": name,
        "signature": signature,
        "solution": format_solution(code),
        "test_cases": cases,
        "hidden_tests": [],
        "suite": suite,
        "setup": "",
        "difficulty": "mbpp",
        "kind": "functions",
        "family": f"MBPP/{row.get('task_id', index)}",
    }
