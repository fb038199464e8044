"""The grammar of the texts: what a slot shows, and what a wrong line is told."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from mrlm.tasks.math import wordings
from mrlm.tasks.math.problems import _TEMPLATES
from mrlm.tasks.math.wordings import CHOICES, Wording, distractors, load_wordings

ALL = [
    wording
    for templates in _TEMPLATES.values()
    for template in templates
    for wording in template.wordings
]


def _told(monkeypatch: pytest.MonkeyPatch, line: str, steps: str = "{a} = {x}.") -> Wording:
    texts = {"words.txt": {"animal": "cat/cats, owl/owls", "big": "huge"}, "f": {"t": line}}
    monkeypatch.setattr(wordings, "_sections", texts.__getitem__)
    wordings._bank.cache_clear()
    wordings._forms.cache_clear()
    try:
        (wording,) = load_wordings("f", "t", 1, steps)
    finally:
        wordings._bank.cache_clear()
        wordings._forms.cache_clear()
    return wording


def _texts(wording: Wording) -> set[str]:
    texts = set()
    for choice in range(math.prod(len(bank) for bank in wording.banks)):
        values: list[Any] = [3, 4]
        wording.fill(values, choice)
        texts.add(wording.question.render(values))
    return texts


def test_slots_show_forms_of_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "- {A animal} sees {a} {animal.2} and {a animal}. => What does the {animal} see?"
    assert _texts(_told(monkeypatch, line)) == {
        "A cat sees 3 cats and a cat. What does the cat see?",
        "An owl sees 3 owls and an owl. What does the owl see?",
    }


def test_options_and_ranges_are_drawn_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    wording = _told(monkeypatch, "- [One|Two] saw 5% of {3-4} or {a}. => [Who|What]?")
    assert len(_texts(wording)) == 8
    assert "Two saw 5% of 4 or 3. What?" in _texts(wording)


def test_steps_may_show_other_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    wording = _told(monkeypatch, "- {A animal} has {a}. => How many?", "{a} + 1 = {x} {animal.2}.")
    values: list[Any] = [3, 4]
    wording.fill(values, 1)
    assert wording.steps.render(values) == "3 + 1 = 4 owls."


def test_a_distractor_comes_before_sentences_and_after_the_first_name() -> None:
    told = wordings._with_distractor("{name} has {a}. It is so. {other} goes.", "How many?")
    assert [text for _, text in told] == [
        "{distractor} {name} has {a}. It is so. {other} goes. How many?",
        "{name} has {a}. It is so. {distractor} {other} goes. How many?",
        "{name} has {a}. It is so. {other} goes. {distractor} How many?",
        "{name}, {distractor}, has {a}. It is so. {other} goes. How many?",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("- Only a story with {a}.", "of the form '- story => question'"),
        ("{name} has {a}. => How many?", "of the form"),
        ("- {A dog} has {a}. => How many?", "no bank 'dog'.* it has animal, big"),
        ("- {animal.3} have {a}. => How many?", "cat/cats has not"),
        ("- There are {b}. => How many?", r"has the slots \['b'\], which nothing fills"),
    ],
)
def test_a_wrong_line_is_told_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _told(monkeypatch, line)


def test_one_draw_is_large_enough_for_every_wording() -> None:
    for wording in [*ALL, *distractors("sentence"), *distractors("clause")]:
        assert math.prod(len(bank) for bank in wording.banks) * 8_000 < CHOICES / 2**15


def test_every_hard_wording_can_be_distracted() -> None:
    assert all(len(wording.distracted) >= 2 for wording in ALL)


def test_people_of_different_roles_are_never_the_same() -> None:
    names = [word for role in ("name", "other", "third", "neighbour") for (word,) in _bank(role)]
    assert len(set(names)) == len(names)


def _bank(name: str) -> tuple[tuple[str, ...], ...]:
    return wordings._bank(name)


def test_banks_hold_no_word_twice_and_equal_forms() -> None:
    for name in wordings._sections("words.txt"):
        entries = _bank(name)
        assert len(set(entries)) == len(entries), name
        assert len({len(entry) for entry in entries}) == 1, name
        assert all(re.fullmatch(r"[\w' -]+", word) for entry in entries for word in entry), name
