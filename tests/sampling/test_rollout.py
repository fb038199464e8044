"""Sampling and scoring: what a record keeps, and that a broken scorer never ends a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from mrlm.models.loading import encode_prompts
from mrlm.sampling.rollout import Record, rollout
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task


def run(task: Task, generator: Any, num_rows: int, **options: Any) -> list[Record]:
    rows = task.build_dataset(num_rows, 0, "test")
    progress = options.pop("progress", None)
    params = SamplingParams(9, **options)
    return rollout(generator, generator.tokenizer, rows, task, params, progress=progress)


def test_a_record_keeps_the_row_the_completion_and_the_verdicts(
    toy_task: Task, says: Callable[..., Any]
) -> None:
    right, wrong = run(toy_task, says("0", "7..."), 2)

    assert right == Record(
        id="test-0-0",
        sample=0,
        kind="even",
        difficulty=0,
        prompt=[{"role": "user", "content": "Say 0"}],
        completion="0",
        answer="0",
        reference={"answer": "0"},
        score=1.0,
        rewards={"exact_reward": 1.0, "short_reward": 0.5},
        num_tokens=2,
        truncated=False,
    )
    assert (right.correct, right.reward) == (True, 1.5)
    assert (wrong.correct, wrong.score, wrong.truncated, wrong.num_tokens) == (False, 0.0, True, 4)


def test_the_model_sees_the_rendered_prompts_and_the_sampling_options(
    toy_task: Task, says: Callable[..., Any]
) -> None:
    generator = says("0", "1")
    done: list[int] = []

    run(toy_task, generator, 2, temperature=0.7, top_p=0.9, seed=5, progress=done.append)

    ((prompt_ids, params),) = generator.calls
    rows = toy_task.build_dataset(2, 0, "test")
    assert prompt_ids == encode_prompts(generator.tokenizer, [row["prompt"] for row in rows])
    assert params == SamplingParams(9, temperature=0.7, top_p=0.9, seed=5)
    assert sum(done) == 2


def test_samples_of_a_row_are_adjacent_and_scored_against_it(
    toy_task: Task, says: Callable[..., Any]
) -> None:
    records = run(toy_task, says("0", "1", "0", "1"), 2, num_generations=2)

    assert [(r.id, r.sample, r.score) for r in records] == [
        ("test-0-0", 0, 1.0),
        ("test-0-0", 1, 0.0),
        ("test-0-1", 0, 0.0),
        ("test-0-1", 1, 1.0),
    ]


@pytest.mark.parametrize(
    ("completion", "error"),
    [
        ("break score", "score: ZeroDivisionError: division by zero"),
        ("break extract", "extract: KeyError: 'no slot'"),
        ("break reward", "exact_reward: RuntimeError: grader is down"),
        ("nan", "score: ValueError: nan is not a score: return a finite number or None"),
    ],
)
def test_what_raises_is_recorded_and_touches_no_other_record(
    toy_task: Task, says: Callable[..., Any], completion: str, error: str
) -> None:
    before, broken, after = run(toy_task, says("0", completion, "2"), 3)

    assert broken.errors == [error]
    assert (broken.score is None) == error.startswith("score")
    assert (broken.answer is None) == error.startswith("extract")
    assert (broken.rewards["exact_reward"] is None) == error.startswith("exact_reward")
    assert broken.rewards["short_reward"] == 0.5
    for record in (before, after):
        assert (record.score, record.reward, record.errors) == (1.0, 1.5, [])


def test_a_reward_of_the_wrong_length_is_an_error_of_each_record(
    toy_task: Task, says: Callable[..., Any]
) -> None:
    def twice(completions: list[Any], **columns: Any) -> list[float]:
        return [1.0] * (2 * len(completions))

    records = run(replace(toy_task, reward_funcs=(twice,)), says("0", "1"), 2)

    assert [r.rewards for r in records] == [{"twice": None}] * 2
    assert [r.errors for r in records] == [["twice: ValueError: 2 rewards for 1 completions"]] * 2
    assert records[0].reward is None


def test_no_rows_no_records(toy_task: Task, says: Callable[..., Any]) -> None:
    assert run(toy_task, says(), 0) == []


def test_each_process_samples_its_rows_with_a_seed_of_its_own(
    toy_task: Task, says: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = SimpleNamespace(process_index=1, num_processes=2)
    monkeypatch.setattr("mrlm.distributed.PartialState", lambda: state)
    monkeypatch.setattr("mrlm.distributed.gather_shares", lambda records, per_row: records)
    generator = says("1", "3")
    rows = toy_task.build_dataset(4, 0, "test")
    params = SamplingParams(9, seed=5)

    records = rollout(generator, generator.tokenizer, rows, toy_task, params, all_processes=True)

    assert [(record.id, record.score) for record in records] == [
        ("test-0-1", 1.0),
        ("test-0-3", 1.0),
    ]
    ((_, used),) = generator.calls
    assert used.seed not in (None, 5) and replace(used, seed=5) == params
