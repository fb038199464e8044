"""Runs that differ in nothing but their seed, and what each of their stages changed.

Each stage is compared with the stage before it, row by row, so that what the SFT warm-up gained is
not counted for the algorithm after it. With several seeds a row counts with its mean over them: the
interval and the test then speak of other rows, not of other seeds, which ``Change.by_seed`` shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from mrlm.evaluation.comparison import paired_difference
from mrlm.evaluation.uncertainty import Interval
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
        """In the order in which they were evaluated."""
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
    paired = paired_difference(_by_row(was, value), _by_row(now, value), are_means=len(now) > 1)
    if paired is None:
        return None
    by_seed: list[list[float]] = [[] for _ in now]
    for (_, seed), (old, new) in paired.pairs.items():
        by_seed[seed].append(new - old)
    return Change(
        num_rows=len(paired.rows),
        difference=paired.difference,
        interval=paired.interval,
        p_value=paired.p_value,
        by_seed=[fmean(changes) if changes else None for changes in by_seed],
    )


def _by_row(
    scores: Sequence[Sequence[float | None]], value: Callable[[float], float]
) -> dict[tuple[Hashable, int], float | None]:
    """Row by row, the seeds of a row together."""
    return {
        (row, seed): None if score is None else value(score)
        for row, of_seeds in enumerate(zip(*scores, strict=True))
        for seed, score in enumerate(of_seeds)
    }
