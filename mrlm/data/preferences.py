"""Preference pairs from scored samples: what DPO and reward models train on, for any task.

Within a row the best sample is paired with the worst, the second best with the second worst, and so
on. A pair needs two different texts and a margin; a row whose samples are all worth the same says
nothing and is counted as a tie. Samples without a score are left out.

Two episodes with tools are paired where they part: the prompt goes on to the first turn in which
the assistant says something else, and the two turns are the pair. So nothing that a tool said is
preferred or rejected.

Sampling is ``mrlm.sampling.rollout``'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean
from typing import Any

from mrlm.data.demonstrations import row_schemas
from mrlm.sampling.episodes import transcript
from mrlm.sampling.rollout import Record
from mrlm.task import Task

__all__ = ["PreferenceStatistics", "preference_pairs", "with_worked_solutions"]


@dataclass(frozen=True)
class PreferenceStatistics:
    """What became of the samples.

    Attributes:
        num_rows: Rows sampled.
        num_samples: Samples drawn.
        num_unscored: Samples without a score.
        num_pairs: Pairs made.
        num_tied_rows: Rows whose scored samples are all worth the same.
        num_narrow_rows: Other rows without a pair: the margin was too small.
        mean_score: Of all scored samples; ``None`` where there are none.
        mean_chosen: Of the pairs; ``None`` where there are none, and likewise below.
        mean_rejected: Of the pairs.
        mean_margin: Of the pairs.
    """

    num_rows: int
    num_samples: int
    num_unscored: int
    num_pairs: int
    num_tied_rows: int
    num_narrow_rows: int
    mean_score: float | None
    mean_chosen: float | None
    mean_rejected: float | None
    mean_margin: float | None


def preference_pairs(
    records: Iterable[Record],
    *,
    min_margin: float = 0.0,
    pairs_per_row: int = 1,
    task: Task | None = None,
) -> tuple[list[dict[str, Any]], PreferenceStatistics]:
    """Pair the samples of each row.

    Args:
        records: As ``mrlm.sampling.rollout.rollout`` gives them, those of one row adjacent.
        min_margin: Difference of the scores that a pair must exceed; at 0 any difference will do.
        pairs_per_row: At most so many pairs of one row.
        task: What was sampled; needed where its episodes have tools.

    Returns:
        Pairs with the columns ``id``, ``prompt``, ``chosen``, ``rejected`` (conversations, as TRL
        takes them), ``chosen_score``, ``rejected_score`` and ``margin``, of episodes also
        ``tools``; and the statistics.

    Raises:
        ValueError: ``min_margin`` is negative, or ``pairs_per_row`` is below 1.
    """
    if min_margin < 0 or pairs_per_row < 1:
        raise ValueError(
            f"min_margin is {min_margin!r} and pairs_per_row {pairs_per_row!r}; they must be at "
            "least 0 and 1."
        )
    rows = [list(group) for _, group in groupby(records, key=lambda record: record.id)]
    pairs: list[dict[str, Any]] = []
    scores: list[float] = []
    num_samples = num_tied = num_narrow = 0
    for row in rows:
        scored = [(record.score, record) for record in row if record.score is not None]
        ranked = sorted(scored, key=lambda item: -item[0])  # stable: ties in the order sampled
        candidates = [
            _pair(best, worst, task)
            for best, worst in zip(ranked[: len(ranked) // 2], ranked[::-1], strict=False)
            if best[0] - worst[0] > min_margin
        ]
        made = [pair for pair in candidates if pair is not None][:pairs_per_row]
        pairs += made
        scores += [score for score, _ in scored]
        num_samples += len(row)
        tied = not ranked or ranked[0][0] == ranked[-1][0]
        num_tied += tied
        num_narrow += not (tied or made)
    return pairs, PreferenceStatistics(
        num_rows=len(rows),
        num_samples=num_samples,
        num_unscored=num_samples - len(scores),
        num_pairs=len(pairs),
        num_tied_rows=num_tied,
        num_narrow_rows=num_narrow,
        mean_score=_mean(scores),
        mean_chosen=_mean([pair["chosen_score"] for pair in pairs]),
        mean_rejected=_mean([pair["rejected_score"] for pair in pairs]),
        mean_margin=_mean([pair["margin"] for pair in pairs]),
    )


def with_worked_solutions(
    records: Iterable[Record], rows: Iterable[Mapping[str, Any]]
) -> Iterator[Record]:
    """The records, and the worked solution, if any, of each row none of whose samples is right.

    Args:
        records: As ``mrlm.sampling.rollout.rollout`` gives them.
        rows: The rows that were sampled, with the column ``solution`` where there is one.
    """
    samples = {row_id: list(group) for row_id, group in groupby(records, key=lambda r: r.id)}
    for row in rows:
        yield from samples[row["id"]]
        solution = row.get("solution")
        if not solution or any(record.correct for record in samples[row["id"]]):
            continue
        is_text = isinstance(solution, str)
        yield replace(
            samples[row["id"]][0],
            sample=-1,
            completion=solution if is_text else transcript(solution),
            messages=[] if is_text else list(solution),
            score=1.0,
        )


def _pair(
    best: tuple[float, Record], worst: tuple[float, Record], task: Task | None
) -> dict[str, Any] | None:
    """The columns of a pair; ``None`` where the assistant never said two different things."""
    one, other = _messages(best[1]), _messages(worst[1])
    turns = enumerate(zip(one, other, strict=False))
    place = next((i for i, (mine, theirs) in turns if _said(mine) != _said(theirs)), None)
    if place is None or one[place]["role"] != "assistant":
        return None
    pair: dict[str, Any] = {
        "id": best[1].id,
        "prompt": [*best[1].prompt, *one[:place]],
        "chosen": [one[place]],
        "rejected": [other[place]],
        "chosen_score": best[0],
        "rejected_score": worst[0],
        "margin": best[0] - worst[0],
    }
    tools = task and row_schemas(task, best[1].reference)
    return pair | {"tools": tools} if tools else pair


def _messages(record: Record) -> list[dict[str, Any]]:
    return record.messages or [{"role": "assistant", "content": record.completion}]


def _said(message: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a message says, without the ids that tell calls apart."""
    calls = [call["function"] for call in message.get("tool_calls") or []]
    return message["role"], message.get("content") or "", calls


def _mean(values: list[float]) -> float | None:
    return fmean(values) if values else None
