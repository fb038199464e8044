"""``evaluate`` end to end with a scripted generator, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from mrlm.evaluation.evaluation import Evaluation, evaluate
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task

Says = Callable[..., Any]


class NamedModel:
    name_or_path = "some/model"


def run(task: Task, generator: Any, **options: Any) -> Evaluation:
    return evaluate(
        NamedModel(),  # type: ignore[arg-type]
        generator.tokenizer,
        task,
        generator=generator,
        progress=False,
        **options,
    )


def test_the_right_share_of_right_answers(toy_task: Task, says: Says) -> None:
    result = run(toy_task, says("0", "1", "x", "3"), num_rows=4)

    assert result.summary.accuracy == 0.75
    assert result.summary.by_kind["even"].accuracy == 0.5
    assert (result.settings.model, result.settings.task) == ("some/model", "toy")
    assert result.seconds > 0
    assert result.warnings() == []


def test_sampling_reaches_the_generator(toy_task: Task, says: Says) -> None:
    generator = says("0", "0", "x", "1")
    params = SamplingParams(9, num_generations=2, temperature=0.5)
    result = run(toy_task, generator, params=params, num_rows=2, seed=3)

    assert result.summary.pass_at_k == {1: 0.75, 2: 1.0}
    assert [call[1] for call in generator.calls] == [replace(params, seed=3)]
    assert [record.id for record in result.records] == ["test-3-0"] * 2 + ["test-3-1"] * 2


def test_saved_and_loaded_is_the_same(toy_task: Task, says: Says, tmp_path: Path) -> None:
    result = run(toy_task, says("0", "break score", "2..."), num_rows=3, output_dir=tmp_path)

    assert Evaluation.load(tmp_path) == result
    assert sorted(path.name for path in tmp_path.iterdir()) == ["records.jsonl", "results.json"]


def test_warnings_say_what_the_accuracy_hides(toy_task: Task, says: Says) -> None:
    result = run(toy_task, says("0", "break score", "2...", "3..."), num_rows=4)

    unscored, raised, cut = result.warnings()
    assert "Samples without a score: 1 of 4" in unscored
    assert "25.0% and 50.0%" in unscored
    assert "ZeroDivisionError" in raised
    assert cut.startswith("50% of the completions were cut at 256 tokens")


def test_fewer_rows_than_asked_for_is_said(evaluation: Callable[..., Evaluation]) -> None:
    result = evaluation([1.0, 0.0])
    asked = replace(result, settings=replace(result.settings, num_rows=9))

    assert asked.warnings() == ["The task gave 2 of the 9 rows asked for."]


def test_the_sampling_may_have_a_seed_of_its_own(toy_task: Task, says: Says) -> None:
    generator = says("0")
    params = SamplingParams(9, temperature=0.5, seed=7)
    result = run(toy_task, generator, params=params, num_rows=1, seed=3)

    assert generator.calls[0][1].seed == 7
    assert result.records[0].id == "test-3-0"


def test_given_rows_are_what_is_evaluated(toy_task: Task, says: Says, tmp_path: Path) -> None:
    """All of them, in their order, whatever the task's own rows are."""
    rows: Any = [row for row in toy_task.build_dataset(5, 9, "train") if row["kind"] == "even"]
    generator = says("4", "x", "0")
    result = run(toy_task, generator, rows=rows[::-1], output_dir=tmp_path, num_rows=1)

    assert [record.id for record in result.records] == ["train-9-4", "train-9-2", "train-9-0"]
    assert [record.score for record in result.records] == [1.0, 0.0, 1.0]
    assert (result.settings.num_rows, result.settings.seed) == (3, 0)
    assert generator.calls[0][1].seed == 0
    assert result.warnings() == []
    assert Evaluation.load(tmp_path) == result


def test_given_rows_may_be_a_dataset_and_have_a_seed(toy_task: Task, says: Says) -> None:
    rows: Any = Dataset.from_list(toy_task.build_dataset(3, 0, "test"))  # type: ignore[arg-type]
    generator = says("0", "1", "2")
    result = run(toy_task, generator, rows=rows, params=SamplingParams(9, seed=5))

    assert result.summary.accuracy == 1.0
    assert (result.settings.seed, generator.calls[0][1].seed) == (5, 5)


def test_the_task_s_rows_given_or_built_are_one_evaluation(toy_task: Task, says: Says) -> None:
    built = run(toy_task, says("0", "x"), num_rows=2)
    given = run(toy_task, says("0", "x"), rows=toy_task.build_dataset(2, 0, "test"))
    assert replace(given, seconds=built.seconds) == built


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [], "rows is empty"),
        (lambda rows: [rows[0], {"id": "x", "prompt": []}], "row 1 has no kind, difficulty: rows"),
        (lambda rows: [*rows, rows[0]], "2 rows have the id 'test-0-0': ids must be distinct"),
    ],
)
def test_given_rows_that_cannot_be_evaluated_are_told_before_sampling(
    toy_task: Task, says: Says, change: Any, message: str
) -> None:
    generator = says()
    with pytest.raises(ValueError, match=message):
        run(toy_task, generator, rows=change(toy_task.build_dataset(2, 0, "test")))
    assert not generator.calls


def test_no_rows_are_no_evaluation(toy_task: Task, says: Says) -> None:
    with pytest.raises(ValueError, match="num_rows must be at least 1, got 0"):
        run(toy_task, says(), num_rows=0)


def test_a_folder_that_is_no_evaluation(
    evaluation: Callable[..., Evaluation], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no results\.json"):
        Evaluation.load(tmp_path)
    evaluation([1.0]).save(tmp_path)
    (tmp_path / "results.json").write_text('{"settings": {"task": "math"}}')
    with pytest.raises(ValueError, match="not written by this version"):
        Evaluation.load(tmp_path)


def test_the_bar_counts_to_the_end(
    toy_task: Task, says: Says, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = says("0", "1", "2")
    evaluate(
        NamedModel(),  # type: ignore[arg-type]
        generator.tokenizer,
        toy_task,
        num_rows=3,
        generator=generator,
    )

    output = capsys.readouterr()
    assert "3/3" in output.err
    assert output.out == ""
