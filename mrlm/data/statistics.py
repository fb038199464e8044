"""What a split holds, counted while its rows go by: kinds, difficulties, repeated prompts.

Prompts are compared by a 64-bit digest of their texts, eight bytes a row: a million rows need 8 MB,
and among them a false match has a chance of about 3 in a hundred million. Kind and difficulty are
counted together, since a rare pair is what one looks for.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

__all__ = ["PromptRepeats", "SplitStatistics", "in_order", "shared_prompts"]

_ORDER = {"easy": 0, "medium": 1, "hard": 2}


class SplitStatistics:
    """Counts of one split; ``count`` passes the rows on.

    Attributes:
        num_rows: Rows so far.
        counts: Rows by ``(kind, difficulty)``.
        dropped: Rows of the user's that did not fit, by what was expected.
        preview: The first rows, as many as were asked for.
        first: The very first.
    """

    def __init__(self, preview: int = 3) -> None:
        self.num_rows = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[str] = Counter()
        self.preview: list[Mapping[str, Any]] = []
        self.first: Mapping[str, Any] | None = None
        self._num_preview = preview
        self._digests = array("Q")

    def count(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Count rows that somebody else consumes."""
        for row in rows:
            self.first = self.first if self.num_rows else row
            self.num_rows += 1
            self.counts[row["kind"], row["difficulty"]] += 1
            self._digests.append(_digest(row["prompt"]))
            if len(self.preview) < self._num_preview:
                self.preview.append(row)
            yield row

    @property
    def digests(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """The different prompts, sorted, as digests."""
        return np.unique(np.frombuffer(self._digests, dtype=np.uint64))

    @property
    def num_repeated(self) -> int:
        """Rows whose prompt came before."""
        return self.num_rows - len(self.digests)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``statistics.json``."""
        kinds: Counter[str] = Counter()
        difficulties: Counter[str] = Counter()
        for (kind, difficulty), number in self.counts.items():
            kinds[kind] += number
            difficulties[difficulty] += number
        return {
            "num_rows": self.num_rows,
            "num_repeated_prompts": self.num_repeated,
            "kinds": dict(sorted(kinds.items())),
            "difficulties": {name: difficulties[name] for name in in_order(difficulties)},
            "kinds_and_difficulties": [
                {"kind": kind, "difficulty": difficulty, "num_rows": number}
                for (kind, difficulty), number in sorted(self.counts.items())
            ],
            "num_dropped": self.dropped.total(),
            "dropped": dict(self.dropped.most_common()),
        }


class PromptRepeats:
    """Prompts that stand more than once, with the same answer or another; 16 bytes a row."""

    def __init__(self) -> None:
        self._prompts, self._answers = array("Q"), array("Q")

    def add(self, prompt: list[dict[str, str]], answer: str) -> None:
        """Count a row; ``answer`` is everything that tells a right completion."""
        digest = _digest(prompt)
        self._prompts.append(digest)
        both = f"{digest}\x1e{answer}".encode(errors="replace")
        self._answers.append(int.from_bytes(blake2b(both, digest_size=8).digest(), "big"))

    @property
    def num_rows(self) -> int:
        """Rows so far."""
        return len(self._prompts)

    def counts(self) -> tuple[int, int]:
        """Rows whose prompt came before, and those of them with an answer that it did not have."""
        prompts, answers = (
            len(np.unique(np.frombuffer(found, dtype=np.uint64)))
            for found in (self._prompts, self._answers)
        )
        return len(self._prompts) - prompts, answers - prompts


def shared_prompts(first: SplitStatistics, second: SplitStatistics) -> int:
    """How many different prompts stand in both."""
    return len(np.intersect1d(first.digests, second.digests, assume_unique=True))


def in_order(difficulties: Iterable[str]) -> list[str]:
    """Each difficulty once, from easy to hard, then others by name."""
    return sorted(set(difficulties), key=lambda name: (_ORDER.get(name, len(_ORDER)), name))


def _digest(prompt: list[dict[str, str]]) -> int:
    texts = "\x1e".join(message["content"] for message in prompt)
    return int.from_bytes(blake2b(texts.encode(), digest_size=8).digest(), "big")
