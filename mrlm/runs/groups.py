"""Runs that differ in nothing but their seed, and what each of their stages changed.

Each stage is compared with the stage before it, row by row, so that what imitation gained is not
counted for the algorithm after it. With several seeds a row counts with its mean over them: the
interval and the test then speak of other rows, not of other seeds, which ``Change.by_seed`` shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from mrlm.evaluation.uncertainty import (
    Interval,
    bootstrap_interval,
    mcnemar_p_value,
    permutation_p_value,
)
from mrlm.runs.result import STAGES, RunResult

__all__ = ["Change", "RunGroup", "Stage", "group_runs"]


@dataclass(frozen=True)
class Change:
    """What a stage changed against the one before it.

    Attributes:
        num_rows: Rows with a score in both, of one seed at least; the fields below are about them.
        difference: Mean change.
        interval: Of the difference: bootstrap over rows.
        p_value: Exact McNemar for one seed and answers that are right or wrong, else a sign-flip
            permutation test on the rows.
        by_seed: Mean change of each seed; ``None`` where no row has a score in both.
    """

    num_rows: int
    difference: float
    interval: Interval
    p_value: float
    by_seed: list[float | None]


@dataclass(frozen=True)
class Stage:
    """The model at one stage; means over rows and seeds.

    Attributes:
        name: Of ``STAGES``.
        num_rows: Held-out rows.
        num_unscored: Scores that are missing, of all seeds.
        accuracy: Share of the rows with full marks; ``None`` where no row has a score.
        mean_score: Likewise, partial marks included.
        change: Of the accuracy; ``None`` for the first stage, and where nothing can be compared.
        score_change: Of the mean score, likewise.
    """

    name: str
    num_rows: int
    num_unscored: int
    accuracy: float | None
    mean_score: float | None
    change: Change | None
    score_change: Change | None


class RunGroup:
    """Runs that differ in nothing but their seed.

    Attributes:
        first: The run of the lowest seed; the others have the same algorithm, task and settings.
        seeds: Of the runs.
        minutes: Mean wall time of a run.
        number: Tells groups apart whose name would be the same, from 1.
    """

    def __init__(self, runs: Sequence[RunResult], number: int = 1) -> None:
        self.runs, self.first, self.number = runs, runs[0], number
        self.seeds = [run.seed for run in runs]
        self.minutes = fmean(run.minutes for run in runs)

    @property
    def name(self) -> str:
        """For people, for instance ``"PPO, LoRA, 56 steps"``."""
        parts = [self.first.algorithm]
        parts += ["LoRA"] if self.first.settings.get("use_peft") else []
        parts += [] if self.first.steps is None else [f"{self.first.steps} steps"]
        return ", ".join(parts) + (f" ({self.number})" if self.number > 1 else "")

    @property
    def is_graded(self) -> bool:
        """Whether answers can be partly right."""
        every = (s for run in self.runs for scores in run.scores.values() for s in scores)
        return any(score not in (0.0, 1.0, None) for score in every)

    @cached_property
    def stages(self) -> list[Stage]:
        """In the order in which they were measured."""
        names = [name for name in STAGES if name in self.first.scores]
        return [
            self._stage(name, names[place - 1] if place else None)
            for place, name in enumerate(names)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        first = self.first
        return {
            "algorithm": first.algorithm,
            "task": first.task,
            "model": first.model,
            "steps": first.steps,
            "settings": first.settings,
            "seeds": self.seeds,
            "minutes": self.minutes,
            "commands": [run.command for run in self.runs],
            "stages": [asdict(stage) for stage in self.stages],
        }

    def _stage(self, name: str, before: str | None) -> Stage:
        now = [run.scores[name] for run in self.runs]
        scored = [score for scores in now for score in scores if score is not None]
        change = score_change = None
        if before is not None:
            was = [run.scores[before] for run in self.runs]
            change, score_change = _change(was, now, _full_marks), _change(was, now, float)
        return Stage(
            name=name,
            num_rows=len(now[0]),
            num_unscored=sum(map(len, now)) - len(scored),
            accuracy=fmean(map(_full_marks, scored)) if scored else None,
            mean_score=fmean(scored) if scored else None,
            change=change,
            score_change=score_change,
        )


def group_runs(runs: Iterable[RunResult]) -> list[RunGroup]:
    """Runs with their repetitions, in an order that does not depend on that of the runs."""
    repetitions: dict[str, list[RunResult]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        repetitions.setdefault(run.repetition, []).append(run)
    names: Counter[tuple[str, str, str]] = Counter()
    groups = []
    for repetition in sorted(repetitions):
        group = RunGroup(repetitions[repetition])
        name = (group.first.model, group.first.task, group.name)
        names[name] += 1
        groups.append(RunGroup(group.runs, names[name]))
    return groups


def _full_marks(score: float) -> float:
    return float(score >= 1.0)


def _change(
    was: Sequence[Sequence[float | None]],
    now: Sequence[Sequence[float | None]],
    value: Callable[[float], float],
) -> Change | None:
    """Of scores by seed and row; ``None`` where no row has a score on both sides."""
    changes = [
        [
            None if old is None or new is None else value(new) - value(old)
            for old, new in zip(olds, news, strict=True)
        ]
        for olds, news in zip(was, now, strict=True)
    ]  # (seeds, rows)
    means = [_mean(row) for row in zip(*changes, strict=True)]
    rows = [mean for mean in means if mean is not None]
    if not rows:
        return None
    if len(now) == 1 and set(rows) <= {-1.0, 0.0, 1.0}:
        p_value = mcnemar_p_value(rows.count(1.0), rows.count(-1.0))
    else:
        p_value = permutation_p_value(rows, seed=0)
    return Change(
        num_rows=len(rows),
        difference=fmean(rows),
        interval=bootstrap_interval(rows, bounds=(-1.0, 1.0), seed=0),
        p_value=p_value,
        by_seed=[_mean(seed) for seed in changes],
    )


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present) if present else None
