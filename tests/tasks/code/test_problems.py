from __future__ import annotations

import ast
from collections import Counter
from typing import Any

import pytest

from mrlm.tasks.code.families import FAMILIES
from mrlm.tasks.code.problems import (
    COLUMNS,
    DIFFICULTIES,
    HIDDEN_TESTS,
    KINDS,
    VISIBLE_TESTS,
    build_dataset,
    generate_rows,
)

SPLIT_OF = {family.name: family.split for family in FAMILIES}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [row for split in ("train", "test") for row in generate_rows(1500, 11, split)]


def test_rows_tell_the_whole_problem(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        (message,) = row["prompt"]
        text = message["content"]
        assert text.startswith(f"{row['description']}\n\n{row['signature']}\n\n")
        assert row["signature"].startswith(f"def {row['function_name']}(")
        for test in row["test_cases"]:
            assert f"{row['function_name']}({test['input']}) == {test['output']}" in text
        assert row["solution"].startswith(f"```python\n{row['signature']}\n")
        assert "$" not in row["description"] + row["solution"]
        assert len(text) < 1200


def test_visible_and_hidden_tests_share_no_input(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        visible = {test["input"] for test in row["test_cases"]}
        hidden = {test["input"] for test in row["hidden_tests"]}
        assert len(visible) == VISIBLE_TESTS and len(hidden) == HIDDEN_TESTS
        assert not visible & hidden


def test_visible_tests_show_different_outputs(rows: list[dict[str, Any]]) -> None:
    varied = sum(len({test["output"] for test in row["test_cases"]}) > 1 for row in rows)
    assert varied > 0.97 * len(rows)


def test_the_tests_depend_on_the_row() -> None:
    same = [row for row in generate_rows(3000, 2, "train") if row["family"] == "reverse"]
    assert len(same) > 5
    assert len({str(row["hidden_tests"]) for row in same}) == len(same)


def test_families_are_on_one_side_for_every_seed_and_filter() -> None:
    for seed in range(3):
        for split in ("train", "test"):
            found = {row["family"] for row in generate_rows(400, seed, split)}
            found |= {row["family"] for row in generate_rows(50, seed, split, kinds=["lists"])}
            assert {SPLIT_OF[name] for name in found} == {split}


def test_held_out_parameters_are_of_training_families_and_never_trained_on() -> None:
    def problem(row: dict[str, Any]) -> tuple[str, str]:
        # The body without the function's name is the family with its parameters.
        source = row["solution"].replace(row["function_name"], "f")
        return row["family"], source

    train = {problem(row) for row in generate_rows(4000, 0, "train")}
    test = {problem(row) for row in generate_rows(1500, 9, "test", held_out="parameters")}
    assert {SPLIT_OF[name] for name, _ in test} == {"train"}
    assert len(test) > 100 and not train & test
    assert list(generate_rows(20, 0, "train", held_out="parameters")) == list(
        generate_rows(20, 0, "train")
    )


def test_difficulties_come_equally_often(rows: list[dict[str, Any]]) -> None:
    counts = Counter(row["difficulty"] for row in rows)
    assert all(abs(counts[difficulty] - 1000) < 120 for difficulty in DIFFICULTIES)
    assert {row["kind"] for row in rows} == set(KINDS)


def test_every_family_comes() -> None:
    found = {row["family"] for split in ("train", "test") for row in generate_rows(2500, 1, split)}
    assert found == set(SPLIT_OF)


def test_filters() -> None:
    dataset = build_dataset(60, 0, "test", difficulties=["easy"], kinds=("lists", "strings"))
    assert set(dataset["difficulty"]) == {"easy"}
    assert set(dataset["kind"]) == {"lists", "strings"}
    assert tuple(dataset.column_names) == COLUMNS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"difficulties": ["trivial"]}, "difficulties is .*one or more of easy, medium, hard"),
        ({"difficulties": "easy"}, "difficulties is 'easy'; give a list"),
        ({"kinds": []}, r"kinds is \[\]"),
        ({"kinds": ["graphs"]}, "numbers, strings, lists"),
        ({"held_out": "names"}, "held_out is 'names'; choose one of families, parameters"),
    ],
)
def test_wrong_filters_are_refused_before_the_first_row(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate_rows(1, 0, "train", **arguments)


def test_a_choice_that_no_family_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [family for family in FAMILIES if family.kind == "numbers"]
    monkeypatch.setattr("mrlm.tasks.code.problems.FAMILIES", few)
    with pytest.raises(ValueError, match="No train family is easy and of the kind dicts"):
        generate_rows(1, 0, "train", difficulties=["easy"], kinds=["dicts"])


def test_solutions_are_short_where_easy(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        function = ast.parse(row["solution"].removeprefix("```python\n").removesuffix("```")).body
        assert len(function) == 1
        if row["difficulty"] == "easy":
            assert len(row["solution"].splitlines()) == 4
