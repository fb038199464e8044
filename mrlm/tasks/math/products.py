"""Templates of multiplication.

``easy`` is the times table, ``medium`` a product with a two-digit number or a chain of two small
ones, ``hard`` a product of two-digit numbers or a chain of two or three.
"""

from __future__ import annotations

from mrlm.tasks.math.template import Template, ints

__all__ = ["PRODUCTS"]

_PRODUCT = {
    "easy": ints((2, 9), (2, 10)),
    "medium": ints((2, 9), (11, 25)),
    "hard": ints((12, 30), (13, 60)),
}
_LONG_PRODUCT = {
    "medium": ints((2, 5), (2, 5), (2, 6)),
    "hard": ints((12, 40), (8, 25), (6, 25)),
}


def _times(a: int, b: int) -> tuple[int, ...]:
    return (a * b,)


def _times_three(a: int, b: int, c: int) -> tuple[int, ...]:
    return a * b, a * b * c


PRODUCTS = (
    Template(
        "boxes",
        "multiplication",
        _PRODUCT,
        (
            (
                "{name} has {a} boxes with {b} {items} in each box.",
                "How many {items} does {name} have?",
            ),
            (
                "There are {a} bags, and each bag holds {b} {items}.",
                "How many {items} are there in total?",
            ),
        ),
        "{a} * {b} = {x} {items}.",
        _times,
    ),
    Template(
        "unit_price",
        "multiplication",
        _PRODUCT,
        (
            (
                "One ticket costs ${b}. {name} buys {a} tickets.",
                "How many dollars does {name} pay?",
            ),
            ("{name} buys {a} toys at ${b} each.", "How many dollars do they cost in all?"),
        ),
        "{a} * {b} = {x} dollars.",
        _times,
    ),
    Template(
        "rate",
        "multiplication",
        _PRODUCT,
        (
            ("{name} reads {b} pages every day.", "How many pages does {name} read in {a} days?"),
            ("A machine makes {b} parts per hour.", "How many parts does it make in {a} hours?"),
        ),
        "{a} * {b} = {x}.",
        _times,
    ),
    Template(
        "rows",
        "multiplication",
        _PRODUCT,
        (
            ("A garden has {a} rows of {b} plants.", "How many plants are in the garden?"),
            ("A hall has {a} rows with {b} chairs in each row.", "How many chairs are there?"),
        ),
        "{a} * {b} = {x}.",
        _times,
    ),
    Template(
        "times_as_many",
        "multiplication",
        _PRODUCT,
        (
            (
                "{name} has {b} {items}. {other} has {a} times as many.",
                "How many {items} does {other} have?",
            ),
            (
                "{other} has {a} times as many {items} as {name}, who has {b}.",
                "How many {items} does {other} have?",
            ),
        ),
        "{other} has {a} * {b} = {x} {items}.",
        _times,
    ),
    Template(
        "wages",
        "multiplication",
        _PRODUCT,
        (
            (
                "{name} earns ${b} per hour and works {a} hours.",
                "How many dollars does {name} earn?",
            ),
            (
                "A car wash charges ${b} per car. It washes {a} cars.",
                "How many dollars does it take in?",
            ),
        ),
        "{a} * {b} = {x} dollars.",
        _times,
    ),
    Template(
        "crates",
        "multiplication",
        _LONG_PRODUCT,
        (
            (
                "A store gets {a} crates. Each crate has {b} boxes, and each box has {c} {items}.",
                "How many {items} does the store get?",
            ),
            (
                "There are {a} rooms with {b} shelves each, and every shelf holds {c} {items}.",
                "How many {items} are in the rooms?",
            ),
        ),
        "{a} * {b} = {x}. {x} * {c} = {y} {items}.",
        _times_three,
    ),
    Template(
        "crew",
        "multiplication",
        _LONG_PRODUCT,
        (
            (
                "{a} workers each pack {b} parcels per hour.",
                "How many parcels do they pack in {c} hours?",
            ),
            (
                "{a} bakers each make {b} {baked} per hour.",
                "How many {baked} do they make in {c} hours?",
            ),
        ),
        "{a} * {b} = {x} per hour. {x} * {c} = {y}.",
        _times_three,
    ),
    Template(
        "hotel",
        "multiplication",
        {"hard": ints((3, 12), (3, 9), (4, 20), (2, 9))},
        (
            (
                "{a} hotels have {b} floors each. Every floor has {c} rooms with {d} windows each.",
                "How many windows are there?",
            ),
            (
                "{a} schools have {b} wings each. Every wing has {c} "
                "classrooms with {d} lamps each.",
                "How many lamps are there?",
            ),
        ),
        "{a} * {b} = {x}. {x} * {c} = {y}. {y} * {d} = {z}.",
        lambda a, b, c, d: (a * b, a * b * c, a * b * c * d),
    ),
)
