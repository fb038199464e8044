"""Train and test separated by content, and one independent stream of choices per row.

A generated problem belongs to ``train`` or ``test`` because of what it *is*, not because of the
seed that produced it: its content key is hashed into a bucket, and a generator redraws until the
key falls into the split that was asked for. So no pair of seeds can put one problem on both sides.
A content key should name what makes two problems the same problem (the situation and its numbers)
and leave out what does not (names, format, filler).

Rows draw from streams derived by hashing ``(seed, split, index)``. Row ``i`` therefore does not
depend on the size of the dataset, and neighbouring seeds share nothing beyond chance, which
``seed + i`` would not give. Digests instead of ``random.Random``: the same on every Python version,
and cheaper to set up than a Mersenne Twister.

Does not cover: near duplicates between different keys; data that was not generated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

__all__ = ["SPLITS", "TEST_SHARE", "RowStream", "check_request", "split_of"]

SPLITS = ("train", "test")
# Large for a test share, because the space of easy problems is small: the test side must offer
# enough distinct ones too. It also bounds the redraws per test row (5 on average).
TEST_SHARE = 0.2

_TEST_BUCKETS = int(TEST_SHARE * 2**64)
_STREAM_BITS = 512
_T = TypeVar("_T")


def split_of(content: str) -> str:
    """The split that a content key belongs to, on every machine and for every seed."""
    bucket = int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "big")
    return "test" if bucket < _TEST_BUCKETS else "train"


def check_request(size: int, seed: int, split: str) -> None:
    """Check the three arguments that every ``build_dataset`` takes.

    Raises:
        ValueError: ``size`` is not an integer >= 0, ``seed`` is not an integer, or ``split`` is
            not one of ``SPLITS``.
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"size is {size!r}; it must be an integer >= 0, the number of rows.")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ValueError(f"seed is {seed!r}; it must be an integer.")
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; choose one of {', '.join(SPLITS)}.")


class RowStream:
    """The choices that make one row, drawn from a hash of ``(seed, split, index)``."""

    __slots__ = ("_bits", "_block", "_key", "_room")

    def __init__(self, seed: int, split: str, index: int) -> None:
        self._key = f"{seed}/{split}/{index}/"
        self._bits = int.from_bytes(blake2b(f"{self._key}0".encode()).digest(), "big")
        self._room = _STREAM_BITS
        self._block = 1

    def _refill(self) -> None:
        digest = blake2b(f"{self._key}{self._block}".encode()).digest()
        self._bits = int.from_bytes(digest, "big")
        self._room = _STREAM_BITS
        self._block += 1

    # The three ways to draw are written out: calls between them would be most of their cost, and
    # generators of rows draw some ten times a row.

    def below(self, bound: int) -> int:
        """An integer in ``[0, bound)``; the bias is under ``2**-64``."""
        width = bound.bit_length()
        if self._room < width + 64:
            self._refill()
        self._room -= width
        self._bits, value = divmod(self._bits, bound)
        return value

    def between(self, low: int, high: int) -> int:
        """An integer in ``[low, high]``, both ends included; the bias is under ``2**-64``."""
        bound = high - low + 1
        width = bound.bit_length()
        if self._room < width + 64:
            self._refill()
        self._room -= width
        self._bits, value = divmod(self._bits, bound)
        return low + value

    def pick(self, options: Sequence[_T]) -> _T:
        """One of ``options``."""
        bound = len(options)
        width = bound.bit_length()
        if self._room < width + 64:
            self._refill()
        self._room -= width
        self._bits, value = divmod(self._bits, bound)
        return options[value]
