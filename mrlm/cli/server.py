"""``--model http://...``: a server in the place of a model here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrlm.sampling.server import ChatServer

__all__ = ["add_server", "chosen_server"]


def add_server(parser: argparse.ArgumentParser) -> None:
    """The flags of a model at a server."""
    parser.add_argument(
        "--served_model",
        metavar="NAME",
        help="--model is the address of a server that speaks OpenAI's chat completions, such as "
        "http://localhost:8000/v1: the model's name there (default: the only one); its key is read "
        "from OPENAI_API_KEY",
    )
    parser.add_argument(
        "--concurrency", type=int, help="requests in flight at a server (default: 8)"
    )


def chosen_server(arguments: argparse.Namespace) -> ChatServer | None:
    """The server that ``--model`` names, after it has answered; ``None`` where it names none.

    Raises:
        EndpointError: It cannot be reached.
        ValueError: It serves several models, or the flags do not go together.
    """
    if not (arguments.model or "").startswith(("http://", "https://")):
        for flag in ("served_model", "concurrency"):
            if getattr(arguments, flag) is not None:
                raise ValueError(f"--{flag} goes with --model http://..., the address of a server.")
        return None
    from dataclasses import replace

    from mrlm.sampling.server import ChatServer

    more = {} if arguments.concurrency is None else {"concurrency": arguments.concurrency}
    server = ChatServer(arguments.model, arguments.served_model or "", **more)
    if arguments.served_model is not None:
        return server
    names = server.models()
    if len(names) != 1:
        served = ", ".join(names) or "nothing"
        raise ValueError(f"{arguments.model} serves {served}: choose with --served_model NAME.")
    return replace(server, model=names[0])
