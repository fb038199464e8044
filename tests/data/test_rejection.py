from __future__ import annotations

import pytest

from mrlm.data.rejection import best_samples
from mrlm.sampling.rollout import Record


def _records(row: str, *samples: tuple[float | None, str, bool]) -> list[Record]:
    return [
        Record(
            id=row,
            sample=i,
            kind="k",
            difficulty="easy",
            prompt=[],
            completion=text,
            answer=None,
            reference={},
            score=None,
            rewards={"r": reward},
            num_tokens=len(text),
            truncated=cut,
        )
        for i, (reward, text, cut) in enumerate(samples)
    ]


def test_best_and_shortest_first_cut_and_repeated_ones_never() -> None:
    records = [
        *_records(
            "a",
            (1.0, "long", False),
            (1.2, "best one", False),
            (1.0, "ok", False),
            (1.0, "ok", False),
            (1.0, "", True),
            (0.5, "x", False),
        ),
        *_records("b", (0.0, "no", False), (None, "who knows", False)),
    ]
    kept, statistics = best_samples(records, samples_per_row=5)
    assert [record.completion for record in kept] == ["best one", "ok", "long"]
    assert (statistics.num_rows, statistics.num_samples, statistics.num_unscored) == (2, 8, 1)
    assert (statistics.num_kept, statistics.num_rows_kept) == (3, 1)
    assert statistics.mean_kept == pytest.approx(3.2 / 3)
    assert statistics.mean_reward == pytest.approx(5.7 / 7)
    assert [r.completion for r in best_samples(records)[0]] == ["best one"]
    assert [r.completion for r in best_samples(records, min_reward=0.0)[0]] == ["best one", "no"]
    assert best_samples([])[1].mean_reward is None
    with pytest.raises(ValueError, match="samples_per_row"):
        best_samples([], samples_per_row=0)
