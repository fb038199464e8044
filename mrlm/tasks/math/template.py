"""What a word problem template is, and the words that fill it.

Pure data and small functions; the templates themselves are in ``sums.py``, ``products.py`` and
``multi_step.py``. Every count that a wording shows is at least 2, so nouns are always plural.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mrlm.splits import RowStream

__all__ = [
    "BAKED",
    "DIFFICULTIES",
    "DISTRACTORS",
    "ITEMS",
    "KINDS",
    "NAMES",
    "NEIGHBOURS",
    "Draw",
    "Template",
    "ints",
    "removal",
]

DIFFICULTIES = ("easy", "medium", "hard")
KINDS = ("addition", "subtraction", "multiplication", "multi_step")

Draw = Callable[[RowStream], tuple[int, ...]]


@dataclass(frozen=True)
class Template:
    """One situation, worded in several ways, with numbers for one or more difficulties.

    Attributes:
        name: Unique; with the numbers it is the content that a split goes by.
        kind: One of ``KINDS``.
        draw: Difficulty -> a function that draws the numbers, named ``a``, ``b``, ``c``, ``d``.
        wordings: ``(story, question)`` pairs; a distractor may come between the two.
        steps: The worked solution; results are named ``x``, ``y``, ``z``.
        work: Numbers -> results, the last of which is the answer.
    """

    name: str
    kind: str
    draw: Mapping[str, Draw]
    wordings: tuple[tuple[str, str], ...]
    steps: str
    work: Callable[..., tuple[int, ...]]


def ints(*ranges: tuple[int, int]) -> Draw:
    """Draw one integer from each ``(low, high)`` range, ends included."""
    return lambda stream: tuple([stream.between(low, high) for low, high in ranges])


def removal(*parts: tuple[int, int], rest: tuple[int, int]) -> Draw:
    """Draw ``(sum(parts) + rest, *parts)``: nobody gives away more than they have."""

    def draw(stream: RowStream) -> tuple[int, ...]:
        taken = [stream.between(low, high) for low, high in parts]
        return (sum(taken) + stream.between(*rest), *taken)

    return draw


_NAMES = """
Ada Amir Anna Ben Carla Chen Clara Daniel Diego Elena Emma Farid Felix Grace Hana Hugo Ines Ivan
Jamal Jonas Julia Kai Kira Lara Leo Lina Luca Maria Mateo Maya Mila Nadia Nina Noah Olga Omar Paul
Priya Rosa Ruben Sami Sara Sofia Tara Theo Tom Vera Wei Yara Zoe
"""
_ITEMS = """
stamps marbles stickers books shells coins cards pencils beads buttons postcards badges crayons
ribbons stones photos puzzles magnets pens notebooks candles bracelets
"""
NAMES = tuple(_NAMES.split())
# Names that only distractors use: a distractor never adds to what a person in the story has.
NEIGHBOURS = ("Alma", "Boris", "Cyril", "Dora", "Edgar", "Fiona", "Gustav", "Helga", "Igor", "Karl")
ITEMS = tuple(_ITEMS.split())
BAKED = ("cookies", "muffins", "rolls", "pretzels", "cupcakes", "pancakes", "waffles", "bagels")
DISTRACTORS = (
    "{neighbour} is {n} years old.",
    "{neighbour} owns {n} hats.",
    "It is {n} degrees outside.",
    "{neighbour} lives {n} streets away.",
    "A neighbor has {n} chickens.",
    "Dinner was {n} minutes late.",
)
