from __future__ import annotations

import pytest

from mrlm.data.preferences import preference_pairs, with_worked_solutions
from mrlm.sampling.rollout import Record


def _records(row: str, *scores: float | None, texts: str = "abcdefgh") -> list[Record]:
    return [
        Record(
            id=row,
            sample=i,
            kind="k",
            difficulty="easy",
            prompt=[{"role": "user", "content": row}],
            completion=texts[i],
            answer=None,
            reference={},
            score=score,
            rewards={},
            num_tokens=1,
            truncated=False,
        )
        for i, score in enumerate(scores)
    ]


def test_best_is_paired_with_worst() -> None:
    [pair], statistics = preference_pairs(_records("r", 0.4, 1.0, 0.0, 0.5))
    assert pair == {
        "id": "r",
        "prompt": [{"role": "user", "content": "r"}],
        "chosen": [{"role": "assistant", "content": "b"}],
        "rejected": [{"role": "assistant", "content": "c"}],
        "chosen_score": 1.0,
        "rejected_score": 0.0,
        "margin": 1.0,
    }
    assert statistics.mean_score == pytest.approx(0.475)
    assert (statistics.mean_chosen, statistics.mean_rejected) == (1.0, 0.0)


def test_several_pairs_use_each_sample_once() -> None:
    records = _records("r", 0.1, 0.9, 0.2, 0.8, 0.5)
    pairs, _ = preference_pairs(records, pairs_per_row=5)
    used = [pair[side][0]["content"] for pair in pairs for side in ("chosen", "rejected")]
    assert used == ["b", "a", "d", "c"]
    assert [pair["margin"] for pair in pairs] == pytest.approx([0.8, 0.6])
    assert len(preference_pairs(records, pairs_per_row=1)[0]) == 1


def test_ties_narrow_rows_and_unscored_samples() -> None:
    records = [
        *_records("tie", 0.5, 0.5),
        *_records("narrow", 0.5, 0.6),
        *_records("half", None, 1.0, 0.0),
        *_records("nothing", None, None),
        *_records("alone", 0.7),
        *_records("echo", 1.0, 0.0, texts="xx"),
    ]
    pairs, statistics = preference_pairs(records, min_margin=0.2)
    assert [pair["id"] for pair in pairs] == ["half"]
    assert (statistics.num_rows, statistics.num_samples, statistics.num_unscored) == (6, 12, 3)
    assert (statistics.num_pairs, statistics.num_tied_rows, statistics.num_narrow_rows) == (1, 3, 2)


def test_no_records_and_wrong_settings() -> None:
    pairs, statistics = preference_pairs([])
    assert pairs == [] and statistics.mean_margin is None and statistics.num_rows == 0
    with pytest.raises(ValueError, match="min_margin"):
        preference_pairs([], min_margin=-1)
    with pytest.raises(ValueError, match="pairs_per_row"):
        preference_pairs([], pairs_per_row=0)


def test_worked_solutions_join_only_where_no_sample_is_right_and_there_is_one() -> None:
    scores = {"failed": (0.0, 0.0), "partly": (0.0, 0.9), "right": (0.0, 1.0), "bare": (0.0,)}
    records = [record for row, earned in scores.items() for record in _records(row, *earned)]
    solutions: dict[str, str | list[str]] = dict.fromkeys(scores, "gold") | {"bare": []}
    rows = [{"id": row, "solution": solution} for row, solution in solutions.items()]
    added = [r for r in with_worked_solutions(records, rows) if r.sample == -1]
    assert [(record.id, record.completion, record.score) for record in added] == [
        ("failed", "gold", 1.0),
        ("partly", "gold", 1.0),
    ]
