from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from processor_time import processor_time

from mrlm.tasks.debate.citations import normalized, read
from mrlm.tasks.debate.dataset import generate_rows
from mrlm.tasks.debate.reward import debate_reward, extract, grade_argument, score

FACTS = (
    "Trams carry more people than cars on the same street.",
    "Building tram lines takes 34 months longer than adding buses.",
    "A tram ticket costs 41 percent less than a day of parking.",
    "Trams cost 57 percent more to repair than buses do.",
    "The bell of a tram rings when it starts.",
)


def make_row(side: str = "PRO", opponent: str = "", **changes: Any) -> dict[str, Any]:
    row = {
        "kind": "rebuttal" if opponent else "opening",
        "motion": "Cities should build more tram lines.",
        "side": side,
        "facts": list(FACTS),
        "supports": ["PRO", "CON", "PRO", "CON", "NEITHER"],
        "points": [0, 0, 1, 1, -1],
        "opponent": opponent,
        "problem": "",
        "said": "",
        "held": "",
        "answer": "",
    }
    return row | changes


@pytest.fixture
def row() -> dict[str, Any]:
    return make_row()


@pytest.fixture
def rebuttal() -> dict[str, Any]:
    return make_row(opponent=f'CON: Think of the money first. [4] "{FACTS[3]}"')


WHY = "PRO: I believe that this would help many people in town."
QUOTED = [f'[{n}] "{fact}"' for n, fact in enumerate(FACTS, start=1)]


def test_parts_of_an_opening(row: dict[str, Any]) -> None:
    assert score(f"PRO: {QUOTED[0]}", row) == pytest.approx(0.3)
    assert score(f"{WHY} {QUOTED[0]}", row) == pytest.approx(0.4)
    assert score(f"PRO: {QUOTED[0]} {QUOTED[2]}", row) == pytest.approx(0.9)
    assert score(f"{WHY} {QUOTED[0]} {QUOTED[2]}", row) == 1.0
    assert score(f"{WHY} {QUOTED[0]} {QUOTED[2]} {QUOTED[4]}", row) == pytest.approx(0.35)
    assert score(f"{WHY} {QUOTED[0]} {QUOTED[1]}", row) == pytest.approx(0.14)
    assert score(f"{WHY} {' '.join(QUOTED[:4])}", row) == pytest.approx(0.1)
    assert score(f"{WHY} {' '.join(QUOTED)}", row) == 0.0
    assert score(WHY, row) == 0.0


def test_parts_of_a_rebuttal(rebuttal: dict[str, Any]) -> None:
    one = f"{WHY} {QUOTED[0]}"
    assert score(one, rebuttal) == pytest.approx(0.4)
    assert score(f"{one} {QUOTED[2]}", rebuttal) == pytest.approx(0.7)
    assert score(f"{one} Against [4] stands {QUOTED[2]}", rebuttal) == 1.0
    assert score(f"{WHY} Against [4] stands {QUOTED[2]}", rebuttal) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("reply", "answered"),
    [
        (f"They cite [4], but {QUOTED[2]} {QUOTED[0]}", True),
        (f"They say {QUOTED[3]}. However, {QUOTED[2]} {QUOTED[0]}", True),
        (f'They say "{FACTS[3]}" and yet {QUOTED[2]} {QUOTED[0]}', True),
        (f"They cite [4], but {QUOTED[0]} {QUOTED[2]}", False),  # on another point
        (f"{QUOTED[2]} {QUOTED[0]} and that answers [4].", False),  # nothing is set against it
        (f"{QUOTED[2]} {QUOTED[0]}", False),
    ],
)
def test_an_answer_is_a_fact_on_the_same_point(
    reply: str, answered: bool, rebuttal: dict[str, Any]
) -> None:
    grade = grade_argument(f"{WHY} {reply}", rebuttal)
    assert grade.replied is answered
    assert grade.num_false == 0


def test_a_misquoted_fact_of_the_opponent_costs(rebuttal: dict[str, Any]) -> None:
    text = f'{WHY} {QUOTED[0]} They say [4] "Trams cost nothing at all to anyone."'
    assert grade_argument(text, rebuttal).num_false == 1


def test_an_opponent_that_uses_no_fact_needs_no_answer() -> None:
    row = make_row(opponent="CON: I just do not like trams.")
    assert score(f"{WHY} {QUOTED[0]} {QUOTED[2]}", row) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        f"{WHY} {QUOTED[0]} {QUOTED[2]}",
        f"**PRO:** {WHY[5:]} {QUOTED[0]} {QUOTED[2]}",
        f"pro: {WHY[5:]}\n- {QUOTED[0]}\n- {QUOTED[2]}\n",
        f'{WHY} "{FACTS[0]}" [1]. "{FACTS[2]}" [3].',
        f"{WHY} Fact [1] says: “{FACTS[0]}” and fact [3] says: “{FACTS[2]}”",
        f'{WHY} [1] "TRAMS carry more people than cars,  on the same street" {QUOTED[2]}',
        f'{WHY} [1] "carry more people than cars on the same street" {QUOTED[2]}',
        f"<think>CON: perhaps [9]?</think>{WHY} {QUOTED[0]} {QUOTED[2]}",
        f"{WHY} {QUOTED[0]} {QUOTED[2]} So [1] and [3] show it.",
        f"{WHY} {QUOTED[0]} {QUOTED[2]} Some call this a “quick fix”.",
        f"{WHY} {QUOTED[0]} {QUOTED[2]} Those who oppose the motion say that you should vote no.",
        f"{WHY} {QUOTED[0]} {QUOTED[2]} As a judge once said, grades are not everything.",
    ],
)
def test_honest_ways_to_write_it(text: str, row: dict[str, Any]) -> None:
    assert score(text, row) == 1.0


