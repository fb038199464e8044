"""Datasets of the user's, from every kind of source, in each task's columns."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from mrlm.data import load_user_dataset
from mrlm.data.job import main
from mrlm.errors import DatasetError
from mrlm.task import Task
from mrlm.tasks import TASKS
from mrlm.tasks.math import math_task

MATH = TASKS["math"]
ROWS = [
    {"prompt_text": "What is 2 + 3?", "target": "5", "note": "a"},
    {"prompt_text": 'Say "1,200" plus 34,\nplease.', "target": "1,234", "note": ""},
    {"prompt_text": "Half of seven?", "target": "3.5", "note": "c"},
]
COLUMNS = {"question": "prompt_text", "answer": "target"}


def _write(path: Path, rows: Iterable[Any]) -> str:
    rows = list(rows)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1))
    elif path.suffix in (".csv", ".tsv"):
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            delimiter = "," if path.suffix == ".csv" else "\t"
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        Dataset.from_list(rows).to_parquet(path)
    elif path.name == "saved":
        DatasetDict({"train": Dataset.from_list(rows)}).save_to_disk(path)
    else:
        path.mkdir()
        Dataset.from_list(rows).to_parquet(path / "train.parquet")
    return str(path)


@pytest.mark.parametrize(
    "name", ["d.json", "d.jsonl", "d.csv", "d.tsv", "d.parquet", "folder", "saved"]
)
def test_any_source_with_a_mapping(name: str, tmp_path: Path) -> None:
    source = _write(tmp_path / name, ROWS)
    rows = load_user_dataset(source, MATH, COLUMNS)
    assert rows.features == MATH.build_dataset(0, 0, "train").features
    assert rows["question"] == [row["prompt_text"] for row in ROWS]
    assert rows["answer"] == ["5", "1234", "3.5"]
    assert rows[0]["prompt"][0]["content"].startswith("What is 2 + 3?\nEnd with")
    assert set(rows["task"]) == {"math"} and len(set(rows["id"])) == 3
    for row in rows:
        assert MATH.score(row["solution"], row) == 1.0
    assert load_user_dataset(source, MATH, COLUMNS, size=2).to_list() == rows.to_list()[:2]


def test_the_prompt_is_the_task_s_own(tmp_path: Path) -> None:
    source = _write(tmp_path / "d.jsonl", ROWS)
    task = math_task("boxed")
    rows = load_user_dataset(source, task, ["question=prompt_text", "answer=target"])
    assert "\\boxed{}" in rows[0]["prompt"][0]["content"]
    assert task.reward_funcs[0](["so \\boxed{5}"], answer=rows["answer"][:1]) == [1.0]


@pytest.mark.parametrize("given", [5, 5.0, "5", " 5 ", "2 + 3 = <<2+3=5>>5\n#### 5"])
def test_answers_as_people_write_them(given: Any, tmp_path: Path) -> None:
    source = _write(tmp_path / "d.jsonl", [{"question": "2 + 3?", "answer": given}])
    (row,) = load_user_dataset(source, MATH)
    assert row["answer"] == "5" and "<<" not in row["solution"]
    assert MATH.score(row["solution"], row) == 1.0


@pytest.mark.parametrize(
    ("bad", "column", "expected"),
    [
        ({"target": "five"}, "target", "a number"),
        ({"target": None}, "target", "got nothing"),
        ({"target": True}, "target", "got True"),
        ({"target": ["5"]}, "target", "a number"),
        ({"target": "nan"}, "target", "a number"),
        ({"prompt_text": "  "}, "prompt_text", "text"),
        ({"prompt_text": 7}, "prompt_text", "text"),
        ({"prompt_text": "\ud800"}, "prompt", "surrogate"),
        ({"solution": 5}, "solution", "text"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    bad: dict[str, Any],
    column: str,
    expected: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = _write(tmp_path / "d.jsonl", [*ROWS[:2], ROWS[2] | bad, ROWS[2]])
    with pytest.raises(DatasetError) as caught:
        load_user_dataset(source, MATH, COLUMNS)
    message = str(caught.value)
    assert f"{source}, row 2, column {column!r}" in message and expected in message
    caplog.set_level(logging.WARNING)
    rows = load_user_dataset(source, MATH, COLUMNS, drop_invalid=True)
    assert rows["question"] == [row["prompt_text"] for row in ROWS]
    assert "dropped 1 rows" in caplog.text and "row 2" in caplog.text


def test_a_dataset_without_a_row_that_fits(tmp_path: Path) -> None:
    source = _write(tmp_path / "d.jsonl", [{"question": "?", "answer": "x"}, ["no object"]])
    with pytest.raises(DatasetError, match=r"no row that fits.*dropped 2 rows"):
        load_user_dataset(source, MATH, drop_invalid=True)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({}, DatasetError, "no column 'question'.*prompt_text, target, note"),
        ({"question": "prompt_text"}, DatasetError, "no column 'answer'.*--columns answer="),
        ({"question": "text"}, DatasetError, "no column 'text' for question"),
        ({"query": "prompt_text"}, ValueError, "columns names query.*question, answer, solution"),
        (["question"], ValueError, "TASK_COLUMN=YOUR_COLUMN"),
        (["question=a", "question=b"], ValueError, "twice"),
    ],
)
def test_a_wrong_mapping_is_told(
    columns: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    source = _write(tmp_path / "d.jsonl", ROWS)
    with pytest.raises(error, match=message):
        load_user_dataset(source, MATH, columns, drop_invalid=True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.jsonl", b'{"question": "?", "answer": 1}\n\n{"question\n', "line 3: not JSON"),
        ("d.json", b'{"a": 1}', "no column 'question'"),
        ("d.json", b'{"a":\n 1}', "no column .question"),
        ("d.json", b"[1,", "not JSON"),
        ("d.csv", b"question,answer\n1+1?,2,3\n", r"row 0 \(line 2\): expected 2 cells, got 3"),
        ("d.csv", b"question,answer\n\xff,2\n", "UTF-8"),
        ("d.parquet", b"PAR1 no", "no parquet file"),
        ("d.txt", b"hello", "allowed: .json, .jsonl"),
        ("d.jsonl", b"", "is empty: it has 0 bytes"),
    ],
)
def test_a_broken_file_is_told(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_user_dataset(str(path), MATH)
    assert str(path) in str(caught.value)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for missing in (str(tmp_path / "no.csv"), str(tmp_path / "no folder"), "no.jsonl"):
        with pytest.raises(FileNotFoundError, match="does not exist"):
            load_user_dataset(missing, MATH)
    saved = _write(tmp_path / "saved", ROWS)
    with pytest.raises(DatasetError, match="no split 'test'; choose one of train"):
        load_user_dataset(saved, MATH, COLUMNS, split="test")
    folder = _write(tmp_path / "folder", ROWS)
    with pytest.raises(DatasetError, match=r"folder.*split 'test'"):
        load_user_dataset(folder, MATH, COLUMNS, split="test")


def test_a_dataset_on_the_hub(online: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(
        DatasetError, match=r"me/absent is no file or folder here, and no dataset on the Hub"
    ):
        load_user_dataset("me/absent", MATH)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("form", ["hf", "parquet"])
def test_our_own_exports_come_back(name: str, form: str, tmp_path: Path) -> None:
    task, out = TASKS[name], tmp_path / "data"
    assert main(["--task", name, "--size", "12", "--format", form, "--out", str(out)]) == 0
    expected = task.build_dataset(12, 0, "train").to_list()
    sources = [str(out)]
    sources += [str(next(out.rglob("*.parquet")))] if form == "parquet" else [str(out / name)]
    for source in sources:
        assert load_user_dataset(source, task).to_list() == expected


CODE_ROW = {
    "description": "Return the sum of two integers.",
    "tests": ["assert add(1, 2) == 3", "assert add(-1, 1) == 0", "assert add(5, 5) == 10"],
    "solution": "def add(a: int, b: int) -> int:\n    return a + b\n",
}
DEBATE_ROW = {
    "motion": "Ships should use sails.",
    "side": "PRO",
    "facts": ["Wind is free.", "Sails need no fuel.", "Calm days stop ships.", "Ropes are long."],
    "supports": ["PRO", "PRO", "CON", "NEITHER"],
}
TOOLS_ROW = {
    "question": "What is 12 * 12?",
    "answer": 144,
    "calls": [[{"name": "calculator", "arguments": {"expression": "12 * 12"}}]],
}


def _import(row: dict[str, Any], task: Task, tmp_path: Path, suffix: str = ".jsonl") -> Any:
    if suffix == ".csv":
        row = {k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()}
    (built,) = load_user_dataset(_write(tmp_path / f"d{suffix}", [row]), task)
    return built


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_code_problems(suffix: str, tmp_path: Path) -> None:
    task = TASKS["code"]
    row = _import(CODE_ROW, task, tmp_path, suffix)
    assert "def add(a: int, b: int) -> int:" in row["prompt"][0]["content"]
    assert "add(1, 2) == 3" in row["prompt"][0]["content"]
    assert row["suite"].count("assert") == 3 and not row["hidden_tests"]
    assert task.score(row["solution"], row) == 1.0
    assert task.score("```python\ndef add(a, b):\n    return 3\n```", row) == 0.0


def test_code_problems_whose_tests_are_programs(tmp_path: Path) -> None:
    task = TASKS["code"]
    tests = ["assert add(1, 2) == 3", "assert abs(add(0.1, 0.2) - 0.3) < 1e-9"]
    row = _import(CODE_ROW | {"tests": tests}, task, tmp_path)
    assert row["suite"] and not row["hidden_tests"]
    assert task.score(row["solution"], row) == 1.0
    assert task.score("```python\ndef add(a, b):\n    return 3\n```", row) == 0.0


def test_code_problems_by_input_and_output(tmp_path: Path) -> None:
    task = TASKS["code"]
    row = _import(
        {
            "description": "Double it.",
            "function_name": "double",
            "tests": [{"input": "2", "output": "4"}],
        },
        task,
        tmp_path,
    )
    assert "def double(...):" in row["prompt"][0]["content"]
    assert task.score("```python\ndef double(n):\n    return 2 * n\n```", row) == 1.0


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_debate_motions(suffix: str, tmp_path: Path) -> None:
    task = TASKS["debate"]
    row = _import(DEBATE_ROW, task, tmp_path, suffix)
    assert row["kind"] == "opening" and "Ships should use sails." in row["prompt"][0]["content"]
    assert task.score(row["solution"], row) == 1.0
    said = 'CON: Sails are slow on most days. [3] "Calm days stop ships."'
    row = _import(DEBATE_ROW | {"opponent": said}, task, tmp_path, suffix)
    assert row["kind"] == "rebuttal" and said in row["prompt"][0]["content"]
    assert task.score(row["solution"], row) == 1.0


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_tool_questions(suffix: str, tmp_path: Path) -> None:
    task = TASKS["tools"]
    row = _import(TOOLS_ROW, task, tmp_path, suffix)
    assert row["environment"] in task.environment
    function = {"name": "calculator", "arguments": {"expression": "12 * 12"}}
    episode = [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "name": "calculator", "content": "144"},
        {"role": "assistant", "content": "Answer: 144"},
    ]
    assert task.score(episode, row) == 1.0
    assert task.score(episode[-1:], row) == 0.0
    none = _import(TOOLS_ROW | {"calls": [], "tools": ["calculator"]}, task, tmp_path, suffix)
    assert none["environment"] == "tools:calculator"
    assert task.score(episode[-1:], none) == 1.0


@pytest.mark.parametrize(
    ("name", "row", "column"),
    [
        ("code", CODE_ROW | {"tests": []}, "tests"),
        ("code", CODE_ROW | {"tests": ["print(1)"]}, "tests"),
        ("code", CODE_ROW | {"tests": ["assert add(1"]}, "tests"),
        ("code", CODE_ROW | {"tests": "no JSON"}, "tests"),
        ("code", CODE_ROW | {"tests": [{"input": "1", "output": "f()"}]}, "tests"),
        ("code", {k: v for k, v in CODE_ROW.items() if k != "solution"}, "function_name"),
        ("code", CODE_ROW | {"function_name": "subtract"}, "solution"),
        ("code", CODE_ROW | {"description": ""}, "description"),
        ("code", CODE_ROW | {"setup": 7}, "setup"),
        ("debate", DEBATE_ROW | {"side": "UP"}, "side"),
        ("debate", DEBATE_ROW | {"supports": ["PRO"]}, "supports"),
        ("debate", DEBATE_ROW | {"side": "CON"}, "supports"),
        ("debate", DEBATE_ROW | {"facts": ["", "", "", ""]}, "facts"),
        ("debate", DEBATE_ROW | {"points": [1]}, "points"),
        ("debate", DEBATE_ROW | {"kind": "closed"}, "problem"),
        ("tools", TOOLS_ROW | {"calls": [{"name": "calculator"}]}, "calls"),
        ("tools", TOOLS_ROW | {"calls": [[{"name": "fly", "arguments": {}}]]}, "calls"),
        ("tools", TOOLS_ROW | {"calls": [[{"name": "calculator", "arguments": {}}]]}, "calls"),
        ("tools", TOOLS_ROW | {"tools": ["web_search"]}, "calls"),
        ("tools", TOOLS_ROW | {"tools": ["fly"]}, "tools"),
        ("tools", TOOLS_ROW | {"files": {"a": 1}}, "files"),
        ("tools", TOOLS_ROW | {"answer": ""}, "answer"),
    ],
)
def test_rows_of_other_tasks_that_do_not_fit(
    name: str, row: dict[str, Any], column: str, tmp_path: Path
) -> None:
    source = _write(tmp_path / "d.jsonl", [row])
    with pytest.raises(DatasetError, match=f"row 0, column '{column}'"):
        load_user_dataset(source, TASKS[name])


def test_a_task_without_user_rows_takes_its_own_columns(tmp_path: Path) -> None:
    from dataclasses import replace

    task = replace(MATH, user_rows=None)
    expected = MATH.build_dataset(3, 0, "train").to_list()
    source = _write(tmp_path / "d.jsonl", expected)
    assert load_user_dataset(source, task).to_list() == expected
    source = _write(tmp_path / "d.jsonl", [expected[0] | {"prompt": [{"role": "user"}]}])
    with pytest.raises(DatasetError, match=r"row 0, column 'prompt'.*role and content"):
        load_user_dataset(source, task)
    with pytest.raises(DatasetError, match="no column 'id'"):
        load_user_dataset(_write(tmp_path / "d.csv", ROWS), task)


def test_the_job_takes_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _write(tmp_path / "sums.csv", [*ROWS, ROWS[0], ROWS[0] | {"target": "many"}])
    out = tmp_path / "data"
    flags = ["--dataset_name", source, "--columns", "question=prompt_text", "answer=target"]
    assert main([*flags, "--out", str(out)]) == 2
    assert f"{source}, row 4, column 'target' (the task's 'answer')" in capsys.readouterr().err
    assert not out.exists()
    assert main([*flags, "--drop_invalid", "--out", str(out)]) == 0
    assert "Dropped 1 rows" in capsys.readouterr().out
    split = json.loads((out / "statistics.json").read_text())["tasks"]["math"]["splits"]["train"]
    assert (split["num_rows"], split["num_dropped"], split["num_repeated_prompts"]) == (4, 1, 1)
    card = (out / "README.md").read_text()
    assert (
        "license: unknown" in card
        and "sums.csv" in card
        and str(tmp_path) not in card.replace(str(out), "")
    )
    expected = load_user_dataset(source, MATH, COLUMNS, drop_invalid=True).to_list()
    assert load_user_dataset(str(out), MATH).to_list() == expected
