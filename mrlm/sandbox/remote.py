"""The candidate's process as its oracle sees it: calls, and objects that stay over there.

What comes back is read as plain data. An object that is none, such as a match of a regular
expression, a generator or an instance of the candidate's own class, stays where it is, and the
tests hold a :class:`Remote` in its place: they can use its truth, iterate, call its methods and
read its attributes, each by asking the candidate again. It equals nothing and has no arithmetic,
so that a value which claims to be equal to everything claims it in vain.

Exceptions cross as the builtin class they derive from, except those that steer Python itself: a
``StopIteration`` would end a test's ``for x in map(candidate, inputs)`` early, and the assertions
after it would never run.

Not covered: comparison, containment and arithmetic that a candidate's own class defines.
"""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from typing import Any, NoReturn

from mrlm.sandbox.codec import (
    Channel,
    CodecError,
    NotPlainDataError,
    Reference,
    decode,
    encode,
)
from mrlm.sandbox.plain_types import simpler

__all__ = [
    "MESSAGE_LIMIT",
    "Candidate",
    "CandidateError",
    "Over",
    "Raised",
    "Remote",
    "describe_raised",
    "printable",
]

MESSAGE_LIMIT = 2000  # characters


class CandidateError(Exception):
    """The candidate raised an exception of its own, or returned what cannot be compared."""


class Raised(Exception):
    """One call failed; the candidate can be called again."""

    def __init__(self, status: str, message: str, exception: Exception) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.exception = exception


