"""The grammar of the word problems' texts: wordings, words and distractors from text files.

The files in ``texts/`` hold all English that a problem shows; ``texts/sums.txt`` and
``texts/words.txt`` begin with their layout. Reading them turns each wording into a format string
and the banks that fill it, so that a row costs one draw for all its words and one formatting for
its text.

Not covered: agreement between words. A wording whose verb depends on a word takes both from one
bank, as forms of one entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import count
from operator import itemgetter
from typing import Any

from mrlm.english import read_sections, with_article

__all__ = ["CHOICES", "NUMBERS", "RESULTS", "Text", "Wording", "distractors", "load_wordings"]

# One number below this draws a wording and all its words, as digits in a mixed base; no wording has
# over 2**40 fillings, so none is favored by more than a few parts in a thousand.
CHOICES = 2**60
NUMBERS, RESULTS = "abcd", "xyzw"  # slots of the numbers drawn and of what the steps work out
_DISTRACTOR = "distractor"  # its slot
_SLOT = re.compile(r"\{([^{}]+)\}")
_OPTIONS = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(\d+)-(\d+)")
_BANK = re.compile(r"(a |A )?(\w+)(?:\.(\d))?")
_SENTENCE_END = re.compile(r"(?<=[.?!]) (?=\S)")
# A sentence that begins so goes on with what the one before it says.
_GOES_ON = (
    "It ",
    "They ",
    "Then ",
    "The rest ",
    "The others ",
    "The {",
    "Each ",
    "Every ",
    "Since ",
)
_PERSON_ACTS = re.compile(r"\{(name|other|third)\} (?!and )")
_Entries = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Text:
    """A format string, and what picks its values from those of the row."""

    template: str
    values: Callable[[Sequence[Any]], Any]

    def render(self, values: Sequence[Any]) -> str:
        """The text; ``values`` are the numbers, the results, the words and the distractor."""
        text: str = self.template % self.values(values)
        return text


@dataclass(frozen=True)
class Wording:
    """One way of telling a problem.

    Attributes:
        banks: What fills it beside numbers; an entry has a text for each slot that the bank fills.
        question: The whole text.
        steps: The worked solution.
        distracted: The text with a distractor, in each place that may have one, and the sort of
            that distractor: ``"sentence"`` or ``"clause"``.
    """

    banks: tuple[_Entries, ...]
    question: Text
    steps: Text
    distracted: tuple[tuple[str, Text], ...]

    def fill(self, values: list[Any], choice: int) -> None:
        """Append to ``values`` the words that a number of ``CHOICES`` stands for."""
        for bank in self.banks:
            choice, place = divmod(choice, len(bank))
            values += bank[place]


def load_wordings(file: str, template: str, arguments: int, steps: str) -> tuple[Wording, ...]:
    """The wordings of one template.

    Args:
        file: Its name in ``texts/``.
        template: The name that the wordings stand under.
        arguments: How many numbers the template draws.
        steps: The worked solution, whose slots every wording must have.

    Raises:
        ValueError: The file does not keep its layout, or a slot has no bank.
    """
    lines = _sections(file).get(template, "").splitlines()
    if not lines or any(not line.startswith("- ") or " => " not in line for line in lines):
        raise ValueError(
            f"texts/{file} has no wordings of {template!r}: below that name write lines of the "
            "form '- story => question'."
        )
    return tuple(_compile(line[2:], arguments, steps) for line in lines)


@cache
def distractors(sort: str) -> tuple[Wording, ...]:
    """What does not matter: ``"sentence"`` or ``"clause"``."""
    return tuple(_compile(line, 0, "") for line in _sections("distractors.txt")[sort].splitlines())


@cache
def _sections(file: str) -> dict[str, str]:
    return read_sections(files("mrlm.tasks.math").joinpath("texts", file))


@cache
def _bank(name: str) -> _Entries:
    """The entries of a bank of words, each with its forms."""
    sections = _sections("words.txt")
    if name not in sections:
        raise ValueError(
            f"There is no bank {name!r} in texts/words.txt; it has {', '.join(sections)}."
        )
    entries = sections[name].replace("\n", " ").split(",")
    return tuple(tuple(entry.strip().split("/")) for entry in entries)


def _compile(line: str, arguments: int, steps: str) -> Wording:
    options: dict[str, _Entries] = {}
    names = (f"#{number}" for number in count())

    def name_options(match: re.Match[str]) -> str:
        name = next(names)
        options[name] = tuple((text,) for text in match[1].split("|"))
        return f"{{{name}}}"

    story, _, question = _OPTIONS.sub(name_options, line).rpartition(" => ")
    whole = f"{story} {question}".strip()
    slots: dict[str, list[str]] = {}  # by bank
    for slot in dict.fromkeys(_SLOT.findall(whole)):
        if slot not in NUMBERS:
            slots.setdefault(_bank_name(slot), []).append(slot)
    # The steps may show other forms of the wording's words, and no other words.
    for slot in dict.fromkeys(_SLOT.findall(steps)):
        if (shown := slots.get(_bank_name(slot))) is not None and slot not in shown:
            shown.append(slot)
    banks = tuple(options.get(name) or _forms(name, tuple(shown)) for name, shown in slots.items())
    # Values stand in this order: numbers, results, words, distractor.
    order = list(NUMBERS[:arguments])
    order += [letter for letter in RESULTS if f"{{{letter}}}" in steps]
    order += [slot for shown in slots.values() for slot in shown]
    order.append(_DISTRACTOR)
    told = [(sort, _text(text, order)) for sort, text in _with_distractor(story, question)]
    return Wording(banks, _text(whole, order), _text(steps, order), tuple(told))


def _bank_name(slot: str) -> str:
    match = _BANK.fullmatch(slot)
    return match[2] if match and not _RANGE.fullmatch(slot) else slot


@cache
def _forms(name: str, slots: tuple[str, ...]) -> _Entries:
    """The entries of a bank, or of a range of numbers, with a text for each slot."""
    if bounds := _RANGE.fullmatch(name):
        return tuple((str(number),) for number in range(int(bounds[1]), int(bounds[2]) + 1))
    return tuple(tuple(_form(entry, slot) for slot in slots) for entry in _bank(name))


def _form(entry: tuple[str, ...], slot: str) -> str:
    """What a slot such as ``good``, ``good.2``, ``a good`` or ``A good`` shows of an entry."""
    match = _BANK.fullmatch(slot)
    number = int(match[3] or 1) if match else 0
    if match is None or not 1 <= number <= len(entry):
        raise ValueError(f"The slot {{{slot}}} asks for a form that {'/'.join(entry)} has not.")
    word = entry[number - 1]
    if match[1] is None:
        return word
    told = with_article(word)
    return told if match[1] == "a " else f"A{told[1:]}"


def _with_distractor(story: str, question: str) -> Iterator[tuple[str, str]]:
    """The text with a distractor before each sentence that can do with one, and in the first."""
    if not story:
        return
    slot = f"{{{_DISTRACTOR}}}"
    sentences = [*_SENTENCE_END.split(story), question]
    for place, sentence in enumerate(sentences):
        if place == 0 or not sentence.startswith(_GOES_ON):
            yield "sentence", " ".join([*sentences[:place], slot, *sentences[place:]])
    if person := _PERSON_ACTS.match(story):
        yield "clause", f"{{{person[1]}}}, {slot}, {story[person.end() :]} {question}"


def _text(text: str, order: Sequence[str]) -> Text:
    slots = _SLOT.findall(text)
    if unknown := set(slots) - set(order):
        raise ValueError(
            f"{text!r} has the slots {sorted(unknown)}, which nothing fills; the row's are {order}."
        )
    template = _SLOT.sub("%s", text.replace("%", "%%"))
    if not slots:
        return Text(template, lambda values: ())
    return Text(template, itemgetter(*map(order.index, slots)))
