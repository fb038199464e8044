"""Read a JSON-lines file that may be large and still grow: only what is new, a piece at a time.

Nothing is kept between two reads: the reader holds a cursor, which says how far it has read, and
has a checksum of what stands just before, so that another file in the place of this is noticed.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["MAX_BYTES", "Piece", "read_all", "read_piece"]

MAX_BYTES = 16 << 20  # of a file that are read, its end; what is before is left out
_PIECE = 1 << 20
_CHECKED = 64  # bytes before the cursor


@dataclass(frozen=True)
class Piece:
    """Some lines of a file.

    Attributes:
        rows: One JSON object for each line; a line that is none is left out.
        cursor: Where the next read goes on.
        restart: The rows do not go on from the cursor that was given: forget those of before.
        more: There are further whole lines already.
        skipped: Bytes at the file's begin that are never read.
    """

    rows: list[dict[str, Any]]
    cursor: str
    restart: bool
    more: bool
    skipped: int


def read_piece(path: Path, cursor: str = "", *, max_bytes: int = MAX_BYTES) -> Piece:
    """The next whole lines, about a megabyte of them.

    Args:
        path: The file; one that is not there yet is empty.
        cursor: Of the piece before; ``""``, or one of another file, starts at the begin.
        max_bytes: Of the file, its end, where the read starts anew.
    """
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return Piece([], "", bool(cursor), False, 0)
    with file:
        size = os.fstat(file.fileno()).st_size
        skipped, start, restart = _place(cursor, file, size, max_bytes)
        file.seek(start)
        data = file.read(_PIECE)
        is_full = len(data) == _PIECE
        if start and restart:  # in the middle of a line
            cut = data.find(b"\n") + 1
            start, data = start + cut, data[cut:]
        if b"\n" not in data:
            data += file.readline()
        data = data[: data.rfind(b"\n") + 1]
        end = start + len(data)
        cursor = f"{skipped}-{end}-{_checksum(file, end)}"
    rows = [row for line in data.split(b"\n") if (row := _parse(line)) is not None]
    return Piece(rows, cursor, restart, is_full and bool(data), skipped)


def read_all(path: Path, *, max_bytes: int = MAX_BYTES) -> list[dict[str, Any]]:
    """The rows of a file, of a large one those of its end."""
    piece = read_piece(path, max_bytes=max_bytes)
    rows = piece.rows
    while piece.more:
        piece = read_piece(path, piece.cursor)
        rows += piece.rows
    return rows


def _place(cursor: str, file: BinaryIO, size: int, max_bytes: int) -> tuple[int, int, bool]:
    """Bytes skipped, where to read on, and whether that is a new start."""
    numbers = cursor.split("-")
    if len(numbers) == 3 and all(number.isdecimal() and len(number) < 20 for number in numbers):
        skipped, end, checksum = map(int, numbers)
        if skipped <= end <= size and _checksum(file, end) == checksum:
            return skipped, end, False
    skipped = max(0, size - max_bytes)
    return skipped, skipped, True


def _checksum(file: BinaryIO, end: int) -> int:
    start = max(0, end - _CHECKED)
    file.seek(start)
    return zlib.crc32(file.read(end - start))


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
