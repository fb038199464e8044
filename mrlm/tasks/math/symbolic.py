"""Symbolic comparison by math-verify, in worker processes that can be killed.

math-verify's own timeouts need the main thread, and inputs such as ``9^{9^{9^9}}`` run for ever. So
each comparison runs in a clean process (exec, never a fork of the training process), limited in
time, memory and input size. Works from any thread; each worker serves one caller at a time.

Does not cover: isolation from a hostile library. math-verify parses the text, it does not run it.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

__all__ = ["MAX_INPUT", "TIME_LIMIT_S", "SymbolicPool", "symbolic_verdict"]

TIME_LIMIT_S = 2.0
MAX_INPUT = 2_048  # bytes of reference and of answer, each
_START_LIMIT_S = 60.0  # importing sympy on a busy machine
_WORKERS = 2
_WORKER_FILE = Path(__file__).with_name("symbolic_worker.py")


class WorkerLostError(Exception):
    """A worker ended, or did not start, before it replied."""


class _Worker:
    """One process; ``compare`` blocks its caller for at most the time limit."""

    def __init__(self) -> None:
        # -E -P: neither PYTHON* variables nor the working directory choose what it imports.
        # stderr is dropped: sympy's tracebacks on hostile input would flood a run's log.
        self._process = subprocess.Popen(
            [sys.executable, "-E", "-P", str(_WORKER_FILE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._ready = False

    def wait_ready(self) -> None:
        if not self._ready:
            if self._read(_START_LIMIT_S) != "ready":
                raise WorkerLostError("the worker did not start")
            self._ready = True

    def compare(self, reference: str, answer: str, limit_s: float) -> str | None:
        """The worker's verdict, or ``None`` when the time is up."""
        request = {"reference": reference, "answer": answer, "limit": int(limit_s) + 2}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise WorkerLostError("the worker is gone") from error
        return self._read(limit_s)

    def _read(self, limit_s: float) -> str | None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + limit_s
        line = b""
        while not line.endswith(b"\n"):
            # poll, not select: descriptors above 1,023 are common in a training process.
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return None
            chunk = os.read(descriptor, 4096)
            if not chunk:
                raise WorkerLostError("the worker ended without a reply")
            line += chunk
        return str(json.loads(line)["verdict"])

    def stop(self) -> None:
        self._process.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class SymbolicPool:
    """At most ``_WORKERS`` processes, started when first needed and replaced when lost."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(_WORKERS)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._owner = os.getpid()

    def verdict(self, reference: str, answer: str, limit_s: float = TIME_LIMIT_S) -> str:
        """Compare two expressions, LaTeX without delimiters or plain.

        Returns:
            ``"same"``, ``"different"``, ``"timeout"`` (time, memory or input size),
            ``"bad_reference"`` or ``"error"`` (two workers in a row were lost).
        """
        if max(len(reference.encode(errors="replace")), len(answer.encode(errors="replace"))) > (
            MAX_INPUT
        ):
            return "timeout"
        with self._slots:
            for _ in range(2):
                worker = self._take()
                healthy = False
                try:
                    worker.wait_ready()
                    result = worker.compare(reference, answer, limit_s)
                    healthy = result is not None
                except WorkerLostError:
                    continue
                finally:
                    self._put_back(worker, healthy)
                return "timeout" if result in (None, "limit") else str(result)
        return "error"

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
        with self._lock:
            worker = self._idle.pop() if self._idle else _Worker()
            self._busy.add(worker)
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


def symbolic_verdict(reference: str, answer: str) -> str:
    """``SymbolicPool.verdict`` of the pool that this process shares."""
    global _pool
    with _pool_lock:
        # A forked child (a data loader) shares its parent's pipes: it gets a pool of its own.
        if _pool is None or _pool._owner != os.getpid():
            _pool = SymbolicPool()
            atexit.register(_pool.close)
        pool = _pool
    return pool.verdict(reference, answer)
