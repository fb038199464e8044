from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from mrlm.splits import split_of
from mrlm.tasks.math import math_task, problems, wordings
from mrlm.tasks.math.answer_format import ANSWER_FORMATS, instruction
from mrlm.tasks.math.multi_step import MULTI_STEP
from mrlm.tasks.math.numerals import parse_number
from mrlm.tasks.math.parts import PARTS
from mrlm.tasks.math.problems import COLUMNS, DIFFICULTIES, KINDS, build_dataset, generate_rows
from mrlm.tasks.math.products import PRODUCTS
from mrlm.tasks.math.rates import RATES
from mrlm.tasks.math.sums import SUMS

TEMPLATES = SUMS + PRODUCTS + MULTI_STEP + PARTS + RATES
NUMBER = r"-?\d+(?:[./]\d+)?"
EQUATION = re.compile(rf"({NUMBER}(?: [-+*/] {NUMBER})+) = ({NUMBER})")
WHOLE_KINDS = KINDS[:4]  # of every difficulty
MAX_WORDS = {"easy": 30, "medium": 35, "hard": 60}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(generate_rows(12_000, 11, "train"))


def _evaluate(expression: str) -> Fraction:
    """The value of ``a + b * c - d / e``, by precedence; ``3/4`` without spaces is one number."""
    first, *rest = expression.split(" ")
    terms, sign = [Fraction(first)], "+"
    for operator, number in zip(rest[::2], rest[1::2], strict=True):
        if operator in "+-":
            sign = operator
            terms.append(Fraction(number) * (1 if sign == "+" else -1))
        else:
            terms[-1] = (
                terms[-1] * Fraction(number) if operator == "*" else terms[-1] / Fraction(number)
            )
    return sum(terms, Fraction(0))


def test_there_are_enough_templates_with_unique_names() -> None:
    assert len({template.name for template in TEMPLATES}) == len(TEMPLATES) >= 20
    assert {template.kind for template in TEMPLATES} == set(KINDS)
    assert all(len(set(template.wordings)) >= 2 for template in TEMPLATES)
    assert sum(len(template.wordings) for template in TEMPLATES) > 250


def test_texts_hold_nothing_that_no_template_uses() -> None:
    for file in {template.texts for template in TEMPLATES}:
        named = {template.name for template in TEMPLATES if template.texts == file}
        assert set(wordings._sections(file)) == named


