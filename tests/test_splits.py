from __future__ import annotations

from collections import Counter

import pytest

from mrlm.splits import TEST_SHARE, RowStream, check_request, split_of


def test_split_is_fixed_for_ever() -> None:
    # Changing the hash would move published test problems into train.
    assert [i for i in range(40) if split_of(f"content {i}") == "test"] == [
        8,
        15,
        16,
        27,
        30,
        36,
        38,
    ]


def test_test_share() -> None:
    counts = Counter(split_of(str(i)) for i in range(20_000))
    assert counts["test"] / 20_000 == pytest.approx(TEST_SHARE, abs=0.01)


def test_stream_is_uniform_and_independent_of_neighbours() -> None:
    counts = Counter(RowStream(0, "train", index).below(6) for index in range(12_000))
    assert all(abs(counts[value] - 2_000) < 200 for value in range(6))
    first = [RowStream(0, "train", index).below(1 << 40) for index in range(100)]
    shifted = [RowStream(1, "train", index).below(1 << 40) for index in range(100)]
    other_split = [RowStream(0, "test", index).below(1 << 40) for index in range(100)]
    assert len({*first, *shifted, *other_split}) == 300


def test_stream_outlasts_one_digest() -> None:
    stream = RowStream(7, "test", 0)
    values = [stream.below(1 << 30) for _ in range(200)]
    assert len(set(values)) == 200
    again = RowStream(7, "test", 0)
    assert values == [again.below(1 << 30) for _ in range(200)]


def test_between_includes_both_ends() -> None:
    stream = RowStream(0, "train", 0)
    assert {stream.between(-1, 1) for _ in range(100)} == {-1, 0, 1}


@pytest.mark.parametrize(
    ("size", "seed", "split", "message"),
    [
        (-1, 0, "train", "size is -1"),
        (True, 0, "train", "size is True"),
        (1.0, 0, "train", "size is 1.0"),
        (1, "0", "train", "seed is '0'"),
        (1, 0, "validation", "split is 'validation'; choose one of train, test"),
    ],
)
def test_wrong_requests(size: int, seed: int, split: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_request(size, seed, split)
