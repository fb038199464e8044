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
        {
            "easy": _sharing((2, 6), (2, 5), (2, 5)),
            "medium": _sharing((3, 12), (2, 6), (2, 9)),
        },
        (
            (
                "{name} bakes {a} {baked}, eats {b} and shares the rest equally among {c} friends.",
                "How many {baked} does each friend get?",
            ),
            (
                "Of {a} {baked}, {b} are burnt. The rest go equally on {c} plates.",
                "How many {baked} are on each plate?",
            ),
        ),
        "{a} - {b} = {x} {baked} remain. {x} / {c} = {y}.",
        lambda a, b, c: (a - b, (a - b) // c),
    ),
    Template(
        "boxes_and_loose",
        "multi_step",
        {"easy": ints((2, 5), (2, 6), (2, 6)), "medium": ints((2, 8), (3, 10), (3, 20))},
        (
            (
                "{name} has {a} boxes of {b} {items} and {c} loose {items}.",
                "How many {items} does {name} have?",
            ),
            (
                "{other} gives {name} {a} packs of {b} {items}. {name} already had {c}.",
                "How many {items} does {name} have now?",
            ),
        ),
        "{a} * {b} = {x}. {x} + {c} = {y} {items}.",
        lambda a, b, c: (a * b, a * b + c),
    ),
    Template(
        "change_from",
        "multi_step",
        {
            "easy": _shopping((2, 4), (2, 6), (2, 9)),
            "medium": _shopping((2, 6), (3, 10), (5, 25)),
        },
        (
            (
                "{name} has ${a} and buys {b} books at ${c} each.",
                "How many dollars does {name} have left?",
            ),
            (
                "Tickets cost ${c} each. {name} pays for {b} of them with ${a}.",
                "How many dollars of change does {name} get?",
            ),
        ),
        "{b} * {c} = {x}. {a} - {x} = {y} dollars.",
        lambda a, b, c: (b * c, a - b * c),
    ),
    Template(
        "times_total",
        "multi_step",
        {"easy": ints((2, 9), (2, 4)), "medium": ints((4, 15), (2, 5))},
        (
            (
                "{name} has {a} {items}. {other} has {b} times as many.",
                "How many {items} do they have together?",
            ),
            (
                "{other} has {b} times as many {items} as {name}. {name} has {a}.",
                "How many {items} do the two have in total?",
            ),
        ),
        "{other} has {a} * {b} = {x}. Together: {a} + {x} = {y} {items}.",
        lambda a, b: (a * b, a + a * b),
    ),
    Template(
        "give_and_get",
        "multi_step",
        {
            "easy": _exchange((2, 6), (2, 9), (2, 9)),
            "medium": _exchange((5, 20), (5, 25), (5, 25)),
        },
        (
            (
                "{name} has {a} {items}, gives {b} to {other} and then finds {c} more.",
                "How many {items} does {name} have now?",
            ),
            (
                "A bus carries {a} people. At a stop, {b} get off and {c} get on.",
                "How many people are on the bus now?",
            ),
        ),
        "{a} - {b} = {x}. {x} + {c} = {y}.",
        lambda a, b, c: (a - b, a - b + c),
    ),
    Template(
        "two_rates",
        "multi_step",
        {
            "medium": ints((3, 12), (3, 12), (2, 6)),
            "hard": ints((101, 250), (101, 250), (4, 18)),
        },
        (
            (
                "One machine makes {a} parts per hour and another makes {b}.",
                "How many parts do both make in {c} hours?",
            ),
            (
                "{name} types {a} words per minute and {other} types {b}.",
                "How many words do both type in {c} minutes?",
            ),
        ),
        "Both: {a} + {b} = {x}. {x} * {c} = {y}.",
        lambda a, b, c: (a + b, (a + b) * c),
    ),
    Template(
        "fence",
        "multi_step",
        {"medium": ints((4, 20), (4, 20))},
        (
            (
                "A field is {a} meters long and {b} meters wide.",
                "How many meters of fence go all around it?",
            ),
            (
                "{name} walks once around a park that is {a} meters by {b} meters.",
                "How many meters does {name} walk?",
            ),
        ),
        "{a} + {b} = {x}. 2 * {x} = {y} meters.",
        lambda a, b: (a + b, 2 * (a + b)),
    ),
    Template(
        "parent_age",
        "multi_step",
        {"medium": _ages},
        (
            (
                "{name} is {a} years old. A parent is {b} times as old.",
                "How old will the parent be in {c} years?",
            ),
            (
                "An aunt is {b} times as old as {name}, who is {a}.",
                "How old will the aunt be in {c} years?",
            ),
        ),
        "{a} * {b} = {x}. {x} + {c} = {y} years.",
        lambda a, b, c: (a * b, a * b + c),
    ),
    Template(
        "age_sum",
        "multi_step",
        {"hard": ints((12, 40), (3, 35), (2, 25))},
        (
            (
                "{name} is {a} years old. {other} is {b} years older.",
                "What will the ages of {name} and {other} add up to in {c} years?",
            ),
            (
                "{other} is {b} years older than {name}, who is {a}.",
                "What will be the sum of their two ages in {c} years?",
            ),
        ),
        "{other} is {a} + {b} = {x}. {a} + {x} = {y}. {y} + 2 * {c} = {z} years.",
        lambda a, b, c: (a + b, a + a + b, a + a + b + 2 * c),
    ),
    Template(
        "boxes_shared",
        "multi_step",
        {"hard": _boxes_shared},
        (
            (
                "A club buys {a} boxes of {b} {baked}. Guests eat {c}, "
                "and {d} members share the rest "
                "equally.",
                "How many {baked} does each member get?",
            ),
            (
                "A school has {a} packs of {b} {items}. It sells {c} and splits the rest equally "
                "among {d} classes.",
                "How many {items} does each class get?",
            ),
        ),
        "{a} * {b} = {x}. {x} - {c} = {y}. {y} / {d} = {z}.",
        lambda a, b, c, d: (a * b, a * b - c, (a * b - c) // d),
    ),
    Template(
        "saving",
        "multi_step",
        {"hard": ints((101, 400), (12, 60), (5, 30), (15, 99))},
        (
            (
                "{name} has ${a}, saves ${b} a week for {c} weeks and then buys shoes for ${d}.",
                "How many dollars does {name} have left?",
            ),
            (
                "{name} earns ${b} a day for {c} days, adds the money to savings of ${a} and pays "
                "a bill of ${d}.",
                "How many dollars are left?",
            ),
        ),
        "{b} * {c} = {x}. {a} + {x} = {y}. {y} - {d} = {z} dollars.",
        lambda a, b, c, d: (b * c, a + b * c, a + b * c - d),
    ),
    Template(
        "two_purchases",
        "multi_step",
        {"hard": ints((3, 15), (11, 60), (3, 15), (11, 60))},
        (
            (
                "A school buys {a} desks at ${b} each and {c} chairs at ${d} each.",
                "How many dollars does it pay in all?",
            ),
            (
                "{name} sells {a} shirts at ${b} each and {c} hats at ${d} each.",
                "How many dollars does {name} take in?",
            ),
        ),
        "{a} * {b} = {x}. {c} * {d} = {y}. {x} + {y} = {z} dollars.",
        lambda a, b, c, d: (a * b, c * d, a * b + c * d),
    ),
    Template(
        "filling",
        "multi_step",
        {"hard": _filling},
        (
            (
                "A tank holds {c} liters and already contains {b}. A "
                "pump adds {a} liters per minute.",
                "How many minutes does it take to fill the tank?",
            ),
            (
                "{name} has typed {b} of {c} words and types {a} words per minute.",
                "How many more minutes does {name} need?",
            ),
        ),
        "{c} - {b} = {x}. {x} / {a} = {y} minutes.",
        lambda a, b, c: (c - b, (c - b) // a),
    ),
    Template(
        "three_people",
        "multi_step",
        {"hard": ints((102, 250), (2, 5), (11, 95))},
        (
            (
                "{name} has {a} {items}. {other} has {b} times as many, and Max has {c} more than "
                "{other}.",
                "How many {items} do {name} and Max have together?",
            ),
            (
                "Max has {c} more {items} than {other}, who has {b} "
                "times as many as {name}. {name} "
                "has {a}.",
                "How many {items} do {name} and Max have in all?",
            ),
        ),
        "{other}: {a} * {b} = {x}. Max: {x} + {c} = {y}. {a} + {y} = {z} {items}.",
        lambda a, b, c: (a * b, a * b + c, a + a * b + c),
    ),
)
