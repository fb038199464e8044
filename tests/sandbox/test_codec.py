"""The codec: exact round trips, and nothing but plain data or an error from hostile bytes."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrlm.sandbox.codec import (
    Channel,
    CodecError,
    NotPlainDataError,
    decode,
    encode,
    from_json,
    to_json,
)
from mrlm.sandbox.comparison import equal, parse_literal, short_repr

hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.binary()
    | st.text(st.characters()),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
plain = st.recursive(
    hashable | st.just(...),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.sets(hashable, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(plain)
def test_values_come_back_exactly(value: Any) -> None:
    back = decode(from_json(to_json(encode(value))))
    assert equal(back, value)
    assert repr(back) == repr(value) or not _ordered(value)


def _ordered(value: Any) -> bool:
    return "set" not in repr(value) and "{" not in repr(value)


@settings(max_examples=100, deadline=None)
@given(plain)
def test_a_shown_literal_is_read_back(value: Any) -> None:
    text = repr(value)
    if "frozenset" not in text and "Ellipsis" not in text and "j" not in text:
        assert equal(parse_literal(text), value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(list("iftlszdcbe")) | st.text(), inner, max_size=2)
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_hostile_data_is_decoded_or_refused(data: Any) -> None:
    with contextlib.suppress(CodecError):
        short_repr(decode(data))


@settings(max_examples=100, deadline=None)
@given(st.binary())
def test_hostile_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"9" * 1_000_000,
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"NaN",
        b"Infinity",
        b"\xff\xfe",
        b"",
        b"1 2",
    ],
)
def test_json_that_we_never_write(data: bytes) -> None:
    with pytest.raises(CodecError):
        from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        1.5,
        [],
        {},
        {"l": {}},
        {"l": 1},
        {"i": "0x1", "l": []},
        {"d": [[1]]},
        {"d": [[{"l": []}, 1]]},
        {"s": [{"l": []}]},
        {"f": "x"},
        {"f": 1},
        {"i": 5},
        {"i": "x"},
        {"c": ["0x1p0"]},
        {"b": "zz"},
        {"x": 1},
    ],
)
def test_values_that_we_never_write(data: Any) -> None:
    with pytest.raises(CodecError):
        decode(data)


@pytest.mark.parametrize(
    "value",
    [object(), len, lambda: 1, iter([]), zip(), type("I", (int,), {})(1), memoryview(b"")],
)
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(NotPlainDataError):
        encode([value])


def test_cycles_and_depth_and_size_are_refused() -> None:
    cycle: list[Any] = []
    cycle += [cycle, cycle]
    deep: Any = ()
    for _ in range(200):
        deep = (deep,)
    for value in (cycle, deep, "x" * (9 << 20), [0] * (2 << 20)):
        with pytest.raises(CodecError) as caught:
            encode(value)
        assert not isinstance(caught.value, NotPlainDataError)


def test_frames_over_a_pipe() -> None:
    reader, writer = os.pipe()
    channel = Channel(reader, writer, time.monotonic() + 60)
    channel.send({"a": ["\ud800", 1, None]})
    assert channel.receive() == {"a": ["\ud800", 1, None]}
    os.write(writer, b"\xff\xff\xff\xff")
    with pytest.raises(CodecError, match="announced"):
        channel.receive()
    channel.deadline = time.monotonic() + 0.1
    os.write(writer, b"\0\0")
    with pytest.raises(TimeoutError):
        channel.receive()
    with pytest.raises(TimeoutError):  # nobody empties the pipe
        channel.send("x" * 2_000_000)
    with pytest.raises(CodecError, match="larger"):
        channel.send("x" * (9 << 20))
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_a_channel_whose_other_side_is_gone_says_so() -> None:
    reader, writer = os.pipe()
    channel = Channel(reader, writer, time.monotonic() + 60)
    channel.send("the last")
    os.write(writer, b"\0\0")  # and a frame that was cut off
    os.close(writer)
    assert channel.receive() == "the last"
    with pytest.raises(EOFError):
        channel.receive()
    os.close(reader)


def test_json_is_ascii_and_compact() -> None:
    assert to_json({"a": ["é", 1.5]}) == b'{"a":["\\u00e9",1.5]}'
    assert json.loads(to_json("\ud800")) == "\ud800"
