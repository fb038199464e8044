"""Did the model get better? Two evaluations of the same rows, paired row by row.

Pairing removes the rows' difficulty from the noise: only rows that changed speak. All that is said
about a difference rests on ``paired_difference``: accuracies here, mean scores in a run's notes,
runs of several seeds in ``mrlm.runs.groups``. Rows that one of the two evaluations could not score
at all are left out, counted, and bounded by ``difference_bounds``. Differences by kind carry no
p-value, because with many kinds one would be small by chance; only kinds that fell are tested, in a
warning, against a bound that all kinds share.

Not covered: comparing more than two models at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any

from mrlm.evaluation.evaluation import EvalSettings, Evaluation
from mrlm.evaluation.summary import Group, Summary, group, row_accuracies
from mrlm.evaluation.uncertainty import (
    CONFIDENCE,
    Interval,
    bootstrap_interval,
    mcnemar_p_value,
    permutation_p_value,
)
from mrlm.sampling.rollout import Record

NUM_EXAMPLES = 6
_SHOWN_IDS = 3
_MCNEMAR = "exact McNemar"


@dataclass(frozen=True)
class PairedDifference:
    """The mean difference of paired values, and how sure it is.

    Attributes:
        pairs: (row, sample) -> the value before and after.
        rows: Row -> mean of after minus before over its pairs.
        difference: Mean over the rows.
        interval: Of the difference: bootstrap over rows.
        p_value: Two-sided.
        test: Which test gave it: exact McNemar for one pair per row of values that are 0 or 1, else
            a sign-flip permutation test on the rows.
    """

    pairs: dict[tuple[Hashable, int], tuple[float, float]]
    rows: dict[Hashable, float]
    difference: float
    interval: Interval
    p_value: float
    test: str


def paired_difference(
    before: Mapping[tuple[Hashable, int], float | None],
    after: Mapping[tuple[Hashable, int], float | None],
    *,
    are_means: bool = False,
) -> PairedDifference | None:
    """Pair values of two sides and test their difference.

    Args:
        before: (row, sample) -> a value in [0, 1]; ``None``, or no entry, where there is none.
        after: Likewise; its order is that of the rows.
        are_means: The values are means over samples, so that even 0 and 1 are no single outcomes.

    Returns:
        ``None`` where no row and sample has a value on both sides.
    """
    pairs: dict[tuple[Hashable, int], tuple[float, float]] = {}
    differences: dict[Hashable, list[float]] = {}
    for key, new in after.items():
        old = before.get(key)
        if old is not None and new is not None:
            pairs[key] = (old, new)
            differences.setdefault(key[0], []).append(new - old)
    if not pairs:
        return None
    rows = {row: fmean(found) for row, found in differences.items()}
    changes = list(rows.values())
    are_single = len(pairs) == len(rows) and not are_means
    if are_single and all(value in (0.0, 1.0) for pair in pairs.values() for value in pair):
        p_value, test = mcnemar_p_value(changes.count(1.0), changes.count(-1.0)), _MCNEMAR
    else:
        p_value, test = permutation_p_value(changes, seed=0), "sign-flip permutation"
    return PairedDifference(
        pairs=pairs,
        rows=rows,
        difference=fmean(changes),
        interval=bootstrap_interval(changes, bounds=(-1.0, 1.0), seed=0),
        p_value=p_value,
        test=test,
    )


def compare_scores(before: Evaluation, after: Evaluation) -> PairedDifference | None:
    """Scores instead of accuracies, partial marks included.

    Returns:
        ``None`` where every score is 0 or 1, which the accuracy says already, or nothing is paired.
    """
    found = paired_difference(
        {(record.id, record.sample): record.score for record in before.records},
        {(record.id, record.sample): record.score for record in after.records},
    )
    if found is None or all(score in (0.0, 1.0) for pair in found.pairs.values() for score in pair):
        return None
    return found


@dataclass(frozen=True)
class PairedGroup:
    """Rows of one kind or difficulty, scored in both evaluations."""

    num_rows: int
    before: float
    after: float
    difference: float
    num_gained: int
    num_lost: int


@dataclass(frozen=True)
class Example:
    """One row's first sample before and after, for people to read."""

    id: str
    kind: str
    prompt: list[dict[str, Any]]
    reference: dict[str, Any]
    before: str
    after: str
    answer_before: str | None
    answer_after: str | None
    score_before: float | None
    score_after: float | None


