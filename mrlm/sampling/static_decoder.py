"""Decode in buffers of fixed shapes, by steps that a CUDA graph can record.

Keys and values lie in buffers that never move (a static cache), new ones go to the slot that a
tensor names, tokens are drawn inside the step, and rows are counted in powers of two, so that few
graphs serve all batches: as gpt-fast (https://github.com/meta-pytorch/gpt-fast) and transformers'
``StaticCache`` do. That one keeps a window's slots by numbers in Python, which a record would
freeze; here every layer has all slots, and masks make the window.

Not covered: memory is kept between batches, and as much for a layer with a window as for another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from mrlm.sampling.batch import Prefill
from mrlm.sampling.cuda_graph import RecordedStep, Recorder
from mrlm.sampling.draw import sample_tokens
from mrlm.sampling.forward import Forward
from mrlm.sampling.kv_cache import close_gaps
from mrlm.sampling.masks import Masks

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["CHUNK", "StaticDecoder", "row_bucket"]

_logger = logging.getLogger(__name__)

CHUNK = 16  # steps between two looks at which rows have ended
_MIN_ROWS = 8
_SLOTS = 128  # buffers hold a multiple of so many
_MOST_TO_SPARE = 4  # times the slots that are needed: attention reads them all


def row_bucket(rows: int) -> int:
    """Rows that are decoded where so many are alive: a power of two."""
    return max(_MIN_ROWS, 1 << (rows - 1).bit_length())


class _StaticLayer(CacheLayerMixin):
    """Keys and values (B, heads, C, D) of one layer; new ones go to ``slot`` (1,)."""

    is_sliding = False

    def __init__(self, keys: Tensor, values: Tensor, slot: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys: Tensor = keys
        self.values: Tensor = values
        self._slot = slot
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """The buffers are there from the start."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        self.keys.index_copy_(2, self._slot, key_states)
        self.values.index_copy_(2, self._slot, value_states)
        return self.keys, self.values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.keys.shape[2], 0

    def get_seq_length(self) -> int:
        return 0  # positions are given, and the real one is no number in Python

    def get_max_length(self) -> int:
        return self.keys.shape[2]


@dataclass
class _Buffers:
    """The state of R rows with C slots; its first rows are such a state as well.

    Attributes:
        keys: Per layer (R, heads, C, D).
        values: Per layer (R, heads, C, E).
        visible: (R, 1, 1, C): the slots that hold a token, and those that will.
        tokens: (R, 1), to be read next.
        positions: (R, 1), theirs.
        alive: (R,), whether a row has not ended.
        noise: (R, K), a uniform number for each step of a chunk.
        written: (R, K), the tokens drawn.
        logprobs: (R, K), theirs.
        hidden: (R, K, H), the last hidden state before each.
        ends: (V,), whether a token ends a row.
        slot: (1,), where the next keys go.
        column: (1,), the step of the chunk.
    """

    keys: list[Tensor]
    values: list[Tensor]
    visible: Tensor
    tokens: Tensor
    positions: Tensor
    alive: Tensor
    noise: Tensor
    written: Tensor
    logprobs: Tensor
    hidden: Tensor
    ends: Tensor
    slot: Tensor
    column: Tensor

    @classmethod
    def like(cls, filled: Prefill, rows: int, slots: int) -> _Buffers:
        """For the model that left this."""

        def cache(x: Tensor) -> Tensor:
            return x.new_zeros(rows, x.shape[1], slots, x.shape[3])

        def make(*shape: int, dtype: torch.dtype) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=filled.hidden.device)

        return cls(
            keys=[cache(layer.keys) for layer in filled.layers],
            values=[cache(layer.values) for layer in filled.layers],
            visible=make(rows, 1, 1, slots, dtype=torch.bool),
            tokens=make(rows, 1, dtype=torch.long),
            positions=make(rows, 1, dtype=torch.long),
            alive=make(rows, dtype=torch.bool),
            noise=make(rows, CHUNK, dtype=torch.float32),
            written=make(rows, CHUNK, dtype=torch.long),
            logprobs=make(rows, CHUNK, dtype=torch.float32),
            hidden=make(rows, CHUNK, filled.hidden.shape[-1], dtype=filled.hidden.dtype),
            ends=make(filled.logits.shape[-1], dtype=torch.bool),
            slot=make(1, dtype=torch.long),
            column=make(1, dtype=torch.long),
        )

    def first(self, rows: int) -> _Buffers:
        """The first rows, in the same memory."""
        named = ("visible", "tokens", "positions", "alive", "noise", "written", "logprobs")
        return replace(
            self,
            keys=[x[:rows] for x in self.keys],
            values=[x[:rows] for x in self.values],
            hidden=self.hidden[:rows],
            **{name: getattr(self, name)[:rows] for name in named},
        )

    def move_rows(self, gaps: Tensor, movers: Tensor, count: int) -> None:
        """Rows ``movers`` take the places ``gaps``; the first ``count`` are alive."""
        for x in (*self.keys, *self.values, self.visible, self.tokens, self.positions):
            x[gaps] = x[movers]
        self.alive[:count] = True
        self.alive[count:] = False


