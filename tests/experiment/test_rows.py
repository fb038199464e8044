"""Rows of the user's in a run: read from files, kept apart from what is held out, and counted."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import benchmark_files
import pytest
from datasets import Dataset

from mrlm.errors import DatasetError
from mrlm.experiment.arguments import TaskArguments
from mrlm.experiment.rows import RunRows, load_rows

SUMS = [{"q": f"What is {i} + 3?", "a": str(i + 3)} for i in range(8)]
COLUMNS = ["question=q", "answer=a"]


def write(path: Path, rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        Dataset.from_list(rows).to_parquet(path)
    else:
        path.write_text(json.dumps(rows), encoding="utf-8")
    return str(path)


def run_rows(answer_format: str | None = None, **given: Any) -> RunRows:
    arguments = TaskArguments(**{"task": "math", "columns": COLUMNS, "eval_rows": 6} | given)
    arguments.task_options = {"answer_format": answer_format} if answer_format else {}
    return RunRows(arguments, SimpleNamespace(seed=3, max_steps=-1), [])


def held_out(rows: RunRows) -> list[dict[str, Any]]:
    [eval_task] = rows.eval_tasks
    held: list[dict[str, Any]] = eval_task.rows.to_list()
    return held


@pytest.mark.parametrize("name", ["sums.csv", "sums.json", "sums.parquet"])
def test_rows_of_a_file_are_trained_on(name: str, tmp_path: Path) -> None:
    source = write(tmp_path / name, SUMS)
    rows = run_rows(dataset_name=source, train_rows=5, answer_format="boxed")
    train = rows.train_rows()
    assert train["question"] == [row["q"] for row in SUMS[:5]]
    assert "\\boxed" in train[0]["prompt"][0]["content"]
    assert held_out(rows) == rows.task.build_dataset(6, 0, "test").to_list()
    assert rows.notes == [f"{name}: 5 rows to train on."]
    assert rows.warmup_rows(2)["question"] == train["question"][:2]


def test_without_a_dataset_the_rows_are_the_task_s_own() -> None:
    rows = run_rows(columns=[], train_rows=4)
    assert rows.train_rows().to_list() == rows.task.build_dataset(4, 3, "train").to_list()
    assert rows.warmup_rows(4).to_list() == rows.task.build_dataset(4, 4, "train").to_list()
    assert held_out(rows) == rows.task.build_dataset(6, 0, "test").to_list() and not rows.notes


def test_held_out_rows_are_never_trained_on(tmp_path: Path) -> None:
    eval_file = write(tmp_path / "held_out.csv", [SUMS[1], SUMS[6] | {"q": " what IS\n6  + 3?"}])
    source = write(tmp_path / "sums.json", SUMS)
    rows = run_rows(dataset_name=source, eval_dataset_name=eval_file)
    questions = [row["q"] for row in SUMS]
    assert rows.train_rows()["question"] == questions[:1] + questions[2:6] + questions[7:]
    assert len(held_out(rows)) == 2
    shorter = run_rows(dataset_name=source, eval_dataset_name=eval_file, eval_rows=1)
    assert len(held_out(shorter)) == 1
    assert rows.notes[-1].endswith("because they are held out: 2.")
    with pytest.raises(DatasetError, match="All of the 2 rows"):
        run_rows(dataset_name=eval_file, eval_dataset_name=source, eval_rows=8)


def test_the_task_s_own_rows_are_kept_apart_too(tmp_path: Path) -> None:
    task = TaskArguments(task="math").build_task()
    own = task.build_dataset(6, 3, "train")
    given = [{"q": row["question"], "a": row["answer"]} for row in own.select([0, 2])]
    rows = run_rows(eval_dataset_name=write(tmp_path / "leak.json", given), train_rows=6)
    assert rows.train_rows()["id"] == [own["id"][i] for i in (1, 3, 4, 5)]
    held = task.build_dataset(6, 0, "test")
    given = [{"q": row["question"], "a": row["answer"]} for row in held]
    source = write(tmp_path / "test.json", [*given, *SUMS])
    assert run_rows(dataset_name=source).train_rows()["question"] == [row["q"] for row in SUMS]


def test_rows_that_do_not_fit_stop_the_run_or_are_counted(tmp_path: Path) -> None:
    source = write(tmp_path / "sums.csv", [*SUMS[:2], SUMS[2] | {"a": "many"}, *SUMS[3:]])
    with pytest.raises(DatasetError, match="row 2, column 'a'"):
        run_rows(dataset_name=source)
    rows = run_rows(dataset_name=source, drop_invalid=True)
    assert len(rows.train_rows()) == 7
    assert rows.notes == ["sums.csv: 7 rows to train on, 1 dropped that do not fit."]
    twice = write(tmp_path / "twice.json", [row | {"id": "same"} for row in SUMS])
    with pytest.raises(DatasetError, match="7 rows have the id of an earlier one"):
        run_rows(eval_dataset_name=twice, eval_rows=8)


def test_a_curriculum_needs_difficulties(tmp_path: Path) -> None:
    plain = run_rows(dataset_name=write(tmp_path / "plain.json", SUMS), curriculum=True)
    assert plain.train_rows()["question"] == [row["q"] for row in SUMS]
    assert plain.notes[-1].startswith("No curriculum")
    levels = ["hard", "easy"] * 4
    rows = [row | {"difficulty": level} for row, level in zip(SUMS, levels, strict=True)]
    sorted_ = run_rows(dataset_name=write(tmp_path / "levels.json", rows), curriculum=True)
    assert sorted_.train_rows()["difficulty"] == ["easy"] * 4 + ["hard"] * 4


def test_only_worked_solutions_are_warmed_up_on(tmp_path: Path) -> None:
    code = {"description": "Add.", "tests": ["assert add(1, 2) == 3"], "function_name": "add"}
    solved = code | {"solution": "def add(a, b):\n    return a + b\n"}
    rows = [code | {"description": "Add them."}, solved]
    source = write(tmp_path / "code.json", rows)
    mixed = run_rows(task="code", columns=[], dataset_name=source)
    assert len(mixed.train_rows()) == 2
    assert mixed.train_rows(solved=True)["description"] == ["Add."]
    assert mixed.notes[-1] == "Rows left out for want of a worked solution: 1."
    assert mixed.warmup_rows(9)["description"] == ["Add."]
    none = run_rows(task="code", columns=[], dataset_name=write(tmp_path / "none.json", rows[:1]))
    with pytest.raises(DatasetError, match="no row with a worked solution"):
        none.train_rows(solved=True)
    own = none.task.build_dataset(3, 4, "train")
    assert none.warmup_rows(3)["id"] == own["id"][:]
    assert none.notes[-1].startswith("Your rows have no worked solutions")


def test_a_benchmark_is_evaluated_and_never_trained_on(tmp_path: Path) -> None:
    path = benchmark_files.write(tmp_path / "test.jsonl", benchmark_files.GSM8K)
    leaked = [{"q": row["question"].upper(), "a": "12"} for row in benchmark_files.GSM8K]
    source = write(tmp_path / "sums.json", [*SUMS, *leaked])
    rows = run_rows(dataset_name=source, benchmark=[f"gsm8k={path}"], benchmark_rows=1)
    own, gsm8k = rows.eval_tasks
    assert (own.name, own.protocol) == ("eval", {})
    assert (gsm8k.name, gsm8k.title, gsm8k.max_new_tokens) == ("gsm8k", "gsm8k", 512)
    assert len(gsm8k.rows) == 1 and gsm8k.protocol["rows_of_source"] == 2
    assert rows.train_rows()["question"] == [row["q"] for row in SUMS]
    assert rows.notes[-1] == "Rows left out of the training because they are held out: 2."
    assert any(note.startswith("gsm8k: 1 rows of ") for note in rows.notes)
    short = run_rows(dataset_name=source, benchmark=[f"gsm8k={path}"], benchmark_max_new_tokens=9)
    assert short.eval_tasks[1].max_new_tokens == 9


def test_a_benchmark_of_code_is_recognised_by_its_prompt(tmp_path: Path) -> None:
    (problem,) = benchmark_files.HUMANEVAL
    path = benchmark_files.write(tmp_path / "HumanEval.jsonl", [problem])
    rows = [
        {"prompt": problem["prompt"], "test": problem["test"], "name": "total"},
        {"prompt": "Add one.", "test": "assert inc(1) == 2", "name": "inc"},
    ]
    source = write(tmp_path / "code.json", rows)
    columns = ["description=prompt", "tests=test", "function_name=name"]
    found = run_rows(
        task="code", dataset_name=source, columns=columns, benchmark=[f"humaneval={path}"]
    )
    assert found.train_rows()["function_name"] == ["inc"]


def test_a_benchmark_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.jsonl does not exist"):
        run_rows(columns=[], benchmark=["gsm8k=absent.jsonl"])


@pytest.mark.parametrize("given", [{}, {"prompt_template": "{question} ({topic})"}])
def test_rows_of_the_user_s_ask_in_their_own_words(given: dict[str, Any], tmp_path: Path) -> None:
    """A template may name columns that the task does not have."""
    source = write(tmp_path / "sums.json", [row | {"topic": "addition"} for row in SUMS])
    exam = write(tmp_path / "exam.json", [SUMS[2] | {"topic": "sums"}])
    rows = run_rows(dataset_name=source, eval_dataset_name=exam, system_prompt="Réponds.", **given)
    asked = [row["prompt"] for row in rows.train_rows()]
    assert all(prompt[0] == {"role": "system", "content": "Réponds."} for prompt in asked)
    said = [prompt[1]["content"] for prompt in asked]
    if given:
        assert said == [f"{row['q']} (addition)" for row in SUMS]
        assert held_out(rows)[0]["prompt"][1]["content"] == f"{SUMS[2]['q']} (sums)"
    else:  # the same question stands on both sides
        assert len(said) == len(SUMS) - 1 and not any(SUMS[2]["q"] in text for text in said)
    with pytest.raises(ValueError, match="names theme, and the columns are q, a, topic"):
        run_rows(dataset_name=source, eval_dataset_name=exam, prompt_template="{theme}")


def test_a_task_without_worked_solutions_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run_rows(columns=[], train_rows=4)
    rows.check_solutions(are_trained_on=True)
    build = rows.task.build_dataset
    unsolved = replace(
        rows.task, build_dataset=lambda *request: build(*request).remove_columns("solution")
    )
    monkeypatch.setattr(rows, "task", unsolved)
    for are_trained_on in (True, False):
        with pytest.raises(DatasetError, match=r"task math has no worked solutions.*--sft_rows 0"):
            rows.check_solutions(are_trained_on=are_trained_on)
    assert len(rows.train_rows()) == 4
    with pytest.raises(DatasetError, match="no worked solutions"):
        rows.warmup_rows(4)


@pytest.mark.parametrize(("given", "ends"), [(None, 3), (2, 2)])
def test_training_ends_an_episode_where_evaluation_does(given: int | None, ends: int) -> None:
    arguments = TaskArguments(task="tools", eval_rows=2)
    arguments.task_options = {"max_rounds": 3}
    config = SimpleNamespace(seed=3, max_steps=-1, max_tool_calling_iterations=given)
    run: Any = SimpleNamespace(
        arguments=arguments, config=config, notes=[], console=SimpleNamespace(print=print)
    )
    assert load_rows(run).task.max_tool_calling_iterations == 3
    assert config.max_tool_calling_iterations == ends
