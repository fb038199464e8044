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
        "products.txt",
        _PRODUCT,
        "{a} * {b} = {x} {items}.",
        _times,
    ),
    Template(
        "unit_price",
        "multiplication",
        "products.txt",
        _PRODUCT,
        "{a} * {b} = {x} dollars.",
        _times,
    ),
    Template(
        "rate",
        "multiplication",
        "products.txt",
        _PRODUCT,
        "{a} * {b} = {x}.",
        _times,
    ),
    Template(
        "rows",
        "multiplication",
        "products.txt",
        _PRODUCT,
        "{a} * {b} = {x}.",
        _times,
    ),
    Template(
        "times_as_many",
        "multiplication",
        "products.txt",
        _PRODUCT,
        "{a} * {b} = {x}.",
        _times,
    ),
    Template(
        "wages",
        "multiplication",
        "products.txt",
        _PRODUCT,
        "{a} * {b} = {x} dollars.",
        _times,
    ),
    Template(
        "crates",
        "multiplication",
        "products.txt",
        _LONG_PRODUCT,
        "{a} * {b} = {x}. {x} * {c} = {y} {items}.",
        _times_three,
    ),
    Template(
        "crew",
        "multiplication",
        "products.txt",
        _LONG_PRODUCT,
        "{a} * {b} = {x}. {x} * {c} = {y}.",
        _times_three,
    ),
    Template(
        "hotel",
        "multiplication",
        "products.txt",
        {"hard": ints((3, 12), (3, 9), (4, 20), (2, 9))},
        "{a} * {b} = {x}. {x} * {c} = {y}. {y} * {d} = {z}.",
        lambda a, b, c, d: (a * b, a * b * c, a * b * c * d),
    ),
)
