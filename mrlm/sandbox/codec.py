"""Plain data between processes that do not trust each other, without pickle.

A value becomes JSON in which all but ``None``, ``bool``, ``str`` and small ``int`` carries a tag,
so that the other side rebuilds the very type that was sent: ``1``, ``1.0`` and ``True`` stay three
different things. Reading a frame runs no code of the sender: no classes, no hooks, no references,
only builtin types of bounded size and depth. Whatever a hostile sender writes, the reader gets
plain data, a :class:`CodecError`, a ``TimeoutError`` or an ``EOFError``.

An object that is not plain data can stay where it is: the two sides then agree on a
:class:`Reference` to it.

Does not cover: identity and cycles (a cycle is refused as too deep). ``Counter``, ``defaultdict``
and ``OrderedDict`` arrive as the ``dict`` they equal; other types than builtin data: see
``plain_types``.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mrlm.sandbox.plain_types import MAKERS, PARTS

__all__ = [
    "FRAME_LIMIT",
    "Channel",
    "CodecError",
    "NotPlainDataError",
    "Reference",
    "decode",
    "encode",
    "from_json",
    "to_json",
]

FRAME_LIMIT = 8 << 20  # bytes; what one value may take on the wire
DEPTH_LIMIT = 100
ELEMENT_SIZE = 8  # bytes; about what one takes on the wire, so that a cycle ends early
_SMALL = 1 << 53
_DIGITS = 20  # a JSON integer longer than this was not written by encode()
_HEADER = 4


class CodecError(ValueError):
    """A value that cannot be sent, or bytes that are not a frame."""


class NotPlainDataError(CodecError):
    """A value of a type that has no encoding."""


def encode(value: Any, stand_in: Callable[[Any], Any] | None = None) -> Any:
    """``value`` as tagged JSON-ready data.

    Args:
        value: Plain data, of any types that ``decode`` knows.
        stand_in: For a part that is not plain data, gives JSON that ``decode`` hands to its
            ``resolve``, or other plain data in its place.

    Raises:
        NotPlainDataError: some part has a type that is not plain data.
        CodecError: it is too deep or too large.
    """
    room = FRAME_LIMIT

    def walk(item: Any, depth: int) -> Any:
        nonlocal room
        kind = type(item)
        room -= ELEMENT_SIZE + (len(item) if kind in (str, bytes, bytearray) else 0)
        if depth > DEPTH_LIMIT:
            raise CodecError(f"nested deeper than {DEPTH_LIMIT} levels")
        if room < 0:
            raise CodecError(f"larger than {FRAME_LIMIT} bytes")
        if item is None or kind is bool or kind is str:
            return item
        if kind is int:
            return item if -_SMALL < item < _SMALL else {"i": hex(item)}
        if kind is float:
            return {"f": item.hex()}
        if kind in _SEQUENCE_TAGS:
            return {_SEQUENCE_TAGS[kind]: [walk(part, depth + 1) for part in item]}
        if kind in (dict, Counter, defaultdict, OrderedDict):
            pairs = dict.items(item)
            return {"d": [[walk(k, depth + 1), walk(v, depth + 1)] for k, v in pairs]}
        if kind is bytes:
            return {"b": item.hex()}
        if item is ...:
            return {"e": 0}
        if kind in PARTS:
            tag, take = PARTS[kind]
            return {tag: [walk(part, depth + 1) for part in take(item)]}
        if stand_in is None:
            raise NotPlainDataError(f"type {kind.__name__!r:.100} is not plain data")
        other = stand_in(item)
        return {"o": other.data} if type(other) is Reference else walk(other, depth + 1)

    return walk(value, 0)


class Reference(NamedTuple):
    """What stands on the wire for an object that stays where it is."""

    data: Any


def decode(data: Any, resolve: Callable[[Any], Any] | None = None) -> Any:
    """The value that :func:`encode` turned into ``data``.

    Args:
        data: Of :func:`from_json`.
        resolve: Makes an object of a :class:`Reference`'s data; without it they are refused.

    Raises:
        CodecError: ``data`` was not made by ``encode``.
    """
    try:
        return _decode(data, 0, resolve)
    except CodecError:
        raise
    except (ArithmeticError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise CodecError(f"malformed value: {type(error).__name__}") from None


def _decode(data: Any, depth: int, resolve: Callable[[Any], Any] | None) -> Any:
    if depth > DEPTH_LIMIT:
        raise CodecError(f"nested deeper than {DEPTH_LIMIT} levels")
    kind = type(data)
    if data is None or kind is bool or kind is int or kind is str:
        return data
    if kind is not dict or len(data) != 1:
        raise CodecError(f"malformed value: untagged {kind.__name__}")
    ((tag, body),) = data.items()
    depth += 1
    if tag in _SEQUENCES:
        return _SEQUENCES[tag](_decode(part, depth, resolve) for part in _list(body))
    if tag == "d":
        pairs = (_list(pair, 2) for pair in _list(body))
        return {_decode(k, depth, resolve): _decode(item, depth, resolve) for k, item in pairs}
    if tag == "i":
        return int(body, 16)
    if tag == "f":
        return float.fromhex(body)
    if tag == "b":
        return bytes.fromhex(body)
    if tag == "e":
        return ...
    if tag in MAKERS:
        return MAKERS[tag](*(_decode(part, depth, resolve) for part in _list(body)))
    if tag == "o" and resolve is not None:
        return resolve(body)
    raise CodecError("malformed value: unknown tag")


_SEQUENCES: dict[str, Callable[[Iterable[Any]], Any]] = {
    "l": list,
    "t": tuple,
    "s": set,
    "z": frozenset,
}
_SEQUENCE_TAGS = {kind: tag for tag, kind in _SEQUENCES.items()}


def _list(data: Any, length: int | None = None) -> list[Any]:
    if type(data) is not list or (length is not None and len(data) != length):
        raise CodecError("malformed value: not a list of the right length")
    return data


def to_json(message: Any) -> bytes:
    """ASCII JSON without NaN; lone surrogates survive as escapes."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")