class Over(Exception):
    """The run cannot go on."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Candidate:
    """The other process, seen from here.

    Args:
        channel: To it.
        unsendable: The status of arguments that are too large.
        exact: Only builtin data is taken from it, no object of another type.

    Attributes:
        calls: How often it was asked.
        last: The last exception that a test got to see.
    """

    def __init__(self, channel: Channel, unsendable: str, exact: bool) -> None:
        self.channel = channel
        self.unsendable = unsendable
        self.exact = exact
        self.calls = 0
        self.last: Raised | None = None
        # Called at the end of a run, from inside a test whose own ``except`` could swallow it.
        self.finish: Callable[[Over], NoReturn] | None = None

    def start(self, code: str, name: str) -> None:
        """Have the candidate's module run.

        Raises:
            Over: it does not run, or does not define the function.
        """
        reply = self._exchange({"code": code, "name": name, "exact": self.exact})
        if "raised" in reply:
            raise Over(*describe_raised(reply["raised"]))
        if reply.get("ready") is not True:
            raise Over("error", text_of(reply.get("unusable")))

    def call(self, target: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The value that a function of the candidate's returns.

        Raises:
            Raised: it raised, or returned what is not plain data.
            Over: it is gone, late, or does not speak the protocol.
        """
        return self._ask("call", target, args, kwargs)

    def ask(self, operation: str, target: str | int, *args: Any, **kwargs: Any) -> Any:
        """What an operation on a function or an object gives, with exceptions as tests see them."""
        try:
            return self._ask(operation, target, list(args), kwargs)
        except Over as over:
            if self.finish is None:
                raise
            self.finish(over)
        except Raised as raised:
            self.last = raised
        raise self.last.exception

    def _ask(
        self, operation: str, target: str | int, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        self.calls += 1
        nonce = os.urandom(8).hex()
        request = {"nonce": nonce, "operation": operation, "target": target}
        try:
            request |= {"args": encode(args, _send), "kwargs": encode(kwargs, _send)}
        except NotPlainDataError as error:
            raise Over(
                "invalid", f"the tests pass an argument that cannot be sent: {error}"
            ) from None
        except CodecError as error:
            raise Over(self.unsendable, f"an argument cannot be sent: {error}") from None
        reply = self._exchange(request, self.unsendable)
        if reply.get("nonce") != nonce:
            raise Over("error", "the candidate sent an answer that nobody had asked for")
        if "value" in reply:
            try:
                return decode(reply["value"], None if self.exact else self._receive)
            except CodecError as error:
                raise Over("error", f"the candidate sent a {error}") from None
        if "raised" in reply:
            raised = reply["raised"] if type(reply["raised"]) is dict else {}
            if operation == "next" and raised.get("builtin") == "StopIteration":
                raise StopIteration
            status, message = describe_raised(raised)
            raise Raised(status, f"raised {message}", stand_in_exception(raised, message))
        message = text_of(reply.get("unusable"))
        raise Raised("error", message, CandidateError(message))

    def _receive(self, data: Any) -> Remote:
        """The stand-in for an object that the candidate keeps."""
        if type(data) is not list or len(data) != 4 or type(data[0]) is not int:
            raise CodecError("malformed reference")
        index, kind, truth, methods = data
        if type(truth) is not bool or type(methods) is not list:
            truth, methods = None, []
        cls = Remote
        for name in ("__len__", "__iter__", "__next__"):
            cls = _WITH[name] if name in methods else cls
        return cls(self, index, text_of(kind), truth)

    def _exchange(self, message: dict[str, Any], unsendable: str = "error") -> dict[str, Any]:
        try:
            try:
                self.channel.send(message)
            except CodecError as error:
                raise Over(unsendable, f"too large to send: {error}") from None
            reply = self.channel.receive()
        except TimeoutError:
            raise Over("timeout", "the code did not finish in time") from None
        except (EOFError, BrokenPipeError):
            raise Over("crash", "no answer") from None
        except CodecError as error:
            raise Over("error", f"not plain data: {error}") from None
        if type(reply) is not dict:
            raise Over("error", "the candidate sent a malformed frame")
        return reply


class Remote:
    """An object of the candidate's. Everything that is not here fails, comparison included."""

    def __init__(self, candidate: Candidate, index: int, kind: str, truth: bool | None) -> None:
        # Assigning an attribute asks the candidate.
        self.__dict__.update(_candidate=candidate, _index=index, _kind=kind, _truth=truth)

    def __bool__(self) -> bool:
        if self._truth is None:
            raise CandidateError(f"the truth of a {self._kind} cannot be told")
        return bool(self._truth)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._candidate.ask("get", self._index, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._candidate.ask("set", self._index, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._candidate.ask("call", self._index, *args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._candidate.ask("item", self._index, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._candidate.ask("set_item", self._index, key, value)

    def __str__(self) -> str:
        return str(self._candidate.ask("str", self._index))

    def __repr__(self) -> str:
        return f"<{self._kind} of the candidate's>"


class _Sized(Remote):
    def __len__(self) -> int:
        return int(self._candidate.ask("len", self._index))


class _Iterable(_Sized):
    def __iter__(self) -> Any:
        made = self._candidate.ask("iter", self._index)
        return made if isinstance(made, _Iterator) else iter(made)


class _Iterator(Remote):
    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> Any:
        return self._candidate.ask("next", self._index)


_WITH = {"__len__": _Sized, "__iter__": _Iterable, "__next__": _Iterator}


def _send(value: Any) -> Any:
    """A reference to an object that the candidate has already."""
    if isinstance(value, Remote):
        return Reference(value._index)
    plain = simpler(value)
    if plain is NotImplemented:
        raise NotPlainDataError(f"type {type(value).__name__!r:.100} is not plain data")
    return plain


def describe_raised(raised: Any) -> tuple[str, str]:
    """Status and message for an exception that a candidate reports; ``raised`` is any JSON."""
    fields: dict[str, Any] = raised if type(raised) is dict else {}
    kind = text_of(fields.get("kind"))
    status = kind if kind in ("error", "memory", "blocked") else "error"
    text = text_of(fields.get("text"))
    message = (text_of(fields.get("type")) or "an exception") + (f": {text}" if text else "")
    if type(fields.get("line")) is int:
        message += f" (line {fields['line']})"
    return status, message[:MESSAGE_LIMIT]


def stand_in_exception(raised: dict[str, Any], message: str) -> Exception:
    """An exception for the tests to catch: the builtin one that the candidate's derives from."""
    base = getattr(builtins, text_of(raised.get("builtin")), None)
    try:
        if isinstance(base, type) and issubclass(base, Exception):
            made = base(*decode(raised.get("args")))
            if not isinstance(made, (StopIteration, StopAsyncIteration)):
                return _named(made, raised)
    except Exception:  # arguments that its constructor does not take
        pass
    return _named(CandidateError(message), raised)


def _named(exception: Exception, raised: dict[str, Any]) -> Exception:
    """With the name of the candidate's own class, by which tests may expect it."""
    exception.__dict__["candidate_type"] = text_of(raised.get("type"))
    return exception


def text_of(value: Any) -> str:
    return printable(value) if type(value) is str else ""


def printable(text: str) -> str:
    """``text`` with lone surrogates escaped: a log, a file or a tokenizer would fail on them."""
    return text.encode("utf-8", "backslashreplace").decode()
