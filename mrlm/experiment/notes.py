"""What the stages of a run say about each other, as sentences for its results."""

from __future__ import annotations

from collections.abc import Mapping

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.uncertainty import permutation_p_value
from mrlm.report import format

__all__ = ["stage_notes"]


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
    return [*notes, *_mean_scores(stages["before"], stages["after"])]


def _mean_scores(before: Evaluation, after: Evaluation) -> list[str]:
    """Their change and a paired test of it; nothing where a score is always 0 or 1."""
    old = {(record.id, record.sample): record.score for record in before.records}
    pairs = [(old[record.id, record.sample], record.score) for record in after.records]
    scored = [(was, now) for was, now in pairs if was is not None and now is not None]
    if all(score in (0.0, 1.0) for pair in scored for score in pair):
        return []
    was, now = (sum(side) / len(scored) for side in zip(*scored, strict=True))
    p_value = permutation_p_value([new - old for old, new in scored], seed=0)
    return [
        f"Mean score, partial marks included: {was:.3f} before, {now:.3f} after, on {len(scored)} "
        f"rows; sign-flip {format.p_value(p_value)}."
    ]
