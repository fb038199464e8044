"""Rows of public sets and of people: no reference is changed, what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data import load_user_dataset
from mrlm.errors import DatasetError
from mrlm.task import Task
from mrlm.tasks import make_task


def _load(tmp_path: Path, task: Task, *rows: dict[str, Any], **options: Any) -> list[Any]:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = load_user_dataset(str(file), task, **options).to_list()
    assert all(task.score(row["solution"], row) == 1.0 for row in loaded)
    assert all(task.extract(row["solution"], row) is not None for row in loaded)
    return loaded


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("1,234", "1234"),
        ("-1,234,567.5", "-1234567.5"),
        ("$1,234", "$1,234"),
        ("10{,}000", "10{,}000"),
        ("7/10,000", "7/10,000"),
        ("9 (apples)", "9 (apples)"),
        ("033", "033"),
        (204, "204"),
        ("work\n#### 1,500", "1500"),
        (r"so $\\boxed{\\frac{1}{2}}$".replace("\\\\", "\\"), r"\frac{1}{2}"),
    ],
)
def test_one_number_is_taken_as_it_is(given: Any, answer: str, tmp_path: Path) -> None:
    (row,) = _load(tmp_path, make_task("math"), {"question": "?", "answer": given})
    assert (row["answer"], row["answer_type"]) == (answer, "number")


@pytest.mark.parametrize("given", ["3,4", "$35,36,37$", "3,5", "6-2", "B", r"3\sqrt{13}", "1,22"])
def test_what_is_no_number_is_refused_and_told_how(given: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="set answer_type to expression, choice or list"):
        _load(tmp_path, make_task("math"), {"question": "?", "answer": given})


@pytest.mark.parametrize(
    ("answer_type", "given", "wrong"),
    [
        ("list", "3,4", "34"),
        ("list", "$35,36,37$", "353637"),
        ("list", "1,234", "1234"),
        ("expression", "3,5", "3.5"),
        ("expression", r"3\sqrt{13}", "13"),
        ("expression", "\\text{Evelyn}", "Eve"),
        ("choice", "B", "C"),
        ("choice", "(C) 12", "12"),
    ],
)
@pytest.mark.parametrize("by_row", [False, True])
def test_or_taken_as_what_it_is(
    answer_type: str, given: str, wrong: str, by_row: bool, tmp_path: Path
) -> None:
    task = make_task("math", answer_type=None if by_row else answer_type)
    row = {"question": "?", "answer": given} | ({"answer_type": answer_type} if by_row else {})
    (loaded,) = _load(tmp_path, task, row)
    assert (loaded["answer"], loaded["answer_type"]) == (given, answer_type)
    assert "number" not in loaded["prompt"][0]["content"]
    assert task.score(f"#### {wrong}", loaded) == 0.0


@pytest.mark.parametrize("answer_format", ["hash", "boxed"])
def test_math_comes_in_as_it_is(answer_format: str, tmp_path: Path) -> None:
    task = make_task("math", answer_format=answer_format, answer_type="expression")
    rows = [
        {"problem": "Roots?", "level": "Level 5", "type": "Algebra", "solution": solution}
        for solution in (
            r"We get $x = \boxed{\frac{-1 \pm \sqrt{17}}{4}}$.",
            r"They are $\boxed{-2} \text{ and } \boxed{3}$.",
            r"First $\boxed{3}$ is seen; not so. In truth it is $\fbox{4}$.".replace(
                "\\boxed{3}", "3"
            ),
            r"The set is $\boxed{\{1, 2\}}$.",
        )
    ]
    loaded = _load(tmp_path, task, *rows)
    assert [row["answer"] for row in loaded] == [
        r"\frac{-1 \pm \sqrt{17}}{4}",
        "-2, 3",
        "4",
        r"\{1, 2\}",
    ]
    assert [row["question"] for row in loaded] == ["Roots?"] * 4


def test_aime_and_lists_of_json(tmp_path: Path) -> None:
    aime = {"problem": "Find it.", "solution": r"It is \boxed{204}.", "answer": "204"}
    assert _load(tmp_path, make_task("math"), aime)[0]["answer"] == "204"
    roots = {"question": "Roots?", "answer": [-2, "3"], "answer_type": "list"}
    (row,) = _load(tmp_path, make_task("math"), roots)
    assert row["answer"] == "-2, 3"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "?", "solution": "no box"}, "column 'solution': expected a worked solution"),
        ({"problem": "?", "solution": r"\boxed{x+1}"}, "with a number in"),
        ({"question": "?", "answer": "1", "answer_type": "poem"}, "one of number, expression"),
        ({"question": "?", "answer": []}, "a number, or text"),
        ({"problem": " ", "answer": "1"}, "column 'problem'"),
        ({"question": "?", "level": "1"}, "no column 'answer'"),
    ],
)
def test_rows_that_do_not_fit_are_named(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        _load(tmp_path, make_task("math"), row)


def test_last_number_takes_numbers_only(tmp_path: Path) -> None:
    task = make_task("math", answer_format="last_number")
    with pytest.raises(DatasetError, match="all that answer_format last_number reads"):
        _load(tmp_path, task, {"question": "?", "answer": "B", "answer_type": "choice"})
