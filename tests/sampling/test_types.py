"""Sampling parameters: what they are, and that a wrong one is told where it is written."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from mrlm import SamplingParams


def test_only_the_length_is_required() -> None:
    assert SamplingParams(9) == SamplingParams(
        max_new_tokens=9, num_generations=1, temperature=1.0, top_p=1.0, seed=None
    )


def test_a_part_is_replaced_never_changed() -> None:
    params = SamplingParams(9, seed=1)
    assert replace(params, seed=2) == SamplingParams(9, seed=2)
    with pytest.raises(FrozenInstanceError):
        params.seed = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, a whole number, got 0"),
        ({"max_new_tokens": 2.5}, "max_new_tokens must be at least 1, a whole number, got 2.5"),
        ({"max_new_tokens": None}, "max_new_tokens must be .* got None"),
        ({"num_generations": -3}, "num_generations must be at least 1, a whole number, got -3"),
        ({"temperature": -1.0}, "temperature must be at least 0"),
        ({"temperature": float("nan")}, "temperature must be at least 0 .* got nan"),
        ({"temperature": float("inf")}, "temperature must be at least 0 .* got inf"),
        ({"top_p": 0.0}, r"top_p in \(0, 1\]"),
        ({"top_p": 1.5}, r"top_p in \(0, 1\]"),
        ({"num_generations": 2, "temperature": 0.0}, "2 greedy samples of a row are the same"),
        ({"seed": 0.5}, "seed must be a whole number or None, got 0.5"),
    ],
)
def test_a_setting_out_of_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SamplingParams(**{"max_new_tokens": 9} | options)


def test_numbers_of_numpy_are_numbers() -> None:
    params = SamplingParams(np.int64(3), top_p=np.float32(0.5), seed=np.int64(4))  # type: ignore[arg-type]
    assert params == SamplingParams(3, top_p=0.5, seed=4)


def test_they_are_there_without_torch() -> None:
    code = "import sys, mrlm; mrlm.SamplingParams(1); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
