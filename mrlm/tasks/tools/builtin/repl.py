"""Python for a model that nobody trusts: code runs in mrlm's sandbox, never in this process.

State is kept between the calls of one session. Time, memory, files, network and processes are the
sandbox's to bound; a session that died (a loop, a crash) is replaced by a fresh one, and the result
says that its variables are gone.

A batch of rollouts may hold hundreds of sessions, each a process. Only ``MAX_LIVE`` of them live
at a time; one that had to make room is restored by running its code again when it is next used.
Code that depends on the clock or on true randomness then gives other values.
"""

from __future__ import annotations

import atexit
import itertools
import weakref
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrlm.sandbox import Sandbox, Session

__all__ = ["MAX_CODE_LENGTH", "MAX_LIVE", "PythonSession", "make_python_repl", "python_repl"]

MAX_CODE_LENGTH = 4000  # characters
MAX_LIVE = 16
TIME_LIMIT = 2.0  # seconds of one call


class PythonSession:
    """One interpreter in the sandbox, started at the first use and closed with this object."""

    def __init__(self) -> None:
        self._past: list[str] = []
        self._session: Session | None = None
        self._end: Callable[[], object] | None = None

    def run(self, code: str) -> str:
        """What the code printed, and how it ended where it did not end well.

        Raises:
            SandboxError: This machine cannot isolate code, or the sandbox broke.
        """
        from mrlm.sandbox.session import LOST

        result = self._started().run(code)
        self._past.append(code)
        if LOST in result.message:
            self._past.clear()
        text = result.output.strip()
        if result.passed:
            return text or "No output: print what you want to see."
        return f"{text}\n{result.message or result.status}".strip()

    def close(self) -> None:
        """End the interpreter; the next run starts a fresh one."""
        self._past.clear()
        self._pause()

    def _started(self) -> Session:
        if self._session is None:
            while len(_live) >= MAX_LIVE:
                min(_live, key=lambda session: _live[session])._pause()
            self._session = sandbox().session()
            self._end = weakref.finalize(self, self._session.close)
            for code in self._past:
                self._session.run(code)
        _live[self] = next(_uses)
        return self._session

    def _pause(self) -> None:
        _live.pop(self, None)
        if self._end is not None:
            self._end()
        self._session = self._end = None


# When each session with a process was last used.
_live: weakref.WeakKeyDictionary[PythonSession, int] = weakref.WeakKeyDictionary()
_uses = itertools.count()


def make_python_repl(session: PythonSession | None = None) -> Callable[..., str]:
    """The Python tool over one session, by default one of its own."""
    own = session or PythonSession()

    def python_repl(code: str) -> str:
        """Run Python code.

        Args:
            code: Code that prints its result.

        Returns:
            What it printed.
        """
        if (
            not isinstance(code, str)
            or not 0 < len(code.strip()) <= MAX_CODE_LENGTH
            or "\0" in code
        ):
            raise ValueError(f"code must be text of 1 to {MAX_CODE_LENGTH} characters")
        return own.run(code)

    return python_repl


python_repl = make_python_repl()


@cache
def sandbox() -> Sandbox:
    """The sandbox of all sessions of this process.

    Raises:
        SandboxError: This machine cannot isolate code; the message says what is missing.
    """
    from mrlm.sandbox import Sandbox

    made = Sandbox(time_limit=TIME_LIMIT)
    atexit.register(made.close)
    return made
