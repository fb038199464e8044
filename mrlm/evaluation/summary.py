"""From records to numbers: accuracy with an interval, rewards, pass@k, and by kind and difficulty.

A sample is correct when its score is full marks (1.0). A sample without a score (``None``: the
reference is unusable, or the scorer raised) says nothing about the model, so it is in no
denominator. It is counted, shown, and bounded: ``accuracy_bounds`` is the accuracy with all such
samples wrong, and with all of them right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from mrlm.evaluation.uncertainty import Interval, bootstrap_interval, pass_at_k, wilson_interval
from mrlm.sampling.rollout import Record

_USUAL_KS = (10, 100)  # what HumanEval's paper reports beside pass@1


@dataclass(frozen=True)
class Group:
    """Accuracy of the rows of one kind or one difficulty; ``None`` where nothing was scored."""

    num_rows: int
    num_unscored: int
    accuracy: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Summary:
    """The numbers of an evaluation; shares lie in [0, 1].

    Attributes:
        num_rows: Rows evaluated.
        num_samples: Samples drawn, ``num_rows * num_generations``.
        num_unscored: Samples without a score; they are in no denominator of accuracy or score.
        accuracy: Mean over rows of the share of scored samples that are correct.
        interval: Of the accuracy: Wilson for one sample per row, else a bootstrap over rows.
        accuracy_bounds: Accuracy if every unscored sample were wrong, and if every one were right.
        mean_score: Mean score of the scored samples, partial marks included.
        mean_reward: Mean of the samples' summed training rewards.
        rewards: Mean by reward function, over the samples where it applies.
        pass_at_k: Keys are 1, 2, 4, ... and 10, 100 up to the samples per row, over the rows with
            at least k scored samples; empty for one sample per row.
        truncated_share: Samples cut at ``max_new_tokens``.
        unparsed_share: Samples in which no answer was found.
        mean_tokens: Mean length of a completion.
        by_kind: Groups by the rows' ``kind``.
        by_difficulty: Groups by the rows' ``difficulty``.
        errors: What scorers raised, most frequent first, with how often.
    """

    num_rows: int
    num_samples: int
    num_unscored: int
    accuracy: float | None
    interval: Interval | None
    accuracy_bounds: tuple[float, float]
    mean_score: float | None
    mean_reward: float | None
    rewards: dict[str, float | None]
    pass_at_k: dict[int, float]
    truncated_share: float
    unparsed_share: float
    mean_tokens: float
    by_kind: dict[str, Group]
    by_difficulty: dict[str, Group]
    errors: dict[str, int]


def summarize(records: Sequence[Record]) -> Summary:
    """Sum up the records of an evaluation; the same records give the same numbers.

    Raises:
        ValueError: There are no records, or two have the same ``id`` and ``sample``.
    """
    _check_distinct(records)
    whole = group(records)
    names = sorted({name for record in records for name in record.rewards})
    return Summary(
        num_rows=whole.num_rows,
        num_samples=len(records),
        num_unscored=whole.num_unscored,
        accuracy=whole.accuracy,
        interval=whole.interval,
        accuracy_bounds=(
            fmean(row_accuracies(records, unscored_as=0.0).values()),
            fmean(row_accuracies(records, unscored_as=1.0).values()),
        ),
        mean_score=_mean(record.score for record in records),
        mean_reward=_mean(record.reward for record in records),
        rewards={name: _mean(record.rewards.get(name) for record in records) for name in names},
        pass_at_k=_pass_at_ks(records),
        truncated_share=fmean(record.truncated for record in records),
        unparsed_share=fmean(record.answer is None for record in records),
        mean_tokens=fmean(record.num_tokens for record in records),
        by_kind=_groups(records, lambda record: record.kind),
        by_difficulty=_groups(records, lambda record: record.difficulty),
        errors=dict(Counter(error for record in records for error in record.errors).most_common()),
    )


def row_accuracies(records: Iterable[Record], unscored_as: float | None = None) -> dict[str, float]:
    """By row id, the share of the row's samples that are correct.

    Unscored samples count as ``unscored_as``; where that is ``None`` they are left out, and rows
    that have no scored sample with them.
    """
    samples: dict[str, list[float]] = defaultdict(list)
    for record in records:
        value = unscored_as if record.correct is None else float(record.correct)
        if value is not None:
            samples[record.id].append(value)
    return {row: fmean(values) for row, values in samples.items()}


def group(records: Sequence[Record]) -> Group:
    """Accuracy of some records, at least one, with its interval."""
    rows = row_accuracies(records)
    num_rows = len({record.id for record in records})
    num_unscored = sum(record.correct is None for record in records)
    if not rows:
        return Group(num_rows, num_unscored, None, None)
    values = list(rows.values())
    if len(records) == num_rows:  # one sample per row: a proportion
        interval = wilson_interval(round(sum(values)), len(values))
    else:
        interval = bootstrap_interval(values, bounds=(0.0, 1.0), seed=0)
    return Group(num_rows, num_unscored, fmean(values), interval)


def _check_distinct(records: Sequence[Record]) -> None:
    if not records:
        raise ValueError("there are no records to sum up: evaluate at least one row")
    counts = Counter((record.id, record.sample) for record in records)
    (row, sample), count = counts.most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"sample {sample} of row {row!r} occurs {count} times: row ids must be distinct"
        )


def _groups(
    records: Iterable[Record], key: Callable[[Record], str | int | float]
) -> dict[str, Group]:
    groups: dict[str | int | float, list[Record]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    # Numbers in their order, then names in theirs.
    order = sorted(groups, key=lambda name: (isinstance(name, str), name))
    return {str(name): group(groups[name]) for name in order}


def _pass_at_ks(records: Iterable[Record]) -> dict[int, float]:
    rows: dict[str, list[bool]] = defaultdict(list)
    for record in records:
        if record.correct is not None:
            rows[record.id].append(record.correct)
    most = max((len(samples) for samples in rows.values()), default=0)
    return {
        k: fmean(
            pass_at_k(len(samples), sum(samples), k)
            for samples in rows.values()
            if len(samples) >= k
        )
        for k in sorted({*(2**power for power in range(most.bit_length())), *_USUAL_KS})
        if 1 < most >= k
    }


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present) if present else None
