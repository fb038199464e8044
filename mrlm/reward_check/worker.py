"""The process in which the function runs: ``python -m mrlm.reward_check.worker FILE:FUNC FOLDER``.

One JSON line in for each call, one out. The pipes are moved away from the standard descriptors, so
that neither the function nor code that it runs reads or prints into them by accident; what is
printed goes to stderr, which the parent reads and bounds.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from mrlm.rewards.values import NotFiniteError, read_rewards
from mrlm.user_code import load_object

__all__ = ["load_reward"]


def load_reward(spec: str) -> Callable[..., Any]:
    """The function that ``FILE.py:FUNC`` or ``package.module:FUNC`` names.

    Raises:
        ValueError: The text is not of this form, or names nothing that can be called.
        FileNotFoundError: There is no such file.
    """
    function = load_object(spec)
    if not callable(function):
        raise ValueError(f"{spec} is no function but {function!r:.60}.")
    return function  # type: ignore[no-any-return]


def main(spec: str, folder: str) -> None:
    requests, replies = _move_pipes()
    try:
        reward = load_reward(spec)
        os.chdir(folder)
    except BaseException as error:
        _send(replies, {"cannot_load": _describe(error)})
        return
    _send(replies, {"ready": True})
    for line in requests:
        request = json.loads(line)
        _send(replies, {"nonce": request["nonce"], **_call(reward, request["inputs"])})


def _move_pipes() -> tuple[TextIO, TextIO]:
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return requests, replies


def _send(replies: TextIO, reply: Mapping[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _call(reward: Callable[..., Any], inputs: dict[str, list[Any]]) -> dict[str, Any]:
    """One call: rewards and seconds, or what it raised, or what is wrong with what it returned."""
    inputs["completion_ids"] = [_stand_in_ids(turns) for turns in inputs["completions"]]
    hooks = {"trainer_state": None, "log_extra": _ignore, "log_metric": _ignore}
    start = time.perf_counter()
    try:
        returned = reward(**inputs, **hooks)
        if inspect.isawaitable(returned):
            returned = asyncio.run(_finish(returned))
    except BaseException as error:  # the code of a completion may raise SystemExit, for instance
        return {"raised": _describe(error)}
    seconds = time.perf_counter() - start
    try:
        return {"rewards": read_rewards(returned, len(inputs["completions"])), "seconds": seconds}
    except NotFiniteError as error:
        return {"not_a_number": str(error)}
    except Exception as error:
        return {"wrong_shape": str(error)}


async def _finish(returned: Any) -> Any:
    return await returned


def _stand_in_ids(turns: Sequence[Mapping[str, Any]]) -> list[int]:
    text = "".join(str(turn.get("content")) for turn in turns if isinstance(turn, Mapping))
    return list(text.encode("utf-8", "replace"))


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "(no text)"
    return f"{type(error).__name__}: {text}"[:500]


def _ignore(*_: Any) -> None:
    """Stands for TRL's ``log_extra`` and ``log_metric``."""


if __name__ == "__main__":
    main(*sys.argv[1:])
