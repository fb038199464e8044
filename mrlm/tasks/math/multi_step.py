"""Templates that mix operations: sharing, money, rates, ages, boxes, comparison.

``easy`` is two tiny steps, ``medium`` two steps on numbers of up to two digits, ``hard`` three
steps. Numbers are drawn so that shares divide evenly, money suffices and ages are plausible.
"""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.math.template import Draw, Template, ints

__all__ = ["MULTI_STEP"]


def _sharing(eaten: tuple[int, int], people: tuple[int, int], each: tuple[int, int]) -> Draw:
    """``(whole, eaten, people)`` where what is left divides evenly."""

    def draw(stream: RowStream) -> tuple[int, ...]:
        gone, heads = stream.between(*eaten), stream.between(*people)
        return gone + heads * stream.between(*each), gone, heads

    return draw


def _shopping(count: tuple[int, int], price: tuple[int, int], left: tuple[int, int]) -> Draw:
    """``(money, count, price)`` where the money suffices."""

    def draw(stream: RowStream) -> tuple[int, ...]:
        number, cost = stream.between(*count), stream.between(*price)
        return number * cost + stream.between(*left), number, cost

    return draw


def _exchange(given: tuple[int, int], kept: tuple[int, int], received: tuple[int, int]) -> Draw:
    """``(owned, given, received)`` where nobody gives more than they own."""

    def draw(stream: RowStream) -> tuple[int, ...]:
        away = stream.between(*given)
        return away + stream.between(*kept), away, stream.between(*received)

    return draw


def _boxes_shared(stream: RowStream) -> tuple[int, ...]:
    """``(boxes, per_box, eaten, people)`` where what is left divides evenly."""
    people = stream.between(3, 15)
    boxes, per_box = people * stream.between(2, 5), stream.between(12, 30)
    return boxes, per_box, people * stream.between(2, 9), people


def _filling(stream: RowStream) -> tuple[int, ...]:
    """``(speed, first, target)``: the rest of the target is a whole number of minutes."""
    speed, first = stream.between(5, 30), stream.between(12, 90)
    return speed, first, first + speed * stream.between(4, 25)


def _ages(stream: RowStream) -> tuple[int, ...]:
    """``(child, factor, years)``: the parent is between 20 and 50 years older."""
    factor = stream.between(3, 6)
    child = stream.between(-(-20 // (factor - 1)), 50 // (factor - 1))
    return child, factor, stream.between(2, 25)


MULTI_STEP = (
    Template(
        "share_rest",
        "multi_step",
        "multi_step.txt",
        {
            "easy": _sharing((2, 6), (2, 5), (2, 5)),
            "medium": _sharing((3, 12), (2, 6), (2, 9)),
        },
        "{a} - {b} = {x} remain. {x} / {c} = {y}.",
        lambda a, b, c: (a - b, (a - b) // c),
    ),
    Template(
        "boxes_and_loose",
        "multi_step",
        "multi_step.txt",
        {"easy": ints((2, 5), (2, 6), (2, 6)), "medium": ints((2, 8), (3, 10), (3, 20))},
        "{a} * {b} = {x}. {x} + {c} = {y}.",
        lambda a, b, c: (a * b, a * b + c),
    ),
    Template(
        "change_from",
        "multi_step",
        "multi_step.txt",
        {
            "easy": _shopping((2, 4), (2, 6), (2, 9)),
            "medium": _shopping((2, 6), (3, 10), (5, 25)),
        },
        "{b} * {c} = {x}. {a} - {x} = {y} dollars.",
        lambda a, b, c: (b * c, a - b * c),
    ),
    Template(
        "times_total",
        "multi_step",
        "multi_step.txt",
        {"easy": ints((2, 9), (2, 4)), "medium": ints((4, 15), (2, 5))},
        "{a} * {b} = {x}. Together: {a} + {x} = {y} {items}.",
        lambda a, b: (a * b, a + a * b),
    ),
    Template(
        "give_and_get",
        "multi_step",
        "multi_step.txt",
        {
            "easy": _exchange((2, 6), (2, 9), (2, 9)),
            "medium": _exchange((5, 20), (5, 25), (5, 25)),
        },
        "{a} - {b} = {x}. {x} + {c} = {y}.",
        lambda a, b, c: (a - b, a - b + c),
    ),
    Template(
        "two_rates",
        "multi_step",
        "multi_step.txt",
        {
            "medium": ints((3, 12), (3, 12), (2, 6)),
            "hard": ints((101, 250), (101, 250), (4, 18)),
        },
        "Both: {a} + {b} = {x}. {x} * {c} = {y}.",
        lambda a, b, c: (a + b, (a + b) * c),
    ),
    Template(
        "fence",
        "multi_step",
        "multi_step.txt",
        {"medium": ints((4, 20), (4, 20))},
        "{a} + {b} = {x}. 2 * {x} = {y} meters.",
        lambda a, b: (a + b, 2 * (a + b)),
    ),
    Template(
        "parent_age",
        "multi_step",
        "multi_step.txt",
        {"medium": _ages},
        "{a} * {b} = {x}. {x} + {c} = {y} years.",
        lambda a, b, c: (a * b, a * b + c),
    ),
    Template(
        "age_sum",
        "multi_step",
        "multi_step.txt",
        {"hard": ints((12, 40), (3, 35), (2, 25))},
        "{other} is {a} + {b} = {x}. {a} + {x} = {y}. {y} + 2 * {c} = {z} years.",
        lambda a, b, c: (a + b, a + a + b, a + a + b + 2 * c),
    ),
    Template(
        "boxes_shared",
        "multi_step",
        "multi_step.txt",
        {"hard": _boxes_shared},
        "{a} * {b} = {x}. {x} - {c} = {y}. {y} / {d} = {z}.",
        lambda a, b, c, d: (a * b, a * b - c, (a * b - c) // d),
    ),
    Template(
        "saving",
        "multi_step",
        "multi_step.txt",
        {"hard": ints((101, 400), (12, 60), (5, 30), (15, 99))},
        "{b} * {c} = {x}. {a} + {x} = {y}. {y} - {d} = {z} dollars.",
        lambda a, b, c, d: (b * c, a + b * c, a + b * c - d),
    ),
    Template(
        "two_purchases",
        "multi_step",
        "multi_step.txt",
        {"hard": ints((3, 15), (11, 60), (3, 15), (11, 60))},
        "{a} * {b} = {x}. {c} * {d} = {y}. {x} + {y} = {z} dollars.",
        lambda a, b, c, d: (a * b, c * d, a * b + c * d),
    ),
    Template(
        "filling",
        "multi_step",
        "multi_step.txt",
        {"hard": _filling},
        "{c} - {b} = {x}. {x} / {a} = {y} minutes.",
        lambda a, b, c: (c - b, (c - b) // a),
    ),
    Template(
        "three_people",
        "multi_step",
        "multi_step.txt",
        {"hard": ints((102, 250), (2, 5), (11, 95))},
        "{other}: {a} * {b} = {x}. {third}: {x} + {c} = {y}. {a} + {y} = {z} {items}.",
        lambda a, b, c: (a * b, a * b + c, a + a * b + c),
    ),
)
