"""Calls of functions that may be asynchronous and may not come back.

Coroutines run on one event loop in a thread of its own, because a client that a user keeps between
two calls belongs to the loop that it was made on. Functions that are not asynchronous run in the
calling thread: a regular expression that backtracks for hours keeps the interpreter's lock, so a
second thread could not give up on it, while a timer's signal stops it.

Not covered: code in C that never looks for signals; a time limit for functions off the main thread,
which cannot take one; functions that set ``SIGALRM`` themselves, whose limit then is their own.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

__all__ = ["CallTimeoutError", "call", "is_async"]

_GRACE = 5.0  # seconds in which a loop must say that a coroutine was cancelled
_AGAIN = 1.0  # seconds between two signals, where the first one was caught by what it interrupted


class CallTimeoutError(Exception):
    """A call took longer than it may."""


class _Interrupted(BaseException):
    """Raised in a function that took too long; ``except Exception`` does not catch it."""


def is_async(function: Any) -> bool:
    """Whether calling it gives a coroutine, for the forms that TRL knows."""
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        type(function).__call__
    )


def call(function: Callable[..., Any], inputs: dict[str, Any], limit: float | None = None) -> Any:
    """What a function returns; what is awaitable is awaited.

    Args:
        function: Plain or asynchronous.
        inputs: Its keyword arguments.
        limit: Seconds that it may take; ``None``: as long as it takes.

    Raises:
        CallTimeoutError: It took longer. What the function raises is raised, too.
    """
    with _interrupted_after(limit):
        returned = function(**inputs)
    return _awaited(returned, limit) if inspect.isawaitable(returned) else returned


@contextmanager
def _interrupted_after(limit: float | None) -> Iterator[None]:
    is_main = threading.current_thread() is threading.main_thread()
    if limit is None or not is_main or not hasattr(signal, "setitimer"):
        yield
        return
    running = True

    def interrupt(signum: int, frame: FrameType | None) -> None:
        if running:
            raise _Interrupted

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit, _AGAIN)
    try:
        yield
        running = False
    except _Interrupted:
        raise CallTimeoutError(f"no answer within {limit:g} s") from None
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


# ------------------------------------------------------------------ coroutines

_loop: asyncio.AbstractEventLoop | None = None
_loop_lock = threading.Lock()


def _event_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _loop_lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="mrlm-rewards", daemon=True).start()
        return _loop


def _awaited(awaitable: Any, limit: float | None) -> Any:
    global _loop
    loop = _event_loop()
    future = asyncio.run_coroutine_threadsafe(_within(awaitable, limit), loop)
    try:
        return future.result(None if limit is None else limit + _GRACE)
    except TimeoutError:
        if future.done():
            raise  # the function's own
        # A coroutine that never awaits holds the loop up; what comes next gets another one.
        with _loop_lock:
            _loop = None if _loop is loop else _loop
        raise CallTimeoutError(f"no answer within {limit:g} s") from None


async def _within(awaitable: Any, limit: float | None) -> Any:
    if limit is None:
        return await awaitable
    task = asyncio.ensure_future(awaitable)
    done, _ = await asyncio.wait({task}, timeout=limit)
    if not done:
        task.cancel()
        raise CallTimeoutError(f"no answer within {limit:g} s")
    return task.result()
