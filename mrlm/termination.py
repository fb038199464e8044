"""How a program of ours ends: a user's mistake as a message, SIGTERM as an exception would.

So a program gives back what it holds, and a message is all that a mistake prints.

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
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mrlm.errors import HubError, MrlmError

__all__ = ["exit_on_sigterm", "run_program"]

SECONDS_TO_THE_NEXT_TRY = 0.01


def run_program(main: Callable[[], object]) -> None:
    """For scripts: run ``main``; a user's mistake ends it with one message and no traceback.

    The exit code is 2 for a mistake, 1 where the Hub failed, as those of the command ``mrlm``.
    """
    try:
        main()
    except HubError as error:
        _end(error, 1)
    except MrlmError as error:
        _end(error, 2)
    except SystemExit as error:
        if not isinstance(error.code, str):
            raise
        _end(error.code, 2)


def _end(why: object, code: int) -> NoReturn:
    sys.stderr.write(f"{Path(sys.argv[0]).name}: error: {why}\n")
    raise SystemExit(code)


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
