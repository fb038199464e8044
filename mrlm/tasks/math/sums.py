"""Templates of addition and subtraction.

``easy`` is one step on numbers of about one digit, ``medium`` one step with a two-digit number or
two on small ones, ``hard`` chains two or three steps on numbers of three digits.
"""

from __future__ import annotations

from mrlm.tasks.math.template import Template, ints, removal

__all__ = ["SUMS"]

_SMALL_SUM = {"easy": ints((2, 12), (2, 9)), "medium": ints((11, 50), (2, 25))}
_THREE_SUM = {"medium": ints((3, 15), (3, 15), (3, 15))}
_LONG_SUM = {
    "medium": ints((5, 20), (5, 20), (5, 20)),
    "hard": ints((101, 480), (101, 480), (101, 480)),
}
_TAKE = {
    "easy": removal((2, 9), rest=(2, 11)),
    "medium": removal((5, 25), rest=(6, 35)),
}
_TAKE_TWO = {
    "medium": removal((3, 12), (3, 12), rest=(3, 20)),
    "hard": removal((101, 330), (101, 330), rest=(12, 400)),
}


def _add(a: int, b: int) -> tuple[int, ...]:
    return (a + b,)


def _add_three(a: int, b: int, c: int) -> tuple[int, ...]:
    return a + b, a + b + c


def _take(a: int, b: int) -> tuple[int, ...]:
    return (a - b,)


def _take_two(a: int, b: int, c: int) -> tuple[int, ...]:
    return a - b, a - b - c


_ADDITION = (
    Template(
        "gift",
        "addition",
        "sums.txt",
        _SMALL_SUM,
        "{name} has {a} + {b} = {x} {items}.",
        _add,
    ),
    Template(
        "bus",
        "addition",
        "sums.txt",
        _SMALL_SUM,
        "In the {vehicle} are {a} + {b} = {x} people.",
        _add,
    ),
    Template(
        "shelves",
        "addition",
        "sums.txt",
        _SMALL_SUM,
        "Together there are {a} + {b} = {x} {items}.",
        _add,
    ),
    Template(
        "two_prices",
        "addition",
        "sums.txt",
        _SMALL_SUM,
        "The two cost {a} + {b} = {x} dollars.",
        _add,
    ),
    Template(
        "more_than",
        "addition",
        "sums.txt",
        _SMALL_SUM,
        "{a} + {b} = {x} {items}.",
        _add,
    ),
    Template(
        "older",
        "addition",
        "sums.txt",
        {"easy": ints((3, 12), (2, 9)), "medium": ints((12, 45), (5, 25))},
        "The age is {a} + {b} = {x} years.",
        _add,
    ),
    Template(
        "three_days",
        "addition",
        "sums.txt",
        _THREE_SUM,
        "{a} + {b} = {x}. {x} + {c} = {y}.",
        _add_three,
    ),
    Template(
        "trip",
        "addition",
        "sums.txt",
        _LONG_SUM,
        "{a} + {b} = {x}. {x} + {c} = {y} km.",
        _add_three,
    ),
    Template(
        "collections",
        "addition",
        "sums.txt",
        {"medium": ints((4, 20), (3, 12)), "hard": ints((105, 380), (101, 290))},
        "{other}: {a} + {b} = {x}. Together: {a} + {x} = {y} {items}.",
        lambda a, b: (a + b, a + a + b),
    ),
    Template(
        "visitors",
        "addition",
        "sums.txt",
        {"hard": ints((101, 350), (101, 350), (101, 350), (101, 350))},
        "{a} + {b} = {x}. {x} + {c} = {y}. {y} + {d} = {z}.",
        lambda a, b, c, d: (a + b, a + b + c, a + b + c + d),
    ),
)

_SUBTRACTION = (
    Template(
        "give_away",
        "subtraction",
        "sums.txt",
        _TAKE,
        "{a} - {b} = {x} {items} are left.",
        _take,
    ),
    Template(
        "change",
        "subtraction",
        "sums.txt",
        _TAKE,
        "{a} - {b} = {x} dollars.",
        _take,
    ),
    Template(
        "difference",
        "subtraction",
        "sums.txt",
        _TAKE,
        "The difference is {a} - {b} = {x} {items}.",
        _take,
    ),
    Template(
        "pages",
        "subtraction",
        "sums.txt",
        _TAKE,
        "{a} - {b} = {x} are left.",
        _take,
    ),
    Template(
        "younger",
        "subtraction",
        "sums.txt",
        {"easy": removal((2, 9), rest=(3, 12)), "medium": removal((8, 30), rest=(10, 40))},
        "The age is {a} - {b} = {x} years.",
        _take,
    ),
    Template(
        "seats",
        "subtraction",
        "sums.txt",
        _TAKE,
        "{a} - {b} = {x} are left.",
        _take,
    ),
    Template(
        "two_gifts",
        "subtraction",
        "sums.txt",
        _TAKE_TWO,
        "{a} - {b} = {x}. {x} - {c} = {y}.",
        _take_two,
    ),
    Template(
        "two_bills",
        "subtraction",
        "sums.txt",
        _TAKE_TWO,
        "{a} - {b} = {x}. {x} - {c} = {y} dollars.",
        _take_two,
    ),
    Template(
        "stock",
        "subtraction",
        "sums.txt",
        {"hard": removal((101, 220), (101, 220), (101, 220), rest=(15, 250))},
        "{a} - {b} = {x}. {x} - {c} = {y}. {y} - {d} = {z}.",
        lambda a, b, c, d: (a - b, a - b - c, a - b - c - d),
    ),
)

SUMS = _ADDITION + _SUBTRACTION
