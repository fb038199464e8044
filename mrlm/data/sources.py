"""Rows of a dataset that is not ours: a Hub id, a folder, a JSON, JSON lines, CSV or parquet file.

Files are read here row by row, without guessing types, so that an error can name the row and memory
does not grow. Folders and Hub ids go through ``datasets.load_dataset``. Cells of a CSV file are
text; an empty one counts as absent.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from mrlm.errors import DatasetError

__all__ = ["is_file", "read_rows"]

_LOOKS_LIKE_A_PATH = ("/", "./", "../", "~")
_MAX_CELL_CHARS = 2**31 - 1


def is_file(name: str) -> bool:
    """Whether the name is that of a file we read here, there or not."""
    return Path(name).suffix.lower() in _READERS


def read_rows(name: str, split: str, config: str | None = None) -> Iterable[Any]:
    """Rows, usually mappings, in order; reading them may raise, too.

    Args:
        name: Hub id, folder, or file.
        split: Of a Hub dataset or a folder; a file is one split, whatever its name.
        config: Of a Hub dataset or a folder with several configurations.

    Raises:
        FileNotFoundError: There is no such file or folder.
        DatasetError: It cannot be read; the message names it, and the row where there is one.
    """
    path = Path(name).expanduser()
    if path.is_file():
        if not is_file(name):
            raise DatasetError(
                f"{name} is no file of a kind that can be read; allowed: {', '.join(_READERS)}, a "
                "folder, or a Hub id."
            )
        return _readable(name, _READERS[path.suffix.lower()](path))
    if not path.is_dir() and (name.startswith(_LOOKS_LIKE_A_PATH) or is_file(name)):
        raise FileNotFoundError(f"{name} does not exist; give a file, a folder or a Hub id.")
    return _load(name, str(path) if path.is_dir() else name, split, config)


def _readable(name: str, rows: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from rows
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name} is not UTF-8 text ({error}); save it as UTF-8.") from error
    except csv.Error as error:
        raise DatasetError(f"{name} cannot be read as CSV ({error}).") from error


def _load(name: str, path: str, split: str, config: str | None) -> Iterable[Any]:
    from datasets import DatasetDict, load_dataset, load_from_disk
    from datasets.exceptions import DatasetGenerationError

    folder = Path(path)
    saved = [file for file in ("state.json", "dataset_dict.json") if (folder / file).is_file()]
    try:
        if not saved:
            # The library's cache knows a folder by its name and card, not by what is in it.
            mode = "force_redownload" if folder.is_dir() else None
            return load_dataset(path, config, split=split, download_mode=mode)  # type: ignore[no-any-return]
        found = load_from_disk(path)
    except (OSError, ValueError, RuntimeError, DatasetGenerationError) as error:
        reason = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        raise DatasetError(
            f"{name}, split {split!r}{f', config {config!r}' if config else ''} could not be "
            f"loaded ({type(reason).__name__}: {reason})"
        ) from error
    if isinstance(found, DatasetDict):
        if split not in found:
            raise DatasetError(f"{name} has no split {split!r}; choose one of {', '.join(found)}.")
        found = found[split]
    return found  # type: ignore[no-any-return]


def _read_json_lines(path: Path) -> Iterator[Any]:
    with _open(path) as file:
        index = 0
        for line in file:
            if line.strip():
                yield _parse(line, f"{path}, row {index}")
                index += 1


def _read_json(path: Path) -> Iterator[Any]:
    with _open(path) as file:
        first = file.read(4096).lstrip()
        file.seek(0)
        # One object a line is often called .json, too; a list or one object spans lines.
        if first.startswith("{") and _is_json(first.partition("\n")[0]):
            yield from _read_json_lines(path)
            return
        rows = _parse(file.read(), str(path))
    if not isinstance(rows, list):
        raise DatasetError(f"{path}: expected a list of objects, got {type(rows).__name__}.")
    yield from rows


def _read_csv(path: Path, delimiter: str = ",") -> Iterator[Any]:
    csv.field_size_limit(_MAX_CELL_CHARS)
    with _open(path, newline="") as file:
        reader = csv.DictReader(file, delimiter=delimiter)
        for index, row in enumerate(reader):
            if None in row:
                raise DatasetError(
                    f"{path}, row {index}: expected {len(reader.fieldnames or ())} cells, got "
                    f"{len(row) - 1 + len(row[None])}; quote texts that hold {delimiter!r}."
                )
            yield {name: cell for name, cell in row.items() if cell not in ("", None)}


def _read_tsv(path: Path) -> Iterator[Any]:
    return _read_csv(path, "\t")


def _read_parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            types = file.schema_arrow
            texts = [field.name for field in types if str(field.type) == "extension<arrow.json>"]
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    # What our own exports hold as JSON.
                    yield row | {name: _as_data(row[name]) for name in texts}
    except pa.ArrowException as error:
        raise DatasetError(f"{path} is no parquet file that can be read ({error}).") from error


def _as_data(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


# A byte order mark, as spreadsheets write, is not part of the first column's name.
def _open(path: Path, newline: str | None = None) -> TextIO:
    return path.open(encoding="utf-8-sig", newline=newline)


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not JSON ({error}).") from error


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


_READERS: Mapping[str, Callable[[Path], Iterator[Any]]] = {
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
}
