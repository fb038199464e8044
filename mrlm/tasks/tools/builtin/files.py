"""Files in one private folder, for a model that nobody trusts.

Every path is walked component by component from the folder's descriptor without following a link
(``O_NOFOLLOW``), so neither ``..``, an absolute path, a symbolic link nor a race leads outside.
Only regular files with one name are opened, without blocking: pipes, devices and hard links are
refused. Sizes and counts are bounded. Writing makes the folders on the way.

Does not cover: deleting and renaming, binary files (shown as text with replacement characters),
systems without ``dir_fd`` (Windows).
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Literal

__all__ = ["MAX_FILES", "MAX_FILE_SIZE", "file_system", "make_file_system"]

MAX_FILE_SIZE = 65_536  # bytes
MAX_FILES = 64  # in one folder
_MAX_PATH_LENGTH = 200
_MAX_DEPTH = 4
_RULE = "a relative path inside the folder, such as 'notes.txt' or 'docs/a.txt'"


def make_file_system(root: str | Path | None = None) -> Callable[..., str]:
    """The file tool over one folder.

    Args:
        root: An existing folder; nothing outside it can be reached. By default an empty private
            one, made at the first call and gone with the tool.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    if root is None:
        folder_of = cache(lambda: tempfile.TemporaryDirectory(prefix="mrlm-files-"))
    elif not Path(root).is_dir():
        raise FileNotFoundError(f"{root} is no folder: make it first.")

    def file_system(
        action: Literal["list", "read", "write"], path: str = ".", content: str = ""
    ) -> str:
        """List, read or write files.

        Args:
            action: What to do.
            path: The file, or the folder to list.
            content: The text to write.

        Returns:
            The names, the text, or a confirmation.
        """
        if action not in ("list", "read", "write"):
            raise ValueError("action must be one of 'list', 'read', 'write'")
        parts = _parts(path)
        folder = Path(folder_of().name if root is None else root)
        try:
            if action == "list":
                return _list(folder, parts)
            if not parts:
                raise ValueError(f"{action} needs {_RULE}")
            return _read(folder, parts) if action == "read" else _write(folder, parts, content)
        except OSError as error:
            # The system's message would name the folder's real place.
            reason = os.strerror(error.errno) if error.errno else "refused"
            raise ValueError(f"cannot {action} {path!r}: {reason}") from None

    return file_system


file_system = make_file_system()


def _parts(path: str) -> list[str]:
    """The components of a path, checked.

    Raises:
        ValueError: It is no path, or would lead outside.
    """
    if not isinstance(path, str) or not 0 < len(path) <= _MAX_PATH_LENGTH:
        raise ValueError(f"path must be {_RULE}")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    wrong = any(part == ".." or "\\" in part or not part.isprintable() for part in parts)
    if wrong or path.startswith(("/", "~")) or len(parts) > _MAX_DEPTH:
        raise ValueError(f"path {path[:40]!r} is not allowed; give {_RULE}")
    return parts


@contextmanager
def _opened(
    folder: Path, parts: list[str], flags: int, make_folders: bool = False
) -> Iterator[int]:
    """A descriptor of what the path names, no link followed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            wanted = flags if last else os.O_RDONLY | os.O_DIRECTORY
            if make_folders and wanted & os.O_DIRECTORY:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=descriptor)
            safe = wanted | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            inner = os.open(part, safe, 0o600, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _check_regular(descriptor: int) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise ValueError("this is no plain file; only plain files can be read and written")


def _list(folder: Path, parts: list[str]) -> str:
    with _opened(folder, parts, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        names = [
            name + "/" if stat.S_ISDIR(os.lstat(name, dir_fd=descriptor).st_mode) else name
            for name in sorted(os.listdir(descriptor))[:MAX_FILES]
        ]
    return "\n".join(names) or "The folder is empty."


def _read(folder: Path, parts: list[str]) -> str:
    with _opened(folder, parts, os.O_RDONLY) as descriptor:
        _check_regular(descriptor)
        data = os.read(descriptor, MAX_FILE_SIZE)
    return data.decode("utf-8", "replace") or "The file is empty."


def _write(folder: Path, parts: list[str], content: str) -> str:
    data = content.encode("utf-8", "replace") if isinstance(content, str) else b""
    if not isinstance(content, str) or len(data) > MAX_FILE_SIZE:
        raise ValueError(f"content must be text of at most {MAX_FILE_SIZE} bytes")
    with _opened(folder, parts[:-1], os.O_RDONLY | os.O_DIRECTORY, True) as descriptor:
        if len(os.listdir(descriptor)) >= MAX_FILES:
            raise ValueError(f"the folder holds {MAX_FILES} files; no more are allowed")
    # Truncated only once it is known to be a plain file of ours.
    with _opened(folder, parts, os.O_WRONLY | os.O_CREAT) as descriptor:
        _check_regular(descriptor)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, data)
    return f"Wrote {len(content)} characters to {'/'.join(parts)}."
