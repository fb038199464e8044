"""What the sandboxes of a process have running, told by their command lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def sandbox_processes(trainer: int) -> list[int]:
    """Zygotes, candidates and oracles of the trainer with this process id; dead ones aside."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            arguments = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            # A zombie has no command line.
        except OSError:
            continue
        if str(trainer).encode() in arguments and any(b"mrlm.sandbox" in a for a in arguments):
            found.append(int(entry))
    return found


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
