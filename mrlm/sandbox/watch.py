"""What a run may have too much of and no limit of Linux bounds; so the zygote looks, now and then.

Threads and processor time are read from ``/proc``, the private folder is listed. Not covered: what
a process may use by itself (memory, the size of one file), for which it has limits.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable

__all__ = ["Watch", "excess"]

THREAD_LIMIT = 64
BUSY_LIMIT = 0.5  # seconds of processor time beyond what one processor gives
DISK_LIMIT = 16 << 20  # bytes in the private folder
FILE_COUNT_LIMIT = 256


class Watch:
    """Threads of a child, and the processor time by which it is ahead of one busy processor.

    Threads that compute outside Python's lock share the processors with everyone else's runs and
    with the trainer, thread by thread: dozens of them would slow those down tenfold.
    """

    def __init__(self, process: int) -> None:
        self.process = process
        self.threads = 1
        self.ahead = self.used = 0.0
        self.time = time.monotonic()

    def look(self) -> None:
        with open(f"/proc/{self.process}/stat", "rb") as file:
            # The command's name, in parentheses, may contain anything.
            fields = file.read().rpartition(b")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        now = time.monotonic()
        self.ahead = max(0.0, self.ahead + used - self.used - (now - self.time))
        self.threads, self.used, self.time = int(fields[17]), used, now


def excess(watches: Iterable[Watch], folder: str) -> str | None:
    """What a run has too much of: ``"threads"``, ``"processors"``, ``"disk"``, or ``None``."""
    for watch in watches:
        watch.look()
        if watch.threads > THREAD_LIMIT:
            return "threads"
        if watch.ahead > BUSY_LIMIT:
            return "processors"
    entries = list(itertools.islice(os.scandir(folder), FILE_COUNT_LIMIT + 1))
    size = 0
    for entry in entries:
        with contextlib.suppress(FileNotFoundError):
            size += entry.stat(follow_symlinks=False).st_size
    return "disk" if len(entries) > FILE_COUNT_LIMIT or size > DISK_LIMIT else None