@dataclass(frozen=True)
class Comparison:
    """What changed between two evaluations; shares and differences lie in [-1, 1].

    Attributes:
        settings: Of the second evaluation.
        model_before: Name of the first model.
        before: Summary of the first evaluation, all of its rows.
        after: Summary of the second.
        num_pairs: Rows with a score in both; the fields below are about these.
        num_unpaired: Rows left out because one side has no score.
        accuracy_before: Of the pairs, with its interval.
        accuracy_after: Likewise.
        difference: Mean over the pairs of accuracy after minus before.
        interval: Of the difference: bootstrap over pairs.
        difference_bounds: The difference over all rows, were every unscored sample wrong after and
            right before, and the other way round.
        p_value: Two-sided.
        test: Which test gave it: exact McNemar for one sample per row, else a sign-flip permutation
            test on the rows' means.
        num_gained: Pairs whose accuracy rose.
        num_lost: Pairs whose accuracy fell.
        by_kind: Pairs by the rows' ``kind``.
        by_difficulty: Pairs by the rows' ``difficulty``.
        gained: The first rows whose accuracy rose, in the order of evaluation.
        lost: The first rows whose accuracy fell.
        samples: The first rows, whatever happened to them: nobody chose them.
        warnings: What a reader must know, in plain language.
    """

    settings: EvalSettings
    model_before: str
    before: Summary
    after: Summary
    num_pairs: int
    num_unpaired: int
    accuracy_before: Group
    accuracy_after: Group
    difference: float
    interval: Interval
    difference_bounds: tuple[float, float]
    p_value: float
    test: str
    num_gained: int
    num_lost: int
    by_kind: dict[str, PairedGroup]
    by_difficulty: dict[str, PairedGroup]
    gained: list[Example]
    lost: list[Example]
    samples: list[Example]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return asdict(self)


def compare(before: Evaluation, after: Evaluation) -> Comparison:
    """Compare two evaluations of the same rows.

    Raises:
        ValueError: The evaluations are of different rows, or no row has a score in both.
    """
    first_before, first_after = _first_samples(before), _first_samples(after)
    _check_same_rows(first_before, first_after)
    rows_before, rows_after = row_accuracies(before.records), row_accuracies(after.records)
    several = max(before.settings.num_generations, after.settings.num_generations) > 1
    paired = paired_difference(
        {(row, 0): accuracy for row, accuracy in rows_before.items()},
        {(row, 0): rows_after.get(row) for row in first_after},
        are_means=several,
    )
    if paired is None:
        raise ValueError(
            "no row has a score in both evaluations, so nothing can be compared: "
            "see the errors in their results.json"
        )
    changes = {str(row): change for row, change in paired.rows.items()}
    gained = [row for row, change in changes.items() if change > 0]
    lost = [row for row, change in changes.items() if change < 0]

    kinds = {row: record.kind for row, record in first_after.items()}
    by_kind = _groups(after.summary.by_kind, kinds, rows_before, changes)

    def examples(rows: Iterable[str]) -> list[Example]:
        chosen = list(rows)[:NUM_EXAMPLES]
        return [_example(first_before[row], first_after[row]) for row in chosen]

    return Comparison(
        settings=after.settings,
        model_before=before.settings.model,
        before=before.summary,
        after=after.summary,
        num_pairs=len(changes),
        num_unpaired=len(first_after) - len(changes),
        accuracy_before=group([record for record in before.records if record.id in changes]),
        accuracy_after=group([record for record in after.records if record.id in changes]),
        difference=paired.difference,
        interval=paired.interval,
        difference_bounds=(
            after.summary.accuracy_bounds[0] - before.summary.accuracy_bounds[1],
            after.summary.accuracy_bounds[1] - before.summary.accuracy_bounds[0],
        ),
        p_value=paired.p_value,
        test=paired.test,
        num_gained=len(gained),
        num_lost=len(lost),
        by_kind=by_kind,
        by_difficulty=_groups(
            after.summary.by_difficulty,
            {row: str(record.difficulty) for row, record in first_after.items()},
            rows_before,
            changes,
        ),
        gained=examples(gained),
        lost=examples(lost),
        samples=examples(first_after),
        warnings=[
            *_warnings(before, after, num_unpaired=len(first_after) - len(changes)),
            *_changed_prompts(first_before, first_after),
            *_worse_kinds(by_kind, kinds, changes, paired.test),
        ],
    )


