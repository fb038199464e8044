"""``mrlm``: data, training, evaluation and checks from a shell. Every command calls one function.

Exit code 0 is success. 1 says that what was asked for failed or found a problem, 2 that it was
asked for wrongly; both say why on stderr, and with ``MRLM_TRACEBACK=1`` in the environment also
where. Results go to stdout, progress to stderr. A command is a module here, and what it needs is
imported when it runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mrlm.cli import (
    board,
    compare,
    data,
    doctor,
    eval,
    export,
    new,
    report,
    results,
    reward,
    sample,
    tasks,
    train,
)
from mrlm.deprecation import with_current_flags
from mrlm.errors import ModelError, MrlmError
from mrlm.flags import ShortErrors
from mrlm.quiet import silence_libraries
from mrlm.systems import check_system
from mrlm.termination import TRACEBACK, exit_on_sigterm

__all__ = ["main"]

_COMMANDS = (
    data,
    train,
    eval,
    compare,
    report,
    board,
    results,
    sample,
    tasks,
    new,
    reward,
    export,
    doctor,
)
_EXAMPLES = """examples:
  mrlm doctor                                     what can this machine do?
  mrlm tasks                                      what can be trained?
  mrlm train ppo --task math --output_dir runs/mine
  mrlm new my_task.py                             a task of your own
  mrlm eval --task math --model runs/mine/model --output_dir runs/after
  mrlm compare runs/mine/eval_before runs/after
  mrlm board                                      watch your runs in a browser
  mrlm export runs/mine                           take it to Ollama or llama.cpp
  mrlm reward my_reward.py:reward --task math     can it be fooled?

`mrlm COMMAND --help` has more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    exit_on_sigterm()
    silence_libraries()
    parser = _parser()
    given = with_current_flags(sys.argv[1:] if argv is None else argv)
    arguments, rest = parser.parse_known_args(given)
    if rest and not arguments.takes_rest:
        arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    try:
        check_system()
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # what reads stdout, such as head, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (ModelError, ValueError, OSError, ImportError) as error:
        if os.environ.get(TRACEBACK) == "1":
            raise
        code = _fail(arguments.command, error, 2)
    except MrlmError as error:
        code = _fail(arguments.command, error, 1)
    except KeyboardInterrupt:
        code = _fail(arguments.command, "interrupted", 130)
    return code


def _fail(command: str, why: object, code: int) -> int:
    sys.stderr.write(f"mrlm {command}: {why}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = ShortErrors(
        prog="mrlm",
        description="Make a language model measurably better at a task.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add(commands)
    return parser
