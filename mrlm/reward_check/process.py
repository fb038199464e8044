"""Calls a function in the worker process, with a time limit, and starts it again when it ended."""

from __future__ import annotations

import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import IO, Any

__all__ = ["RewardProcess"]

_START_LIMIT = 300.0  # seconds; the user's file may import torch and load a model
_KEPT = 2000  # characters of what the function prints
_LINE_LIMIT = 16 << 20  # bytes of a reply; more is what code of a completion wrote into the pipe


class RewardProcess:
    """A worker with the user's function; a context manager.

    Args:
        spec: ``FILE.py:FUNC`` or ``package.module:FUNC``.
        time_limit: Seconds that a call may take.

    Raises:
        ValueError: The function cannot be loaded; says why.
    """

    def __init__(self, spec: str, time_limit: float) -> None:
        self._spec = spec
        self._time_limit = time_limit
        self.printed = ""  # the first of what the function printed and logged
        self.num_printed = 0  # bytes of it
        self._folder = tempfile.TemporaryDirectory(
            prefix="mrlm-reward-", ignore_cleanup_errors=True
        )
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise

    def call(self, inputs: Mapping[str, list[Any]]) -> dict[str, Any]:
        """One call of the function.

        Returns:
            One of ``{"rewards": [...], "seconds": s}``, ``{"raised": text}``, ``{"wrong_shape":
            text}``, ``{"not_a_number": text}``, ``{"hung": text}`` and ``{"ended": text}``.
        """
        if self._process.poll() is not None:
            self._start()
        nonce = secrets.token_hex(8)
        try:
            self._write({"nonce": nonce, "inputs": inputs})
            reply = self._read(self._time_limit)
        except TimeoutError:
            self._kill()
            return {"hung": f"no answer within {self._time_limit:g} s"}
        except EOFError:
            return {"ended": f"the process ended with exit code {self._wait()}"}
        if reply.pop("nonce", None) != nonce:
            self._kill()
            return {"ended": "something else was written into the pipe of the rewards"}
        return reply

    def restart(self) -> None:
        """Load the function afresh."""
        self._kill()
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mrlm.reward_check.worker", self._spec, self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # else the logs of the function would flood the terminal
            start_new_session=True,  # so that what it starts ends with it
        )
        assert self._process.stdout is not None
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=1)
        arguments = (self._process.stdout, self._lines)
        threading.Thread(target=_read_lines, args=arguments, daemon=True).start()
        assert self._process.stderr is not None
        printed = (self._process.stderr,)
        threading.Thread(target=self._keep_printed, args=printed, daemon=True).start()
        try:
            reply = self._read(_START_LIMIT)
        except (EOFError, TimeoutError):
            self._kill()
            raise ValueError(f"{self._spec}: its process ended while it was loaded") from None
        if "cannot_load" in reply:
            self._kill()
            raise ValueError(f"{self._spec} cannot be loaded: {reply['cannot_load']}")

    def _keep_printed(self, pipe: IO[bytes]) -> None:
        """Read on, so that the function never waits, and keep the first of it."""
        while chunk := pipe.read1(1 << 16):  # type: ignore[attr-defined]
            if len(self.printed) < _KEPT:
                self.printed = (self.printed + chunk.decode("utf-8", "replace"))[:_KEPT]
            self.num_printed += len(chunk)

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        # A worker that does not read would block the write.
        watchdog = threading.Timer(self._time_limit, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise EOFError from None
        finally:
            watchdog.cancel()

    def _read(self, seconds: float) -> dict[str, Any]:
        """The next reply.

        Raises:
            TimeoutError: There was none in time.
            EOFError: The process ended.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if not line:
            raise EOFError
        try:
            reply = json.loads(line)
        except ValueError:
            return {}
        return reply if isinstance(reply, dict) else {}

    def _wait(self) -> int:
        """The exit code of a process that closed its pipe, and so is about to end."""
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._kill()
            return self._process.wait()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> RewardProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if hasattr(self, "_process"):
            self._kill()
        self._folder.cleanup()


def _read_lines(pipe: IO[bytes], lines: queue.Queue[bytes]) -> None:
    """Hand on every line, and at the end an empty one."""
    line = b"start"
    while line:
        line = pipe.readline(_LINE_LIMIT)
        lines.put(line)
