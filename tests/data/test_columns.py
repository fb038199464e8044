"""Mapping columns: renamed, joined, taken from inside, in any case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data import load_user_dataset
from mrlm.data.columns import ColumnMap
from mrlm.errors import DatasetError
from mrlm.tasks import TASKS

MATH = TASKS["math"]
ROW = {
    "Body": "Ann has 3 pens.",
    "Question": "How many has she?",
    "answer": {"value": 3, "unit": "pens", "parts": [{"n": 1}, {"n": 2}]},
    "note": '{"deep": {"x": "7"}}',
}


def _read(given: dict[str, str], row: dict[str, Any] = ROW) -> dict[str, Any]:
    columns = ColumnMap(given, ["question", "answer", "kind"])
    there = columns.find("d.jsonl", [row])
    return {name: columns.read(name, row) for name in there}


@pytest.mark.parametrize(
    ("theirs", "value"),
    [
        ("Question", "How many has she?"),
        ("QUESTION", "How many has she?"),
        ("{Body} {Question}", "Ann has 3 pens. How many has she?"),
        ("{body}\n{question}", "Ann has 3 pens.\nHow many has she?"),
        ("{Question}", "How many has she?"),
        ("Q: {Question} ({answer.value})", "Q: How many has she? (3)"),
        ("{{{Question}}}", "{How many has she?}"),
        ("answer.value", 3),
        ("Answer.VALUE", 3),
        ("answer.parts.1.n", 2),
        ("note.deep.x", "7"),
    ],
)
def test_what_stands_for_a_column(theirs: str, value: Any) -> None:
    assert _read({"question": theirs})["question"] == value


def test_names_are_found_in_any_case_where_only_one_fits() -> None:
    assert _read({}, {"Question": "a", "ANSWER ": 1}) == {"question": "a", "answer": 1}
    assert _read({}, {"Question": "a", "QUESTION": "b"}) == {}
    assert _read({}, {"Question": "a", "question": "b"}) == {"question": "b"}
    assert _read({"QUESTION": "Body"})["question"] == ROW["Body"]
    assert _read({"answer": "a.b"}, {"a.b": 1, "a": {"b": 2}}) == {"answer": 1}


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ("text", r"no column 'text' for question; its columns are Body, Question, answer, note"),
        ("{Body} {text}", r"no column 'text' for question; its columns are Body"),
        ("answer.val", r"'answer' has no field 'val' for question; it holds value, unit, parts"),
        ("answer.parts.7", r"'answer.parts' has no field '7'"),
        ("Body.text", r"'Body' has no field 'text' for question; it holds no fields"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(theirs: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        _read({"question": theirs})
    with pytest.raises(DatasetError, match="differ in case only"):
        _read({"question": "BODY"}, {"Body": "a", "body": "b"})


@pytest.mark.parametrize("theirs", ["{", "{}", "{Body!r}", "{Body:>9}", "a } b", "{{}}"])
def test_a_text_that_cannot_be_filled_is_refused(theirs: str) -> None:
    with pytest.raises(ValueError, match="columns has"):
        _read({"question": theirs})


def _write(tmp_path: Path, rows: list[Any]) -> str:
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_row_without_a_part_is_named(tmp_path: Path) -> None:
    rows = [
        {"B": "One.", "Q": "Two?", "A": 1},
        {"B": None, "Q": "Two?", "A": 1},
        {"Q": "?", "A": {}},
    ]
    source, columns = _write(tmp_path, rows), ["question={B} {Q}", "answer=A"]
    with pytest.raises(DatasetError, match=r"row 1, column '\{B\} \{Q\}'.*text or a number in 'B'"):
        load_user_dataset(source, MATH, columns)
    assert len(load_user_dataset(source, MATH, columns, drop_invalid=True)) == 1


def test_the_text_before_a_question_is_put_before_it(tmp_path: Path) -> None:
    """As in SVAMP and ASDiv, where the question alone stands many times."""
    row = {"ID": "chal-1", "Body": "Ann has 3 pens.", "Question": "How many?", "Answer": 3.0}
    rows = [row, row | {"ID": "chal-2", "Body": "Bob has 4 pens.", "Answer": 4.0}]
    source = _write(tmp_path, rows)
    loaded = load_user_dataset(source, MATH)
    assert loaded["question"] == ["Ann has 3 pens. How many?", "Bob has 4 pens. How many?"]
    assert loaded["id"] == ["chal-1", "chal-2"] and loaded["answer"] == ["3", "4"]
    named = load_user_dataset(source, MATH, ["question=Question", "body=Body"])
    assert named["question"] == loaded["question"]
    for columns in (["question={Question} {Body}"], ["question=Question"]):
        assert load_user_dataset(source, MATH, columns)["question"][0].startswith("How many?")
    whole = [row | {"Question": "Ann has 3 pens. How many?"}]
    (kept,) = load_user_dataset(_write(tmp_path, whole), MATH)["question"]
    assert kept == "Ann has 3 pens. How many?"


def test_repeated_prompts_are_counted_with_what_may_be_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"text": f"{i} pens.", "q": "How many?", "a": i % 4} for i in range(12)]
    source, columns = _write(tmp_path, rows), ["question=q", "answer=a"]
    assert len(load_user_dataset(source, MATH, columns)) == 12
    (warning,) = caplog.messages
    assert "11 prompts repeat an earlier one, 3 of them with another answer" in warning
    assert "not used: text; " in warning and '--columns question="{COLUMN} {q}"' in warning
    caplog.clear()
    load_user_dataset(source, MATH, ["question={text} {q}", "answer=a"])
    assert not caplog.messages
