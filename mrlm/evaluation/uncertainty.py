"""How sure can we be: intervals and tests for accuracies. Pure functions of numbers, no models.

Every interval has 95% confidence, every p-value is two-sided. The rows of an evaluation are the
unit that is resampled: several samples of one row are not independent evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.stats import binomtest, bootstrap, permutation_test

CONFIDENCE = 0.95
_RESAMPLES = 9999
_BATCH = 500  # resamples held in memory at once


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval and the name of the method that gave it."""

    low: float
    high: float
    method: str


def wilson_interval(num_correct: int, num_total: int) -> Interval:
    """Wilson's score interval of a proportion (https://doi.org/10.1080/01621459.1927.10502953)."""
    interval = binomtest(num_correct, num_total).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(interval.low), float(interval.high), "Wilson")


def bootstrap_interval(values: Sequence[float], bounds: tuple[float, float], seed: int) -> Interval:
    """BCa bootstrap interval of the mean of one value per row.

    For paired data the values are the differences within a pair, so that resampling them resamples
    pairs (Efron 1987, https://doi.org/10.1080/01621459.1987.10478410).

    Where all values agree a bootstrap would claim certainty. There the interval says what is known
    instead: the share of rows that differ from those seen is, by Clopper and Pearson, at most
    ``1 - 0.025 ** (1 / n)``, and such rows may lie anywhere within ``bounds``.

    Args:
        values: One finite number per row, at least one.
        bounds: Lowest and highest value that a row can have.
        seed: Of the resampling.
    """
    array = np.asarray(values, dtype=float)  # (N,)
    if np.ptp(array) == 0:
        unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / len(array))
        seen = float(array[0])
        low, high = (seen + unseen * (bound - seen) for bound in bounds)
        return Interval(low, high, "Clopper-Pearson bound")
    interval = bootstrap(
        (array,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(interval.low), float(interval.high), "BCa bootstrap over rows")


def mcnemar_p_value(num_gained: int, num_lost: int) -> float:
    """Exact McNemar test: were the rows that changed as likely to be lost as to be gained?

    1.0 where no row changed. See https://doi.org/10.1007/BF02295996.
    """
    changed = num_gained + num_lost
    return float(binomtest(num_gained, changed).pvalue) if changed else 1.0


def permutation_p_value(differences: Sequence[float], seed: int) -> float:
    """Sign-flip permutation test that paired differences have mean 0.

    Exact where all ``2 ** n`` flips are few enough to try, else from 9,999 random ones.
    """
    if not any(differences):
        return 1.0
    result = permutation_test(
        (np.asarray(differences, dtype=float),),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """Unbiased chance that at least one of ``k`` samples is correct, from ``n >= k`` of them.

    ``1 - C(n - c, k) / C(n, k)``, Chen et al. 2021 (https://arxiv.org/abs/2107.03374).

    Raises:
        ValueError: Unless ``1 <= k <= num_samples`` and ``0 <= num_correct <= num_samples``.
    """
    if not (1 <= k <= num_samples and 0 <= num_correct <= num_samples):
        raise ValueError(
            f"pass@{k} of {num_correct} correct among {num_samples} samples is undefined: "
            "use 1 <= k <= samples and 0 <= correct <= samples"
        )
    return 1.0 - comb(num_samples - num_correct, k) / comb(num_samples, k)
