"""Denominators, groups and pass@k, by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.summary import row_accuracies, summarize
from mrlm.evaluation.uncertainty import wilson_interval
from mrlm.sampling.rollout import Record

Make = Callable[..., Evaluation]
MakeRecord = Callable[..., Record]


def test_accuracy_counts_full_marks_only(evaluation: Make) -> None:
    summary = evaluation([1.0, 0.5, 0.0, 1.0]).summary

    assert (summary.accuracy, summary.mean_score) == (0.5, 0.625)
    assert summary.interval == wilson_interval(2, 4)


def test_unscored_samples_are_in_no_denominator_but_bound_the_accuracy(evaluation: Make) -> None:
    summary = evaluation([1.0, None, 0.0, 1.0]).summary

    assert summary.accuracy == pytest.approx(2 / 3)
    assert summary.interval == wilson_interval(2, 3)
    assert summary.accuracy_bounds == (0.5, 0.75)
    assert (summary.num_rows, summary.num_unscored) == (4, 1)
    assert summary.by_kind["odd"].num_unscored == 1
    assert summary.by_kind["odd"].accuracy == 1.0


def test_nothing_scored_is_no_accuracy_rather_than_zero(evaluation: Make) -> None:
    summary = evaluation([None, None]).summary

    assert summary.accuracy is None
    assert summary.interval is None
    assert summary.mean_score is None
    assert summary.accuracy_bounds == (0.0, 1.0)


def test_several_samples_weigh_rows_equally(evaluation: Make) -> None:
    result = evaluation([[1.0, 1.0, None, None], [0.0, 0.0, 0.0, 1.0]])

    assert row_accuracies(result.records) == {"row-0": 1.0, "row-1": 0.25}
    assert result.summary.accuracy == 0.625
    assert result.summary.interval is not None
    assert result.summary.interval.method == "BCa bootstrap over rows"
    # Row 0 has two scored samples, too few for pass@4.
    assert result.summary.pass_at_k == pytest.approx({1: 0.625, 2: 0.75, 4: 1.0})


def test_one_sample_per_row_has_no_pass_at_k(evaluation: Make) -> None:
    assert evaluation([1.0, 0.0]).summary.pass_at_k == {}


def test_shares_rewards_and_errors(record: MakeRecord) -> None:
    summary = summarize(
        [
            record(0, 1.0, truncated=True, rewards={"a": 1.0, "b": None}, num_tokens=8),
            record(1, 0.0, answer=None, rewards={"a": 0.0, "b": 3.0}),
            record(2, None, rewards={"a": None, "b": None}, errors=["score: E: x"]),
            record(3, None, rewards={"a": None, "b": None}, errors=["score: E: x", "a: E: y"]),
        ]
    )

    assert (summary.truncated_share, summary.unparsed_share, summary.mean_tokens) == (0.25, 0.25, 5)
    assert summary.rewards == {"a": 0.5, "b": 3.0}
    assert summary.mean_reward == 2.0
    assert summary.errors == {"score: E: x": 2, "a: E: y": 1}


def test_difficulties_are_in_the_order_of_numbers(record: MakeRecord) -> None:
    summary = summarize([record(i, 1.0, difficulty=d) for i, d in enumerate([10, 2, "hard", 1])])

    assert list(summary.by_difficulty) == ["1", "2", "10", "hard"]


def test_records_must_be_distinct_and_some(record: MakeRecord) -> None:
    with pytest.raises(ValueError, match="row 'row-3' occurs 2 times"):
        summarize([record(3, 1.0), record(3, 0.0), record(4, 0.0)])
    with pytest.raises(ValueError, match="no records"):
        summarize([])
