"""Scenarios: many families, tools on offer, traces that the real tools confirm."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from mrlm.tasks.tools.environment import SCHEMAS, make_environments
from mrlm.tasks.tools.scenarios import (
    DIFFICULTIES,
    FAMILIES,
    KINDS,
    build_dataset,
    build_traces,
    generate_rows,
)

ROWS = list(generate_rows(1200, 3, "train")) + list(generate_rows(600, 3, "test"))


def test_there_are_many_families_of_every_sort() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 40
    kinds = Counter(family.kind for family in FAMILIES)
    assert set(kinds) == set(KINDS) and min(kinds.values()) >= 8
    assert {family.difficulty for family in FAMILIES} == set(DIFFICULTIES)
    alone = Counter(family.tools for family in FAMILIES if family.kind == "single")
    assert all(alone[tool,] >= 5 for tool in SCHEMAS)
    assert any(len(family.tools) > 1 for family in FAMILIES if family.kind == "parallel")


def test_both_splits_hold_every_family() -> None:
    for split in ("train", "test"):
        drawn = {row["family"] for row in generate_rows(1500, 1, split)}
        assert drawn == {family.name for family in FAMILIES}


def test_rows_offer_what_they_need_and_no_rival() -> None:
    families = {family.name: family for family in FAMILIES}
    sizes = Counter()
    for row in ROWS:
        offered = row["environment"].partition(":")[2].split("+")
        family = families[row["family"]]
        assert set(family.tools) <= set(offered) and not set(family.rivals) & set(offered)
        assert {call["name"] for step in row["calls"] for call in step} == set(family.tools)
        sizes[len(offered) - len(family.tools)] += 1
    assert sizes[1] > 100 and sizes[2] > 100, "distractors are on offer"


def test_kinds_say_how_calls_depend_on_each_other() -> None:
    for row in ROWS:
        widths = [len(step) for step in row["calls"]]
        if row["kind"] == "none":
            assert widths == []
        elif row["kind"] == "single":
            assert widths == [1]
        elif row["kind"] == "parallel":
            assert len(widths) == 1 and widths[0] > 1
        else:
            assert len(widths) > 1


def test_no_answer_stands_in_a_question_that_needs_a_tool() -> None:
    exempt = {"save_note", "larger_town", "common_divisor", "count_letter"}
    for row in ROWS:
        if row["calls"] and row["family"] not in exempt:
            question = row["prompt"][0]["content"]
            assert not re.search(rf"(?<!\w){re.escape(row['answer'])}(?!\w)", question), question


@pytest.mark.parametrize("python", [False, True])
def test_real_tools_say_what_the_traces_say(python: bool) -> None:
    """Python's results in a trace were worked out without running it: here the code runs."""
    environments = make_environments()
    checked = 0
    for row in ROWS[:300]:
        uses = any(call["name"] == "python_repl" for step in row["calls"] for call in step)
        if uses is not python:
            continue
        if not python and "python_repl" in row["environment"]:
            continue  # only offered; needs the sandbox all the same
        environment = environments[row["environment"]]()
        environment.reset(**row)
        asked = {}
        for message in row["solution"]:
            for call in message.get("tool_calls", []):
                function = call["function"]
                asked[call["id"]] = getattr(environment, function["name"])(**function["arguments"])
            if message["role"] == "tool":
                assert asked[message["tool_call_id"]] == message["content"], row["family"]
                checked += 1
        environment._close()
    assert checked > 20


def test_traces_are_json_typed_without_empty_keys() -> None:
    traces = build_traces(40, 0)
    assert [type(feature).__name__ for feature in traces.features.values()] == ["Json", "Json"]
    for trace in traces:
        for message in trace["messages"]:
            assert None not in message.values()
            assert ("tool_calls" in message) <= (message["role"] == "assistant")
            for call in message.get("tool_calls", []):
                assert None not in call["function"]["arguments"].values()
        assert trace["tools"] == [SCHEMAS[tool["function"]["name"]] for tool in trace["tools"]]


def test_traces_are_those_of_the_rows() -> None:
    rows, traces = build_dataset(20, 4, "test"), build_traces(20, 4, "test")
    for row, trace in zip(rows, traces, strict=True):
        assert trace["messages"] == row["prompt"] + row["solution"]


def test_rows_survive_files(tmp_path: Any) -> None:
    dataset = build_dataset(30, 0, "train")
    dataset.to_parquet(tmp_path / "rows.parquet")
    dataset.save_to_disk(tmp_path / "rows")
    from datasets import load_from_disk

    loaded = load_from_disk(tmp_path / "rows")
    assert loaded.to_list() == dataset.to_list()
    json.dumps(dataset.to_list())


def test_kinds_and_difficulties_can_be_chosen() -> None:
    rows = list(generate_rows(50, 0, "train", kinds=["none", "single"], difficulties=["easy"]))
    assert {row["kind"] for row in rows} == {"none", "single"}
    assert {row["difficulty"] for row in rows} == {"easy"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kinds": "single"},
        {"kinds": []},
        {"kinds": ["many"]},
        {"difficulties": ["simple"]},
        {"kinds": ["sequence"], "difficulties": ["easy"]},
    ],
)
def test_wrong_choices_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"kinds|difficulties"):
        generate_rows(1, 0, "train", **wrong)
