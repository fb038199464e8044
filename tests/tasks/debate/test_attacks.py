"""Flattery earns less than an honest, weak argument, and the attacks are real.

The suite can fail: a naive reward (the overlap of words with motion and facts, as an embedding
would see it) pays most of them more than the honest argument.
"""

from __future__ import annotations

import pytest

from mrlm.tasks.debate.attacks import ATTACKS, HONEST, HONEST_SCORE, ROW, reward_cases
from mrlm.tasks.debate.citations import words
from mrlm.tasks.debate.reward import score


def naive(text: str) -> float:
    """Share of the motion's and the facts' words that occur: what embeddings of a text reward."""
    topic = set(words(" ".join([ROW["motion"], *ROW["facts"]])))
    return len(topic & set(words(text[:4000]))) / len(topic)


def test_an_honest_weak_argument_earns_something() -> None:
    assert score(HONEST, ROW) == pytest.approx(HONEST_SCORE)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_flattery_earns_less(name: str) -> None:
    value = score(ATTACKS[name], ROW)
    assert value is not None and value < score(HONEST, ROW)  # type: ignore[operator]


def test_most_flatteries_earn_nothing() -> None:
    paid = {name: value for name, text in ATTACKS.items() if (value := score(text, ROW))}
    assert len(paid) <= len(ATTACKS) / 8, paid


def test_the_suite_can_fail() -> None:
    fooled = [name for name, text in ATTACKS.items() if naive(text) >= naive(HONEST)]
    assert len(fooled) >= 15


def test_the_cases_say_what_the_reward_pays() -> None:
    cases = list(reward_cases())
    for case in cases:
        value = score(case.completion, case.row)
        assert value is not None and (value >= case.limit) == case.correct, case.name
    assert sum(case.correct for case in cases) == 2
    assert score(ROW["solution"], ROW) == 1.0
