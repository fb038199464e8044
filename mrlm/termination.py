"""SIGTERM ends a program of ours as an exception would, so that it gives back what it holds.

By default the signal ends the process at once: private folders of tools and half-written output
stay behind. Schedulers, ``timeout``, ``docker stop`` and ``torchrun`` all send it.

Python throws away what is raised while an object is being deleted; a signal that came just then is
sent again.

Not covered: SIGKILL, which no process sees; the sandbox's own processes clean up even then.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

__all__ = ["exit_on_sigterm"]

SECONDS_TO_THE_NEXT_TRY = 0.01


class Terminated(SystemExit):
    """Ends the program, unless it was raised where Python lets no exception out."""


def exit_on_sigterm() -> None:
    """For programs, not libraries: from now on SIGTERM raises ``SystemExit`` (143, as in a shell).

    What somebody else does about the signal stays as it is.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)
        sys.unraisablehook = _try_again


def _exit(number: int, frame: FrameType | None) -> None:
    raise Terminated(128 + number)


def _try_again(unraisable: sys.UnraisableHookArgs) -> None:
    if unraisable.exc_type is not Terminated:
        sys.__unraisablehook__(unraisable)
        return
    # From a thread and a little later: raised in here it would be thrown away as well.
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(SECONDS_TO_THE_NEXT_TRY, signal.pthread_kill, (main, signal.SIGTERM))
    timer.daemon = True
    timer.start()
