"""Rows of one data file, one by one and without guessing types.

An error names the file and the row or line, and memory holds a few rows: of JSON one object at a
time, of CSV one line, of parquet and arrow one batch. A line that cannot be read does not end the
file: it comes as a ``BrokenRow``, which the caller raises or counts. Cells of a CSV file are text;
an empty one counts as absent.

Not covered: one JSON object around the rows (``{"data": [...]}``) is read into memory whole; zstd
and zip archives; several tables in one file.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, Any

from mrlm.errors import DatasetError

__all__ = ["KINDS", "BrokenRow", "is_data_file", "kind_of", "read_file"]

_COMPRESSED: Mapping[str, Callable[[Path], IO[bytes]]] = {
    ".gz": gzip.open,  # type: ignore[dict-item]
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_BAD_ARCHIVE = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
_MAX_CELL_CHARS = 2**31 - 1
_DELIMITERS = ",;\t|"
_SNIFFED = 50  # records looked at for the delimiter
_CHUNK = 1 << 16  # characters
_BATCH = 1000  # rows
# A number or escape that is cut by the end of a chunk is told that close to it.
_CUT = 16
_VISIBLE = re.compile(r"\S")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# What a list of rows in a lone object is called, and columns by which the object is itself a row.
_WRAPPERS_TEXT = """
data dataset rows examples instances items records samples problems questions results
"""
_WRAPPERS = frozenset(_WRAPPERS_TEXT.split())
_OF_A_ROW_TEXT = """
messages conversations prompt completion chosen rejected tools functions function calls tests
id question answer ground_truth problem solution instruction output input text description motion
"""
_OF_A_ROW = frozenset(_OF_A_ROW_TEXT.split())


@dataclass(frozen=True)
class BrokenRow:
    """What stands where a row should be.

    Attributes:
        message: Which file and line, and what is wrong.
        reason: In words that many such rows share.
    """

    message: str
    reason: str


def kind_of(name: str | Path) -> str:
    """``".csv"`` of ``a.csv`` and of ``a.CSV.gz``; for other kinds than ours their suffix."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def is_data_file(name: str | Path) -> bool:
    """Whether the name is that of a file we read, there or not."""
    return kind_of(name) in KINDS


def read_file(path: Path, split: str = "train") -> Iterator[Any]:
    """Rows, usually mappings, and ``BrokenRow`` where one cannot be read.

    Args:
        path: Of a kind in ``KINDS``, which may be compressed.
        split: Chooses among lists of a JSON object; otherwise a file is one split.

    Raises:
        DatasetError: It has no bytes or only a header, or cannot be read; the message names it.
    """
    try:
        with _open(path) as file:
            if not file.read(1):
                raise DatasetError(f"{path} is empty: it has 0 bytes.")
        yield from KINDS[kind_of(path)](path, split)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text ({error}); save it as UTF-8.") from error
    except csv.Error as error:
        raise DatasetError(f"{path} cannot be read as CSV ({error}).") from error
    except _BAD_ARCHIVE as error:
        raise DatasetError(
            f"{path} is no {path.suffix} file that can be read ({error})."
        ) from error


def _open(path: Path) -> IO[bytes]:
    return _COMPRESSED.get(path.suffix.lower(), Path.open)(path, "rb")  # type: ignore[call-arg]


def _open_text(path: Path, newline: str | None = None, errors: str | None = None) -> TextIOWrapper:
    """Its text; a byte order mark, as spreadsheets write, is not part of the first name."""
    file = _open(path)
    start = file.read(64)
    if start.startswith(_UTF16) or b"\0" in start:
        file.close()
        raise DatasetError(f"{path} is not UTF-8 text (it looks like UTF-16); save it as UTF-8.")
    file.seek(0)
    return TextIOWrapper(file, encoding="utf-8-sig", newline=newline, errors=errors)


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return BrokenRow(f"{place}: not JSON ({error}).", "a line of JSON")


