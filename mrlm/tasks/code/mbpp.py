"""MBPP (Austin et al. 2021, https://arxiv.org/abs/2108.07732) in the columns of the code task.

The first test of a problem stands in the prompt, because only it tells what the arguments are; all
of them decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.errors import DatasetError
from mrlm.tasks.code.jobs import TOLERANCE
from mrlm.tasks.code.problems import format_prompt, format_solution, to_dataset
from mrlm.tasks.code.program import (
    assertion_case,
    find_definition,
    signature_of,
    tested_function,
    used_classes,
)

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["MBPP_CONFIGS", "MBPP_SPLITS", "load_mbpp", "mbpp_row"]

MBPP_CONFIGS = ("full", "sanitized")
MBPP_SPLITS = ("train", "validation", "test", "prompt")
_HUB_ID = "google-research-datasets/mbpp"


def load_mbpp(split: str, path: str | Path | None = None, config: str = "full") -> Dataset:
    """Load MBPP, or its sanitized version, as rows of the code task.

    Args:
        split: ``"train"`` (374 rows), ``"validation"``, ``"test"`` (500) or ``"prompt"``.
        path: A file with MBPP's columns, JSON lines (``mbpp.jsonl``) or a list
            (``sanitized-mbpp.json``), or a folder that holds ``<split>.jsonl`` or ``<split>.json``.
            A file is one split. Without it, the data comes from the Hugging Face Hub.
        config: On the Hub, ``"full"`` or ``"sanitized"`` (427 rows in all).

    Raises:
        ValueError: ``split`` or ``config`` is unknown.
        FileNotFoundError: ``path`` does not exist.
        DatasetError: The Hub cannot be reached, or a row is not as expected; the message names
            dataset, index and column.
    """
    if split not in MBPP_SPLITS:
        raise ValueError(f"split is {split!r}; choose one of {', '.join(MBPP_SPLITS)}.")
    if config not in MBPP_CONFIGS:
        raise ValueError(f"config is {config!r}; choose one of {', '.join(MBPP_CONFIGS)}.")
    local = path is not None
    source, rows = _local_rows(Path(path), split) if local else _hub_rows(split, config)  # type: ignore[arg-type]
    return to_dataset(mbpp_row(source, split, index, row) for index, row in enumerate(rows))


def _local_rows(path: Path, split: str) -> tuple[str, Iterable[Any]]:
    candidates = [path / f"{split}{suffix}" for suffix in (".jsonl", ".json")]
    files = [file for file in candidates if file.is_file()] or candidates
    file = files[0] if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} does not exist; expected JSON lines or a JSON list in MBPP's schema."
        )
    return str(file), _read_file(file)


def _read_file(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8-sig") as lines:
        is_list = lines.read(1000).lstrip().startswith("[")
        lines.seek(0)
        if not is_list:
            yield from _read_lines(file, lines)
            return
        try:
            yield from json.load(lines)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{file}: not a JSON list ({error}).") from error


def _read_lines(file: Path, lines: Iterable[str]) -> Iterator[Any]:
    for index, line in enumerate(lines):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{file}, row {index}: not a JSON object ({error}).") from error


def _hub_rows(split: str, config: str) -> tuple[str, Iterable[Any]]:
    from datasets import load_dataset

    try:
        return f"{_HUB_ID} ({config})", load_dataset(_HUB_ID, config, split=split)
    except (OSError, RuntimeError) as error:  # the Hub's and httpx's errors derive from these
        raise DatasetError(
            f"{_HUB_ID} could not be loaded from the Hugging Face Hub ({type(error).__name__}: "
            f"{error}). Without network, pass path= to JSON lines in MBPP's schema."
        ) from error


def mbpp_row(source: str, split: str, index: int, row: Any) -> dict[str, Any]:
    """One problem with MBPP's columns, full or sanitized, as a row of the code task.

    Raises:
        DatasetError: It is not as expected; the message names source, index and column.
    """

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
    definition = find_definition(code, name) if name else None
    if name is None or definition is None:
        raise DatasetError(
            f"{source}, row {index}, column 'test_list': expected assert statements on a function "
            f"that the column 'code' defines."
        )
    preparation = [row.get("test_setup_code") or "", *(row.get("test_imports") or [])]
    setup = "\n".join(line for line in preparation if line.strip())
    if classes := used_classes(code, asserts, name):
        # What makes the arguments is the solution's as well.
        preparation.append(f"from solution import {', '.join([name, *classes])}")
    suite = "\n".join([*filter(str.strip, preparation), *(test.strip() for test in asserts)])
    signature = signature_of(definition)
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
        "setup": setup,
        "comparison": "",
        "tolerance": TOLERANCE,
        "difficulty": "mbpp",
        "kind": "functions",
        "family": f"MBPP/{row.get('task_id', index)}",
    }
