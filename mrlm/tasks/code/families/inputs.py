"""What the tests of a generated problem are called with: edge cases, and draws around parameters.

An ``Argument`` draws one argument of a function. Its draws see the problem's parameters: a function
that keeps numbers above 7 is called with 6, 7 and 8 more often than chance would, because that is
where wrong programs differ from right ones. Edges come once in every problem's hidden tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.splits import RowStream

__all__ = [
    "DEFAULTS",
    "Argument",
    "Draw",
    "choices",
    "counts",
    "int_lists",
    "integers",
    "one_of",
    "pairs",
    "sentences",
    "texts",
    "word_lists",
    "words",
]

# From a stream and the problem's parameters to a value.
Draw = Callable[[RowStream, Sequence[Any]], Any]

_TEXT = """
    apple river stone cloud green tiger music paper orange window garden silver planet bottle
    candle forest dragon butter pepper rocket level noon civic radar sun sky map tea ink egg owl
    a I to of banana Mississippi Zoo Anna KAYAK Tree UP
"""
_WORDS = _TEXT.split()
_MIN_REAL_WORDS = 10
_LETTERS = "abcdefghijklmnopqrstuvwxyzaeiouABXYZ"


@dataclass(frozen=True)
class Argument:
    """How one argument is drawn.

    Attributes:
        draw: ``(stream, parameters) -> value``.
        edges: Values that must be tried, for instance an empty list.
        near: Values that must be tried because of one parameter, an integer.
    """

    draw: Draw
    edges: tuple[Any, ...] = ()
    near: Callable[[int], list[Any]] | None = None

    def all_edges(self, parameters: Sequence[Any]) -> list[Any]:
        """Every value that must be tried with these parameters."""
        numbers = [value for value in parameters if isinstance(value, int)]
        near = [value for number in numbers for value in (self.near or _nothing)(number)]
        return [*near, *self.edges]


def _nothing(number: int) -> list[Any]:
    return []


def integers(low: int = -60, high: int = 60, edges: tuple[int, ...] = (0, 1, -1)) -> Argument:
    """Integers in ``[low, high]``, every third one next to a parameter."""
    inside = tuple(edge for edge in edges if low <= edge <= high)

    def draw(stream: RowStream, parameters: Sequence[Any]) -> int:
        near = [value for value in parameters if isinstance(value, int)]
        if near and stream.below(3) == 0:
            value: int = stream.pick(near) + stream.between(-1, 1)
            if low <= value <= high:
                return value
        return stream.between(low, high)

    def near(number: int) -> list[int]:
        return [value for value in range(number - 1, number + 2) if low <= value <= high]

    return Argument(draw, (low, high, *inside) if low >= 0 else inside, near)


def int_lists(
    low: int = -20, high: int = 20, *, shortest: int = 0, longest: int = 8, ordered: bool = False
) -> Argument:
    """Lists of integers, half of them with many duplicates."""
    number = integers(low, high)

    def draw(stream: RowStream, parameters: Sequence[Any]) -> list[int]:
        length = stream.between(shortest, longest)
        if stream.below(2):
            values = [number.draw(stream, parameters) for _ in range(length)]
        else:
            pool = [number.draw(stream, parameters) for _ in range(3)]
            values = [stream.pick(pool) for _ in range(length)]
        return sorted(values) if ordered else values

    middle = max(low, min(high, 3))
    edges: list[list[int]] = [[], [middle], [low], [high, high], [low, middle, high]]
    edges += [] if ordered else [[high, middle, low]]

    def near(number: int) -> list[list[int]]:
        values = [value for value in range(number - 1, number + 2) if low <= value <= high]
        # As values, and as many values as the parameter says.
        found = [values, [number]] if low <= number <= high else []
        found += [list(range(number))] if 0 < number <= longest else []
        return [value for value in found if len(value) >= shortest]

    return Argument(draw, tuple(edge for edge in edges if len(edge) >= shortest), near)


def words(letters: str = _LETTERS, *, shortest: int = 0, longest: int = 9) -> Argument:
    """Single words: real ones where ``letters`` allow them, else random letters."""
    real = [word for word in _WORDS if set(word) <= set(letters) and shortest <= len(word)]
    real = [word for word in real if len(word) <= longest]
    real = real if len(real) >= _MIN_REAL_WORDS else []

    def draw(stream: RowStream, parameters: Sequence[Any]) -> str:
        if real and stream.below(3):
            return stream.pick(real)
        hints = [value for value in parameters if isinstance(value, str)]
        usable = [hint for hint in hints if hint and set(hint) <= set(letters)]
        pool = [*letters, *usable * 4]
        text = ""
        length = stream.between(shortest, longest)
        while len(text) < length:
            text += stream.pick(pool)
        return text[: max(longest, 1)]

    # Not for empty words only: one letter repeated, and the whole alphabet's ends.
    edges = ("", letters[0], letters[-1] * 2, letters[0] + letters[-1] + letters[0])
    return Argument(draw, tuple(edge for edge in edges if shortest <= len(edge) <= longest))


def sentences(*, shortest: int = 0, longest: int = 6) -> Argument:
    """Words separated by one space each; the empty text is no sentence."""
    word = words(shortest=1)

    def draw(stream: RowStream, parameters: Sequence[Any]) -> str:
        count = stream.between(max(shortest, 1), longest)
        return " ".join(_sized_word(word, stream, parameters) for _ in range(count))

    edges = ("", "a", "Zoë", "one two", "same same same", "tea Über égal")
    return Argument(
        draw,
        tuple(edge for edge in edges if edge or not shortest),
        lambda number: [" ".join(words) for words in _word_list_around(number)],
    )


def texts(*, shortest: int = 0) -> Argument:
    """Texts with spaces, capitals, digits, punctuation, and sometimes the parameters."""
    pieces = [*_WORDS, " ", " ", ", ", "!", "7", "42", "-", ".", "ee", "ño", "Ü"]

    def draw(stream: RowStream, parameters: Sequence[Any]) -> str:
        hints = [value for value in parameters if isinstance(value, str) and value]
        pool = [*pieces, *hints * 8]
        text = "".join(stream.pick(pool) for _ in range(stream.between(1, 6)))
        if hints and stream.below(2):
            # At either end, where prefixes and suffixes are.
            return stream.pick(hints) + text if stream.below(2) else text + stream.pick(hints)
        return text if stream.below(4) else text[: stream.between(1, 3)]

    edges = ("", "a", "Z", " ", "aa", "Hello, World 2", "日本 é")
    return Argument(draw, tuple(edge for edge in edges if len(edge) >= shortest), _words_around)


def word_lists(*, shortest: int = 0, longest: int = 6) -> Argument:
    """Lists of words, some of them repeated."""
    word = words(shortest=1)

    def draw(stream: RowStream, parameters: Sequence[Any]) -> list[str]:
        count = stream.between(shortest, longest)
        drawn = [_sized_word(word, stream, parameters) for _ in range(count)]
        if count > 1 and stream.below(3) == 0:
            drawn[-1] = drawn[0]
        return drawn

    edges: tuple[list[str], ...] = ([], ["a"], ["b", "a"], ["Zoë", "zoo"], ["tie", "tea", "ten"])
    return Argument(draw, tuple(edge for edge in edges if len(edge) >= shortest), _word_list_around)


def _words_around(number: int) -> list[str]:
    """Words as long as a parameter, one longer and one shorter."""
    return ["elephants"[:size] for size in range(number - 1, number + 2) if 1 <= size <= 9]


def _word_list_around(number: int) -> list[list[str]]:
    return [_words_around(number)] if _words_around(number) else []


def _sized_word(word: Argument, stream: RowStream, parameters: Sequence[Any]) -> str:
    """A word whose length is often next to a parameter."""
    sizes = [value for value in parameters if isinstance(value, int) and 1 < value < 12]
    text: str = word.draw(stream, parameters)
    if sizes and stream.below(2):
        size = stream.pick(sizes) + stream.between(-1, 1)
        return (text * (size // len(text) + 1))[:size]
    return text


def counts(*, shortest: int = 0, keys: Sequence[str] = _WORDS) -> Argument:
    """Dictionaries from words to integers, often with equal values and with parameters as keys."""
    number = integers(-9, 30)

    def draw(stream: RowStream, parameters: Sequence[Any]) -> dict[str, int]:
        found: dict[str, int] = {}
        pool = [*keys, *[value for value in parameters if isinstance(value, str)] * 12]
        size = stream.between(shortest, 6)
        while len(found) < size:
            equal = found and stream.below(4) == 0
            value = next(iter(found.values())) if equal else number.draw(stream, parameters)
            found[stream.pick(pool)] = value
        return found

    edges: tuple[dict[str, int], ...] = ({}, {"a": 1}, {"b": 30, "a": 30}, {"z": -9, "y": 0})
    edges = tuple(edge for edge in edges if len(edge) >= shortest)

    def near(number: int) -> list[dict[str, int]]:
        values = [value for value in range(number - 1, number + 2) if -9 <= value <= 30]
        return [dict(zip(("b", "a", "c"), values, strict=False))] if values else []

    return Argument(draw, edges, near)


def pairs(*, shortest: int = 0) -> Argument:
    """Lists of ``(word, number)`` tuples, with ties in both."""

    def draw(stream: RowStream, parameters: Sequence[Any]) -> list[tuple[str, int]]:
        size = stream.between(shortest, 6)
        return [(stream.pick(_WORDS), stream.between(-3, 12)) for _ in range(size)]

    edges: tuple[list[tuple[str, int]], ...] = ([], [("a", 1)], [("b", 2), ("a", 2), ("b", 1)])
    return Argument(draw, tuple(edge for edge in edges if len(edge) >= shortest))


def choices(*values: Any) -> Argument:
    """One of ``values``."""
    return Argument(lambda stream, parameters: stream.pick(values))


def one_of(*makers: Callable[[RowStream], Any], edges: tuple[Any, ...] = ()) -> Argument:
    """A value from one of ``makers``, each as likely: for yes and no in equal parts."""
    return Argument(lambda stream, parameters: stream.pick(makers)(stream), edges)


# By the annotation of the reference's parameter; a family overrides where it means less.
DEFAULTS = {
    "int": integers(),
    "list[int]": int_lists(),
    "str": texts(),
    "list[str]": word_lists(),
    "dict[str, int]": counts(),
    "list[tuple[str, int]]": pairs(),
}
