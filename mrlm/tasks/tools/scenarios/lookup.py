"""Families for search alone: one fact of one page of the made-up encyclopedia."""

from __future__ import annotations

from collections.abc import Callable

from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.encyclopedia import entities
from mrlm.tasks.tools.scenarios.family import Family, Scenario, look_up

__all__ = ["FAMILIES"]

# Family: the kind of page, the fact, and ways of asking.
_FACTS = {
    "town_population": (
        "town",
        "population",
        ("How many people live in the town of {}?", "What is the population of {}?"),
    ),
    "town_founded": (
        "town",
        "founded",
        ("In which year was the town of {} founded?", "When was {} founded?"),
    ),
    "country_capital": (
        "country",
        "capital",
        ("What is the capital of {}?", "Which town is the capital of {}?"),
    ),
    "country_crop": (
        "country",
        "main crop",
        ("What is the main crop of {}?", "Which crop does the country {} mainly grow?"),
    ),
    "country_provinces": (
        "country",
        "provinces",
        ("How many provinces does {} have?", "Into how many provinces is {} divided?"),
    ),
    "river_length": (
        "river",
        "length in km",
        ("How long is the river {} in km?", "What is the length of the {} in km?"),
    ),
    "mountain_height": (
        "mountain",
        "height in m",
        ("How high is {} in m?", "What is the height of mount {} in m?"),
    ),
    "mountain_rock": (
        "mountain",
        "rock",
        ("What rock is mount {} made of?", "Of which rock is the mountain {}?"),
    ),
    "company_founder": (
        "company",
        "founder",
        ("Who founded the company {}?", "Who is the founder of {}?"),
    ),
    "company_goods": (
        "company",
        "makes",
        ("What does the company {} make?", "Which goods does {} make?"),
    ),
    "book_author": ("book", "author", ("Who wrote the book {}?", "Who is the author of {}?")),
    "moon_orbit": (
        "moon",
        "orbit in days",
        ("How many days does an orbit of the moon {} take?", "What is the orbit of {} in days?"),
    ),
    "moon_color": ("moon", "color", ("What color is the moon {}?", "Which color has the moon {}?")),
    "island_area": (
        "island",
        "area in km2",
        ("How large is the island {} in km2?", "What is the area of {} in km2?"),
    ),
}


def _family(name: str, kind: str, fact: str, wordings: tuple[str, ...]) -> Callable[..., Scenario]:
    def make(stream: RowStream) -> Scenario:
        page = stream.pick(entities(kind))
        question = stream.pick(wordings).format(page.title)
        return Scenario(
            f"{name} {page.title}", question, ((look_up(page.title),),), page.facts[fact]
        )

    make.__name__ = name
    return make


FAMILIES = tuple(
    Family(_family(name, *parts), "single", "easy", ("web_search",))
    for name, parts in _FACTS.items()
)
