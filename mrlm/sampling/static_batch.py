"""One batch of prompts, decoded by a ``StaticDecoder``: chunk by chunk rather than token by token.

Prefill, draws and results are those of ``Batch``. Rows that end are dropped after a chunk, where
half of them have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from mrlm.sampling.batch import Batch
from mrlm.sampling.draw import sample_tokens
from mrlm.sampling.static_decoder import CHUNK, StaticDecoder, row_bucket

__all__ = ["StaticBatch"]

# A position: its index, the rows that are active, their tokens, log-probs and values.
_Position = tuple[int, list[int], list[int], list[float], list[float] | None]


class StaticBatch(Batch):
    """``Batch``, decoded in buffers of fixed shapes.

    Args:
        decoder: Holds the buffers; of one batch at a time.
        *args: As for ``Batch``.
    """

    def __init__(self, decoder: StaticDecoder, *args: Any) -> None:
        super().__init__(*args)
        self._decoder = decoder

    def run(
        self,
        uniform: Tensor,
        temperature: float,
        top_p: float,
        value_head: Callable[[Tensor], Tensor] | None,
        eos_token_ids: set[int],
    ) -> Iterator[_Position]:
        device, steps = uniform.device, uniform.shape[1]
        tokens, logprobs, hidden, width = self._start(uniform, temperature, top_p, eos_token_ids)
        active = list(range(len(tokens)))
        alive, done = [True] * len(active), 0
        while True:
            values = None
            if value_head is not None:
                values = value_head(hidden.flatten(0, 1)).view(tokens.shape).tolist()
            columns = (tokens.tolist(), logprobs.tolist(), values)
            yield from self._unroll(done, active, alive, columns, eos_token_ids, width)
            done += tokens.shape[1]
            if done == steps or not any(alive):
                return
            if row_bucket(sum(alive)) < self._decoder.rows:
                order = self._decoder.drop(torch.tensor(alive, device=device)).tolist()
                active, alive = [active[place] for place in order], [True] * len(order)
            noise = uniform[active, done : min(done + CHUNK, steps)]
            tokens, logprobs, hidden = self._decoder.decode(noise, temperature, top_p)

    def _start(
        self, uniform: Tensor, temperature: float, top_p: float, ends: set[int]
    ) -> tuple[Tensor, Tensor, Tensor, int]:
        """First tokens (B, 1), log-probs (B, 1), hidden states (B, 1, H); slots of the prompts."""
        device = uniform.device
        filled = self._prefill(device, uniform.shape[1])
        repeat = torch.arange(len(self.prompts), device=device).repeat_interleave(self.repeats)
        lengths = torch.tensor([len(p) for p in self.prompts], device=device)[repeat]
        tokens, logprobs = sample_tokens(filled.logits[repeat], uniform[:, 0], temperature, top_p)
        self._decoder.load(filled, repeat, tokens, lengths, ends)
        width = filled.layers[0].length
        return tokens[:, None], logprobs[:, None], filled.hidden[repeat][:, None], width

    def _unroll(
        self,
        done: int,
        active: list[int],
        alive: list[bool],
        columns: tuple[list[list[int]], list[list[float]], list[list[float]] | None],
        ends: set[int],
        width: int,
    ) -> Iterator[_Position]:
        """A chunk's positions one by one; ``alive`` loses the rows that end."""
        tokens, logprobs, values = columns
        for column in range(len(tokens[0])):
            places = [place for place, is_alive in enumerate(alive) if is_alive]
            if not places:
                return
            yield (
                done + column,
                [active[place] for place in places],
                [tokens[place][column] for place in places],
                [logprobs[place][column] for place in places],
                None if values is None else [values[place][column] for place in places],
            )
            for place in places:
                if tokens[place][column] in ends:
                    alive[place] = False
                    if self.keep:
                        stop = width + done + column
                        self.ended[active[place]] = self._decoder.keep(place, stop)
