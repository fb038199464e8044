"""What a word problem template is: numbers, steps and work; its texts lie in ``texts/``.

The templates themselves are in ``sums.py``, ``products.py``, ``multi_step.py``, ``parts.py`` and
``rates.py``. Every count that a wording shows is at least 2, so nouns are always plural.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from mrlm.splits import RowStream
from mrlm.tasks.math.wordings import Wording, load_wordings

__all__ = [
    "DIFFICULTIES",
    "KINDS",
    "Draw",
    "Number",
    "Template",
    "decimal",
    "dollars",
    "fraction",
    "ints",
    "removal",
]

DIFFICULTIES = ("easy", "medium", "hard")
KINDS = (
    *("addition", "subtraction", "multiplication", "multi_step"),
    # Hard only.
    *("decimals", "fractions", "percent", "rates", "negatives"),
)

Number = int | Fraction
Draw = Callable[[RowStream], tuple[Number, ...]]


@dataclass(frozen=True)
class Template:
    """One situation, with numbers for one or more difficulties.

    Attributes:
        name: Unique; with the numbers it is the content that a split goes by.
        kind: One of ``KINDS``.
        texts: The file in ``texts/`` that words it.
        draw: Difficulty -> a function that draws the numbers, named ``a``, ``b``, ``c``, ``d``.
        steps: The worked solution; results are named ``x``, ``y``, ``z``, ``w``.
        work: Numbers -> results, exact; the last is the answer.
        show: How numbers and results are written; ``None`` for integers as they are.
    """

    name: str
    kind: str
    texts: str
    draw: Mapping[str, Draw]
    steps: str
    work: Callable[..., tuple[Number, ...]]
    show: Callable[[Number], str] | None = None

    @cached_property
    def wordings(self) -> tuple[Wording, ...]:
        """The ways of telling it, read at their first use."""
        arguments = len(inspect.signature(self.work).parameters)
        return load_wordings(self.texts, self.name, arguments, self.steps)


def ints(*ranges: tuple[int, int]) -> Draw:
    """Draw one integer from each ``(low, high)`` range, ends included."""
    return lambda stream: tuple([stream.between(low, high) for low, high in ranges])


def removal(*parts: tuple[int, int], rest: tuple[int, int]) -> Draw:
    """Draw ``(sum(parts) + rest, *parts)``: nobody gives away more than they have."""

    def draw(stream: RowStream) -> tuple[Number, ...]:
        taken = [stream.between(low, high) for low, high in parts]
        return (sum(taken) + stream.between(*rest), *taken)

    return draw


def decimal(value: Number) -> str:
    """A number as a decimal of up to six places, without zeros at the end.

    Raises:
        ValueError: It has no such decimal.
    """
    if isinstance(value, int):
        return str(value)
    millionths, rest = divmod(value.numerator * 10**6, value.denominator)
    if rest:
        raise ValueError(f"{value} is not a decimal of six places; draw other numbers.")
    whole, part = divmod(abs(millionths), 10**6)
    digits = f"{part:06}".rstrip("0")
    return f"{'-' if millionths < 0 else ''}{whole}{'.' if digits else ''}{digits}"


def dollars(value: Number) -> str:
    """An amount with two decimals, or with none where it is whole.

    Raises:
        ValueError: It is not a whole number of cents.
    """
    text = decimal(value)
    whole, _, cents = text.partition(".")
    if len(cents) > 2:
        raise ValueError(f"{value} is no whole number of cents; draw other numbers.")
    return f"{whole}.{cents:0<2}" if cents else whole


def fraction(value: Number) -> str:
    """An integer, or a fraction in lowest terms."""
    return str(value)
