"""``accelerate launch``, ending with the recipe's exit code: ``python -m mrlm.cli.launch``.

Accelerate's own launcher ends with 1 however the program ended, and with a traceback of its own.
Here a recipe that was asked for wrongly ends with 2, as it does without a launcher, and what is
printed is the recipe's message alone. Of several processes the one that failed first decides.

Not covered: launchers that start programs on other machines (SageMaker, TPU pods).
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys

from mrlm.quiet import silence_libraries

__all__ = ["main"]

_ASKED_WRONGLY = 2


def main() -> int:
    """Launch as ``sys.argv`` says; returns the program's exit code, after a signal 128 + number."""
    from accelerate.commands.launch import main as launch

    silence_libraries()
    # That processes failed and that it ends the others, line by line: ``ChildFailedError`` says it.
    logging.getLogger("torch.distributed.elastic.multiprocessing.api").setLevel(logging.CRITICAL)
    try:
        launch()
    except KeyboardInterrupt:  # the recipe has its own, and saves
        return 128 + signal.SIGINT
    except subprocess.CalledProcessError as error:
        return _shell_code(error.returncode)
    except Exception as error:
        code = _first_failure(error)
        if code is None:
            raise
        if code != _ASKED_WRONGLY:  # a message says it all
            sys.stderr.write(f"{error}\n")
        return code
    return 0


def _first_failure(error: Exception) -> int | None:
    """The exit code of the first of several processes that failed; ``None`` if it is none of that.

    Torch is asked only now: importing it takes longer than launching one process does.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if not isinstance(error, ChildFailedError):
        return None
    _, failure = error.get_first_failure()
    return _shell_code(failure.exitcode)


def _shell_code(code: int) -> int:
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
