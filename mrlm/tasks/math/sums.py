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
        _SMALL_SUM,
        (
            (
                "{name} has {a} {items}. {other} gives {name} {b} more.",
                "How many {items} does {name} have now?",
            ),
            (
                "{name} owned {a} {items} and then got {b} more from {other}.",
                "How many {items} does {name} own now?",
            ),
        ),
        "{name} has {a} + {b} = {x} {items}.",
        _add,
    ),
    Template(
        "bus",
        "addition",
        _SMALL_SUM,
        (
            (
                "There are {a} people on a train. At the next stop, {b} more get on.",
                "How many people are on the train now?",
            ),
            (
                "A train carries {a} people, and {b} more get on at the station.",
                "How many people does it carry then?",
            ),
        ),
        "The train carries {a} + {b} = {x} people.",
        _add,
    ),
    Template(
        "shelves",
        "addition",
        _SMALL_SUM,
        (
            (
                "One shelf holds {a} {items} and another holds {b}.",
                "How many {items} are on the two shelves together?",
            ),
            (
                "{name} puts {a} {items} in a red box and {b} in a blue box.",
                "How many {items} are in the two boxes?",
            ),
        ),
        "Together there are {a} + {b} = {x} {items}.",
        _add,
    ),
    Template(
        "two_prices",
        "addition",
        _SMALL_SUM,
        (
            (
                "{name} buys a lamp for ${a} and a chair for ${b}.",
                "How many dollars does {name} spend?",
            ),
            (
                "A jacket costs ${a} and a bag costs ${b}. {name} buys both.",
                "How many dollars does {name} pay?",
            ),
        ),
        "The two cost {a} + {b} = {x} dollars.",
        _add,
    ),
    Template(
        "more_than",
        "addition",
        _SMALL_SUM,
        (
            (
                "{name} has {a} {items}. {other} has {b} more {items} than {name}.",
                "How many {items} does {other} have?",
            ),
            (
                "{other} has {b} more {items} than {name}, who has {a}.",
                "How many {items} does {other} have?",
            ),
        ),
        "{other} has {a} + {b} = {x} {items}.",
        _add,
    ),
    Template(
        "older",
        "addition",
        {"easy": ints((3, 12), (2, 9)), "medium": ints((12, 45), (5, 25))},
        (
            ("{name} is {a} years old.", "How old will {name} be in {b} years?"),
            ("{other} is {b} years older than {name}, who is {a}.", "How old is {other}?"),
        ),
        "The age is {a} + {b} = {x} years.",
        _add,
    ),
    Template(
        "three_days",
        "addition",
        _THREE_SUM,
        (
            (
                "{name} picks {a} apples on Monday, {b} on Tuesday and {c} on Friday.",
                "How many apples does {name} pick in all?",
            ),
            (
                "A baker sells {a} {baked} on Monday, {b} on Tuesday and {c} on Friday.",
                "How many {baked} does the baker sell in all?",
            ),
        ),
        "{a} + {b} = {x}. {x} + {c} = {y}.",
        _add_three,
    ),
    Template(
        "trip",
        "addition",
        _LONG_SUM,
        (
            (
                "{name} drives {a} km on Friday, {b} km on Saturday and {c} km on Sunday.",
                "How many kilometers does {name} drive altogether?",
            ),
            (
                "A truck goes {a} km to a port, {b} km on to a mill and {c} km on to a farm.",
                "How long is the whole trip in kilometers?",
            ),
        ),
        "{a} + {b} = {x}. {x} + {c} = {y} km.",
        _add_three,
    ),
    Template(
        "collections",
        "addition",
        {"medium": ints((4, 20), (3, 12)), "hard": ints((105, 380), (101, 290))},
        (
            (
                "{name} has {a} {items}. {other} has {b} more {items} than {name}.",
                "How many {items} do {name} and {other} have together?",
            ),
            (
                "{other} has {b} more {items} than {name}. {name} has {a} {items}.",
                "How many {items} do {name} and {other} have in all?",
            ),
        ),
        "{other} has {a} + {b} = {x}. Together: {a} + {x} = {y} {items}.",
        lambda a, b: (a + b, a + a + b),
    ),
    Template(
        "visitors",
        "addition",
        {"hard": ints((101, 350), (101, 350), (101, 350), (101, 350))},
        (
            (
                "A museum has {a} visitors on Monday, {b} on Tuesday, "
                "{c} on Friday, {d} on Sunday.",
                "How many visitors come on these days?",
            ),
            (
                "Four schools have {a}, {b}, {c} and {d} students.",
                "How many students do the four schools have in total?",
            ),
        ),
        "{a} + {b} = {x}. {x} + {c} = {y}. {y} + {d} = {z}.",
        lambda a, b, c, d: (a + b, a + b + c, a + b + c + d),
    ),
)

