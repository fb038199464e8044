"""Rows of one split written as a few files, batch by batch, so that memory does not grow with them.

Every format holds the same typed rows: ``parquet`` and ``hf`` (Arrow files, which
``datasets.load_from_disk`` opens, too) carry the types themselves, ``json`` and ``jsonl`` get them
from the card that lies beside them. The files of a split are named by their number once that is
known; until then they carry a name that no loader looks for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, DatasetInfo, Features

__all__ = ["FORMATS", "ROWS_PER_SHARD", "finish_task", "pattern", "write_split"]

ROWS_PER_SHARD = 100_000
BATCH = 1_000

Row = Mapping[str, Any]


class _Shard(Protocol):
    """One open file."""

    def write(self, rows: list[Row]) -> None: ...

    def close(self) -> None: ...


class _Json:
    """JSON, one row a line; with ``[`` and ``]`` around them where it has to be one value."""

    def __init__(self, file: IO[bytes], features: Features, brackets: bool = False) -> None:
        self._file = file
        self._columns = list(features)
        self._open, self._between, self._end = (
            (b"[\n", b",\n", b"\n]\n") if brackets else (b"", b"\n", b"\n")
        )
        self._is_empty = True

    def write(self, rows: list[Row]) -> None:
        texts = [
            json.dumps({name: row[name] for name in self._columns}, ensure_ascii=False).encode()
            for row in rows
        ]
        self._file.write(self._open if self._is_empty else self._between)
        self._file.write(self._between.join(texts))
        self._is_empty = False

    def close(self) -> None:
        if not self._is_empty:
            self._file.write(self._end)
        elif self._open:
            self._file.write(b"[]\n")


class _Arrow:
    """Typed tables, in a parquet file or an Arrow stream."""

    def __init__(
        self, file: IO[bytes], features: Features, opener: Callable[..., Any], **options: Any
    ) -> None:
        self._features = features
        self._writer = opener(file, _table([], features).schema, **options)

    def write(self, rows: list[Row]) -> None:
        self._writer.write_table(_table(rows, self._features))

    def close(self) -> None:
        self._writer.close()


def _table(rows: list[Row], features: Features) -> pa.Table:
    columns = {name: [row[name] for row in rows] for name in features}
    return Dataset.from_dict(columns, features=features).with_format("arrow")[:]


# Format -> the files' suffix, and what writes them.
_WRITERS: dict[str, tuple[str, Callable[[IO[bytes], Features], _Shard]]] = {
    "json": ("json", lambda file, features: _Json(file, features, brackets=True)),
    "jsonl": ("jsonl", _Json),
    "parquet": (
        "parquet",
        lambda file, features: _Arrow(file, features, pq.ParquetWriter, compression="zstd"),
    ),
    "hf": ("arrow", lambda file, features: _Arrow(file, features, pa.ipc.new_stream)),
}
FORMATS = tuple(_WRITERS)


def pattern(task: str, split: str, form: str) -> str:
    """Where the files of a split lie, as the card tells it to ``load_dataset``."""
    suffix = _WRITERS[form][0]
    return f"{task}/{split}/data-*.{suffix}" if form == "hf" else f"{task}/{split}-*.{suffix}"


def write_split(
    folder: Path, task: str, split: str, form: str, rows: Iterable[Row], features: Features
) -> list[str]:
    """Write the rows of one split.

    Args:
        folder: Of the dataset.
        task: Folder inside it.
        split: Part of the files' names.
        form: One of ``FORMATS``.
        rows: Taken one batch at a time.
        features: Their columns and types.

    Returns:
        The paths of the files below ``folder``; one file at least, even without rows.
    """
    suffix, opener = _WRITERS[form]
    (folder / task).mkdir(parents=True, exist_ok=True)
    started: list[Path] = []
    batches = _batches(rows)
    batch = next(batches, None)
    while batch is not None or not started:
        path = folder / task / f".{split}-{len(started)}"
        started.append(path)
        with path.open("wb") as file:
            shard, room = opener(file, features), ROWS_PER_SHARD
            while batch is not None and room:
                shard.write(batch)
                room -= len(batch)
                batch = next(batches, None)
            shard.close()
            file.flush()
            os.fsync(file.fileno())
    return [
        _name(path, folder / pattern(task, split, form), number, len(started), suffix)
        for number, path in enumerate(started)
    ]


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _name(path: Path, target: Path, number: int, count: int, suffix: str) -> str:
    """Give a file its final name, ``train-00002-of-00010.parquet``, below the dataset's folder."""
    stem = target.name.partition("*")[0]
    target.parent.mkdir(exist_ok=True)
    path.rename(target.with_name(f"{stem}{number:05d}-of-{count:05d}.{suffix}"))
    below = target.parent.parts[-2:] if stem == "data-" else target.parent.parts[-1:]
    return "/".join([*below, f"{stem}{number:05d}-of-{count:05d}.{suffix}"])


def finish_task(
    folder: Path, task: str, files: Mapping[str, list[str]], features: Features
) -> list[str]:
    """What ``datasets.load_from_disk`` reads beside the Arrow files of a task.

    Args:
        folder: Of the dataset.
        task: Folder inside it.
        files: Split -> its files, as ``write_split`` gives them.
        features: Columns and types of all of them.

    Returns:
        The paths of the files below ``folder``.
    """
    written = [f"{task}/dataset_dict.json"]
    (folder / written[0]).write_text(json.dumps({"splits": list(files)}))
    for split, names in files.items():
        state: dict[str, Any] = {
            "_data_files": [{"filename": Path(name).name} for name in names],
            "_fingerprint": f"{task}-{split}",
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        }
        DatasetInfo(features=features).write_to_directory(folder / task / split)
        (folder / task / split / "state.json").write_text(json.dumps(state))
        written += [f"{task}/{split}/{name}" for name in ("state.json", "dataset_info.json")]
    return written
