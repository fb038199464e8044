"""Templates of rates and of negative numbers, all of them hard.

Rates are drawn so that results are short decimals. Among negative numbers are temperatures, debts,
floors below the ground, depths and points; most of their answers are negative.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from mrlm.splits import RowStream
from mrlm.tasks.math.template import Draw, Number, Template, decimal, dollars, ints

__all__ = ["RATES"]


def _distance(stream: RowStream) -> tuple[Number, ...]:
    """``(speed, hours)``, hours in quarters."""
    return stream.between(4, 30) * 4, Fraction(stream.between(5, 31), 4)


def _duration(stream: RowStream) -> tuple[Number, ...]:
    """``(way, speed)``: the time is a number of quarters."""
    speed = stream.between(3, 25) * 4
    return speed * stream.between(5, 31) // 4, speed


def _unit_cost(stream: RowStream) -> tuple[Number, ...]:
    """``(number, cost, wanted)``: one costs a whole number of cents."""
    number, unit = stream.between(2, 9), Fraction(stream.between(23, 480), 20)
    return number, number * unit, number + stream.between(2, 12)


def _leak(stream: RowStream) -> tuple[Number, ...]:
    """``(gain, loss, time)``: more comes than goes."""
    loss = stream.between(3, 60)
    return loss + stream.between(2, 60), loss, stream.between(4, 30)


def _mean_speed(stream: RowStream) -> tuple[Number, ...]:
    """``(way, time, way, time)``: the mean is a number of halves."""
    first, second = stream.between(2, 6), stream.between(2, 6)
    one, time = first * stream.between(31, 60), first + second
    half = Fraction(stream.between(31, 60) * 2 + (time % 2 == 0), 2)
    two = time * half - one
    while two < 20:
        two += time
    return one, first, int(two), second


def _fuel(stream: RowStream) -> tuple[Number, ...]:
    """``(per hundred, amount)``: tenths, and tens."""
    return Fraction(stream.between(21, 98), 10), 10 * stream.between(12, 95)


def _cooling(stream: RowStream) -> tuple[Number, ...]:
    """``(warmth, fall)``: below zero in the end."""
    warmth = stream.between(2, 19)
    return warmth, warmth + stream.between(2, 25)


def _cooling_and_warming(stream: RowStream) -> tuple[Number, ...]:
    """``(warmth, fall, rise)``: below zero in between."""
    warmth, fall = _cooling(stream)
    return warmth, fall, stream.between(2, 15)


def _debt(stream: RowStream) -> tuple[Number, ...]:
    """``(money, bill, bill)``: a debt in the end."""
    money, first = stream.between(30, 300), stream.between(20, 250)
    return money, first, max(2, money - first) + stream.between(5, 150)


def _floors(stream: RowStream) -> tuple[Number, ...]:
    """``(floor, down, up)``: below the ground in between, and not at its height in the end."""
    floor, below, rise = stream.between(2, 12), stream.between(2, 7), stream.between(2, 6)
    return floor, floor + below, rise + (rise == below)


def _depth(stream: RowStream) -> tuple[Number, ...]:
    """``(depth, rise, fall)``: below the surface all the time."""
    depth = stream.between(12, 90)
    return depth, stream.between(2, depth - 2), stream.between(2, 60)


def _temperatures(stream: RowStream) -> tuple[Number, ...]:
    """Four numbers, most of them below zero, none of them -1, 0 or 1."""
    signs = (-1, -1, -1, 1)
    return tuple([stream.pick(signs) * stream.between(2, 19) for _ in range(4)])


def _hard(
    kind: str,
    name: str,
    draw: Draw,
    steps: str,
    work: Callable[..., tuple[Number, ...]],
    show: Callable[[Number], str] | None = decimal,
) -> Template:
    return Template(name, kind, "rates.txt", {"hard": draw}, steps, work, show)


_RATES = (
    _hard("rates", "distance", _distance, "{a} * {b} = {x}.", lambda a, b: (a * b,)),
    _hard("rates", "duration", _duration, "{a} / {b} = {x}.", lambda a, b: (Fraction(a, b),)),
    _hard(
        "rates",
        "unit_cost",
        _unit_cost,
        "{b} / {a} = {x}. {x} * {c} = {y} dollars.",
        lambda a, b, c: (one := b / a, one * c),
        dollars,
    ),
    _hard(
        "rates",
        "apart",
        ints((12, 95), (12, 95), (2, 9)),
        "{a} + {b} = {x}. {x} * {c} = {y} km.",
        lambda a, b, c: (a + b, (a + b) * c),
        None,
    ),
    _hard(
        "rates",
        "leak",
        _leak,
        "{a} - {b} = {x}. {x} * {c} = {y}.",
        lambda a, b, c: (a - b, (a - b) * c),
        None,
    ),
    _hard(
        "rates",
        "mean_speed",
        _mean_speed,
        "{a} + {c} = {x}. {b} + {d} = {y}. {x} / {y} = {z}.",
        lambda a, b, c, d: (a + c, b + d, Fraction(a + c, b + d)),
    ),
    _hard(
        "rates",
        "fuel",
        _fuel,
        "{a} * {b} = {x}. {x} / 100 = {y}.",
        lambda a, b: (product := a * b, product / 100),
    ),
)
_NEGATIVES = (
    _hard("negatives", "cooling", _cooling, "{a} - {b} = {x}.", lambda a, b: (a - b,), None),
    _hard(
        "negatives",
        "cooling_and_warming",
        _cooling_and_warming,
        "{a} - {b} = {x}. {x} + {c} = {y}.",
        lambda a, b, c: (a - b, a - b + c),
        None,
    ),
    _hard(
        "negatives",
        "debt",
        _debt,
        "{a} - {b} = {x}. {x} - {c} = {y}.",
        lambda a, b, c: (a - b, a - b - c),
        None,
    ),
    _hard(
        "negatives",
        "floors",
        _floors,
        "{a} - {b} = {x}. {x} + {c} = {y}.",
        lambda a, b, c: (a - b, a - b + c),
        None,
    ),
    _hard(
        "negatives",
        "depth",
        _depth,
        "-{a} + {b} = {x}. {x} - {c} = {y}.",
        lambda a, b, c: (b - a, b - a - c),
        None,
    ),
    _hard(
        "negatives",
        "points",
        ints((2, 12), (2, 5), (2, 19), (2, 6)),
        "{a} * {b} = {x}. {c} * {d} = {y}. {x} - {y} = {z}.",
        lambda a, b, c, d: (a * b, c * d, a * b - c * d),
        None,
    ),
    _hard(
        "negatives",
        "colder",
        ints((2, 30), (2, 40)),
        "{a} + {b} = {x}.",
        lambda a, b: (a + b,),
        None,
    ),
    _hard(
        "negatives",
        "mean_temperature",
        _temperatures,
        "{a} + {b} = {x}. {x} + {c} = {y}. {y} + {d} = {z}. {z} / 4 = {w}.",
        lambda a, b, c, d: (a + b, a + b + c, a + b + c + d, Fraction(a + b + c + d, 4)),
    ),
)

RATES = _RATES + _NEGATIVES
