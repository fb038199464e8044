"""The process that runs the candidate's code. Nothing in it is worth stealing or worth trusting.

It is forked from a zygote that never saw a test, and it is sent the code, then the arguments of one
call at a time: expected values do not exist here. The candidate shares the process with this file
and may rewrite all of it; whatever it then sends is read by the oracle as plain data, so the most
that it can forge is its own answer.
"""

from __future__ import annotations

import ast
import atexit
import builtins
import errno
import io
import os
import random
import sys
import threading
import traceback
import types
from typing import Any

from mrlm.sandbox.codec import Channel, CodecError, decode, encode, from_json, to_json

__all__ = ["run_program", "serve_calls", "serve_session", "use_bounded_output"]

FILENAME = "<candidate>"
TEXT_LIMIT = 500  # characters of an exception's text
ARGUMENTS_LIMIT = 1 << 16  # bytes of an exception's arguments


class _BoundedOutput(io.RawIOBase):
    """Descriptor 1 up to a number of bytes; what follows is dropped, so printing never fails."""

    def __init__(self, limit: int) -> None:
        self.limit = self.room = limit

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        kept = view[: max(0, self.room)]
        self.room -= len(kept)
        while kept:
            kept = kept[os.write(1, kept) :]
        return len(view)


def use_bounded_output(limit: int) -> _BoundedOutput:
    """Point ``sys.stdout`` at descriptor 1, for at most ``limit`` bytes."""
    raw = _BoundedOutput(limit)
    text = io.TextIOWrapper(
        io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True
    )
    sys.stdout = sys.__stdout__ = text  # type: ignore[misc]
    return raw


def _new_module(name: str) -> dict[str, Any]:
    """The namespace of a module that can be found by its name, as ``dataclass`` and others need."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    # Children of one zygote would otherwise all draw the same numbers.
    random.seed()
    return module.__dict__


def _describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data. Its own ``__str__`` may do anything but get out of here."""
    kind = "error"
    out_of_memory = isinstance(error, OSError) and error.errno == errno.ENOMEM  # mmap
    if isinstance(error, MemoryError) or out_of_memory:
        kind = "memory"
        # The frames hold what filled the memory; the rest of this needs some.
        traceback.clear_frames(error.__traceback__)
    elif isinstance(error, PermissionError) and error.errno in (errno.EPERM, errno.EACCES):
        kind = "blocked"
    try:
        text = str(error)[:TEXT_LIMIT]
    except BaseException:
        text = ""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__, limit=-50)
        if frame.filename == FILENAME
    ]
    return {
        "kind": kind,
        "type": type(error).__name__[:100],
        "text": text,
        "line": lines[-1] if lines else None,
    }


def _describe_to_tests(error: BaseException) -> dict[str, Any]:
    """With what it takes to raise it again in tests that expect it."""
    described = _describe(error)
    known = [
        base.__name__
        for base in type(error).__mro__
        if getattr(builtins, base.__name__, None) is base
    ]
    try:
        arguments = encode(error.args)
        if len(to_json(arguments)) > ARGUMENTS_LIMIT:
            arguments = encode((described["text"],))
    except BaseException:
        arguments = encode((described["text"],))
    return described | {"builtin": known[0] if known else "Exception", "args": arguments}


def serve_calls(channel: Channel) -> None:
    """Run the code, then answer calls until the oracle goes away."""
    job = channel.receive()
    try:
        namespace = _new_module("solution")
        exec(compile(job["code"], FILENAME, "exec", dont_inherit=True), namespace)
        function = namespace.get(job["name"])
        problem = _problem(function, job["name"], namespace)
    except BaseException as error:
        channel.send({"raised": _describe(error)})
        return
    channel.send({"unusable": problem} if problem else {"ready": True})
    while True:
        request = channel.receive()
        answer: dict[str, Any] = {"nonce": request["nonce"]}
        try:
            value = function(*decode(request["args"]), **decode(request["kwargs"]))  # type: ignore[misc]
            try:
                channel.send(answer | {"value": encode(value)})
            except CodecError as error:
                channel.send(answer | {"unusable": f"returned what cannot be compared: {error}"})
        except BaseException as error:
            channel.send(answer | {"raised": _describe_to_tests(error)})


def _problem(function: Any, name: str, namespace: dict[str, Any]) -> str | None:
    if callable(function):
        return None
    if name in namespace:
        return f"{name!r} is not a function"
    defined = [key for key, value in namespace.items() if isinstance(value, types.FunctionType)]
    found = f"it defines {', '.join(defined[:10])}" if defined else "it defines no function"
    return f"the code defines no function named {name!r}; {found}"


def run_program(job: int, report: int) -> int:
    """Run the program in descriptor ``job`` as ``__main__`` and return its exit status.

    An exception is described in descriptor ``report``.
    """
    with open(job, "rb") as file:
        code = from_json(file.read())
    try:
        try:
            exec(compile(code, FILENAME, "exec", dont_inherit=True), _new_module("__main__"))
        finally:
            for thread in threading.enumerate():
                if thread is not threading.current_thread() and not thread.daemon:
                    thread.join()
            atexit._run_exitfuncs()
            sys.stdout.flush()
    except SystemExit as error:
        if error.code in (None, 0):
            return 0
        os.write(report, to_json(_describe(error)))
        return error.code & 0xFF or 1 if isinstance(error.code, int) else 1
    except BaseException as error:
        os.write(report, to_json(_describe(error)))
        return 1
    return 0


def serve_session(channel: Channel, output: _BoundedOutput) -> None:
    """Run pieces of code in one namespace, as a Python prompt does, until the parent goes away."""
    namespace = _new_module("__main__")
    while True:
        request = channel.receive()
        output.room = output.limit
        answer: dict[str, Any] = {"nonce": request["nonce"]}
        try:
            _run_at_prompt(request["code"], namespace)
            sys.stdout.flush()
        except BaseException as error:
            answer["raised"] = _describe(error)
        channel.send(answer)


def _run_at_prompt(code: str, namespace: dict[str, Any]) -> None:
    tree = ast.parse(code, FILENAME)
    last: ast.expr | None = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = tree.body.pop().value  # type: ignore[attr-defined]
    exec(compile(tree, FILENAME, "exec", dont_inherit=True), namespace)
    if last is not None:
        expression = ast.Expression(last)
        value = eval(compile(expression, FILENAME, "eval", dont_inherit=True), namespace)
        if value is not None:
            sys.stdout.write(f"{value!r}\n")
