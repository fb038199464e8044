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
import operator
import os
import random
import sys
import threading
import traceback
import types
from collections.abc import Callable
from typing import Any

from mrlm.sandbox.codec import Channel, CodecError, Reference, decode, encode, from_json, to_json
from mrlm.sandbox.plain_types import simpler

__all__ = ["cap_stacks", "run_program", "serve_calls", "serve_session", "use_bounded_output"]

FILENAME = "<candidate>"
TEXT_LIMIT = 500  # characters of an exception's text
ARGUMENTS_LIMIT = 1 << 16  # bytes of an exception's arguments
STACK_SHARE = 4  # of the address space, for one thread's stack


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


def cap_stacks(memory: int) -> None:
    """Have threads whose stacks are to be huge run with smaller ones.

    Programs for contests ask for 512 MiB, which is the whole address space that they have here, so
    the thread would not start. Python's own calls need a few hundred bytes of it each, or none.

    Args:
        memory: Bytes of address space.
    """
    real, cap = threading.stack_size, memory // STACK_SHARE >> 12 << 12

    def stack_size(size: int = 0) -> int:
        return real(min(size, cap))

    threading.stack_size = stack_size


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
    """Run the code, then do what the oracle asks of its functions until that goes away."""
    job = channel.receive()
    try:
        namespace = _new_module("solution")
        exec(compile(job["code"], FILENAME, "exec", dont_inherit=True), namespace)
        problem = _problem(job["name"], namespace)
    except BaseException as error:
        channel.send({"raised": _describe(error)})
        return
    channel.send({"unusable": problem} if problem else {"ready": True})
    objects = None if job["exact"] else _Objects()
    while True:
        request = channel.receive()
        answer: dict[str, Any] = {"nonce": request["nonce"]}
        try:
            resolve = objects.resolve if objects else None
            target, args = request["target"], decode(request["args"], resolve)
            kwargs = decode(request["kwargs"], resolve)
            if type(target) is str:
                target = _look_up(target, namespace)
            elif objects:
                target = objects.resolve(target)
            if request["operation"] == "call":
                value = target(*args, **kwargs)
            else:
                value = _OPERATIONS[request["operation"]](target, *args, **kwargs)
            try:
                value = encode(value, objects.stand_in if objects else None)
                channel.send(answer | {"value": value})
            except CodecError as error:
                channel.send(answer | {"unusable": f"returned what cannot be compared: {error}"})
        except BaseException as error:
            channel.send(answer | {"raised": _describe_to_tests(error)})


# What tests can do with an object of the candidate's. No comparison: one that is equal to
# everything would pass every test.
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "get": getattr,
    "set": setattr,
    "item": operator.getitem,
    "set_item": operator.setitem,
    "iter": iter,
    "next": next,
    "len": len,
    "str": str,
    "repr": repr,
}


class _Objects:
    """The candidate's objects that the tests hold references to."""

    def __init__(self) -> None:
        self._objects: list[Any] = []

    def stand_in(self, value: Any) -> Any:
        """Plain data for a value of another type, or a reference to it with its truth."""
        plain = simpler(value)
        if plain is not NotImplemented:
            return plain
        kind = type(value)
        methods = [name for name in ("__next__", "__iter__", "__len__") if hasattr(kind, name)]
        try:
            truth = bool(value)
        except Exception:
            truth = None
        self._objects.append(value)
        return Reference([len(self._objects) - 1, kind.__name__[:100], truth, methods])

    def resolve(self, index: Any) -> Any:
        return self._objects[index]


def _look_up(name: str, namespace: dict[str, Any]) -> Any:
    """The object that an entry point names; of ``Solution().f`` a new instance's method.

    A bare ``f`` may be a method of ``Solution``, as LeetCode's problems are answered.
    """
    owner, _, attribute = name.rpartition(".")
    if not owner and name not in namespace:
        owner, attribute = "Solution()", name
    if not owner:
        return namespace[name]
    found = namespace[owner.removesuffix("()")]
    return getattr(found() if owner.endswith("()") else found, attribute)


def _problem(name: str, namespace: dict[str, Any]) -> str | None:
    """Why the code cannot be tested, if so. Makes no instance: that may print, fail or hang."""
    owner, _, attribute = name.rpartition(".")
    if not owner and name not in namespace and "Solution" in namespace:
        owner = "Solution()"
    root = owner.removesuffix("()") or attribute
    if root in namespace:
        found = getattr(namespace[root], attribute, None) if owner else namespace[root]
        return None if callable(found) else f"{name!r} is not a function"
    defined = [key for key, value in namespace.items() if isinstance(value, types.FunctionType)]
    others = f"it defines {', '.join(defined[:10])}" if defined else "it defines no function"
    return f"the code defines no {'class' if owner else 'function'} named {root!r}; {others}"


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
