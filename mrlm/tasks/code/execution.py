"""One sandbox per process for all code rewards, and a memory of what ran already.

The sandbox starts when the first code is scored and ends with the process. Rewards hold settings
only, so they pickle, and every rank of a distributed run has a sandbox of its own.

What became of a piece of code is remembered for a while, but for a timeout. Rewards that are used
together, equal completions in a batch, and the score of a completion that was rewarded a moment ago
share one run.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import NamedTuple

from mrlm.sandbox import Job, Sandbox, SandboxError, Verdict

__all__ = ["DEFAULT_LIMITS", "Limits", "Outcome", "get_sandbox", "run_jobs"]

logger = logging.getLogger(__name__)

MAX_REMEMBERED = 8192  # outcomes


@dataclass(frozen=True)
class Limits:
    """What a piece of code may use; wrong values are refused when the sandbox starts.

    Attributes:
        time_limit: Seconds for all tests of one completion.
        memory_mb: MiB for each process that runs it.
        isolation: ``"full"``, or by name what ``Sandbox`` offers where a kernel cannot do that.
        packages: Installed packages that it may import, such as ``("numpy",)``.
    """

    time_limit: float = 3.0
    memory_mb: int = 512
    isolation: str = "full"
    packages: tuple[str, ...] = ()


DEFAULT_LIMITS = Limits()


class Outcome(NamedTuple):
    """What is remembered of a verdict."""

    status: str
    tests_passed: int
    tests_total: int


_lock = threading.Lock()
_sandbox_lock = threading.Lock()
_outcomes: OrderedDict[bytes, Outcome] = OrderedDict()


def get_sandbox(limits: Limits) -> Sandbox:
    """This process's sandbox with these limits; one worker per core that this rank has.

    Raises:
        ValueError: A limit is out of range, or a package is not installed.
        SandboxError: This machine cannot isolate code so; the message names the choices.
    """
    with _sandbox_lock:  # threads that come at once would each make one
        return cached_sandbox(limits)


@cache
def cached_sandbox(limits: Limits) -> Sandbox:
    """For ``get_sandbox``, which lets one thread in at a time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = max(1, (cores or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    sandbox = Sandbox(
        workers,
        limits.time_limit,
        limits.memory_mb,
        isolation=limits.isolation,
        packages=limits.packages,
    )
    atexit.register(sandbox.close)
    return sandbox


def run_jobs(jobs: Sequence[Job | None], limits: Limits) -> list[Outcome | None]:
    """Run, in one batch, what was not run before.

    Returns:
        For each job its outcome; ``None`` for no job, and where the sandbox broke.

    Raises:
        ValueError, SandboxError: As ``get_sandbox``; nothing can be scored then.
    """
    keys = [_key(job, limits) if job is not None else b"" for job in jobs]
    known = {key: outcome for key in keys if (outcome := _recall(key)) is not None}
    fresh = {
        key: job
        for key, job in zip(keys, jobs, strict=True)
        if job is not None and key not in known
    }
    if fresh:
        verdicts = _check(get_sandbox(limits), list(fresh.values()))
        for key, verdict in zip(fresh, verdicts, strict=True):
            if verdict is not None:
                known[key] = Outcome(verdict.status, verdict.tests_passed, verdict.tests_total)
        _remember({key: known[key] for key in fresh if key in known})
    return [known.get(key) for key in keys]


def _check(sandbox: Sandbox, jobs: list[Job]) -> list[Verdict | None]:
    try:
        return list(sandbox.check_many(jobs))
    except SandboxError as error:
        if len(jobs) == 1:
            logger.warning("The sandbox broke, a completion stays unscored: %s", error)
            return [None]
    # One by one, so that what broke it costs only its own verdict.
    return [verdict for job in jobs for verdict in _check(sandbox, [job])]


def _key(job: Job, limits: Limits) -> bytes:
    # Not repr: it leaves the tests out.
    return blake2b(f"{limits}{type(job)}{vars(job)}".encode(), digest_size=16).digest()


def _recall(key: bytes) -> Outcome | None:
    with _lock:
        if key not in _outcomes:
            return None
        _outcomes.move_to_end(key)
        return _outcomes[key]


def _remember(outcomes: dict[bytes, Outcome]) -> None:
    # A timeout may be a busy machine's: the code is tried again when it comes again.
    decided = {key: outcome for key, outcome in outcomes.items() if outcome.status != "timeout"}
    with _lock:
        _outcomes.update(decided)
        while len(_outcomes) > MAX_REMEMBERED:
            _outcomes.popitem(last=False)
