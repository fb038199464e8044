"""Pairing: what changed, how sure, and when two evaluations must not be paired."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Hashable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrlm.evaluation.comparison import (
    NUM_EXAMPLES,
    compare,
    compare_scores,
    paired_difference,
)
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.uncertainty import (
    bootstrap_interval,
    mcnemar_p_value,
    permutation_p_value,
)

Make = Callable[..., Evaluation]
Values = dict[tuple[Hashable, int], float | None]


def test_counts_and_differences_by_hand(evaluation: Make) -> None:
    result = compare(
        evaluation([0.0, 0.0, 1.0, 0.0, 1.0, 0.0]), evaluation([1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    )

    assert (result.num_pairs, result.num_gained, result.num_lost) == (6, 3, 1)
    assert result.difference == pytest.approx(1 / 3)
    assert (result.p_value, result.test) == (mcnemar_p_value(3, 1), "exact McNemar")
    assert result.interval.low < 1 / 3 < result.interval.high
    odd = result.by_kind["odd"]
    assert (odd.num_rows, odd.before, odd.num_gained, odd.num_lost) == (3, 0.0, 2, 0)
    assert odd.after == odd.difference == pytest.approx(2 / 3)
    assert [example.id for example in result.gained] == ["row-0", "row-1", "row-3"]
    assert [example.id for example in result.lost] == ["row-2"]
    assert (result.gained[0].score_before, result.gained[0].score_after) == (0.0, 1.0)
    assert result.warnings == []


def test_a_gain_on_the_whole_does_not_hide_a_kind_that_fell(evaluation: Make) -> None:
    result = compare(evaluation([0.0, 1.0, 0.0, 1.0]), evaluation([1.0, 1.0, 1.0, 0.0]))

    assert result.difference > 0
    assert result.warnings == [
        "Kinds that fell, exact McNemar test of each: odd from 100.0% to 50.0% of 2 rows (p = 1). "
        "Each may be chance."
    ]


def test_a_kind_that_fell_is_tested_by_itself(evaluation: Make) -> None:
    """Even rows rise, odd ones fall: of 12 all are lost, and of 4 half, which is little."""
    [warning] = compare(evaluation([0.0, 1.0] * 12), evaluation([1.0, 0.0] * 12)).warnings
    assert "odd from 100.0% to 0.0% of 12 rows (p = 0.00049)" in warning
    assert warning.endswith("More than chance: odd.")
    before = evaluation([[0.0], [1.0]] * 3, temperature=1.0)
    after = evaluation([[0.0], [0.0]] + [[0.0], [1.0]] * 2, temperature=1.0)
    assert compare(before, after).warnings[-1].endswith("Each may be chance.")


def test_rows_without_a_score_on_one_side_leave_the_pairs(evaluation: Make) -> None:
    result = compare(evaluation([0.0, None, 1.0, 0.0]), evaluation([1.0, 1.0, None, 0.0]))

    assert (result.num_pairs, result.num_unpaired) == (2, 2)
    assert (result.accuracy_before.accuracy, result.accuracy_after.accuracy) == (0.0, 0.5)
    assert result.difference == 0.5
    # Before lies in [1/4, 2/4], after in [2/4, 3/4].
    assert result.difference_bounds == (0.0, 0.5)
    assert any("no score: 2" in warning for warning in result.warnings)


def test_several_samples_pair_the_rows_means(evaluation: Make) -> None:
    before = evaluation([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]], temperature=1.0)
    after = evaluation([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]], temperature=1.0)

    result = compare(before, after)

    assert result.difference == pytest.approx(1 / 3)
    assert (result.num_gained, result.num_lost) == (2, 0)
    assert result.test == "sign-flip permutation"
    assert result.p_value == permutation_p_value([0.5, 0.5, 0.0], seed=0)


@settings(max_examples=25, deadline=None)
@given(pairs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_swapping_the_sides_swaps_the_signs(
    evaluation: Make, pairs: list[tuple[bool, bool]]
) -> None:
    first = evaluation([float(a) for a, _ in pairs])
    second = evaluation([float(b) for _, b in pairs])
    there, back = compare(first, second), compare(second, first)

    assert there.difference == pytest.approx(-back.difference)
    assert (there.num_gained, there.num_lost) == (back.num_lost, back.num_gained)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.interval.low - 1e-9 <= there.difference <= there.interval.high + 1e-9


def test_other_rows_cannot_be_paired(evaluation: Make) -> None:
    with pytest.raises(ValueError, match=r"0 rows only before, 2 only after \('row-2', 'row-3'\)"):
        compare(evaluation([1.0, 0.0]), evaluation([1.0, 0.0, 1.0, 1.0]))


def test_the_same_id_with_another_answer_cannot_be_paired(evaluation: Make) -> None:
    before, after = evaluation([1.0, 0.0]), evaluation([1.0, 0.0])
    after.records[1] = replace(after.records[1], reference={"answer": "99"})

    with pytest.raises(ValueError, match=r"1 rows have the same id but another .* \('row-1'\)"):
        compare(before, after)


def test_no_scores_in_common_is_an_error_not_a_zero(evaluation: Make) -> None:
    with pytest.raises(ValueError, match="no row has a score in both"):
        compare(evaluation([1.0, None]), evaluation([None, 1.0]))


def test_settings_and_prompts_that_differ_are_said(evaluation: Make) -> None:
    before, after = evaluation([1.0, 0.0]), evaluation([1.0, 0.0], max_new_tokens=99, model="b")
    after.records[0] = replace(after.records[0], prompt=[{"role": "user", "content": "Else?"}])

    warnings = compare(before, after).warnings

    assert len(warnings) == 2
    assert warnings[0].startswith("max_new_tokens was 8 before and 99 after")
    assert "in other words after than before: 1" in warnings[1]


def test_examples_are_few(evaluation: Make) -> None:
    result = compare(evaluation([0.0] * 40), evaluation([1.0] * 40))

    assert len(result.gained) == len(result.samples) == NUM_EXAMPLES
    assert result.num_gained == 40


def test_a_row_counts_with_the_mean_of_its_pairs() -> None:
    """Pairs are of one row and sample; a row with more samples weighs no more than another."""
    before: Values = {("a", 0): 0.0, ("a", 1): 0.5, ("b", 0): 1.0, ("c", 0): None, ("d", 0): 0.25}
    after: Values = {("b", 0): 0.0, ("a", 0): 1.0, ("a", 1): 0.5, ("c", 0): 1.0, ("e", 0): 1.0}

    found = paired_difference(before, after)

    assert found is not None
    assert found.pairs == {("b", 0): (1.0, 0.0), ("a", 0): (0.0, 1.0), ("a", 1): (0.5, 0.5)}
    assert found.rows == {"b": -1.0, "a": 0.5}
    assert found.difference == -0.25
    assert (found.test, found.p_value) == (
        "sign-flip permutation",
        permutation_p_value([-1.0, 0.5], seed=0),
    )
    assert found.interval == bootstrap_interval([-1.0, 0.5], bounds=(-1.0, 1.0), seed=0)


@pytest.mark.parametrize(
    ("before", "after", "are_means", "test"),
    [
        ([0.0, 1.0, 0.0], [1.0, 1.0, 1.0], False, "exact McNemar"),
        ([0.0, 1.0, 0.0], [1.0, 1.0, 1.0], True, "sign-flip permutation"),
        ([0.0, 1.0, 0.5], [1.0, 1.0, 0.5], False, "sign-flip permutation"),
    ],
)
def test_the_test_follows_from_the_values(
    before: list[float], after: list[float], are_means: bool, test: str
) -> None:
    def values(side: list[float]) -> Values:
        return {(row, 0): value for row, value in enumerate(side)}

    found = paired_difference(values(before), values(after), are_means=are_means)
    assert found is not None and found.test == test


def test_nothing_in_common_has_no_difference() -> None:
    assert paired_difference({("a", 0): 1.0}, {("a", 1): 1.0, ("b", 0): None}) is None


def test_scores_are_compared_where_marks_are_partial(evaluation: Make) -> None:
    assert compare_scores(evaluation([0.0, 1.0, None]), evaluation([1.0, 1.0, 0.0])) is None
    assert compare_scores(evaluation([None]), evaluation([0.5])) is None

    found = compare_scores(evaluation([0.5, 0.0, None]), evaluation([0.75, 1.0, 0.5]))
    assert found is not None
    assert found.rows == {"row-0": 0.25, "row-1": 1.0}
    # An accuracy knows no half marks.
    assert compare(evaluation([0.5, 0.0]), evaluation([0.75, 1.0])).difference == 0.5


def test_the_package_exports_functions_whatever_was_imported_before() -> None:
    import mrlm.evaluation.comparison
    import mrlm.evaluation.evaluation

    assert mrlm.compare is mrlm.evaluation.comparison.compare
    assert mrlm.evaluate is mrlm.evaluation.evaluation.evaluate
    for name in mrlm.evaluation.__all__:
        assert getattr(mrlm.evaluation, name).__name__ == name
    assert dir(mrlm.evaluation) == mrlm.evaluation.__all__
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = mrlm.evaluation.no_such_name


def test_evaluations_are_read_and_compared_without_torch() -> None:
    code = (
        "import sys; from mrlm.evaluation import Evaluation, compare, evaluate; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
