"""SIGTERM ends a program of ours as an exception would, so that it gives back what it holds.

By default the signal ends the process at once: private folders of tools and half-written output
stay behind. Schedulers, ``timeout``, ``docker stop`` and ``torchrun`` all send it.

Not covered: SIGKILL, which no process sees; the sandbox's own processes clean up even then.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["exit_on_sigterm"]


def exit_on_sigterm() -> None:
    """For programs, not libraries: from now on SIGTERM raises ``SystemExit`` (143, as in a shell).

    What somebody else does about the signal stays as it is.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