_SUBTRACTION = (
    Template(
        "give_away",
        "subtraction",
        _TAKE,
        (
            (
                "{name} has {a} {items} and gives {b} of them to {other}.",
                "How many {items} does {name} have left?",
            ),
            (
                "{name} had {a} {items} but lost {b} of them.",
                "How many {items} does {name} still have?",
            ),
        ),
        "{name} has {a} - {b} = {x} {items} left.",
        _take,
    ),
    Template(
        "change",
        "subtraction",
        _TAKE,
        (
            (
                "{name} has ${a} and buys a game for ${b}.",
                "How many dollars does {name} have left?",
            ),
            ("{name} had ${a} and then spent ${b} at the market.", "How many dollars are left?"),
        ),
        "{name} has {a} - {b} = {x} dollars left.",
        _take,
    ),
    Template(
        "difference",
        "subtraction",
        _TAKE,
        (
            (
                "{name} has {a} {items} and {other} has {b}.",
                "How many more {items} does {name} have than {other}?",
            ),
            (
                "{other} collected {b} {items}, and {name} collected {a}.",
                "How many fewer {items} did {other} collect than {name}?",
            ),
        ),
        "The difference is {a} - {b} = {x} {items}.",
        _take,
    ),
    Template(
        "pages",
        "subtraction",
        _TAKE,
        (
            (
                "A book has {a} pages. {name} has read {b} of them.",
                "How many pages are left to read?",
            ),
            ("{name} must read {a} pages and has finished {b}.", "How many pages remain?"),
        ),
        "{a} - {b} = {x} pages are left.",
        _take,
    ),
    Template(
        "younger",
        "subtraction",
        {"easy": removal((2, 9), rest=(3, 12)), "medium": removal((8, 30), rest=(10, 40))},
        (
            ("{name} is {a} years old.", "How old was {name} {b} years ago?"),
            ("{name} is {a} years old. {other} is {b} years younger.", "How old is {other}?"),
        ),
        "The age is {a} - {b} = {x} years.",
        _take,
    ),
    Template(
        "seats",
        "subtraction",
        _TAKE,
        (
            ("A hall has {a} seats, and {b} of them are taken.", "How many seats are free?"),
            (
                "There are {a} seats on a ferry. Passengers take {b} of them.",
                "How many seats stay empty?",
            ),
        ),
        "{a} - {b} = {x} seats are free.",
        _take,
    ),
    Template(
        "two_gifts",
        "subtraction",
        _TAKE_TWO,
        (
            (
                "{name} has {a} {items}, gives {b} to {other} and sells {c}.",
                "How many {items} does {name} have left?",
            ),
            (
                "Of {a} {items}, {name} loses {b} and later {other} takes {c} more.",
                "How many {items} are left?",
            ),
        ),
        "{a} - {b} = {x}. {x} - {c} = {y} {items}.",
        _take_two,
    ),
    Template(
        "two_bills",
        "subtraction",
        _TAKE_TWO,
        (
            (
                "{name} has ${a} and pays ${b} for rent and ${c} for food.",
                "How many dollars are left?",
            ),
            (
                "From savings of ${a}, {name} buys a desk for ${b} and a bike for ${c}.",
                "How many dollars does {name} keep?",
            ),
        ),
        "{a} - {b} = {x}. {x} - {c} = {y} dollars.",
        _take_two,
    ),
    Template(
        "stock",
        "subtraction",
        {"hard": removal((101, 220), (101, 220), (101, 220), rest=(15, 250))},
        (
            (
                "A shop has {a} {items}. It sells {b} on Monday, {c} on Tuesday and {d} on Friday.",
                "How many {items} are left?",
            ),
            (
                "A farm had {a} eggs and sold {b}, then {c}, then {d} of them.",
                "How many eggs remain?",
            ),
        ),
        "{a} - {b} = {x}. {x} - {c} = {y}. {y} - {d} = {z}.",
        lambda a, b, c, d: (a - b, a - b - c, a - b - c - d),
    ),
)

SUMS = _ADDITION + _SUBTRACTION
