"""How a program of ours ends: a user's mistake as a message, SIGTERM as an exception would.

So a program gives back what it holds, and a message is all that a mistake prints.

By default the signal ends the process at once: private folders of tools and half-written output
stay behind. Schedulers, ``timeout``, ``docker stop`` and ``torchrun`` all send it.

Python throws away what is raised while an object is being deleted; a signal that came just then is
sent again.

Not covered: SIGKILL, which no process sees; the sandbox's own processes clean up even then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from mrlm.errors import HubError, MrlmError, SandboxError
from mrlm.quiet import silence_libraries
from mrlm.systems import check_system

__all__ = ["TRACEBACK", "exit_on_sigterm", "let_main_process_speak", "run_program"]

SECONDS_TO_THE_NEXT_TRY = 0.01
# What a library says of settings, files and packages: it means the user's, but may be a fault.
_OF_LIBRARIES = (ValueError, ImportError)
TRACEBACK = "MRLM_TRACEBACK"  # in the environment, set to 1: every traceback is kept
_SECONDS_FOR_MAIN_PROCESS = 30.0


def run_program(main: Callable[[], object]) -> None:
    """For scripts: run ``main``; a user's mistake ends it with one message and no traceback.

    Warnings of libraries that are none of the user's business (``mrlm.quiet``) are left out.

    The exit code is 2 for a mistake, 1 where the Hub or the sandbox failed, 130 after Ctrl-C, as
    those of the command ``mrlm``. What is no ``ValueError``, ``OSError`` or ``ImportError`` is a
    fault and keeps its traceback; so does everything with ``MRLM_TRACEBACK=1``.
    """
    silence_libraries()
    if os.environ.get(TRACEBACK) == "1":
        main()
        return
    try:
        check_system()
        main()
    except BrokenPipeError:  # what reads stdout, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (HubError, SandboxError) as error:
        _end(error, 1)
    except (MrlmError, OSError) as error:
        _end(error, 2)
    except _OF_LIBRARIES as error:
        _end(f"{error}\n{TRACEBACK}=1 in the environment shows where this comes from.", 2)
    except KeyboardInterrupt:
        if os.environ.get("RANK", "0") == "0":
            sys.stderr.write(f"{Path(sys.argv[0]).name}: interrupted\n")
        raise SystemExit(130) from None
    except SystemExit as error:
        if not isinstance(error.code, str):
            raise
        _end(error.code, 2)


def _end(why: object, code: int) -> NoReturn:
    let_main_process_speak()
    sys.stderr.write(f"{Path(sys.argv[0]).name}: error: {why}\n")
    raise SystemExit(code)


def let_main_process_speak() -> None:
    """Under several processes, before a message that the main one has, too: give it time to.

    It ends after its message, and the launcher ends the others. A process that is still there then
    found something that the main one did not, and speaks itself.
    """
    if os.environ.get("RANK", "0") != "0":
        time.sleep(_SECONDS_FOR_MAIN_PROCESS)


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
