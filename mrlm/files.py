"""JSON files that are either whole or absent: written beside their place, then renamed.

A run that is killed while it writes leaves the file that was there before. What is written is
strict JSON: a float that is not finite, such as an undefined explained variance, becomes ``null``.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)  # mkstemp makes a private file; give it an ordinary one's permissions
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def check_output(path: str | Path, flag: str, *, is_file: bool = False) -> None:
    """Refuse a place that cannot be written to, before the work whose result goes there.

    Args:
        path: A folder, which need not exist yet; or a file.
        flag: What names it, for the message.
        is_file: Which of the two.

    Raises:
        OSError: Something else is there, a file is on the way, or writing is not allowed.
    """
    path = Path(path)
    if path.exists() and path.is_dir() == is_file:
        found, wanted = ("a folder", "a file") if is_file else ("a file", "a folder")
        raise FileExistsError(f"{flag} {path}: there is {found} of this name; name {wanted}.")
    place = path.parent if is_file else path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(f"{flag} {path}: {place} is a file; name another place.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"{flag} {path}: writing into {place} is not allowed.")


def replace_folder(new: Path, old: Path) -> None:
    """Put a folder that is complete in the place of another, or where there is none yet."""
    aside = old.with_name(f".{old.name}-replaced")
    shutil.rmtree(aside, ignore_errors=True)
    if old.exists():
        old.rename(aside)
    new.rename(old)
    shutil.rmtree(aside, ignore_errors=True)


def to_json(value: Any, *, compact: bool = False) -> str:
    """One JSON value as text: indented for people who read it, or compact and in ASCII alone."""
    if compact:
        return json.dumps(_strict(value), separators=(",", ":"))
    return json.dumps(_strict(value), indent=2, ensure_ascii=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write one JSON value."""
    write_text(path, to_json(value))


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON value per line."""
    lines = (json.dumps(_strict(value), ensure_ascii=False) for value in values)
    write_text(path, "".join(f"{line}\n" for line in lines))


def append_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Add one JSON value per line to a file that others may read meanwhile; it is made if absent.

    All lines go in one write: a reader sees whole lines, or at worst the last one unended.
    """
    lines = (json.dumps(_strict(value), ensure_ascii=False) for value in values)
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", errors="backslashreplace")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(data)


def read_json(path: Path) -> Any:
    """Read one JSON value.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not JSON; the message names the file.
    """
    return _parse(path.read_text(encoding="utf-8"), str(path))


def read_json_lines(path: Path, *, is_growing: bool = False) -> list[Any]:
    """Read one JSON value per line; errors as in ``read_json``, with the line's number.

    Args:
        path: The file.
        is_growing: It is, or was, appended to: a last line that has no end is left out.
    """
    text = path.read_text(encoding="utf-8")
    if is_growing:
        text = text[: text.rfind("\n") + 1]
    # Not ``splitlines``: a completion may hold U+2028, which JSON does not escape.
    lines = text.split("\n")
    return [_parse(line, f"{path}:{i}") for i, line in enumerate(lines, start=1) if line]


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place} is not JSON ({error}); write it again") from error


def _strict(value: Any) -> Any:
    """Replace what JSON has no word for: NaN and infinities by ``None``, keys by text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    return str(value)
