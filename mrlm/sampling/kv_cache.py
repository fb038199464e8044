"""Keys and values of tokens that were read, in buffers that a CPU computes with as they are.

transformers' own caches are copied as a whole at each token and each time that a row ends.
Here a buffer is copied once in 32 tokens, and of rows that end only as many as take their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import CacheLayerMixin

__all__ = ["CachedPrefix", "GrowingLayer", "close_gaps", "padded_capacity", "visible_mask"]

# Keys and values (heads, L, D) of one row, by layer.
CachedPrefix = list[tuple[Tensor, Tensor]]


class GrowingLayer(CacheLayerMixin):
    """Keys and values of one layer in dense buffers with spare capacity, rows dropped in place.

    A batched product on a CPU first copies what it is given unless that is dense, so attention gets
    the whole buffers: the caller's mask must hide the slots from ``length`` on.
    """

    is_sliding = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.length = 0
        self.keys: Tensor
        self.values: Tensor

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys = key_states.new_empty(*key_states.shape[:2], 0, key_states.shape[-1])
        self.values = value_states.new_empty(*value_states.shape[:2], 0, value_states.shape[-1])
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.length = self.length, self.length + key_states.shape[2]
        if self.length > self.keys.shape[2]:
            self.keys = _with_capacity(self.keys[:, :, :start], self.length)
            self.values = _with_capacity(self.values[:, :, :start], self.length)
        self.keys[:, :, start : self.length] = key_states
        self.values[:, :, start : self.length] = value_states
        return self.keys, self.values

    def repeat_rows(self, rows: Tensor) -> None:
        """One row for each index in ``rows``."""
        self.keys, self.values = self.keys[rows], self.values[rows]

    def move_rows(self, gaps: Tensor, movers: Tensor, count: int) -> None:
        """Keep ``count`` rows, after the rows ``movers`` have taken the places ``gaps``."""
        for buffer in (self.keys, self.values):
            buffer[gaps, :, : self.length] = buffer[movers, :, : self.length]
        self.keys, self.values = self.keys[:count], self.values[:count]

    def keep(self, row: int, slots: Tensor) -> tuple[Tensor, Tensor]:
        """A copy of what one row has in these slots."""
        return self.keys[row].index_select(1, slots), self.values[row].index_select(1, slots)

    @classmethod
    def of(cls, rows: Sequence[tuple[Tensor, Tensor]], length: int, capacity: int) -> GrowingLayer:
        """A layer whose rows end at ``length``, with padding before them and capacity behind."""
        layer = cls()
        # Zeros, because a weight of zero does not hide a NaN.
        layer.keys, layer.values = (
            first.new_zeros(len(rows), first.shape[0], padded_capacity(capacity), first.shape[2])
            for first in rows[0]
        )
        for i, (keys, values) in enumerate(rows):
            layer.keys[i, :, length - keys.shape[1] : length] = keys
            layer.values[i, :, length - keys.shape[1] : length] = values
        layer.length, layer.is_initialized = length, True
        return layer

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return padded_capacity(self.length + query_length), 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1


def padded_capacity(length: int) -> int:
    """Slots in a buffer that holds ``length`` tokens: it is copied once in 32 tokens."""
    return -(-length // 32) * 32


def _with_capacity(filled: Tensor, length: int) -> Tensor:
    """A buffer for ``length`` tokens that begins with ``filled`` (B, heads, L, D)."""
    rows, heads, start, depth = filled.shape
    # Zeros, because a weight of zero does not hide a NaN.
    buffer = filled.new_zeros(rows, heads, padded_capacity(length), depth)
    buffer[:, :, :start] = filled
    return buffer


class _MovesRows(Protocol):
    def move_rows(self, gaps: Tensor, movers: Tensor, count: int) -> None: ...


def close_gaps(alive: Tensor, layers: Sequence[_MovesRows]) -> Tensor:
    """Drop finished rows from the cache; the last rows take their places, so that few are copied.

    Args:
        alive: (B,), whether a row goes on.
        layers: Of the cache.

    Returns:
        Where each row of the cache was before.
    """
    count = int(alive.sum())
    gaps = (~alive[:count]).nonzero()[:, 0]
    movers = alive[count:].nonzero()[:, 0] + count
    for layer in layers:
        layer.move_rows(gaps, movers, count)
    order = torch.arange(count, device=alive.device)
    order[gaps] = movers
    return order


def visible_mask(
    visible: Tensor, own: Tensor, positions: Tensor | None = None, window: int = 0
) -> Tensor:
    """(B, 1, Q, slots): what the tokens in Q slots see, each up to itself.

    Args:
        visible: (B, 1, 1, slots): the ones that may be seen at all.
        own: (Q,), these tokens' slots.
        positions: (B or 1, Q) or (Q,), of these tokens in their rows.
        window: So many tokens are seen, the own one among them; 0 is all. Tokens, not slots:
            there may be padding between them.
    """
    slot = torch.arange(visible.shape[-1], device=visible.device)
    seen = visible & (slot <= own[:, None])
    if positions is not None and window:
        of_slot = visible.cumsum(-1) - 1
        oldest = positions.view(-1, 1, len(own), 1) - window
        seen = seen & (of_slot > oldest)
    # A padding row sees itself: a row that sees nothing would be NaN.
    return seen | (slot == own[:, None])
