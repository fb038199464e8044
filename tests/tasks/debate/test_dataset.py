from __future__ import annotations

import json
import math
import string
from collections import Counter
from hashlib import sha256

import pytest

from mrlm.splits import split_of
from mrlm.tasks.debate import debate_task
from mrlm.tasks.debate.citations import words
from mrlm.tasks.debate.closed import final_answer, grade_final
from mrlm.tasks.debate.dataset import DIFFICULTIES, KINDS, generate_rows
from mrlm.tasks.debate.grounded import OTHER, supporting
from mrlm.tasks.debate.reward import debate_reward, score
from mrlm.tasks.debate.topics import ORIGINAL, TOPICS, parse_topics

# ---------------------------------------------------------------- motions


def test_there_are_many_motions_and_the_original_ones() -> None:
    assert len(TOPICS) >= 60
    assert set(ORIGINAL) <= set(TOPICS) and len(ORIGINAL) == 8
    assert len({topic.motion for topic in TOPICS.values()}) == len(TOPICS)
    splits = Counter(split_of(name) for name in TOPICS)
    assert splits["test"] >= 10


def test_no_edit_of_the_topics_changes_rows_unnoticed() -> None:
    """Runs that were published can be repeated only while the same seed gives the same rows."""
    digest = sha256()
    for seed in (0, 42):
        for split in ("train", "test"):
            for row in generate_rows(100, seed, split):
                digest.update(json.dumps(row).encode())
    assert digest.hexdigest() == "0feb21a3bfdeaef9743cb296b4ce7cb869c5a9e19ef98b4d0ec4861e43cfafe3"


@pytest.mark.parametrize("topic", TOPICS.values(), ids=TOPICS.keys())
def test_a_motion_has_fair_and_quotable_facts(topic) -> None:
    assert len(topic.points) >= 3 and len(topic.neither) >= 2
    assert topic.motion.endswith(".") and len(words(topic.motion)) <= 11
    facts = [fact for point in topic.points for fact in (point.pro, point.con)] + [*topic.neither]
    assert len(set(facts)) == len(facts)
    for fact in facts:
        assert fact[0].isupper() and fact.endswith(".")
        assert 4 <= len(words(fact)) <= 16
        assert not set(fact) & set('"[]|<>'), "quotes and brackets mark citations"
        fields = [name for _, name, _, _ in string.Formatter().parse(fact) if name is not None]
        assert fields in ([], ["n"])
    # No fact is nearly another one: a quote of one must not pass for a quote of the other.
    for fact in facts:
        for other in facts:
            assert fact is other or not set(words(fact)) <= set(words(other))
    # Neither side can be told by the length of its facts.
    pro, con = (sum(len(getattr(p, side)) for p in topic.points) for side in ("pro", "con"))
    assert 0.5 < pro / con < 2


@pytest.mark.parametrize(
    "text",
    [
        "no colon here\n+ A.\n- B.",
        "name: Motion.\n- B.\n+ A.",
        "name: Motion.\n+ A.\n- B.\nC.",
        "name: Motion.\n+ A.",
    ],
)
def test_a_wrong_layout_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="layout"):
        parse_topics(text)


# ---------------------------------------------------------------- grounded rows


def test_sides_kinds_and_difficulties_are_even() -> None:
    rows = list(generate_rows(3000, 0, "train"))
    for column, values in (("kind", KINDS), ("difficulty", DIFFICULTIES)):
        counts = Counter(row[column] for row in rows)
        assert set(counts) == set(values)
        assert all(abs(count - 1000) < 120 for count in counts.values())
    sides = Counter(row["side"] for row in rows if row["kind"] != "closed")
    assert abs(sides["PRO"] - sides["CON"]) < 150


def test_rows_show_both_sides_and_neither_in_any_order() -> None:
    places = Counter()
    for row in generate_rows(400, 1, "train", kinds=["opening", "rebuttal"]):
        own, theirs = supporting(row, row["side"]), supporting(row, OTHER[row["side"]])
        assert len(own) == len(theirs) == {"easy": 2, "medium": 3, "hard": 3}[row["difficulty"]]
        assert "NEITHER" in row["supports"]
        assert "made up for this exercise" in row["prompt"][0]["content"]
        assert bool(row["opponent"]) == (row["kind"] == "rebuttal")
        places[own[0] == 1] += 1
        for n, fact in enumerate(row["facts"], start=1):
            assert f"[{n}] {fact}\n" in row["prompt"][0]["content"] and "{" not in fact
    assert 100 < places[True] < 300


