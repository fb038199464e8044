"""Plain data beyond the builtin literals: how the codec takes them apart and rebuilds them.

Each is rebuilt from numbers and texts by the standard library's own constructor, or by numpy's
where a sandbox has that package open; nothing of the sender's runs. Named tuples arrive as
:class:`NamedValues`, because their class is the sender's.

Not covered: dates with a time zone, arrays of objects or of dates, subclasses of all of them.
"""

from __future__ import annotations

import datetime
import operator
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = ["MAKERS", "PARTS", "NamedValues", "is_view", "numpy_value", "simpler"]

ARRAY_LIMIT = 1 << 20  # elements
_DTYPE = re.compile(r"[<>|=]?[biufc]\d{1,2}|[<>]U\d{1,4}")
_EMPTY: dict[Any, Any] = {}
_KEYS, _VALUES, _ITEMS = (type(view()) for view in (_EMPTY.keys, _EMPTY.values, _EMPTY.items))


class NamedValues(tuple[Any, ...]):
    """A named tuple of the candidate's: a tuple whose fields can be read by name."""

    _fields: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_fields", ()):
            return self[self._fields.index(name)]
        raise AttributeError(f"the named tuple has no field {name!r:.100}")

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))


def _make_named(fields: Any, values: Any) -> NamedValues:
    if type(fields) is not tuple or type(values) is not tuple or len(fields) != len(values):
        raise ValueError("a named tuple needs a value for each field")
    made = NamedValues(values)
    made._fields = tuple(str(field) for field in fields)
    return made


def _make_range(start: Any, stop: Any, step: Any) -> range:
    return range(start, stop, step)


def _make_view(kind: Any, pairs: Any) -> Any:
    if type(pairs) is not list:
        raise ValueError("a view needs a list of pairs")
    if kind == "values":
        return dict(enumerate(pairs)).values()
    return dict.fromkeys(pairs).keys() if kind == "keys" else dict(pairs).items()


def _make_number(kind: Any, *parts: Any) -> Any:
    if kind == "fraction":
        return Fraction(*map(operator.index, parts))
    if kind == "decimal":
        return Decimal(str(parts[0]))
    return complex(*map(float, parts))


def _make_date(kind: Any, *parts: Any) -> Any:
    kinds: dict[Any, Callable[..., Any]] = {
        "date": datetime.date,
        "time": datetime.time,
        "datetime": datetime.datetime,
        "timedelta": datetime.timedelta,
    }
    return kinds[kind](*map(operator.index, parts))


def _make_array(dtype: Any, shape: Any, values: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None or not _DTYPE.fullmatch(dtype) or type(shape) is not tuple:
        raise ValueError("not an array of this sandbox's")
    if type(values) is not list or len(values) > ARRAY_LIMIT:
        raise ValueError("too many elements")
    return numpy.array(values, dtype=dtype).reshape(shape)


MAKERS: dict[str, Callable[..., Any]] = {
    "a": _make_array,
    "k": _make_view,
    "n": _make_named,
    "q": lambda items, length: deque(items, length),
    "r": _make_range,
    "w": _make_date,
    "x": _make_number,
    "y": lambda data: bytearray(data),
}

_Parts = Callable[[Any], Iterable[Any]]
# type: (tag, the parts that its maker takes)
PARTS: dict[type, tuple[str, _Parts]] = {
    complex: ("x", lambda item: ("complex", item.real, item.imag)),
    Fraction: ("x", lambda item: ("fraction", item.numerator, item.denominator)),
    Decimal: ("x", lambda item: ("decimal", str(item))),
    range: ("r", lambda item: (item.start, item.stop, item.step)),
    deque: ("q", lambda item: (list(item), item.maxlen)),
    bytearray: ("y", lambda item: (bytes(item),)),
    _KEYS: ("k", lambda item: ("keys", list(item))),
    _VALUES: ("k", lambda item: ("values", list(item))),
    _ITEMS: ("k", lambda item: ("items", list(item))),
    datetime.date: ("w", lambda item: ("date", item.year, item.month, item.day)),
    datetime.timedelta: (
        "w",
        lambda item: ("timedelta", item.days, item.seconds, item.microseconds),
    ),
    NamedValues: ("n", lambda item: (item._fields, tuple(item))),
}


def is_view(value: Any) -> bool:
    """Whether ``value`` is an ordered collection that an expected list can stand for."""
    return type(value) in (range, deque, _KEYS, _VALUES, _ITEMS)


def numpy_value(value: Any) -> Any:
    """A numpy array or scalar as builtin data; anything else as it is."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return value.tolist()
    return value


def simpler(value: Any) -> Any:
    """What can be sent in place of an object of a class with plain contents, or ``NotImplemented``.

    Runs beside the candidate: it reads contents with the builtin types' own methods, and whatever
    it gives is plain data.
    """
    kind = type(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray and value.size <= ARRAY_LIMIT:
        if _DTYPE.fullmatch(value.dtype.str):
            return _Array(value)
    elif numpy is not None and issubclass(kind, numpy.generic):
        return value.item() if type(value.item()) is not kind else NotImplemented
    if kind is datetime.datetime and value.tzinfo is None:
        return _Moment("datetime", *value.timetuple()[:6], value.microsecond)
    if kind is datetime.time and value.tzinfo is None:
        return _Moment("time", value.hour, value.minute, value.second, value.microsecond)
    fields = getattr(kind, "_fields", None)
    if issubclass(kind, tuple) and type(fields) is tuple and len(fields) == tuple.__len__(value):
        return _make_named(fields, tuple(tuple.__iter__(value)))
    for base, copy in _COPIES.items():
        if issubclass(kind, base):
            return copy(value)
    return NotImplemented


class _Moment(tuple[Any, ...]):
    """A time or date and time, taken apart."""

    def __new__(cls, *parts: Any) -> _Moment:
        return super().__new__(cls, parts)


class _Array:
    """A numpy array on its way."""

    def __init__(self, array: Any) -> None:
        self.parts = (array.dtype.str, tuple(array.shape), array.ravel().tolist())


PARTS[_Moment] = ("w", lambda item: item)
PARTS[_Array] = ("a", lambda item: item.parts)

_COPIES: dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: lambda value: float.__add__(value, 0.0),
    str: lambda value: str.__getitem__(value, slice(None)),
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
}
