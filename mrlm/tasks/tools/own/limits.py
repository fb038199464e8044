"""A time limit for a function that runs in this process.

On the main thread a signal interrupts the function where it stands; so it may use what belongs to
the thread that made it, such as a SQLite connection. Elsewhere, and where there are no such
signals, it runs in a thread that is left behind when time is up.

Not covered: code of C that never returns to the interpreter.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["call_with_limit"]


class _TimeIsUp(BaseException):
    """Not an ``Exception``, which the function may catch."""


def call_with_limit(function: Callable[[], Any], seconds: float) -> Any:
    """What the function returns; raises what it raises.

    Raises:
        TimeoutError: It took longer than ``seconds``.
    """
    has_signals = hasattr(signal, "setitimer")
    if has_signals and threading.current_thread() is threading.main_thread():
        try:
            with _alarm(seconds):
                return function()
        except _TimeIsUp:
            raise _timeout(seconds) from None
    return _in_thread(function, seconds)


def _timeout(seconds: float) -> TimeoutError:
    return TimeoutError(f"took longer than {seconds:g} seconds")


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    armed = True

    def ring(signum: int, frame: FrameType | None) -> None:
        if armed:
            raise _TimeIsUp

    previous = signal.signal(signal.SIGALRM, ring)
    # Again and again: a library may swallow the first in a callback of its own.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _in_thread(function: Callable[[], Any], seconds: float) -> Any:
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = function()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, name="mrlm-tool", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise _timeout(seconds)
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]
