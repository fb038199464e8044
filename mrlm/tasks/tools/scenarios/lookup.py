"""Families for search alone: one fact of one page of the made-up encyclopedia."""

from __future__ import annotations

from collections.abc import Callable

from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.encyclopedia import entities
from mrlm.tasks.tools.scenarios.family import Family, Scenario, look_up
from mrlm.tasks.tools.scenarios.wording import ask

__all__ = ["FAMILIES"]

# Family: the kind of page, and the fact.
_FACTS = {
    "town_population": ("town", "population"),
    "town_founded": ("town", "founded"),
    "country_capital": ("country", "capital"),
    "country_crop": ("country", "main crop"),
    "country_provinces": ("country", "provinces"),
    "river_length": ("river", "length in km"),
    "mountain_height": ("mountain", "height in m"),
    "mountain_rock": ("mountain", "rock"),
    "company_founder": ("company", "founder"),
    "company_goods": ("company", "makes"),
    "book_author": ("book", "author"),
    "moon_orbit": ("moon", "orbit in days"),
    "moon_color": ("moon", "color"),
    "island_area": ("island", "area in km2"),
}


def _family(name: str, kind: str, fact: str) -> Callable[..., Scenario]:
    def make(stream: RowStream) -> Scenario:
        page = stream.pick(entities(kind))
        question = ask(stream, name, title=page.title)
        return Scenario(
            f"{name} {page.title}", question, ((look_up(page.title),),), page.facts[fact]
        )

    make.__name__ = name
    return make


FAMILIES = tuple(
    Family(_family(name, *parts), "single", "easy", ("web_search",))
    for name, parts in _FACTS.items()
)
