"""What the stages of a run say about each other, as sentences for its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from mrlm.evaluation.comparison import Comparison, compare, compare_scores
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.uncertainty import CONFIDENCE
from mrlm.report import format
from mrlm.trainers.reward_hacking import reward_rise

__all__ = ["benchmark_notes", "reward_warnings", "stage_notes", "teacher_note"]


def stage_notes(algorithm: str, stages: Mapping[str, Evaluation]) -> list[str]:
    """How much came of the SFT warm-up, and mean scores where answers can be partly right.

    Args:
        algorithm: Its name for people.
        stages: ``"before"``, ``"sft"`` where there was a warm-up, and ``"after"``.
    """
    notes = []
    if "sft" in stages:
        for first, second, what in (
            ("before", "sft", "The SFT warm-up"),
            ("sft", "after", f"{algorithm} on top of it"),
        ):
            comparison = compare(stages[first], stages[second])
            notes.append(
                f"{what}: {comparison.difference * 100:+.1f} points of accuracy, "
                f"{comparison.test} {format.p_value(comparison.p_value)}."
            )
    scores = compare_scores(stages["before"], stages["after"])
    if scores is not None:
        was, now = map(fmean, zip(*scores.pairs.values(), strict=True))
        notes.append(
            f"Mean score, partial marks included: {was:.3f} before, {now:.3f} after, on "
            f"{len(scores.rows)} rows; sign-flip {format.p_value(scores.p_value)}."
        )
    return notes


def benchmark_notes(comparisons: Mapping[str, Comparison]) -> list[str]:
    """What became of each benchmark, by its name."""
    return [
        f"{name}: {format.percent(comparison.accuracy_before.accuracy)} before, "
        f"{format.percent(comparison.accuracy_after.accuracy)} after, on {comparison.num_pairs} "
        f"rows; {comparison.test} {format.p_value(comparison.p_value)}."
        for name, comparison in comparisons.items()
    ]


def teacher_note(student: Evaluation, teacher: Evaluation) -> str:
    """How a teacher does on the student's held-out rows, and whether it has something to teach."""
    comparison = compare(student, teacher)
    right = format.percent(comparison.accuracy_after.accuracy)
    note = f"The teacher: {right} of the same rows right, {comparison.difference * 100:+.1f} points"
    note += f" against the student before; {comparison.test} {format.p_value(comparison.p_value)}."
    if comparison.difference <= 0:
        note += " It has no more right than the student: there is little to learn from it."
    return note


def reward_warnings(history: Sequence[Mapping[str, Any]], comparison: Comparison) -> list[str]:
    """Whether the reward rose in training while the evaluations say that answers got worse.

    Args:
        history: A trainer's log.
        comparison: Of the same run, before against after.
    """
    rise, has_fallen = reward_rise(history), comparison.difference < 0
    if rise is None or not has_fallen or comparison.p_value >= 1 - CONFIDENCE:
        return []
    return [
        f"The training reward rose from {rise[0]:.3f} to {rise[1]:.3f}, but held-out accuracy fell "
        f"by {-comparison.difference * 100:.1f} points ({comparison.test} "
        f"{format.p_value(comparison.p_value)}): what the reward pays for is not what is "
        "evaluated. Read the completions of the run, and try the reward with `mrlm reward`."
    ]
