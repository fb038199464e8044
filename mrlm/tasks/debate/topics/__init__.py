"""Motions to debate, each with facts for either side and facts for neither.

The facts are common knowledge in our words or made-up figures, written for this exercise: nothing
here is evidence about the world, and prompts say so. ``{n}`` in a fact is a number that each row
draws anew.

In the text files beside this module a motion is a paragraph: its name and wording, then pairs of
facts on the same point, the first (``+``) for the motion and the second (``-``) against it, then
facts (``=``) that support neither side. Rows are drawn from all motions in their order, so
that a new one changes the rows of every seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

__all__ = ["ORIGINAL", "TOPICS", "Point", "Topic", "parse_topics"]

# The motions of the first demonstration, in its order.
ORIGINAL = (
    "remote_work",
    "social_media",
    "electric_vehicles",
    "ai_regulation",
    "basic_income",
    "space_funding",
    "online_education",
    "privacy_security",
)

_FILES = ("technology.txt", "society.txt", "environment.txt", "life.txt")


@dataclass(frozen=True)
class Point:
    """One matter on which the sides differ, with a fact for the motion and one against it."""

    pro: str
    con: str


@dataclass(frozen=True)
class Topic:
    """A motion and its facts.

    Attributes:
        name: Unique; the content that a split goes by.
        motion: A sentence; PRO is for it, CON against it.
        points: Pairs of opposed facts.
        neither: Facts that support no side.
    """

    name: str
    motion: str
    points: tuple[Point, ...]
    neither: tuple[str, ...]


def parse_topics(text: str) -> list[Topic]:
    """Read motions from text laid out as described above.

    Raises:
        ValueError: A paragraph does not keep the layout; the message quotes its first line.
    """
    return [_parse_topic(paragraph) for paragraph in text.strip().split("\n\n")]


def _parse_topic(paragraph: str) -> Topic:
    head, *lines = paragraph.strip().splitlines()
    name, colon, motion = head.partition(": ")
    facts: dict[str, list[str]] = {"+": [], "-": [], "=": []}
    pairs = "".join(line[:1] for line in lines if not line.startswith("="))
    for line in lines:
        facts.get(line[:1], []).append(line[2:])
    if not colon or pairs != "+-" * len(facts["+"]) or sum(map(len, facts.values())) != len(lines):
        raise ValueError(
            f"The motion {head!r} does not keep the layout: 'name: Motion.', then lines that begin "
            "with '+ ' and '- ' in turn, then lines that begin with '= '."
        )
    points = tuple(Point(pro, con) for pro, con in zip(facts["+"], facts["-"], strict=True))
    return Topic(name, motion, points, tuple(facts["="]))


TOPICS: dict[str, Topic] = {
    topic.name: topic
    for name in _FILES
    for topic in parse_topics(files(__name__).joinpath(name).read_text(encoding="utf-8"))
}