def _read_json_lines(path: Path, split: str) -> Iterator[Any]:
    with _open_text(path, errors="replace") as sniffed:
        is_list = _first_character(sniffed) == "["
    if is_list:
        with _open_text(path) as file:
            yield from _read_list(path, file)
        return
    # As bytes: a line that is not UTF-8 is broken, and the next one need not be.
    with _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            place = f"{path}, line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                yield BrokenRow(f"{place}: not UTF-8 text ({error}).", "UTF-8 text")
                continue
            if text.strip():
                yield _parse(text, place)


def _read_json(path: Path, split: str) -> Iterator[Any]:
    with _open_text(path) as file:
        first = _first_character(file)
        file.seek(0)
        if first != "{":
            yield from _read_list(path, file)
            return
        # One object a line is often called .json, too; one object alone spans lines or is all.
        line = next(line for line in file if line.strip())
        alone = isinstance(_parse(line, ""), BrokenRow) or not any(text.strip() for text in file)
        if alone:
            file.seek(0)
            found = _parse(file.read(), str(path))
            if isinstance(found, BrokenRow):
                raise DatasetError(found.message)
            yield from _rows_of(path, found, split)
            return
    yield from _read_json_lines(path, split)


def _first_character(file: TextIOWrapper) -> str:
    while text := file.read(_CHUNK):
        if text.strip():
            return text.lstrip()[0]
    return ""


def _rows_of(path: Path, found: Mapping[str, Any], split: str) -> Iterator[Any]:
    """The rows in one object: the list that it holds, the list of the split, or itself."""
    lists = {
        name: value
        for name, value in found.items()
        if isinstance(value, list) and all(isinstance(row, Mapping) for row in value)
    }
    lists = {name: rows for name, rows in lists.items() if rows} or lists
    named = [name for name in lists if name.lower() in _WRAPPERS]
    is_row = bool(_OF_A_ROW & {name.lower() for name in found}) or (
        not lists and any(not isinstance(value, list | dict) for value in found.values())
    )
    if split in lists:
        yield from lists[split]
    elif len(named) == 1 and not is_row:
        yield from lists[named[0]]
    elif is_row:
        yield found
    elif len(lists) == 1:
        yield from next(iter(lists.values()))
    elif lists:
        raise DatasetError(
            f"{path} is an object with several lists of rows ({', '.join(lists)}), none called "
            f"{split!r}; name one as the split, or save one in a file of its own."
        )
    else:
        raise DatasetError(
            f"{path}: expected a list of objects, one object a line, or an object that holds one "
            f"list of objects; got an object with {', '.join(found)}."
        )


def _read_list(path: Path, file: TextIOWrapper) -> Iterator[Any]:
    """The items of a JSON list, each read when it is asked for."""
    scanner = _Scanner(path, file)
    start = scanner.peek()
    if not start:
        return
    if start != "[":
        got = type(scanner.value()).__name__
        raise DatasetError(f"{path}: expected a list of objects, got {got}.")
    scanner.skip()
    if scanner.peek() != "]":
        yield scanner.value()
        while scanner.peek() == ",":
            scanner.skip()
            yield scanner.value()
        if scanner.peek() != "]":
            raise scanner.error("expecting ',' or ']'")
    scanner.skip()
    if scanner.peek():
        raise scanner.error("more after the end of the list")


class _Scanner:
    """JSON values from a text that is not in memory as a whole."""

    def __init__(self, path: Path, file: TextIOWrapper) -> None:
        self.path, self.file = path, file
        self.text, self.place, self.line = "", 0, 1
        self.decode = json.JSONDecoder().raw_decode

    def error(self, message: str, lines: int = 0) -> DatasetError:
        return DatasetError(f"{self.path}, line {self.line + lines}: not JSON ({message}).")

    def skip(self, to: int | None = None) -> None:
        """Go on to a place of the text, by default the next one."""
        to = self.place + 1 if to is None else to
        self.line += self.text.count("\n", self.place, to)
        self.place = to

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while not (found := _VISIBLE.search(self.text, self.place)):
            self.skip(len(self.text))
            if not self._more():
                return ""
        self.skip(found.start())
        return found[0]

    def value(self) -> Any:
        """The next value; a ``DatasetError`` where there is none."""
        self.peek()
        while True:
            try:
                value, end = self.decode(self.text, self.place)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos + _CUT > len(self.text)
                if not (cut and self._more()):
                    lines = self.text.count("\n", self.place, error.pos)
                    raise self.error(error.msg, lines) from error
            except RecursionError as error:
                raise self.error("nested too deeply") from error
            else:
                # A number that ends with the text may go on.
                if end < len(self.text) or not self._more():
                    self.skip(end)
                    return value

    def _more(self) -> bool:
        """Read on, twice as much as is there, so that a long value is not read again and again."""
        kept = self.text[self.place :]
        read = self.file.read(max(_CHUNK, len(kept)))
        self.text, self.place = kept + read, 0
        return bool(read)


