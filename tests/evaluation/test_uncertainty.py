"""Intervals and tests against published values, closed forms and brute force."""

from __future__ import annotations

from itertools import combinations, product
from math import comb, sqrt
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrlm.evaluation.uncertainty import (
    bootstrap_interval,
    mcnemar_p_value,
    pass_at_k,
    permutation_p_value,
    wilson_interval,
)


@given(st.integers(1, 400), st.data())
def test_wilson_is_the_closed_form(total: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    z, p = 1.959963984540054, correct / total
    centre = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * sqrt(p * (1 - p) / total + z * z / (4 * total * total))

    interval = wilson_interval(correct, total)

    assert interval.low == pytest.approx(max(0, centre - half), abs=1e-9)
    assert interval.high == pytest.approx(min(1, centre + half), abs=1e-9)


def test_wilson_of_no_hits_is_not_a_point() -> None:
    assert wilson_interval(0, 10).high == pytest.approx(0.2775, abs=1e-4)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_sum(gained: int, lost: int) -> None:
    changed = gained + lost
    tail = sum(comb(changed, i) for i in range(min(gained, lost) + 1)) / 2**changed

    assert mcnemar_p_value(gained, lost) == pytest.approx(min(1.0, 2 * tail))


@pytest.mark.parametrize(
    ("gained", "lost", "expected"), [(0, 0, 1.0), (6, 0, 0.03125), (0, 6, 0.03125), (5, 5, 1.0)]
)
def test_mcnemar_by_hand(gained: int, lost: int, expected: float) -> None:
    assert mcnemar_p_value(gained, lost) == pytest.approx(expected)


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_hit(
    hits: list[bool], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(hits)))
    subsets = list(combinations(hits, k))

    assert pass_at_k(len(hits), sum(hits), k) == pytest.approx(fmean(map(any, subsets)))


@pytest.mark.parametrize(("samples", "correct", "k"), [(4, 2, 5), (4, 2, 0), (4, 5, 1), (4, -1, 1)])
def test_pass_at_k_refuses_what_is_undefined(samples: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="undefined"):
        pass_at_k(samples, correct, k)


def test_permutation_is_exact_on_few_rows() -> None:
    differences = [0.5, 0.25, 1.0, -0.25, 0.75]
    observed = abs(sum(differences))
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    exact = sum(flip >= observed - 1e-12 for flip in flips) / len(flips)

    assert permutation_p_value(differences, seed=0) == pytest.approx(exact)


def test_permutation_without_change_is_one() -> None:
    assert permutation_p_value([0.0, 0.0, 0.0], seed=0) == 1.0


def test_bootstrap_agrees_with_the_normal_interval_on_many_rows() -> None:
    values = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], size=2000, p=[0.1, 0.6, 0.3])
    half = 1.96 * values.std(ddof=1) / sqrt(len(values))

    interval = bootstrap_interval(list(values), bounds=(-1.0, 1.0), seed=0)

    assert interval.low == pytest.approx(values.mean() - half, abs=0.003)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.003)


def test_bootstrap_is_the_same_for_the_same_seed_only() -> None:
    values = list(np.random.default_rng(2).uniform(-1, 1, size=50))
    intervals = [bootstrap_interval(values, (-1.0, 1.0), seed) for seed in (0, 0, 1)]

    assert intervals[0] == intervals[1] != intervals[2]


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.25])
@pytest.mark.parametrize("rows", [1, 10, 200])
def test_rows_that_all_agree_do_not_give_certainty(value: float, rows: int) -> None:
    interval = bootstrap_interval([value] * rows, bounds=(-1.0, 1.0), seed=0)
    unseen = 1 - 0.025 ** (1 / rows)

    assert interval.low == pytest.approx(value - unseen * (value + 1))
    assert interval.high == pytest.approx(value + unseen * (1 - value))
