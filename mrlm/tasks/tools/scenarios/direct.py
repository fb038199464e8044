"""Families that need no tool, although some are offered: the answer stands in the question.

The last two ask for what no offered tool can do (BFCL's irrelevance): the right answer says so.
"""

from __future__ import annotations

from mrlm.english import with_article
from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.encyclopedia import entities
from mrlm.tasks.tools.scenarios.family import Family, Scenario, pick_other
from mrlm.tasks.tools.scenarios.folder import PEOPLE
from mrlm.tasks.tools.scenarios.programs import TEXTS
from mrlm.tasks.tools.scenarios.wording import ask, words

__all__ = ["CANNOT", "FAMILIES"]

CANNOT = "not possible"
_COLORS = words("color")
_THINGS = words("thing")
_CITIES = words("city")
_HOURS = words("hour")


def told_color(stream: RowStream) -> Scenario:
    one, thing = stream.pick(PEOPLE), stream.pick(_THINGS)
    two = pick_other(stream, PEOPLE, one)
    a = stream.pick(_COLORS)
    b = pick_other(stream, _COLORS, a)
    who, answer = stream.pick([(one, a), (two, b)])
    question = ask(
        stream,
        "told_color",
        one=one,
        two=two,
        who=who,
        thing=thing,
        a_thing=with_article(f"{a} {thing}"),
        b_thing=with_article(f"{b} one"),
    )
    return Scenario(f"color {one} {two} {thing} {a} {b} {who}", question, (), answer)


def told_place(stream: RowStream) -> Scenario:
    one, a = stream.pick(PEOPLE), stream.pick(_CITIES)
    two, b = pick_other(stream, PEOPLE, one), pick_other(stream, _CITIES, a)
    who, answer = stream.pick([(one, a), (two, b)])
    question = ask(stream, "told_place", one=one, two=two, a=a, b=b, who=who)
    return Scenario(f"place {one} {a} {two} {b} {who}", question, (), answer)


def told_time(stream: RowStream) -> Scenario:
    city, who = stream.pick(_CITIES), stream.pick(PEOPLE)
    start = stream.below(len(_HOURS) - 1)
    a, b = _HOURS[start], _HOURS[stream.between(start + 1, len(_HOURS) - 1)]
    question = ask(stream, "told_time", who=who, city=city, a=a, b=b)
    return Scenario(f"time {city} {a} {b} {who}", question, (), a)


def owner(stream: RowStream) -> Scenario:
    one, a = stream.pick(PEOPLE), stream.pick(_THINGS)
    two, b = pick_other(stream, PEOPLE, one), pick_other(stream, _THINGS, a)
    thing, answer = stream.pick([(a, one), (b, two)])
    question = ask(
        stream,
        "owner",
        one=one,
        two=two,
        thing=thing,
        a_thing=with_article(a),
        b_thing=with_article(b),
    )
    return Scenario(f"owner {one} {a} {two} {b} {thing}", question, (), answer)


def first_of_list(stream: RowStream) -> Scenario:
    items = [stream.pick(_CITIES)]
    while len(items) < 3:
        city = stream.pick(_CITIES)
        items += [city] if city not in items else []
    place = stream.below(3)
    nth = ("first", "second", "last")[place]
    question = ask(stream, "first_of_list", nth=nth, listed=", ".join(items))
    return Scenario(f"list {items} {nth}", question, (), items[place])


def repeat_words(stream: RowStream) -> Scenario:
    text = f"{stream.pick(_COLORS)} {stream.pick(TEXTS)}"
    question = ask(stream, "repeat_words", words=text)
    return Scenario(f"repeat {text}", question, (), text)


def impossible_errand(stream: RowStream) -> Scenario:
    who, thing, city = stream.pick(PEOPLE), stream.pick(_THINGS), stream.pick(_CITIES)
    question = ask(
        stream,
        "impossible_errand",
        who=who,
        city=city,
        a_thing=with_article(thing),
        cannot=f"If your tools cannot do that, answer '{CANNOT}'.",
    )
    return Scenario(f"errand {who} {thing} {city}", question, (), CANNOT)


def impossible_fact(stream: RowStream) -> Scenario:
    """Search is a rival here: with it, the question could be answered."""
    page = stream.pick(entities("town"))
    cannot = f"If your tools cannot tell, answer '{CANNOT}'."
    question = ask(stream, "impossible_fact", title=page.title, cannot=cannot)
    return Scenario(f"unknown {page.title}", question, (), CANNOT)


FAMILIES = (
    *(
        Family(make, "none", "easy", ())
        for make in (told_color, told_place, told_time, owner, first_of_list, repeat_words)
    ),
    Family(impossible_errand, "none", "medium", ()),
    Family(impossible_fact, "none", "medium", (), ("web_search",)),
)
