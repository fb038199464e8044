"""What the notes of a run say of its stages."""

from __future__ import annotations

from collections.abc import Callable

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.uncertainty import permutation_p_value
from mrlm.experiment.notes import reward_warnings, stage_notes
from mrlm.report import format

Make = Callable[..., Evaluation]


def test_each_stage_is_compared_with_the_one_before(evaluation: Make) -> None:
    stages = {
        "before": evaluation([0.0] * 8),
        "sft": evaluation([1.0] * 6 + [0.0] * 2),
        "after": evaluation([0.0] + [1.0] * 7),
    }
    assert stage_notes("PPO", stages) == [
        "The SFT warm-up: +75.0 points of accuracy, exact McNemar p = 0.0312.",
        "PPO on top of it: +12.5 points of accuracy, exact McNemar p = 1.00.",
    ]


def test_one_stage_with_right_and_wrong_alone_needs_no_note(evaluation: Make) -> None:
    assert stage_notes("PPO", {"before": evaluation([0.0]), "after": evaluation([1.0])}) == []


def test_partial_marks_are_compared_from_the_first_to_the_last(evaluation: Make) -> None:
    stages = {
        "before": evaluation([0.5, 0.0, 0.25, None]),
        "sft": evaluation([0.0, 0.0, 0.0, 0.0]),
        "after": evaluation([1.0, 0.5, 0.25, 1.0]),
    }
    p_value = format.p_value(permutation_p_value([0.5, 0.5, 0.0], seed=0))
    assert stage_notes("DPO", stages)[-1] == (
        "Mean score, partial marks included: 0.250 before, 0.583 after, on 3 rows; "
        f"sign-flip {p_value}."
    )


def test_a_reward_that_rose_while_answers_got_worse_is_told(evaluation: Make) -> None:
    rising = [{"reward": 0.1 + 0.02 * step} for step in range(20)]
    worse = compare(evaluation([1.0] * 12), evaluation([0.0] * 8 + [1.0] * 4))
    [warning] = reward_warnings(rising, worse)
    assert "from 0.140 to 0.440" in warning
    assert "fell by 66.7 points (exact McNemar p = 0.0078)" in warning
    better = compare(evaluation([0.0] * 12), evaluation([1.0] * 8 + [0.0] * 4))
    by_chance = compare(evaluation([1.0] * 12), evaluation([0.0] * 2 + [1.0] * 10))
    for history, comparison in (
        (rising, better),
        (rising, by_chance),
        (rising[::-1], worse),
        (rising[:8], worse),
        ([], worse),
    ):
        assert reward_warnings(history, comparison) == []
