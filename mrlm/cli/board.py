"""``mrlm board``: watch runs while they go, and look at those that have ended."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mrlm.cli.command import Commands, add_command

_EXAMPLES = """
mrlm board                          # all runs below runs/
mrlm board runs/demo --port 9000    # one run
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "a local page of your runs: curves, rollouts, before and after, live"
    parser = add_command(commands, "board", summary, _run, _EXAMPLES)
    parser.add_argument("folder", nargs="?", default="runs", help="of runs, or of one run")
    parser.add_argument("--port", type=int, default=7788, help="0 takes any that is free")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; with another than the default, others can read your runs",
    )


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.report.server import BoardServer

    if not Path(arguments.folder).is_dir():
        raise FileNotFoundError(
            f"{arguments.folder} is no folder: name one that holds runs, or will"
        )
    try:
        server = BoardServer(arguments.folder, arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot listen on {arguments.host} port {arguments.port} ({error}): "
            "--port 0 takes any port that is free"
        ) from error
    with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stderr.write("Open this address in a browser. Ctrl-C ends the board.\n")
        if not server.is_local:
            sys.stderr.write("Whoever reaches this machine's port can read these runs.\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stderr.write("\n")
    return 0
