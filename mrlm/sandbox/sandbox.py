"""The pool: takes jobs from any thread, hands each to a zygote, returns verdicts."""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any

from mrlm.errors import SandboxError
from mrlm.sandbox.jobs import FunctionJob, Job, ProgramJob, SuiteJob, Verdict
from mrlm.sandbox.lockdown import missing_features
from mrlm.sandbox.packages import find_packages
from mrlm.sandbox.runs import run_job
from mrlm.sandbox.session import Session
from mrlm.sandbox.worker import Limits, Worker

__all__ = ["CODE_LIMIT", "ISOLATION_MODES", "Sandbox"]

ISOLATION_MODES = ("full", "rlimits-unsafe")
CODE_LIMIT = 1 << 20  # characters
MIN_MEMORY_MB = 128  # an interpreter with its usual modules needs about half
CLOSED = "The sandbox is closed; make a new one."

logger = logging.getLogger(__name__)


class Sandbox:
    """Runs code that nobody trusts, and says whether it passes its tests.

    Safe to use from several threads. Each process has its own: after a ``fork`` the child starts
    processes of its own when it first needs them. Starting is lazy, about 0.1 s per worker.

    Args:
        workers: Candidates that run at the same time.
        time_limit: Seconds of wall time that one verdict may cost, all of its tests together; for a
            session, one ``run``.
        memory_mb: MiB of address space for each process of a run.
        output_limit: Bytes of printed output that are kept.
        isolation: ``"full"``, or by name ``"rlimits-unsafe"``: resource limits only, for systems
            without Landlock or seccomp. Code then can read files, use the network and kill
            processes; it still cannot see expected values. Every verdict names the mode.
        packages: Installed packages that code may import, such as ``["numpy"]``; their files
            become readable and nothing else does.

    Raises:
        ValueError: a limit is out of range, the mode is unknown, or a package is not installed.
        SandboxError: this system cannot isolate fully; says what is missing. Also raised by every
            method when the sandbox itself breaks, which says nothing about the code.
    """

    def __init__(
        self,
        workers: int = 2,
        time_limit: float = 5.0,
        memory_mb: int = 512,
        output_limit: int = 65536,
        isolation: str = "full",
        packages: Sequence[str] = (),
    ) -> None:
        if isolation not in ISOLATION_MODES:
            raise ValueError(
                f"isolation is {isolation!r}; choose one of {', '.join(ISOLATION_MODES)}."
            )
        _check_number("workers", workers, 1, 1024, whole=True)
        _check_number("time_limit", time_limit, 0.01, 3600)
        _check_number("memory_mb", memory_mb, MIN_MEMORY_MB, 1 << 20, whole=True)
        _check_number("output_limit", output_limit, 1, 64 << 20, whole=True)
        missing = missing_features()
        if isolation == "full" and missing:
            raise SandboxError(
                f"Code cannot be isolated here: this system lacks {'; '.join(missing)}. Run where "
                f"it is available, or accept that code can read files, use the network and kill "
                f"processes, with isolation='rlimits-unsafe'."
            )
        if isolation != "full":
            _warn_of_unsafe_mode()
        self.workers = workers
        self.time_limit = float(time_limit)
        self.memory_mb = memory_mb
        self.output_limit = output_limit
        self._limits = Limits(self.time_limit, memory_mb << 20, output_limit)
        self.isolation = isolation
        self.packages = tuple(packages)
        self._package_files = find_packages(packages)
        self._reset()
        _sandboxes.add(self)

    def _reset(self) -> None:
        # Reentrant: a session that is collected gives its worker back, in whatever thread that is.
        self._lock = threading.RLock()
        self._slots = threading.BoundedSemaphore(self.workers)
        self._all: set[Worker] = set()
        self._idle: list[Worker] = []
        self._closed = False

    def check_function(
        self, code: str, function_name: str, cases: Sequence[Mapping[str, str]]
    ) -> Verdict:
        """Call a function and compare what it returns, types included; see :class:`FunctionJob`."""
        return self._check(FunctionJob(code, function_name, cases))

    def check_program(self, code: str, cases: Sequence[Mapping[str, str]]) -> Verdict:
        """Run a program and compare what it prints; see :class:`ProgramJob`."""
        return self._check(ProgramJob(code, cases))

    def check_suite(self, code: str, test: str, entry_point: str) -> Verdict:
        """Run tests that are a Python program; see :class:`SuiteJob`."""
        return self._check(SuiteJob(code, test, entry_point))

    def check_many(self, jobs: Iterable[Job]) -> list[Verdict]:
        """The verdicts of many jobs, in their order, ``workers`` at a time."""
        jobs = list(jobs)
        if len(jobs) <= 1:
            return [self._check(job) for job in jobs]
        with ThreadPoolExecutor(min(self.workers, len(jobs)), "mrlm-sandbox") as threads:
            return list(threads.map(self._check, jobs))

    def session(self) -> Session:
        """A Python prompt with state, a context manager. Does not count against ``workers``."""
        return Session(self._acquire(), self._limits, self.isolation, self._release)

    def close(self) -> None:
        """End all processes, those of sessions included. Using the sandbox again is an error."""
        with self._lock:
            self._closed = True
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Sandbox], tuple[Any, ...]]:
        # A reward that holds a sandbox can be pickled; the copy starts its own processes.
        limits = (self.workers, self.time_limit, self.memory_mb, self.output_limit)
        return Sandbox, (*limits, self.isolation, self.packages)

    def _check(self, job: Job) -> Verdict:
        if len(job.code) > CODE_LIMIT:
            total = 1 if isinstance(job, SuiteJob) else len(job.cases)
            message = f"the code is longer than {CODE_LIMIT} characters"
            return Verdict("error", 0, total, message, isolation=self.isolation)
        with self._slots, self._worker() as worker:
            started = time.monotonic()
            verdict = run_job(worker, job, self._limits)
            seconds = time.monotonic() - started
        return replace(verdict, isolation=self.isolation, seconds=seconds)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._acquire()
        try:
            yield worker
        except BaseException:
            # A report may still be under way that the next run would take for its own.
            self._release(worker, broken=True)
            raise
        self._release(worker)

    def _acquire(self) -> Worker:
        with self._lock:
            if self._closed:
                raise SandboxError(CLOSED)
            if self._idle:
                return self._idle.pop()
        worker = Worker(self.isolation, self._limits.memory, self._package_files)
        with self._lock:
            if not self._closed:
                self._all.add(worker)
                return worker
        worker.close()
        raise SandboxError(CLOSED)

    def _release(self, worker: Worker, broken: bool = False) -> None:
        with self._lock:
            if worker not in self._all:
                return  # closed meanwhile, or made before a fork
            if not broken and len(self._idle) < self.workers:
                self._idle.append(worker)
                return
            self._all.remove(worker)
        worker.close()


_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for sandbox in list(_sandboxes):
        for worker in sandbox._all:
            worker.abandon()
        sandbox._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


@functools.cache
def _warn_of_unsafe_mode() -> None:
    logger.warning(
        "isolation='rlimits-unsafe': code that is run can read files, use the network and kill "
        "processes of this user. Every verdict says so."
    )


def _check_number(name: str, value: float, low: float, high: float, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"{name} is {value!r}; it must be {kind} from {low} to {high}.")
