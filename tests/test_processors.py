"""Which processors a run may use, and what it says where others use them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mrlm import processors
from mrlm.doctor import check_load
from mrlm.processors import (
    Load,
    available_processors,
    load_advice,
    measure_load,
    wanted_threads,
)

SPIN = "import sys; print('ready', flush=True)\nwhile True: pass"


@contextmanager
def _busy(count: int, places: set[int]) -> Iterator[list[int]]:
    """Processes that compute on these processors, started by a stranger, as others' would be."""
    starter = (
        "import os, subprocess, sys\n"
        f"os.sched_setaffinity(0, {places})\n"
        f"found = [subprocess.Popen([sys.executable, '-c', {SPIN!r}], stdout=subprocess.PIPE, "
        f"start_new_session=True) for _ in range({count})]\n"
        "[one.stdout.readline() for one in found]\n"
        "print(*[one.pid for one in found])\n"
    )
    told = subprocess.check_output([sys.executable, "-c", starter], text=True)
    pids = list(map(int, told.split()))
    try:
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, 9)


@pytest.mark.integration
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processes are pinned")
def test_busy_programs_are_noticed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are processors: whatever else runs here, others have half of the time."""
    places = os.sched_getaffinity(0)
    with _busy(2 * len(places), places):
        load = measure_load(threads=2 * len(places))
        monkeypatch.setenv("OMP_NUM_THREADS", str(2 * len(places)))
        check = check_load()
    assert load.is_crowded and load.busy > 0.5, load
    assert ", process " in load.program
    advice = load_advice(load)
    assert "OMP_NUM_THREADS=" in advice and load.program in advice
    assert check.status == "warning" and "OMP_NUM_THREADS" in check.advice


def test_what_this_process_starts_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers compute for it; beside the machine's other load they count for nothing."""
    seconds = {"machine": 0.0, "own": 0.0}

    def sleep(_: float) -> None:
        seconds["machine"] += 2 * processors._WINDOW
        seconds["own"] += 2 * processors._WINDOW

    clock = iter(range(100))
    monkeypatch.setattr(processors, "_busy_seconds", lambda: seconds["machine"])
    monkeypatch.setattr(processors, "_own_seconds", lambda: seconds["own"])
    monkeypatch.setattr(processors.time, "monotonic", lambda: next(clock) * processors._WINDOW)
    monkeypatch.setattr(processors.time, "sleep", sleep)
    load = measure_load(threads=2)
    assert load.busy == 0 and not load_advice(load)


@pytest.mark.parametrize(
    ("threads", "busy", "crowded"),
    [
        (2, 0.0, False),
        (2, 0.3, False),  # an editor, a browser
        (2, 1.0, True),
        (1, 1.0, False),  # one each
        (1, 1.9, False),  # it waits, but for no thread of its own
        (6, 2.0, False),  # of eight
        (8, 0.6, True),
    ],
)
def test_what_is_crowded(threads: int, busy: float, crowded: bool) -> None:
    load = Load(8 if threads > 2 else 2, threads, busy)
    assert load.is_crowded == crowded
    assert bool(load_advice(load)) == crowded


def test_a_suspicion_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that starts beside the run and is done at once is no reason to warn."""
    looks = [Load(2, 2, 2.0), Load(2, 2, 0.1)]
    monkeypatch.setattr(processors, "_look", lambda threads, seconds: looks.pop(0))
    assert not measure_load(2).is_crowded and not looks


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, 4),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "3,2"}, 3),
        ({"OMP_NUM_THREADS": ""}, 4),
        ({"OMP_NUM_THREADS": "many"}, 4),
        ({"OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": "2"}, 2),
        ({"OMP_NUM_THREADS": "1", "ACCELERATE_MIXED_PRECISION": "no"}, 4),
        ({"OMP_NUM_THREADS": "2", "ACCELERATE_MIXED_PRECISION": "no"}, 2),
    ],
)
def test_threads(
    environment: dict[str, str], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "LOCAL_WORLD_SIZE", "ACCELERATE_MIXED_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processors, "available_processors", lambda: 4)
    assert wanted_threads() == threads


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
    ],
)
def test_a_container_limits_the_processors(
    files: dict[str, str], limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(processors, "_CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert available_processors() == limit
