"""Families that need no tool, although some are offered: the answer stands in the question.

The last two ask for what no offered tool can do (BFCL's irrelevance): the right answer says so.
"""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.encyclopedia import entities
from mrlm.tasks.tools.scenarios.family import Family, Scenario, pick_other
from mrlm.tasks.tools.scenarios.folder import PEOPLE
from mrlm.tasks.tools.scenarios.programs import TEXTS

__all__ = ["CANNOT", "FAMILIES"]

CANNOT = "not possible"
_COLORS = (
    "black",
    "blue",
    "brown",
    "golden",
    "gray",
    "green",
    "orange",
    "pink",
    "purple",
    "red",
    "silver",
    "white",
    "yellow",
)
_THINGS = ("bike", "boat", "coat", "hat", "kite", "lamp", "pen", "scarf", "tent", "umbrella")
_CITIES = (
    "Athens",
    "Berlin",
    "Cairo",
    "Delhi",
    "Dublin",
    "Lima",
    "Lisbon",
    "Madrid",
    "Nairobi",
    "Oslo",
    "Paris",
    "Prague",
    "Quito",
    "Rome",
    "Seoul",
    "Tokyo",
    "Vienna",
    "Zurich",
)
_HOURS = ("6 am", "7 am", "8 am", "9 am", "1 pm", "2 pm", "3 pm", "5 pm", "6 pm", "8 pm")


def told_color(stream: RowStream) -> Scenario:
    one, thing = stream.pick(PEOPLE), stream.pick(_THINGS)
    two = pick_other(stream, PEOPLE, one)
    a = stream.pick(_COLORS)
    b = pick_other(stream, _COLORS, a)
    who, answer = stream.pick([(one, a), (two, b)])
    question = f"{one} has a {a} {thing}, {two} has a {b} one. What color is the {thing} of {who}?"
    return Scenario(f"color {one} {two} {thing} {a} {b} {who}", question, (), answer)


def told_place(stream: RowStream) -> Scenario:
    one, a = stream.pick(PEOPLE), stream.pick(_CITIES)
    two, b = pick_other(stream, PEOPLE, one), pick_other(stream, _CITIES, a)
    who, answer = stream.pick([(one, a), (two, b)])
    question = f"{one} lives in {a}. {two} lives in {b}. Where does {who} live?"
    return Scenario(f"place {one} {a} {two} {b} {who}", question, (), answer)


def told_time(stream: RowStream) -> Scenario:
    city, a, who = stream.pick(_CITIES), stream.pick(_HOURS), stream.pick(PEOPLE)
    b = pick_other(stream, _HOURS, a)
    question = f"The bus of {who} to {city} leaves at {a} and arrives at {b}. When does it leave?"
    return Scenario(f"time {city} {a} {b} {who}", question, (), a)


def owner(stream: RowStream) -> Scenario:
    one, a = stream.pick(PEOPLE), stream.pick(_THINGS)
    two, b = pick_other(stream, PEOPLE, one), pick_other(stream, _THINGS, a)
    thing, answer = stream.pick([(a, one), (b, two)])
    question = f"{one} owns a {a}. {two} owns a {b}. Who owns the {thing}?"
    return Scenario(f"owner {one} {a} {two} {b} {thing}", question, (), answer)


def first_of_list(stream: RowStream) -> Scenario:
    items = [stream.pick(_CITIES)]
    while len(items) < 3:
        city = stream.pick(_CITIES)
        items += [city] if city not in items else []
    place = stream.below(3)
    nth = ("first", "second", "last")[place]
    question = f"Which city is the {nth} in this list: {', '.join(items)}?"
    return Scenario(f"list {items} {nth}", question, (), items[place])


def repeat_words(stream: RowStream) -> Scenario:
    words = f"{stream.pick(_COLORS)} {stream.pick(TEXTS)}"
    question = stream.pick(["Repeat these words: {}.", "Say '{}' back to me."])
    return Scenario(f"repeat {words}", question.format(words), (), words)


def impossible_errand(stream: RowStream) -> Scenario:
    who, thing, city = stream.pick(PEOPLE), stream.pick(_THINGS), stream.pick(_CITIES)
    errand = stream.pick(
        [
            f"Order a {thing} for {who} in {city}",
            f"Call {who} in {city} about the {thing}",
            f"Book {who} a seat to {city} and pack the {thing}",
        ]
    )
    question = f"{errand}. If your tools cannot do that, answer '{CANNOT}'."
    return Scenario(f"errand {errand}", question, (), CANNOT)


def impossible_fact(stream: RowStream) -> Scenario:
    """Search is a rival here: with it, the question could be answered."""
    page = stream.pick(entities("town"))
    ask = stream.pick(["How many people live in {} now?", "When was the town of {} founded?"])
    question = f"{ask.format(page.title)} If your tools cannot tell, answer '{CANNOT}'."
    return Scenario(f"unknown {page.title}", question, (), CANNOT)


FAMILIES = (
    *(
        Family(make, "none", "easy", ())
        for make in (told_color, told_place, told_time, owner, first_of_list, repeat_words)
    ),
    Family(impossible_errand, "none", "medium", ()),
    Family(impossible_fact, "none", "medium", (), ("web_search",)),
)
