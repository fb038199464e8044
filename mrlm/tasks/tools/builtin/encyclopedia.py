"""An encyclopedia of a made-up world, so that search works offline and answers cannot be guessed.

Every name is invented from syllables and every page says that it is made up; the facts come from a
fixed stream of choices, so the corpus is the same on every machine. A model cannot know them from
its training: it has to search.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mrlm.splits import RowStream

__all__ = ["ENTITY_KINDS", "Page", "entities", "pages"]

_STARTS = (
    "Bal",
    "Cor",
    "Dra",
    "Elm",
    "Fen",
    "Gal",
    "Hol",
    "Jor",
    "Kas",
    "Lom",
    "Mar",
    "Nor",
    "Ost",
    "Pel",
    "Qua",
    "Ros",
    "Sel",
    "Tor",
    "Ulm",
    "Vel",
    "Wes",
    "Yar",
    "Zan",
)
_MIDDLES = ("a", "e", "i", "o", "u", "ani", "ero", "ilo", "ora", "uni")
_ENDS = (
    "bar",
    "den",
    "dor",
    "fell",
    "gard",
    "kin",
    "lin",
    "mere",
    "nia",
    "ra",
    "ston",
    "tis",
    "va",
    "wick",
    "zo",
)
_FIRST_NAMES = (
    "Ada",
    "Ben",
    "Cleo",
    "Dina",
    "Emil",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "Juno",
    "Kurt",
    "Lena",
    "Milo",
    "Nora",
    "Otto",
    "Pia",
    "Rolf",
    "Sara",
    "Theo",
    "Vera",
)
_GOODS = (
    "bread",
    "bells",
    "boats",
    "chairs",
    "clocks",
    "glass",
    "hats",
    "kites",
    "lamps",
    "maps",
    "paper",
    "ropes",
    "shoes",
    "soap",
    "tea",
    "wool",
)
_CROPS = (
    "apples",
    "barley",
    "beans",
    "cherries",
    "corn",
    "figs",
    "grapes",
    "hops",
    "olives",
    "onions",
    "pears",
    "plums",
    "rice",
    "rye",
    "wheat",
)
_STONES = ("basalt", "chalk", "granite", "limestone", "marble", "sandstone", "slate")
_COLORS = ("amber", "black", "blue", "gray", "green", "red", "silver", "violet", "white", "yellow")

# How many pages there are of each kind.
ENTITY_KINDS = {
    "country": 40,
    "town": 120,
    "river": 80,
    "mountain": 80,
    "company": 80,
    "book": 80,
    "moon": 60,
    "island": 60,
}


@dataclass(frozen=True)
class Page:
    """One entity of the made-up world.

    Attributes:
        title: Its name; no two pages share one.
        kind: A key of ``ENTITY_KINDS``.
        facts: Named facts, as they stand on the page.
    """

    title: str
    kind: str
    facts: dict[str, str]

    @property
    def text(self) -> str:
        """What a search shows of it."""
        facts = " ".join(f"{name.capitalize()}: {value}." for name, value in self.facts.items())
        return f"{self.title}, a made-up {self.kind}. {facts}"


@cache
def pages() -> tuple[Page, ...]:
    """All pages, in an order that does not change."""
    names = _names(sum(ENTITY_KINDS.values()))
    by_kind: dict[str, list[str]] = {}
    for kind, count in ENTITY_KINDS.items():
        by_kind[kind] = [next(names) for _ in range(count)]
    return tuple(
        Page(title, kind, _facts(kind, i, by_kind))
        for kind, titles in by_kind.items()
        for i, title in enumerate(titles)
    )


@cache
def entities(kind: str) -> tuple[Page, ...]:
    """The pages of one kind."""
    return tuple(page for page in pages() if page.kind == kind)


def _names(count: int) -> Iterator[str]:
    stream = RowStream(0, "corpus", 0)
    seen: set[str] = set()
    while len(seen) < count:
        name = stream.pick(_STARTS) + stream.pick(_MIDDLES) + stream.pick(_ENDS)
        if name not in seen:
            seen.add(name)
            yield name


def _facts(kind: str, index: int, names: dict[str, list[str]]) -> dict[str, str]:
    stream = RowStream(0, f"corpus-{kind}", index)
    person = f"{stream.pick(_FIRST_NAMES)} {stream.pick(_STARTS)}{stream.pick(_ENDS)}"
    year = str(stream.between(1203, 1989))
    country = names["country"][index % len(names["country"])]
    if kind == "country":
        # Town i lies in country i, so that a capital lies in its own country.
        return {
            "capital": names["town"][index],
            "main crop": stream.pick(_CROPS),
            "provinces": str(stream.between(4, 60)),
        }
    if kind == "town":
        population = str(stream.between(210, 9890))
        return {"country": country, "population": population, "founded": year}
    if kind == "river":
        return {"length in km": str(stream.between(23, 980)), "country": country}
    if kind == "mountain":
        return {"height in m": str(stream.between(412, 7988)), "rock": stream.pick(_STONES)}
    if kind == "company":
        return {
            "makes": stream.pick(_GOODS),
            "founder": person,
            "workers": str(stream.between(12, 890)),
        }
    if kind == "book":
        return {"author": person, "pages": str(stream.between(84, 720)), "year": year}
    if kind == "moon":
        return {"color": stream.pick(_COLORS), "orbit in days": str(stream.between(3, 480))}
    return {"area in km2": str(stream.between(11, 940)), "villages": str(stream.between(2, 75))}