def test_every_step_is_right_and_leads_to_the_answer(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        equations = EQUATION.findall(row["solution"])
        assert equations, row["solution"]
        for expression, result in equations:
            assert _evaluate(expression) == Fraction(result), row["solution"]
            if row["kind"] in WHOLE_KINDS:
                assert int(result) > 0, row["solution"]
        assert equations[-1][1] == row["answer"]
        assert row["solution"].endswith(f"\n#### {row['answer']}")


def test_the_numbers_of_the_steps_come_from_the_question(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        # The others are both sides of a field, one whole, four values, and percent.
        known = {*re.findall(r"\d+(?:[./]\d+)?", row["question"]), "2", "1", "4", "100"}
        for expression, result in EQUATION.findall(row["solution"]):
            assert set(re.findall(r"\d+(?:[./]\d+)?", expression)) <= known, row
            known.add(result.removeprefix("-"))


def test_hard_answers_are_numbers_of_all_sorts(rows: list[dict[str, Any]]) -> None:
    answers = Counter[str]()
    for row in rows:
        value = parse_number(row["answer"])
        assert value == Fraction(row["answer"]), "the reward reads what the steps work out"
        if row["difficulty"] != "hard" or row["kind"] in WHOLE_KINDS:
            assert row["answer"].isdigit()
            continue
        answers[row["kind"]] += 1
        answers["negative"] += value < 0
        answers["decimal"] += "." in row["answer"]
        answers["fraction"] += "/" in row["answer"]
    assert set(KINDS[4:]) <= set(answers)
    assert min(answers.values()) > 150, answers


def test_distractors_stand_anywhere(rows: list[dict[str, Any]]) -> None:
    """In hard problems: before any sentence, or as a clause; in others there is none."""
    neighbours = {word for (word,) in wordings._bank("neighbour")}
    places = Counter[int]()
    for row in rows:
        sentences = re.split(r"(?<=[.?]) (?=\S)", row["question"])
        found = [
            place
            for place, sentence in enumerate(sentences)
            if not neighbours.isdisjoint(re.findall(r"\w+", sentence))
        ]
        assert not found or row["difficulty"] == "hard"
        places.update(found)
    assert places[0] > 100 and places[1] > 100 and places[2] > 100


def test_questions_are_short_and_read_well(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        question = row["question"]
        assert len(question.split()) <= MAX_WORDS[row["difficulty"]], question
        assert question.endswith("?") and "{" not in question and "  " not in question
        # Nouns are plural throughout, so no count may be 0 or 1.
        assert not re.search(r"(?<![\d./:])[01](?![\d./:])", question), question


def test_ages_are_plausible(rows: list[dict[str, Any]]) -> None:
    ages = [
        int(age)
        for row in rows
        for age in re.findall(r"(\d+) years old|who is (\d+)\b(?! cent)", row["question"])
        for age in age
        if age
    ]
    assert ages and 2 <= min(ages) <= max(ages) <= 100
    answers = [int(row["answer"]) for row in rows if "How old" in row["question"]]
    assert answers and 2 <= min(answers) <= max(answers) <= 110


def test_difficulties_differ_in_steps_and_size(rows: list[dict[str, Any]]) -> None:
    steps = {level: Counter[int]() for level in DIFFICULTIES}
    for row in rows:
        steps[row["difficulty"]][len(EQUATION.findall(row["solution"]))] += 1
        if row["difficulty"] == "easy":
            expected = 2 if row["kind"] == "multi_step" else 1
            assert len(EQUATION.findall(row["solution"])) == expected
            assert max(map(int, re.findall(r"\d+", row["question"]))) < 100
    assert set(steps["medium"]) == {1, 2}
    assert set(steps["hard"]) == {1, 2, 3, 4}


def test_every_kind_and_difficulty_comes_equally_often(rows: list[dict[str, Any]]) -> None:
    counts = Counter((row["difficulty"], row["kind"]) for row in rows)
    hard = {("hard", kind) for kind in KINDS}
    assert set(counts) == hard | {(d, k) for d in ("easy", "medium") for k in WHOLE_KINDS}
    assert all(
        abs(count - expected) < expected / 5
        for choice, count in counts.items()
        for expected in [12_000 / 3 / (len(KINDS) if choice in hard else len(WHOLE_KINDS))]
    )


def test_duplicates_are_rare_even_in_easy() -> None:
    questions = [row["question"] for row in generate_rows(1000, 3, "train", difficulties=["easy"])]
    assert len(set(questions)) > 995


def test_filters() -> None:
    dataset = build_dataset(
        200, 0, "test", difficulties=["easy", "medium"], kinds=("addition", "multi_step")
    )
    assert set(dataset["difficulty"]) == {"easy", "medium"}
    assert set(dataset["kind"]) == {"addition", "multi_step"}
    assert tuple(dataset.column_names) == COLUMNS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"difficulties": ["trivial"]}, "difficulties is .*one or more of easy, medium, hard"),
        ({"difficulties": "easy"}, "difficulties is 'easy'; give a list"),
        ({"kinds": []}, r"kinds is \[\]"),
        ({"kinds": ["division"]}, "addition, subtraction, multiplication, multi_step, decimals"),
        ({"kinds": ["percent", "rates"], "difficulties": ["easy"]}, "percent, rates is easy; dec"),
        ({"answer_format": "json"}, "choose one of hash, boxed, tag, phrase, last_number"),
    ],
)
def test_wrong_filters_are_refused_before_the_first_row(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate_rows(1, 0, "train", **arguments)


def test_content_splits_regardless_of_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of a test row is ever a key of a train row, over all seeds and filters."""
    keys: dict[str, set[str]] = {"train": set(), "test": set()}

    def record(key: str) -> str:
        split = split_of(key)
        keys[split].add(key)
        return split

    monkeypatch.setattr(problems, "split_of", record)
    for seed in range(5):
        list(generate_rows(400, seed, "train"))
        list(generate_rows(400, seed, "test", difficulties=["easy"]))
    assert min(map(len, keys.values())) > 500
    assert not keys["train"] & keys["test"]
    # A key holds the template's name and numbers, and nothing that only words the problem.
    shape = re.compile(r"\w+\[(?:(?:-?\d+|Fraction\(\d+, \d+\))(?:, )?)+\]")
    assert all(shape.fullmatch(key) for key in keys["train"])


@pytest.mark.slow
def test_no_question_is_shared_over_100_000_rows() -> None:
    train = {row["question"] for seed in range(2) for row in generate_rows(50_000, seed, "train")}
    test = {row["question"] for seed in range(2) for row in generate_rows(50_000, seed, "test")}
    assert not train & test


@pytest.mark.parametrize("answer_format", ANSWER_FORMATS)
def test_each_answer_format_fits_its_prompt_and_reward(answer_format: str) -> None:
    task = math_task(answer_format)
    dataset = task.build_dataset(300, 0, "train")
    for row in dataset:
        assert task.score(row["solution"], row) == 1.0
        assert task.extract(row["solution"], row) == row["answer"]
        (message,) = row["prompt"]
        assert message["content"].startswith(row["question"])
        assert message["content"] == row["question"] + instruction(answer_format)


def test_an_unknown_answer_format_is_refused() -> None:
    with pytest.raises(ValueError, match="'letters'; choose one of hash"):
        math_task("letters")
