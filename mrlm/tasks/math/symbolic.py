"""Comparison by algebra, with math-verify and sympy, in worker processes that can be killed.

math-verify's own timeouts need the main thread, and inputs such as ``9^{9^{9^9}}`` run for ever. So
each comparison runs in a clean process (exec, never a fork of the training process), limited in
processor time, memory and input size: other work on the machine takes no time from an answer. A
worker has compared before it says that it is ready, a comparison that takes too long is tried once
more with a higher limit, and the worker then goes on within milliseconds. Works from any thread;
each worker serves one caller at a time, and callers are served side by side.

Does not cover: isolation from a hostile library. math-verify parses the text, it does not run it.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["LIMITS_S", "WORKERS", "SymbolicPool", "symbolic_ask", "symbolic_pool"]

LIMITS_S = (0.4, 0.9)  # of processor time: the first try, the second
_BUDGET_S = 1.0  # of processor time, for all that one answer asks and that is not too slow
_WALL_LIMIT_S = 120.0  # for a worker that neither computes nor replies
WORKERS = min(8, max(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
_WORKER_FILE = Path(__file__).with_name("symbolic_worker.py")


class WorkerLostError(Exception):
    """A worker ended, or did not start, before it replied."""


class _Worker:
    """One process; ``compare`` blocks its caller until it replies."""

    def __init__(self) -> None:
        # -E -P: neither PYTHON* variables nor the working directory choose what it imports.
        # stderr is dropped: sympy's tracebacks on hostile input would flood a run's log. A session
        # of its own: the worker has a child, and both are killed together.
        self._process = subprocess.Popen(
            [sys.executable, "-E", "-P", str(_WORKER_FILE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        self._ready = False

    def wait_ready(self) -> None:
        if not self._ready:
            if self._read()[0] != "ready":
                raise WorkerLostError("the worker did not start")
            self._ready = True

    def compare(
        self, reference: str, answer: str, tolerance: float, limit_s: float
    ) -> tuple[str, float]:
        """The worker's verdict and the seconds of processor time that it took."""
        request = {
            "reference": reference,
            "answer": answer,
            "tolerance": tolerance,
            "limit": limit_s,
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise WorkerLostError("the worker is gone") from error
        verdict, seconds = self._read()
        return verdict, limit_s if verdict == "timeout" else seconds

    def _read(self) -> tuple[str, float]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + _WALL_LIMIT_S
        line = b""
        while not line.endswith(b"\n"):
            # poll, not select: descriptors above 1,023 are common in a training process.
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise WorkerLostError("the worker does not reply")
            chunk = os.read(descriptor, 4096)
            if not chunk:
                raise WorkerLostError("the worker ended without a reply")
            line += chunk
        reply = json.loads(line)
        return str(reply["verdict"]), float(reply["seconds"])

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        self.stop()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class SymbolicPool:
    """At most ``WORKERS`` processes, started when first needed and replaced when lost."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(WORKERS)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._owner = os.getpid()

    def verdict(
        self,
        reference: str,
        answer: str,
        tolerance: float = 1e-6,
        limits_s: tuple[float, ...] = LIMITS_S,
    ) -> tuple[str, float]:
        """Compare two expressions, LaTeX without delimiters or plain.

        Args:
            reference: The right one.
            answer: The other.
            tolerance: Of a decimal in place of a fraction or a root, relative to the reference.
            limits_s: Seconds of processor time of each try.

        Returns:
            ``"same"``, ``"different"``, ``"timeout"`` (time, memory, or a crash),
            ``"bad_reference"`` or ``"error"`` (two workers in a row were lost), and the seconds
            that were used.
        """
        with self._slots:
            verdict, used = "error", 0.0
            for limit in limits_s:
                verdict, seconds = self._try(reference, answer, tolerance, limit)
                used += seconds
                if verdict != "timeout":
                    break
        return verdict, used

    def _try(
        self, reference: str, answer: str, tolerance: float, limit_s: float
    ) -> tuple[str, float]:
        verdict, seconds = "error", 0.0
        for _ in range(2):
            worker = self._take()
            healthy = False
            try:
                worker.wait_ready()
                verdict, seconds = worker.compare(reference, answer, tolerance, limit_s)
                healthy = True
            except WorkerLostError:
                verdict = "error"
                continue
            finally:
                self._put_back(worker, healthy)
            if verdict != "lost":
                break
        # An answer that ends a process which was ready for it twice is at fault itself: memory that
        # runs out inside a library ends it in many ways.
        return ("timeout" if verdict in ("limit", "lost") else verdict), seconds

    def close(self) -> None:
        """Kill every worker; the pool starts new ones if it is used again."""
        if os.getpid() != self._owner:
            return  # a forked child must not kill its parent's workers
        with self._lock:
            idle, self._idle = self._idle, []
            # The pipes of a busy worker belong to the thread that waits on them.
            for worker in self._busy:
                worker.stop()
        for worker in idle:
            worker.kill()

    def _take(self) -> _Worker:
        ended = []
        with self._lock:
            while self._idle and not self._idle[-1].is_alive:
                ended.append(self._idle.pop())
            worker = self._idle.pop() if self._idle else _Worker()
            self._busy.add(worker)
        for one in ended:  # whoever ended them; an answer is not to pay for it
            one.kill()
        return worker

    def _put_back(self, worker: _Worker, healthy: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
            if healthy:
                self._idle.append(worker)
                return
        worker.kill()


_pool: SymbolicPool | None = None
_pool_lock = threading.Lock()


def symbolic_pool() -> SymbolicPool:
    """The pool of this process, closed when it ends."""
    global _pool
    with _pool_lock:
        # A forked child (a data loader) shares its parent's pipes: it gets a pool of its own.
        if _pool is None or _pool._owner != os.getpid():
            _pool = SymbolicPool()
            atexit.register(_pool.close)
        return _pool


def symbolic_ask() -> Callable[[str, str, float], str]:
    """For one answer: a function that compares two expressions in the pool of this process.

    All that it is asked for together has a limit, so that a list of many slow expressions takes no
    longer than one of them.
    """
    pool = symbolic_pool()
    left = _BUDGET_S

    def ask(reference: str, answer: str, tolerance: float) -> str:
        nonlocal left
        if left <= 0:
            return "timeout"
        verdict, seconds = pool.verdict(reference, answer, tolerance)
        left -= seconds
        return verdict

    return ask
