"""A bound on work that holds on a busy machine: processor time, not the clock's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def processor_time(at_most: float) -> Iterator[None]:
    """Fail where what stands inside took this thread more seconds on a processor.

    Set the bound ten times above what the work takes and more: processors differ, and one that
    others use runs slower. Work that grows with the square of its input exceeds it all the same.
    """
    start = time.thread_time()
    yield
    taken = time.thread_time() - start
    assert taken < at_most, f"{taken:.2f} s of processor time; at most {at_most} s"
