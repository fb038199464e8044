"""A folder that is either whole or as it was before: written beside its place, then moved there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mrlm.files import read_json

__all__ = ["STATISTICS", "check_replaceable", "staged"]

STATISTICS = "statistics.json"


def check_replaceable(folder: Path) -> None:
    """Raise ``ValueError`` unless the folder is absent, empty, or holds an earlier dataset alone.

    A dataset lists its files in ``statistics.json``; whatever else is there belongs to somebody.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"out is {folder}, a file; give a folder.")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    try:
        known = set(read_json(folder / STATISTICS)["files"]) if found else set()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        known = set()
    if foreign := sorted(found - known):
        raise ValueError(
            f"out is {folder}, where there are other files ({', '.join(foreign[:3])}); give a "
            "folder that is new, empty, or holds an earlier dataset."
        )


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder to write to, which takes the place of ``folder`` when the block ends well.

    Raises:
        ValueError: The folder is not ours to replace.
    """
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        new, old = beside / "new", beside / "old"
        new.mkdir()  # with ordinary permissions, which a temporary folder has not
        yield new
        if not folder.exists():
            new.rename(folder)
            return
        check_replaceable(folder)
        folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
