"""One batch of prompts, from the prefill to the last token: what ``Generator`` repeats.

Prompts of like length come together; what they begin with, or what is cached of them, is computed
once, and finished rows are dropped in place. Not covered: weights and seeds (``generator.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from mrlm.sampling.draw import sample_tokens
from mrlm.sampling.forward import Forward
from mrlm.sampling.kv_cache import CachedPrefix, GrowingLayer, close_gaps, padded_capacity
from mrlm.sampling.masks import Masks
from mrlm.sampling.prefixes import shared_prefixes

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Batch", "Prefill"]


@dataclass
class Prefill:
    """What the prefill of B prompts leaves.

    Attributes:
        layers: Caches, in which all rows end at the same slot.
        visible: (B, 1, 1, slots): the slots that hold a token, and those that will.
        logits: (B, V) at the last position.
        hidden: (B, H), the last hidden state there.
    """

    layers: list[GrowingLayer]
    visible: Tensor
    logits: Tensor
    hidden: Tensor


class Batch:
    """One batch of prompts, decoded to the end.

    Args:
        model: Samples.
        prompts: Token ids of each prompt.
        repeats: Completions per prompt.
        cached_prefixes: For each prompt, keys and values of the tokens it begins with; or empty.
        keep: Whether to fill ``ended``.

    Attributes:
        ended: Keys and values of all that was read of the rows that ended by themselves.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        prompts: list[list[int]],
        repeats: int,
        cached_prefixes: list[CachedPrefix],
        keep: bool,
    ) -> None:
        self.model = model
        self.prompts = prompts
        self.repeats = repeats
        self.cached_prefixes = cached_prefixes
        self.keep = keep
        self.ended: dict[int, CachedPrefix] = {}
        self._masks = Masks(model)
        self._forward = Forward(model)

    def run(
        self,
        uniform: Tensor,
        temperature: float,
        top_p: float,
        value_head: Callable[[Tensor], Tensor] | None,
        eos_token_ids: set[int],
    ) -> Iterator[tuple[int, list[int], list[int], list[float], list[float] | None]]:
        """Yield, per position: its index, the active rows, their tokens, log-probs and values."""
        device, steps = uniform.device, uniform.shape[1]
        filled = self._prefill(device, steps)
        layers, logits, hidden = filled.layers, filled.logits, filled.hidden
        cache, width = Cache(layers=[*layers]), layers[0].length
        lengths = torch.tensor([len(p) for p in self.prompts], device=device)
        repeat = torch.arange(len(self.prompts), device=device).repeat_interleave(self.repeats)
        if self.repeats > 1:
            for layer in layers:
                layer.repeat_rows(repeat)
            logits = logits[repeat]
            hidden = hidden[repeat]
        visible, lengths = filled.visible[repeat], lengths[repeat]
        active = torch.arange(len(repeat), device=device)
        eos = torch.tensor(sorted(eos_token_ids), device=device)
        for step in range(steps):
            tokens, logprobs = sample_tokens(logits, uniform[active, step], temperature, top_p)
            values = value_head(hidden).tolist() if value_head is not None else None
            yield step, active.tolist(), tokens.tolist(), logprobs.tolist(), values
            alive = ~torch.isin(tokens, eos)
            if self.keep:
                for row in (~alive).nonzero()[:, 0].tolist():
                    slots = visible[row, 0, 0, : width + step].nonzero()[:, 0]
                    self.ended[int(active[row])] = [layer.keep(row, slots) for layer in layers]
            if step == steps - 1 or not alive.any():
                return
            if not alive.all():
                keep = close_gaps(alive, layers)
                active, tokens = active[keep], tokens[keep]
                visible, lengths = visible[keep], lengths[keep]
            positions = (lengths + step)[:, None]
            mask = self._masks(visible, width + step, width + step + 1, positions)
            logits, hidden = self._forward(tokens[:, None], mask, positions, cache)

    def _prefill(self, device: torch.device, steps: int) -> Prefill:
        prefill = self._prefill_suffixes if self.cached_prefixes else self._prefill_prompts
        return prefill(device, steps)

    def _prefill_prompts(self, device: torch.device, steps: int) -> Prefill:
        """Prompts from their first token; what several begin with is computed once."""
        prefixes, prefix_of = shared_prefixes(self.prompts)
        rests = [p[len(prefixes[g]) :] for p, g in zip(self.prompts, prefix_of, strict=True)]
        shared, rest_width = max(map(len, prefixes)), max(map(len, rests))
        width = shared + rest_width
        layers = [
            GrowingLayer() for _ in range(self.model.config.get_text_config().num_hidden_layers)
        ]
        cache = Cache(layers=[*layers])
        chosen = torch.tensor(prefix_of, device=device)
        # (B, slots): the padding before a prefix and before a rest is never looked at.
        prefix_ids, prefix_padding = _pad_left(prefixes, device)
        rest_ids, rest_padding = _pad_left(rests, device)
        slot = torch.arange(padded_capacity(width + steps), device=device)
        visible = (slot >= prefix_padding[:, None])[chosen]
        visible &= (slot < shared) | (slot >= shared + rest_padding[:, None])
        visible = visible[:, None, None]
        if shared:
            seen = (slot >= prefix_padding[:, None])[:, None, None]
            positions = (slot[:shared] - prefix_padding[:, None]).clamp(min=0)
            self._forward(prefix_ids, self._masks(seen, 0, shared, positions), positions, cache)
            for layer in layers:
                layer.repeat_rows(chosen)
        positions = (slot[:rest_width] - rest_padding[:, None]).clamp(min=0)
        positions += (shared - prefix_padding)[chosen][:, None]
        mask = self._masks(visible, shared, width, positions)
        logits, hidden = self._forward(rest_ids, mask, positions, cache)
        return Prefill(layers, visible, logits, hidden)

    def _prefill_suffixes(self, device: torch.device, steps: int) -> Prefill:
        """Prefill of the suffixes after cached prefixes, those of like length together."""
        known = [row[0][0].shape[1] for row in self.cached_prefixes]
        suffixes = [prompt[n:] for prompt, n in zip(self.prompts, known, strict=True)]
        order = sorted(range(len(suffixes)), key=lambda i: len(suffixes[i]))
        rows: list[CachedPrefix] = []
        outputs: list[tuple[Tensor, Tensor]] = []
        for _, group in groupby(order, key=lambda i: len(suffixes[i]).bit_length()):
            chosen = list(group)
            start = max(known[i] for i in chosen)
            ids, padding = _pad_left([suffixes[i] for i in chosen], device)
            width = start + ids.shape[1]
            layers = [
                GrowingLayer.of(prefixes, start, width)
                for prefixes in zip(*(self.cached_prefixes[i] for i in chosen), strict=True)
            ]
            begins = torch.tensor([start - known[i] for i in chosen], device=device)
            slot = torch.arange(padded_capacity(width), device=device)
            visible = slot >= begins[:, None]
            visible &= (slot < start) | (slot >= start + padding[:, None])
            positions = (slot[: ids.shape[1]] - padding[:, None]).clamp(min=0)
            positions += (start - begins)[:, None]
            mask = self._masks(visible[:, None, None], start, width, positions)
            outputs.append(self._forward(ids, mask, positions, Cache(layers=[*layers])))
            for row in range(len(chosen)):
                slots = visible[row, :width].nonzero()[:, 0]
                rows.append([layer.keep(row, slots) for layer in layers])
        place = sorted(range(len(order)), key=order.__getitem__)
        width = max(map(len, self.prompts))
        joined = [
            GrowingLayer.of(layer_rows, width, width)
            for layer_rows in zip(*(rows[i] for i in place), strict=True)
        ]
        begins = torch.tensor([width - len(prompt) for prompt in self.prompts], device=device)
        visible = (torch.arange(padded_capacity(width + steps), device=device) >= begins[:, None])[
            :, None, None
        ]
        logits, hidden = (torch.cat(parts)[place] for parts in zip(*outputs, strict=True))
        return Prefill(joined, visible, logits, hidden)


def _pad_left(rows: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids (B, S), and the padding (B,) before each row."""
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows], device=device)
    return ids.long(), torch.tensor([width - len(row) for row in rows], device=device)