def _read_csv(path: Path, split: str) -> Iterator[Any]:
    csv.field_size_limit(_MAX_CELL_CHARS)
    with _open_text(path, newline="") as file:
        delimiter = _delimiter(file)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter)
        header = [cell.strip() for cell in next((cells for cells in reader if any(cells)), [])]
        _check_header(path, header)
        index = 0
        for cells in reader:
            if not cells:
                continue
            if len(cells) > len(header):
                yield BrokenRow(
                    f"{path}, row {index} (line {reader.line_num}): expected {len(header)} cells, "
                    f"got {len(cells)}; quote texts that hold {delimiter!r}.",
                    "as many cells as there are columns",
                )
            elif [cell.strip() for cell in cells] == header:
                yield BrokenRow(
                    f"{path}, row {index} (line {reader.line_num}): the header stands here a "
                    "second time; delete that line.",
                    "one header",
                )
            else:
                named = zip(header, cells, strict=False)
                yield dict.fromkeys(header) | {name: cell for name, cell in named if cell != ""}
            index += 1
        if not index:
            raise DatasetError(
                f"{path} holds a header only ({', '.join(header)}): there is no row below it."
            )


def _delimiter(file: TextIOWrapper) -> str:
    """What makes the same number of cells of most records, and most of the header.

    ``csv.Sniffer`` goes by how often characters stand in the text, so that commas in sentences or
    colons in answers count for more than the one semicolon of each line.
    """

    def fit(delimiter: str) -> tuple[bool, float, int]:
        file.seek(0)
        records = [
            cells for cells in islice(csv.reader(file, delimiter=delimiter), _SNIFFED) if cells
        ]
        width = len(records[0]) if records else 0
        alike = sum(len(cells) == width for cells in records) / max(1, len(records))
        return width > 1, alike, width

    return max(_DELIMITERS, key=fit)


def _check_header(path: Path, header: list[str]) -> None:
    twice = [name for name in dict.fromkeys(header) if name and header.count(name) > 1]
    if twice:
        raise DatasetError(
            f"{path}: the header names the column {twice[0]!r} {header.count(twice[0])} times; "
            "give each column a name of its own."
        )


def _read_parquet(path: Path, split: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with _open(path) as stream, pq.ParquetFile(stream) as file:
            yield from _table_rows(file.schema_arrow, file.iter_batches(batch_size=_BATCH))
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is no parquet file that can be read ({error}).") from error


def _read_arrow(path: Path, split: str) -> Iterator[Any]:
    """Arrow's file format, or its stream format, which ``datasets`` writes."""
    import pyarrow as pa

    try:
        with _open(path) as stream:
            is_file = stream.read(6) == b"ARROW1"
            stream.seek(0)
            if is_file:
                with pa.ipc.open_file(stream) as file:
                    batches = (file.get_batch(i) for i in range(file.num_record_batches))
                    yield from _table_rows(file.schema, batches)
            else:
                with pa.ipc.open_stream(stream) as reader:
                    yield from _table_rows(reader.schema, reader)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is no arrow file that can be read ({error}).") from error


def _table_rows(schema: Any, batches: Iterable[Any]) -> Iterator[Any]:
    # What our own exports and ``datasets.Json`` hold as JSON.
    texts = [field.name for field in schema if str(field.type) == "extension<arrow.json>"]
    for batch in batches:
        for start in range(0, batch.num_rows, _BATCH):
            for row in batch.slice(start, _BATCH).to_pylist():
                yield row | {name: _as_data(row[name]) for name in texts}


def _as_data(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


KINDS: Mapping[str, Callable[[Path, str], Iterator[Any]]] = {
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
}
