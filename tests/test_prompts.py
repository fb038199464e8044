"""Prompts in other words: a template over the columns of a row."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from mrlm.prompts import PromptFormat, fill_template, template_columns, with_prompts
from mrlm.tasks import TASKS

ROW: dict[str, Any] = {
    "prompt": [{"role": "system", "content": "Old."}, {"role": "user", "content": "Was?"}],
    "question": "How {many}?",
    "facts": ["a", "é"],
    "none": None,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{question}", "How {many}?"),  # what a column holds is no template
        ("Frage: {question}\n{facts}", 'Frage: How {many}?\n["a", "é"]'),
        ("{{question}} \\boxed{{}} {none}.", "{question} \\boxed{} ."),
        ("none", "none"),
    ],
)
def test_a_template_is_filled(template: str, text: str) -> None:
    assert fill_template(template, ROW) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("\\boxed{}", "names no column"),
        ("{question", "expected '}'"),
        ("question}", "Single '}'"),
        ("{question.__class__}", "names no column"),
        ("{facts[0]}", "names no column"),
        ("{question!r}", "names no column"),
        ("{question:>9}", "names no column"),
        ("{0}", "names no column"),
    ],
)
def test_what_is_no_template_is_told(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        template_columns(template)
    assert "{{ or }}" in str(error.value)


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="names text, and the columns are question, facts, none"):
        fill_template("{text}", ROW)


@pytest.mark.parametrize(
    ("system", "template", "said"),
    [
        (None, "{question}", ["Old.", "How {many}?"]),
        ("New.", None, ["New.", "Was?"]),
        ("New.", "{question}", ["New.", "How {many}?"]),
    ],
)
def test_system_and_user(system: Any, template: Any, said: list[str]) -> None:
    found = PromptFormat(system, template)(ROW)
    assert [message["content"] for message in found] == said
    assert [message["role"] for message in found] == ["system", "user"]
    assert ROW["prompt"][0]["content"] == "Old."  # nothing was changed in place


@pytest.mark.parametrize("name", TASKS)
def test_generated_rows_ask_in_other_words(name: str) -> None:
    task = with_prompts(TASKS[name], "Bref.", "{kind}: {id}")
    before, after = TASKS[name].build_dataset(5, 0, "test"), task.build_dataset(5, 0, "test")
    assert after.column_names == before.column_names and after.features == before.features
    assert after.remove_columns("prompt").to_list() == before.remove_columns("prompt").to_list()
    for row in after:
        assert row["prompt"] == [
            {"role": "system", "content": "Bref."},
            {"role": "user", "content": f"{row['kind']}: {row['id']}"},
        ]
    again = pickle.loads(pickle.dumps(task))
    assert again.build_dataset(5, 0, "test").to_list() == after.to_list()
    assert task.generate_rows is not None
    streamed = [row["prompt"] for row in task.generate_rows(5, 0, "test")]
    assert streamed == after["prompt"]
    assert task.build_dataset(0, 0, "train").features == before.features
    assert task.score(before[0]["solution"], before[0]) == 1.0


def test_nothing_asked_for_is_the_task_itself() -> None:
    assert with_prompts(TASKS["math"]) is TASKS["math"]


def test_a_wrong_column_is_told_when_there_are_rows() -> None:
    task = with_prompts(TASKS["math"], prompt_template="{query}")
    with pytest.raises(ValueError, match="names query, and the columns are id, task, question"):
        task.build_dataset(1, 0, "train")