def from_json(data: bytes) -> Any:
    """Read JSON from a process that may be hostile.

    Raises:
        CodecError: not JSON, nested too deeply, or with numbers that ``to_json`` never writes.
    """
    try:
        return json.loads(data, parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"malformed frame: {type(error).__name__}") from None


def _integer(text: str) -> int:
    # Also keeps int() away from megabytes of digits, which take quadratic time.
    if len(text) > _DIGITS:
        raise ValueError("integer too long")
    return int(text)


def _refuse(text: str) -> Any:
    raise ValueError("not written by to_json")


class Channel:
    """Frames (4 bytes of length, then JSON) over two descriptors, with one deadline for all.

    Args:
        reader: Descriptor to read from.
        writer: Descriptor to write to; the same one for a socket.
        deadline: ``time.monotonic()`` after which ``send`` and ``receive`` raise ``TimeoutError``;
            ``None`` waits for ever.
        limit: Bytes that a frame from the other side may have.
    """

    def __init__(
        self,
        reader: int,
        writer: int,
        deadline: float | None = None,
        limit: int = FRAME_LIMIT,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.deadline = deadline
        self.limit = limit

    def send(self, message: Any) -> None:
        """Write one frame.

        Raises:
            CodecError: it is larger than ``FRAME_LIMIT``.
            BrokenPipeError: nobody reads any more.
            TimeoutError: the deadline passed first.
        """
        body = to_json(message)
        if len(body) > FRAME_LIMIT:
            raise CodecError(f"larger than {FRAME_LIMIT} bytes")
        data = memoryview(len(body).to_bytes(_HEADER, "big") + body)
        while data:
            self._wait(self.writer, select.POLLOUT)
            # A pipe that polls as writable takes at least this much without blocking.
            data = data[os.write(self.writer, data[: select.PIPE_BUF]) :]

    def receive(self) -> Any:
        """Read one frame.

        Raises:
            CodecError: what arrived is not a frame.
            EOFError: the other side is gone.
            TimeoutError: the deadline passed first.
        """
        size = int.from_bytes(self._read(_HEADER), "big")
        if size > self.limit:
            raise CodecError(f"malformed frame: {size} bytes announced")
        return from_json(self._read(size))

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            self._wait(self.reader, select.POLLIN)
            piece = os.read(self.reader, min(size - len(data), 1 << 16))
            if not piece:
                raise EOFError("the other side closed the channel")
            data += piece
        return bytes(data)

    def _wait(self, descriptor: int, event: int) -> None:
        if self.deadline is None:
            return
        poller = select.poll()
        poller.register(descriptor, event)
        while not poller.poll(max(0.0, self.deadline - time.monotonic()) * 1000):
            if time.monotonic() >= self.deadline:
                raise TimeoutError("the deadline passed")
