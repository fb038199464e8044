"""Rows of a dataset that is not ours: a file, a folder of files, a saved dataset, or a Hub id.

Whatever it is, rows come one by one, and only those that are asked for are read: files by
``mrlm.data.readers``, a dataset that ``save_to_disk`` wrote from its memory map, and a Hub id by
``datasets``' streaming, without a download of the whole. So a source may be larger than memory and
disk. Which files of a folder are which split is what ``datasets`` makes of their names, or of the
card; their columns need not be alike.

Not covered: files behind a URL; splits such as ``train[:10%]``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mrlm.data.readers import KINDS, BrokenRow, is_data_file, kind_of, read_file
from mrlm.errors import DatasetError
from mrlm.files import read_json
from mrlm.hub import why_no_dataset

__all__ = ["Source", "open_source", "read_rows"]

logger = logging.getLogger(__name__)

_LOOKS_LIKE_A_PATH = ("/", "./", "../", "~")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
# Data that other programs read; anything else in a folder, such as a licence, is no data.
_OTHER_KINDS_TEXT = """
.avro .db .feather .h5 .hdf5 .orc .pickle .pkl .sqlite .xls .xlsx .xml
.7z .rar .tar .tgz .zip .zst
"""
_OTHER_KINDS = frozenset(_OTHER_KINDS_TEXT.split())
_NO_DATA = frozenset({"dataset_info.json", "dataset_infos.json"})  # that ``datasets`` writes


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    Attributes:
        name: As the user gave it, with the split where it has several.
        parts: Name for messages -> opens the rows of a file, or of the whole where it is one.
    """

    name: str
    parts: Mapping[str, Callable[[], Iterable[Any]]]

    def open(self, num_peeked: int) -> tuple[list[Any], Iterator[tuple[str, Any]]]:
        """The first rows of every part, to look at, and all rows.

        Returns:
            Those first rows, and an iterator over place, such as ``"sums.csv, row 3"``, and row:
            usually a mapping, or a ``BrokenRow``.

        Raises:
            DatasetError: As ``open_source``, and where there is no row at all.
        """
        rows = self._rows()
        first = list(islice(rows, num_peeked))
        if not first:
            raise DatasetError(f"{self.name} is empty: it holds no rows.")
        peeked = [row for _, row in first]
        for name, open_rows in islice(self.parts.items(), 1, None):
            peeked += islice(_told(name, open_rows), num_peeked)
        return [row for row in peeked if not isinstance(row, BrokenRow)], chain(first, rows)

    def _rows(self) -> Iterator[tuple[str, Any]]:
        for name, open_rows in self.parts.items():
            for index, row in enumerate(_told(name, open_rows)):
                yield f"{name}, row {index}", row


def open_source(name: str, split: str, config: str | None = None) -> Source:
    """Find out what a name stands for; of files and the Hub, no row is read yet.

    Args:
        name: Hub id, folder, or file.
        split: Of a Hub dataset or a folder; a file is one split, whatever its name.
        config: Of a Hub dataset or a folder with several configurations.

    Raises:
        FileNotFoundError: There is no such file or folder, nor can it be a Hub id.
        DatasetError: It cannot be read; the message names it, and what there is instead.
    """
    path = Path(name).expanduser()
    if path.is_file():
        if not is_data_file(path):
            raise DatasetError(
                f"{name} is no file of a kind that can be read; allowed: {', '.join(KINDS)}, each "
                "also as .gz, .bz2 or .xz, a folder, or a Hub id."
            )
        return Source(name, {name: partial(read_file, path, split)})
    if path.is_dir():
        return _open_folder(name, path, split, config)
    if name.startswith(_LOOKS_LIKE_A_PATH) or is_data_file(path) or not _HUB_ID.fullmatch(name):
        raise FileNotFoundError(f"{name} does not exist; give a file, a folder or a Hub id.")
    return Source(f"{name}, split {split!r},", {name: _open_hub(name, split, config)})


def read_rows(name: str, split: str, config: str | None = None) -> Iterator[Any]:
    """All rows; arguments and errors as of ``open_source``, and one that is broken raises, too."""
    _, rows = open_source(name, split, config).open(1)
    for _, row in rows:
        if isinstance(row, BrokenRow):
            raise DatasetError(row.message)
        yield row


