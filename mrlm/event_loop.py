"""One event loop of this process for coroutines that synchronous code waits for.

It runs in a thread of its own, as TRL's does, so that a client which belongs to a loop, such as a
connection that a tool keeps open, stays usable from one call to the next.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any

__all__ = ["run_async", "start_async"]

_lock = threading.Lock()


def run_async(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, waited for; raises what it raises."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


def start_async(coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
    """Start a coroutine that nobody waits for yet."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop())


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:  # threads that come at once would each make one
        return _made()


@cache
def _made() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="mrlm-event-loop", daemon=True).start()
    return loop
