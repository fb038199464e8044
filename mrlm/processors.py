"""Which processors this process may compute on, and how busy others keep them.

PyTorch's threads wait for each other at every product, and spin while they do. Two programs that
each take all cores therefore slow each other down tenfold, not twofold: better to be told.

Not covered: GPUs; limits of a cgroup that changes while a run goes; programs that start later.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Load", "available_processors", "load_advice", "measure_load", "wanted_threads"]

_WINDOW = 0.4  # seconds; the kernel counts in hundredths
_CONFIRMED = 1.2  # seconds that a suspicion is looked at again: starting programs come and go
_BUSY = 0.5  # processors that others may use without a word
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Load:
    """What others do on the processors that this process may use.

    Attributes:
        processors: How many those are.
        threads: With which this process computes.
        busy: Processors that others keep busy, in sum over time.
        program: The program that uses most, with its process number; empty where none is seen.
    """

    processors: int
    threads: int
    busy: float
    program: str = ""

    @property
    def is_crowded(self) -> bool:
        """Whether threads of this process, which wait for each other, lack processors."""
        lacking = self.threads + self.busy - self.processors
        return self.threads > 1 and self.busy >= _BUSY and lacking > _BUSY / 2


def available_processors() -> int:
    """Processors that this process may use: its affinity, and its cgroup's limit, rounded down."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, int(min(allowed or 1, _cgroup_limit())))


def wanted_threads() -> int:
    """Threads to compute with: the user's ``OMP_NUM_THREADS``, else all processors, shared.

    ``accelerate launch`` and ``torchrun`` set ``OMP_NUM_THREADS=1`` where nobody chose a number,
    and a CPU run would take as many times longer as there are processors: theirs does not count.
    """
    processes = os.environ.get("LOCAL_WORLD_SIZE")
    launched = processes is not None or "ACCELERATE_MIXED_PRECISION" in os.environ
    chosen = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if chosen.isdecimal() and int(chosen) > 0 and not (launched and chosen == "1"):
        return int(chosen)
    return max(1, available_processors() // int(processes or "1"))


def measure_load(threads: int | None = None) -> Load:
    """Look for half a second, and where there seems to be too much for longer.

    Args:
        threads: With which this process will compute; default: ``wanted_threads()``.

    Returns:
        What was seen; the time of this process and of those that it started does not count.
    """
    threads = wanted_threads() if threads is None else threads
    load = _look(threads, _WINDOW)
    return _look(threads, _CONFIRMED) if load.is_crowded else load


def load_advice(load: Load) -> str:
    """What is wrong and what to do, for people; empty where nothing is."""
    if not load.is_crowded:
        return ""
    most = f" (most of it {load.program})" if load.program else ""
    free = max(1, int(load.processors - load.busy))
    return (
        f"Other programs keep {load.busy:.1f} of {load.processors} processors busy{most}, and this "
        f"one computes in {load.threads} threads. They wait for each other, which can make both "
        f"many times slower. Let the others end, or start with OMP_NUM_THREADS={free}, or give "
        "each program processors of its own: taskset -c 0, taskset -c 1."
    )


def _look(threads: int, seconds: float) -> Load:
    before, ours, others = _busy_seconds(), _own_seconds(), _seconds_by_process()
    start = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    used = _busy_seconds() - before - (_own_seconds() - ours)
    grown = {
        process: seconds - others[process]
        for process, seconds in _seconds_by_process().items()
        if process in others
    }
    most = max(grown, key=grown.__getitem__, default=None)
    program = ""
    if most is not None and grown[most] >= _BUSY / 2 * took:
        program = f"{most[1]}, process {most[0]}"
    return Load(available_processors(), threads, max(0.0, used / took), program)


def _busy_seconds() -> float:
    """Of all processors that this process may use, since the machine started."""
    times: list[Any] = psutil.cpu_times(percpu=True)
    if hasattr(os, "sched_getaffinity"):
        times = [times[i] for i in os.sched_getaffinity(0) if i < len(times)]
    idle = ("idle", "iowait", "steal", "guest", "guest_nice")  # guests are counted as users, too
    used = (value for one in times for name, value in one._asdict().items() if name not in idle)
    return float(sum(used))


def _own_seconds() -> float:
    """Of this process and of those that it started."""
    here = psutil.Process()
    return sum(
        seconds for one in (here, *here.children(recursive=True)) if (seconds := _seconds(one))
    )


def _seconds_by_process() -> dict[tuple[int, str], float]:
    """By number and name, of the processes that can be seen; not this one and its own."""
    here = psutil.Process()
    ours = {here.pid, *(child.pid for child in here.children(recursive=True))}
    return {
        (one.pid, one.info["name"]): _seconds(one)
        for one in psutil.process_iter(["name"])
        if one.pid not in ours
    }


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:  # it has ended, or is somebody else's
        return 0.0
    return float(times.user + times.system)


def _cgroup_limit() -> float:
    """Processors' worth of time that the cgroup, or one around it, allows."""
    limits = [float("inf")]
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
        own = next((line[3:] for line in lines if line.startswith("0::")), "/").lstrip("/")
    except OSError:  # not Linux
        return limits[0]
    for folder in (_CGROUPS / own, *(_CGROUPS / own).parents):
        if _CGROUPS in (folder, *folder.parents):
            limits.append(_quota(folder / "cpu.max"))
    legacy = _CGROUPS / "cpu"
    limits.append(_quota(legacy / "cpu.cfs_quota_us", legacy / "cpu.cfs_period_us"))
    return min(limits)


def _quota(*files: Path) -> float:
    """Of the files' words, which are a time and in how much of it."""
    try:
        quota, period = map(float, " ".join(f.read_text(encoding="ascii") for f in files).split())
    except (OSError, ValueError):  # there is none, or it says "max"
        return float("inf")
    return quota / period if quota > 0 and period > 0 else float("inf")