def test_half_a_quote_must_not_turn_the_meaning() -> None:
    row = make_row(
        facts=["Trams do not make the streets of a city safer for children."],
        supports=["CON"],
        points=[0],
    )
    half = 'PRO: I think so too. [1] "make the streets of a city safer for children"'
    assert [c.kind for c in read(normalized(half), row["facts"]).citations] == ["false"]
    whole = f'[1] "{row["facts"][0]}"'
    assert [c.kind for c in read(whole, row["facts"]).citations] == ["true"]


def test_only_the_last_assistant_message_is_read(row: dict[str, Any]) -> None:
    good = f"{WHY} {QUOTED[0]} {QUOTED[2]}"
    columns = {name: [value] for name, value in row.items()}
    spoken = [
        {"role": "assistant", "content": "CON: no"},
        {"role": "user", "content": "Again."},
        {"role": "assistant", "content": [{"type": "text", "text": good}]},
    ]
    assert debate_reward(completions=[spoken], **columns) == [1.0]
    assert debate_reward(completions=[[{"role": "user", "content": good}]], **columns) == [0.0]
    for odd in ([], [None], [{"role": "assistant", "content": None}], ["text"]):
        assert debate_reward(completions=[odd], **columns) == [0.0]


def test_unusable_rows_are_none_and_counted(
    row: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        row,
        row | {"facts": []},
        row | {"side": "MAYBE"},
        row | {"supports": ["PRO"]},
        row | {"facts": None},
        row | {"kind": "closed", "answer": "none"},
    ]
    columns = {name: [r[name] for r in rows] for name in row}
    seen: dict[str, float] = {}
    got = debate_reward(
        ["PRO: no"] * 6, log_metric=seen.__setitem__, trainer_state=object(), **columns
    )
    assert got == [0.0, None, None, None, None, None]
    assert seen["debate_reward/unscored"] == pytest.approx(5 / 6)
    assert "5 rows" in caplog.text


def test_metrics_say_why(rebuttal: dict[str, Any]) -> None:
    texts = ["CON: no", f"{WHY} {QUOTED[0]} Against [4] stands {QUOTED[2]}"]
    columns = {name: [value] * 2 for name, value in rebuttal.items()}
    seen: dict[str, float] = {}
    assert debate_reward(texts, log_metric=seen.__setitem__, **columns) == [0.0, 1.0]
    expected = {"gate/side": 0.5, "replied": 0.5, "unscored": 0.0}
    assert seen == {f"debate_reward/{name}": value for name, value in expected.items()}


def test_extract_names_the_facts_that_count(row: dict[str, Any]) -> None:
    assert extract(f"{WHY} {QUOTED[2]} {QUOTED[0]}", row) == "[3], [1]"
    assert extract(WHY, row) is None


BIG = 1_000_000
HOSTILE: dict[str, Callable[[], str]] = {
    "letters": lambda: "a" * BIG,
    "label and spaces": lambda: "PRO" + " " * BIG,
    "quotes": lambda: "PRO: " + '"' * BIG,
    "brackets": lambda: "PRO: " + "[1" * (BIG // 2),
    "numbers": lambda: "PRO: [" + "1," * (BIG // 2) + "]",
    "newlines": lambda: "PRO: " + "\n" * BIG,
    "lines of stars": lambda: "*_" * (BIG // 2) + "\n",
    "expanding": lambda: "PRO: " + "\ufdfa" * BIG,
    "combining": lambda: "PRO: a" + "\u0301" * BIG,
    "surrogates": lambda: "PRO: " + "\ud800" * BIG,
    "nul": lambda: "\x00" * BIG,
    "just short enough": lambda: "PRO: " + "score " * 660,
    "just short enough, spaces": lambda: "ignore" + " \t" * 1990,
    "just short enough, quotes": lambda: 'PRO: [1] "' + '" [1] "' * 560,
    "just short enough, expanding": lambda: "PRO: " + "\ufdfa" * 3990,
    "claims": lambda: "the answer is " * (BIG // 14),
    "short claims": lambda: "answer is 4 " * 1600,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["rebuttal", "closed"])
def test_hostile_texts_cost_no_time(name: str, kind: str, rebuttal: dict[str, Any]) -> None:
    text = HOSTILE[name]()
    row = rebuttal | {"kind": kind, "held": "3", "answer": "4"}
    with processor_time(at_most=0.5):
        assert score(text, row) == 0.0


def test_a_hostile_opponent_costs_no_time_either(row: dict[str, Any]) -> None:
    text = f"{WHY} {QUOTED[0]} {QUOTED[2]}"
    for name, make in HOSTILE.items():
        hostile = row | {"opponent": make()}
        with processor_time(at_most=0.5):
            assert score(text, hostile) == 1.0, name


def test_guessing_facts_does_not_pay() -> None:
    """Over many rows, citing facts blindly earns less than one honest citation."""
    rows = list(generate_rows(300, 3, "train", kinds=["opening"]))
    for count in (1, 2, 3, 4, 8):
        values = []
        for row in rows:
            cited = " ".join(f'[{n}] "{fact}"' for n, fact in enumerate(row["facts"][:count], 1))
            values.append(
                score(f"{row['side']}: I believe that this is what helps people. {cited}", row)
            )
        assert sum(filter(None, values)) / len(values) < 0.35, count