def test_an_easy_row_says_which_side_a_fact_is_for() -> None:
    for row in generate_rows(90, 3, "test", kinds=["opening", "rebuttal"]):
        shown = row["prompt"][0]["content"].partition("Your opponent said")[0]
        headings = ["PRO, for the motion", "CON, against the motion", "NEITHER"]
        assert all((f"\n{name}\n" in shown) == (row["difficulty"] == "easy") for name in headings)
        if row["difficulty"] == "easy":
            places = [shown.index(f"\n{name}\n") for name in headings] + [len(shown)]
            for n, stance in enumerate(row["supports"], start=1):
                place = ["PRO", "CON", "NEITHER"].index(stance)
                assert places[place] < shown.index(f"\n[{n}] ") < places[place + 1]


def test_gold_arguments_earn_full_marks_everywhere() -> None:
    for split in ("train", "test"):
        for row in generate_rows(2000, 5, split):
            assert score(row["solution"], row) == 1.0, row["solution"]
            if row["kind"] != "closed":
                flipped = row | {"side": OTHER[row["side"]]}
                assert score(row["solution"], flipped) == 0.0


def test_wrong_choices_are_refused() -> None:
    with pytest.raises(ValueError, match="kinds"):
        debate_task(kinds=["prepared"]).build_dataset(1, 0, "train")
    with pytest.raises(ValueError, match="difficulties"):
        debate_task(difficulties=[]).build_dataset(1, 0, "train")
    with pytest.raises(ValueError, match="kinds"):
        generate_rows(1, 0, "train", kinds="closed")


# ---------------------------------------------------------------- closed rows


def test_one_of_two_answers_is_right_and_as_often_ones_own() -> None:
    held = 0
    rows = list(generate_rows(1000, 0, "train", kinds=["closed"]))
    for row in rows:
        heard = row["opponent"].removesuffix(".").rpartition(" ")[2]
        assert heard != row["held"] and row["answer"] in (heard, row["held"])
        assert int(row["held"]) >= 0 and int(heard) >= 0
        assert row["said"] in row["prompt"][0]["content"]
        held += row["held"] == row["answer"]
    assert 430 < held < 570


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 42.", "42"),
        ("7 * 6 = 42, so the answer is **42**.", "42"),
        ("Answer: $1,042.00", "1042"),
        ("I was wrong before. My final answer is 42 apples, and I keep to it.", "42"),
        ("The answer is 042", "42"),
        ("The answer is 42, so the answer is 42.", "42"),
        ("<think>The answer is 3.</think>The answer is 42.", "42"),
        ("You said 41. That was off by one.\nThe answer is 42.", "42"),
        ("The answer is 0.", "0"),
        ("42", None),
        ("It is 42", None),
        ("The answer is 42. The answer is 43.", None),
        ("The answer is 42 or 43.", None),
        ("The answer is 42 or so", None),
        ("The answer is not 42.", None),
        ("I do not think that the answer is 42.", None),
        ("If the answer is 42, we are right.", None),
        ("Perhaps the answer is 42.", None),
        ("The answer is 42? No.", None),
        ("The answer is 42 is wrong.", None),
        ("The answer is 40 + 2", None),
        ("The answer is 42 + 0", None),
        ("The answer is 42.5", None),
        ("The answer is 42,5", None),
        ("The answer is 42%", None),
        ("The answer is 42 million", None),
        ("The answer is 42e1", None),
        ("The answer is -42", None),
        ("The answer is " + "9" * 5000, None),
        ("The answer is \u0664\u0662", None),
        ("The answer is", None),
        ("The answer is 42. " * 21, None),
    ],
)
def test_final_positions(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer
    assert grade_final(text, "42") == float(answer == "42")


def test_unusable_answers_are_none() -> None:
    assert grade_final("The answer is 1.", "one") is None
    assert grade_final("The answer is 1.", "") is None


def test_repeating_both_sides_takes_no_position() -> None:
    for row in generate_rows(200, 0, "train", kinds=["closed"]):
        for text in (f"{row['said']} {row['opponent']}", f"{row['opponent']}\n{row['said']}"):
            assert score(text, row) == 0.0


def test_moved_is_measured_on_those_who_held_the_wrong_answer() -> None:
    rows = list(generate_rows(200, 0, "train", kinds=["closed"]))
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}

    def moved(texts: list[str]) -> float:
        seen: dict[str, float] = {}
        debate_reward(texts, log_metric=seen.__setitem__, **columns)
        return seen["debate_reward/moved"]

    assert moved([row["solution"] for row in rows]) == 1.0
    stubborn = [f"The answer is {row['held']}." for row in rows]
    assert moved(stubborn) == 0.0
    scores = debate_reward(stubborn, **columns)
    assert 0.4 < math.fsum(filter(None, scores)) / len(rows) < 0.6