def _first_samples(evaluation: Evaluation) -> dict[str, Record]:
    first: dict[str, Record] = {}
    for record in evaluation.records:
        first.setdefault(record.id, record)
    return first


def _check_same_rows(before: Mapping[str, Record], after: Mapping[str, Record]) -> None:
    if before.keys() != after.keys():
        only_before = [row for row in before if row not in after]
        only_after = [row for row in after if row not in before]
        raise ValueError(
            "the evaluations are of different rows, so they cannot be paired: "
            f"{len(only_before)} rows only before{_some(only_before)}, "
            f"{len(only_after)} only after{_some(only_after)}. Evaluate both models with the same "
            "task, num_rows, seed and split"
        )
    changed = [row for row, record in before.items() if record.reference != after[row].reference]
    if changed:
        raise ValueError(
            f"{len(changed)} rows have the same id but another reference answer{_some(changed)}, "
            "so they cannot be paired: evaluate both models with the same version of the task"
        )


def _some(rows: list[str]) -> str:
    shown = ", ".join(repr(row) for row in rows[:_SHOWN_IDS])
    return f" ({shown}{', ...' if len(rows) > _SHOWN_IDS else ''})" if rows else ""


def _groups(
    names: Iterable[str],
    name_of: Mapping[str, str],
    before: Mapping[str, float],
    changes: Mapping[str, float],
) -> dict[str, PairedGroup]:
    groups = {}
    for name in names:
        rows = [row for row in changes if name_of[row] == name]
        if rows:
            start, difference = fmean(before[r] for r in rows), fmean(changes[r] for r in rows)
            groups[name] = PairedGroup(
                num_rows=len(rows),
                before=start,
                after=start + difference,
                difference=difference,
                num_gained=sum(changes[row] > 0 for row in rows),
                num_lost=sum(changes[row] < 0 for row in rows),
            )
    return groups


def _example(before: Record, after: Record) -> Example:
    return Example(
        id=after.id,
        kind=after.kind,
        prompt=after.prompt,
        reference=after.reference,
        before=before.completion,
        after=after.completion,
        answer_before=before.answer,
        answer_after=after.answer,
        score_before=before.score,
        score_after=after.score,
    )


def _warnings(before: Evaluation, after: Evaluation, num_unpaired: int) -> list[str]:
    found = [f"Before: {warning}" for warning in before.warnings()]
    found += [f"After: {warning}" for warning in after.warnings()]
    if num_unpaired:
        found.append(f"Rows left out because one of the two models has no score: {num_unpaired}.")
    for field in fields(EvalSettings):
        old, new = getattr(before.settings, field.name), getattr(after.settings, field.name)
        # Where a model answered is part of what its evaluation warns of already.
        if field.name not in ("model", "server") and old != new:
            found.append(
                f"{field.name} was {old} before and {new} after: "
                "part of the difference may come from that."
            )
    return found


def _changed_prompts(before: Mapping[str, Record], after: Mapping[str, Record]) -> list[str]:
    changed = sum(record.prompt != after[row].prompt for row, record in before.items())
    if not changed:
        return []
    return [f"Rows asked in other words after than before: {changed}; the two may not be alike."]


def _worse_kinds(
    by_kind: Mapping[str, PairedGroup],
    kinds: Mapping[str, str],
    changes: Mapping[str, float],
    test: str,
) -> list[str]:
    """A gain on the whole can hide a loss in a part."""
    told, clear = [], []
    for kind, paired in by_kind.items():
        if paired.difference > -1e-9:  # a sum of thirds may miss 0
            continue
        if test == _MCNEMAR:
            p_value = mcnemar_p_value(paired.num_gained, paired.num_lost)
        else:
            rows = [change for row, change in changes.items() if kinds[row] == kind]
            p_value = permutation_p_value(rows, seed=0)
        told.append(
            f"{kind} from {paired.before:.1%} to {paired.after:.1%} of {paired.num_rows} rows "
            f"(p = {p_value:.2g})"
        )
        # Of many kinds one falls by chance: all share the bound (Bonferroni).
        if p_value < (1 - CONFIDENCE) / len(by_kind):
            clear.append(kind)
    if not told:
        return []
    verdict = f"More than chance: {', '.join(clear)}" if clear else "Each may be chance"
    return [f"Kinds that fell, {test} test of each: {'; '.join(told)}. {verdict}."]
