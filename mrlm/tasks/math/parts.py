"""Templates of decimals, fractions and percent, all of them hard.

Numbers are drawn as fractions where they are none of a whole, so that every result is exact. An
answer that no finite decimal writes is asked for as a fraction.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd

from mrlm.splits import RowStream
from mrlm.tasks.math.template import Draw, Number, Template, decimal, dollars, fraction, ints

__all__ = ["PARTS"]

_DENOMINATORS = (2, 3, 4, 5, 6, 8, 10)
_PERCENTS = (5, 10, 15, 20, 25, 30, 35, 40, 45, 60, 75, 80)


def _parts_of(whole: int, *ranges: tuple[int, int]) -> Draw:
    """Draw one multiple of ``1 / whole`` from each ``(low, high)`` range of numerators."""
    return lambda stream: tuple([Fraction(stream.between(*ends), whole) for ends in ranges])


def _pieces(stream: RowStream) -> tuple[Number, ...]:
    """``(whole, one, two)`` in tenths: something is left."""
    one, two = stream.between(11, 95), stream.between(11, 95)
    whole = one + two + stream.between(6, 90)
    return Fraction(whole, 10), Fraction(one, 10), Fraction(two, 10)


def _cash(stream: RowStream) -> tuple[Number, ...]:
    """``(money, count, price)``: whole dollars that suffice for what has a price in cents."""
    count, price = stream.between(2, 9), 5 * stream.between(23, 195)
    return -(-count * price // 100) + stream.between(1, 20), count, Fraction(price, 100)


def _weights(stream: RowStream) -> tuple[Number, ...]:
    """``(count, each)``, each in tenths."""
    return stream.between(3, 24), Fraction(stream.between(11, 98), 10)


def _equal_parts(stream: RowStream) -> tuple[Number, ...]:
    """``(people, sum)``, where each gets a whole number of cents."""
    people = stream.between(2, 8)
    return people, Fraction(people * 5 * stream.between(23, 240), 100)


def _proper(stream: RowStream) -> Fraction:
    below = stream.pick(_DENOMINATORS)
    return Fraction(stream.between(1, below - 1), below)


def _pieces_of_one(stream: RowStream) -> tuple[Number, ...]:
    """Two fractions that leave something of one."""
    while True:
        one, two = _proper(stream), _proper(stream)
        if one + two < 1:
            return one, two


def _fraction_of(stream: RowStream) -> tuple[Number, ...]:
    """``(whole, part)``, where the part of the whole is a whole number."""
    part = _proper(stream)
    return part.denominator * stream.between(4, 40), part


def _recipe(stream: RowStream) -> tuple[Number, ...]:
    """``(count, each)``: times a fraction, or a mixed number, of something."""
    return stream.between(3, 16), _proper(stream) + stream.below(3)


def _legs(stream: RowStream) -> tuple[Number, ...]:
    return _proper(stream), _proper(stream), _proper(stream)


def _spending(stream: RowStream) -> tuple[Number, ...]:
    """``(whole, part, part of the rest)``, where every rest is a whole number."""
    one, two = _proper(stream), _proper(stream)
    return one.denominator * two.denominator * stream.between(2, 15), one, two


def _percent_of(stream: RowStream) -> tuple[Number, ...]:
    """``(whole, percent)``, where the part is a whole number."""
    percent = stream.pick(_PERCENTS)
    return Fraction(percent, 100).denominator * stream.between(3, 40), percent


def _discount(stream: RowStream) -> tuple[Number, ...]:
    return stream.between(21, 480), stream.pick(_PERCENTS)


def _share_in_percent(stream: RowStream) -> tuple[Number, ...]:
    """``(whole, part)``, where the percentage has at most one decimal."""
    whole = stream.pick((20, 25, 40, 50, 80, 120, 125, 160, 200, 240, 250, 400, 500))
    unit = whole // gcd(whole, 1000)
    return whole, unit * stream.between(-(-2 // unit), whole // unit - 1)


def _tip(stream: RowStream) -> tuple[Number, ...]:
    """``(bill, percent, people)``, where each pays a whole number of cents."""
    people, percent = stream.between(2, 6), stream.pick((5, 10, 15, 20, 25))
    return people * 5 * stream.between(4, 40), percent, people


def _interest(stream: RowStream) -> tuple[Number, ...]:
    return 50 * stream.between(3, 60), stream.between(2, 9), stream.between(2, 9)


def _rest(stream: RowStream) -> tuple[Number, ...]:
    """``(whole, percent, more)``: something is left."""
    percent = stream.pick(_PERCENTS)
    whole = Fraction(percent, 100).denominator * stream.between(9, 60)
    return whole, percent, stream.between(2, whole * (100 - percent) // 100 - 2)


def _spend(a: int, b: Fraction, c: Fraction) -> tuple[Number, ...]:
    """A part of the whole, then a part of the rest."""
    rest = a - (first := a * b)
    return first, rest, (second := rest * c), rest - second


def _hard(
    kind: str,
    name: str,
    draw: Draw,
    steps: str,
    work: Callable[..., tuple[Number, ...]],
    show: Callable[[Number], str] = decimal,
) -> Template:
    return Template(name, kind, "parts.txt", {"hard": draw}, steps, work, show)


_DECIMALS = (
    _hard(
        "decimals",
        "prices",
        _parts_of(100, (115, 4995), (105, 2995)),
        "{a} + {b} = {x} dollars.",
        lambda a, b: (a + b,),
        dollars,
    ),
    _hard(
        "decimals",
        "pieces",
        _pieces,
        "{a} - {b} = {x}. {x} - {c} = {y}.",
        lambda a, b, c: (rest := a - b, rest - c),
    ),
    _hard("decimals", "weights", _weights, "{a} * {b} = {x}.", lambda a, b: (a * b,)),
    _hard(
        "decimals",
        "cash",
        _cash,
        "{b} * {c} = {x}. {a} - {x} = {y} dollars.",
        lambda a, b, c: (cost := b * c, a - cost),
        dollars,
    ),
    _hard("decimals", "equal_parts", _equal_parts, "{b} / {a} = {x}.", lambda a, b: (b / a,)),
    _hard(
        "decimals",
        "average",
        ints((11, 95), (11, 95), (11, 95), (11, 95)),
        "{a} + {b} + {c} + {d} = {x}. {x} / 4 = {y}.",
        lambda a, b, c, d: (a + b + c + d, Fraction(a + b + c + d, 4)),
    ),
)
_FRACTIONS = (
    _hard(
        "fractions",
        "pieces_left",
        _pieces_of_one,
        "{a} + {b} = {x}. 1 - {x} = {y}.",
        lambda a, b: (both := a + b, 1 - both),
        fraction,
    ),
    _hard(
        "fractions",
        "fraction_of",
        _fraction_of,
        "{a} * {b} = {x}. {a} - {x} = {y}.",
        lambda a, b: (part := a * b, a - part),
        fraction,
    ),
    _hard("fractions", "recipe", _recipe, "{a} * {b} = {x}.", lambda a, b: (a * b,), fraction),
    _hard(
        "fractions",
        "legs",
        _legs,
        "{a} + {b} = {x}. {x} + {c} = {y}.",
        lambda a, b, c: (both := a + b, both + c),
        fraction,
    ),
    _hard(
        "fractions",
        "spending",
        _spending,
        "{a} * {b} = {x}. {a} - {x} = {y}. {y} * {c} = {z}. {y} - {z} = {w}.",
        _spend,
        fraction,
    ),
)
_PERCENT = (
    _hard(
        "percent",
        "percent_of",
        _percent_of,
        "{a} * {b} / 100 = {x}.",
        lambda a, b: (Fraction(a * b, 100),),
    ),
    _hard(
        "percent",
        "discount",
        _discount,
        "{a} * {b} / 100 = {x}. {a} - {x} = {y}.",
        lambda a, b: (part := Fraction(a * b, 100), a - part),
    ),
    _hard(
        "percent",
        "growth",
        _percent_of,
        "{a} * {b} / 100 = {x}. {a} + {x} = {y}.",
        lambda a, b: (part := Fraction(a * b, 100), a + part),
    ),
    _hard(
        "percent",
        "share_in_percent",
        _share_in_percent,
        "{b} / {a} = {x}. {x} * 100 = {y} percent.",
        lambda a, b: (Fraction(b, a), Fraction(100 * b, a)),
    ),
    _hard(
        "percent",
        "tip",
        _tip,
        "{a} * {b} / 100 = {x}. {a} + {x} = {y}. {y} / {c} = {z} dollars.",
        lambda a, b, c: (part := Fraction(a * b, 100), total := a + part, total / c),
        dollars,
    ),
    _hard(
        "percent",
        "interest",
        _interest,
        "{a} * {b} / 100 = {x}. {x} * {c} = {y}. {a} + {y} = {z}.",
        lambda a, b, c: (part := Fraction(a * b, 100), more := c * part, a + more),
    ),
    _hard(
        "percent",
        "rest_in_percent",
        _rest,
        "{a} * {b} / 100 = {x}. {a} - {x} = {y}. {y} - {c} = {z}.",
        lambda a, b, c: (part := Fraction(a * b, 100), rest := a - part, rest - c),
    ),
)

PARTS = _DECIMALS + _FRACTIONS + _PERCENT