def _told(name: str, open_rows: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """The rows; what a library says about them becomes a ``DatasetError``."""
    from datasets.exceptions import DatasetsError

    try:
        yield from open_rows()
    except DatasetError:
        raise
    except (OSError, ValueError, RuntimeError, TypeError, LookupError, DatasetsError) as error:
        reason = error.__cause__ or error
        raise DatasetError(f"{name} cannot be read ({type(reason).__name__}: {reason}).") from error


def _open_folder(name: str, folder: Path, split: str, config: str | None) -> Source:
    whole = f"{name}, split {split!r},"
    for saved in (folder, folder / split):
        if any((saved / file).is_file() for file in ("state.json", "dataset_dict.json")):
            return Source(whole, {name: partial(_saved_rows, name, saved, split)})
    files = _data_files(name, folder, split, config)
    readable = [file for file in files if is_data_file(file)]
    others = [file.name for file in files if kind_of(file) in _OTHER_KINDS]
    if others or not readable:
        shown = ", ".join(others or [file.name for file in files][:3])
        raise DatasetError(
            f"{whole} holds files of a kind that cannot be read ({shown}); allowed: "
            f"{', '.join(KINDS)}, each also as .gz, .bz2 or .xz."
        )
    kinds = sorted({kind_of(file) for file in readable})
    if len(kinds) > 1:
        one_each = [next(f.name for f in readable if kind_of(f) == kind) for kind in kinds]
        raise DatasetError(
            f"{whole} holds files of several kinds ({', '.join(one_each)}), which may be the same "
            "rows twice; name one file, or keep one kind in the folder."
        )
    parts = {_shown(name, folder, file): partial(read_file, file, split) for file in readable}
    return Source(whole, parts)


def _shown(name: str, folder: Path, file: Path) -> str:
    """A file in a folder, below the folder's name."""
    for base in (folder.resolve(), folder):
        if file.is_relative_to(base):
            return str(Path(name) / file.relative_to(base))
    return str(file)


def _data_files(name: str, folder: Path, split: str, config: str | None) -> list[Path]:
    """The files of a split: those that the folder's card names, else by their names."""
    from datasets import load_dataset_builder
    from datasets.data_files import DataFilesDict, get_data_patterns, sanitize_patterns

    has_card = (folder / "README.md").is_file() or config is not None
    try:
        if has_card:
            found = load_dataset_builder(str(folder), config).config.data_files
        else:
            base = folder.resolve().as_posix()
            # Of all kinds: the library keeps those of the most frequent one and is silent.
            found = DataFilesDict.from_patterns(sanitize_patterns(get_data_patterns(base)), base)
    except (OSError, ValueError, RuntimeError) as error:
        raise DatasetError(
            f"{name} holds no data files that can be read: {error}".replace("\n", " ")
        ) from error
    splits = {str(key): [Path(file) for file in files] for key, files in (found or {}).items()}
    if split not in splits:
        raise DatasetError(
            f"{name} has no split {split!r}; choose one of {', '.join(splits) or 'none'}."
        )
    taken = {file.name for files in splits.values() for file in files}
    left = sorted({f.name for f in folder.rglob("*") if is_data_file(f)} - taken - _NO_DATA)
    if left and not has_card:
        logger.warning("%s: files that are in no split: %s.", name, ", ".join(left))
    return splits[split]


def _saved_rows(name: str, folder: Path, split: str) -> Iterable[Any]:
    """Of ``save_to_disk``; one of the splits is loaded, so the others need not be whole."""
    from datasets import load_from_disk

    if (folder / "dataset_dict.json").is_file():
        splits = read_json(folder / "dataset_dict.json")["splits"]
        if split not in splits:
            raise DatasetError(f"{name} has no split {split!r}; choose one of {', '.join(splits)}.")
        folder /= split
    # The library cannot load what has no rows.
    if not read_json(folder / "state.json")["_data_files"]:
        return ()
    return load_from_disk(str(folder))  # type: ignore[no-any-return]


def _open_hub(name: str, split: str, config: str | None) -> Callable[[], Iterable[Any]]:
    """Opens the rows of a dataset on the Hub, or of its copy in the cache where it is out of reach.

    Raises:
        DatasetError: The Hub has no such dataset, or cannot be asked.
    """
    from datasets.config import HF_DATASETS_CACHE

    away = why_no_dataset(name)
    cached = (Path(HF_DATASETS_CACHE) / name.replace("/", "___")).is_dir()
    if away and not cached:
        raise DatasetError(
            f"{name} is no file or folder here, and no dataset on the Hub could be found by that "
            f"name: {away}. Give the path of a file or folder, or the id of a dataset."
        )

    def rows() -> Iterable[Any]:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError

        try:
            return load_dataset(name, config, split=split, streaming=not away)  # type: ignore[no-any-return]
        except (OSError, ValueError, RuntimeError, DatasetsError) as error:
            chosen = f", config {config!r}" if config else ""
            raise DatasetError(
                f"{name}, split {split!r}{chosen} could not be loaded "
                f"({type(error).__name__}: {error})"
            ) from error

    return rows