class StaticDecoder:
    """Decodes batch after batch in the same buffers.

    Args:
        model: Its weights may change, their places in memory may not.
        recorder: Records steps; ``None``: each runs as it is.

    Attributes:
        failure: Why steps could not be recorded, since when they run as they are.
        rows: Decoded side by side: those alive, those that ended, and some to spare.
    """

    def __init__(self, model: PreTrainedModel, recorder: Recorder | None = None) -> None:
        self.recorder = recorder
        self.failure: str | None = None
        self.rows = 0
        self._forward, self._masks = Forward(model), Masks(model)
        self._buffers: _Buffers | None = None
        self._steps: dict[tuple[int, float, float], RecordedStep] = {}

    def load(
        self, filled: Prefill, repeat: Tensor, tokens: Tensor, positions: Tensor, ends: set[int]
    ) -> None:
        """Begin with a batch of P prompts that were read.

        Args:
            filled: What their prefill left.
            repeat: (B,), for each row its prompt.
            tokens: (B,), each row's first.
            positions: (B,), theirs.
            ends: Tokens that end a row.
        """
        rows, slots, width = len(repeat), filled.visible.shape[-1], filled.layers[0].length
        self.rows = row_bucket(rows)
        buffers = self._fitting(filled, slots)
        for layer, keys, values in zip(filled.layers, buffers.keys, buffers.values, strict=True):
            for buffer, read in ((keys, layer.keys), (values, layer.values)):
                # Zeros, because a weight of zero does not hide a NaN.
                buffer[: self.rows].zero_()
                buffer[:rows, :, :width] = read[repeat, :, :width]
        for buffer in (buffers.visible, buffers.tokens, buffers.positions, buffers.ends):
            buffer.zero_()
        buffers.visible[:rows, ..., :slots] = filled.visible[repeat]
        buffers.tokens[:rows, 0], buffers.positions[:rows, 0] = tokens, positions
        buffers.ends[[token for token in ends if token < len(buffers.ends)]] = True
        buffers.alive.zero_()
        buffers.alive[:rows] = ~buffers.ends[tokens]
        buffers.slot.fill_(width)

    def decode(
        self, noise: Tensor, temperature: float, top_p: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Go on by as many tokens as ``noise`` (B, k) has columns, ``CHUNK`` at most.

        Returns:
            Tokens (B, k), log-probabilities (B, k) and hidden states before them (B, k, H). What
            stands after a row's end means nothing.
        """
        assert self._buffers is not None
        rows, steps = noise.shape
        buffers = self._buffers.first(self.rows)
        buffers.noise[:rows, :steps] = noise
        buffers.column.zero_()
        key = (self.rows, temperature, top_p)
        if key not in self._steps:
            step = _step(buffers, self._forward, self._masks, temperature, top_p)
            self._steps[key] = RecordedStep(step, self.recorder)
        run = self._steps[key]
        for _ in range(steps):
            run()
        if run.failure is not None and self.failure is None:
            self.recorder, self.failure = None, run.failure
            _logger.warning(
                "Tokens are decoded without a CUDA graph, several times slower: %s", self.failure
            )
        part = (slice(rows), slice(steps))
        return buffers.written[part], buffers.logprobs[part], buffers.hidden[part]

    def drop(self, alive: Tensor) -> Tensor:
        """Go on with the rows that are alive (B,); gives where each was before."""
        assert self._buffers is not None
        order = close_gaps(alive, [self._buffers])
        self.rows = row_bucket(len(order))
        return order

    def keep(self, row: int, stop: int) -> list[tuple[Tensor, Tensor]]:
        """Copies of a row's keys and values before a slot, by layer."""
        assert self._buffers is not None
        slots = self._buffers.visible[row, 0, 0, :stop].nonzero()[:, 0]
        return [
            (keys[row].index_select(1, slots), values[row].index_select(1, slots))
            for keys, values in zip(self._buffers.keys, self._buffers.values, strict=True)
        ]

    def _fitting(self, filled: Prefill, slots: int) -> _Buffers:
        """Buffers for ``self.rows`` rows: the present ones where they serve, else new ones."""
        rows, old = self.rows, self._buffers
        if old is not None:
            most_rows, most_slots = len(old.alive), old.visible.shape[-1]
            if rows <= most_rows and slots <= most_slots <= max(_SLOTS, _MOST_TO_SPARE * slots):
                return old
            rows = max(rows, most_rows)
        old = self._buffers = None  # its memory, before there is more
        self._steps.clear()
        slots = -(-slots // _SLOTS) * _SLOTS
        self._buffers = _Buffers.like(filled, rows, slots)
        return self._buffers


def _step(
    buffers: _Buffers, forward: Forward, masks: Masks, temperature: float, top_p: float
) -> Callable[[], None]:
    """One token more of every row, without a look at any value.

    All that a second run would not repeat comes last, so a run that raised may be run again.
    """
    layers = zip(buffers.keys, buffers.values, strict=True)
    cache = Cache(layers=[_StaticLayer(keys, values, buffers.slot) for keys, values in layers])

    def step() -> None:
        column = buffers.column
        mask = masks.of_slots(buffers.visible, buffers.slot, buffers.positions)
        logits, hidden = forward(buffers.tokens, mask, buffers.positions, cache)
        uniform = buffers.noise.index_select(1, column)[:, 0]
        tokens, logprobs = sample_tokens(logits, uniform, temperature, top_p)
        buffers.written.index_copy_(1, column, tokens[:, None])
        buffers.logprobs.index_copy_(1, column, logprobs[:, None])
        buffers.hidden.index_copy_(1, column, hidden[:, None])
        buffers.alive.logical_and_(~buffers.ends[tokens])
        buffers.tokens.copy_(tokens[:, None])
        # A row that has ended stays at its last position: the next may be past the model's last.
        buffers.positions.add_(buffers.alive[:, None])
        buffers.slot.add_(1)
        column.add_(1)

    return step
