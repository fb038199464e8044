"""A Python prompt with state, for a model that works in several steps."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from mrlm.errors import SandboxError
from mrlm.sandbox.codec import Channel, CodecError
from mrlm.sandbox.jobs import SessionResult
from mrlm.sandbox.remote import describe_raised
from mrlm.sandbox.verdicts import describe_end
from mrlm.sandbox.worker import REPORT_LIMIT, Limits, Worker, memory_file, read_file

__all__ = ["Session"]

LOST = "the session was restarted, its variables are gone"


class Session:
    """Runs code piece by piece in one namespace; made by ``Sandbox.session``.

    Names and imports stay from one :meth:`run` to the next. A piece that runs out of time, or ends
    its process, ends the session's state; the next one starts from nothing.
    """

    def __init__(
        self,
        worker: Worker,
        limits: Limits,
        isolation: str,
        release: Callable[[Worker, bool], None],
    ) -> None:
        self._worker = worker
        self._limits = limits
        self._isolation = isolation
        self._release = release
        self._pid = os.getpid()
        self._connection: socket.socket | None = None
        self._closed = False
        self._output = open(memory_file(), "rb")  # noqa: SIM115 (lives as long as the session)
        import fcntl  # not on Windows, which Sandbox refuses

        # What is printed lands at the end, also after the file was emptied for the next piece.
        fcntl.fcntl(self._output, fcntl.F_SETFL, os.O_APPEND)

    def run(self, code: str) -> SessionResult:
        """Run ``code`` as typed at a prompt: the value of a last expression is shown.

        Raises:
            ValueError: ``code`` is not a string.
            SandboxError: the sandbox itself broke.
        """
        if not isinstance(code, str):
            raise ValueError(f"code is a {type(code).__name__}; it must be a string.")
        if self._closed:
            raise SandboxError("The session is closed; make a new one.")
        if self._pid != os.getpid():
            raise SandboxError("The session belongs to the process that made it; make a new one.")
        connection = self._connection or self._start()
        os.ftruncate(self._output.fileno(), 0)
        deadline = time.monotonic() + self._limits.seconds
        channel = Channel(connection.fileno(), connection.fileno(), deadline, REPORT_LIMIT)
        nonce = os.urandom(8).hex()
        try:
            channel.send({"nonce": nonce, "code": code})
            reply = channel.receive()
            if type(reply) is not dict or reply.get("nonce") != nonce:
                raise CodecError("an answer that nobody had asked for")
        except TimeoutError:
            return self._lost("timeout", "the code did not finish in time")
        except CodecError as error:
            return self._lost("error", f"the code's process sent {error}")
        except (EOFError, OSError):
            return self._lost()
        status, message = "passed", ""
        if "raised" in reply:
            status, message = describe_raised(reply["raised"])
        return SessionResult(status, self._printed(), message, self._isolation)

    def close(self) -> None:
        """End the session's process."""
        if self._closed:
            return
        self._closed = True
        broken = False
        if self._connection is not None:
            try:
                self._stop()
            except SandboxError:
                broken = True
        self._output.close()
        self._release(self._worker, broken)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # An environment that is dropped after its episode must not keep a process.
        if hasattr(self, "_output"):
            self.close()

    def _start(self) -> socket.socket:
        self._connection, theirs = socket.socketpair()
        with open(os.devnull, "r+b") as null, theirs:
            files = [null.fileno(), self._output.fileno(), theirs.fileno(), null.fileno()]
            self._worker.start("session", self._limits, files)
        return self._connection

    def _stop(self) -> dict[str, Any]:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        return self._worker.kill()

    def _lost(self, status: str | None = None, message: str = "") -> SessionResult:
        report = self._stop()
        if status is None:
            status, message = describe_end(report)
        return SessionResult(status, self._printed(), f"{message}; {LOST}", self._isolation)

    def _printed(self) -> str:
        return read_file(self._output.fileno(), self._limits.output).decode("utf-8", "replace")
