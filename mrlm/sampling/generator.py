"""Sample completions quickly with a plain transformers model, on a CPU above all.

``model.generate`` spends three quarters of a small model's time on a CPU outside its matrix
products: it samples with one random number per vocabulary entry, copies a growing cache at each
token, carries rows that finished long ago, and pads all prompts to the longest. This module keeps
the model's own forward and replaces what stands around it: weights in bf16 where the processor has
it, one uniform number per token (inverse CDF), a cache of dense buffers, finished rows dropped in
place, prompts sorted by length, the prompt of a group of completions computed once, and what all
prompts of a batch begin with computed once for all, and in an episode with tools only what came in
since the last turn.

Training, evaluation and data jobs sample through it. Weights that FSDP2 or DeepSpeed ZeRO-3 has
split are put together in the copy, so all processes make a ``Generator``, or none.

Not covered: what ``mrlm.sampling.coverage`` names; ``make_generator`` asks it, and falls back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache

from mrlm.hardware import has_fast_bf16
from mrlm.memory import reuse_freed_memory
from mrlm.sampling.check import find_difference
from mrlm.sampling.kv_cache import CachedPrefix, GrowingLayer, close_gaps, padded_capacity
from mrlm.sampling.masks import Mask, Masks
from mrlm.sampling.model_generator import end_token_ids, refuse_empty
from mrlm.sampling.prefixes import shared_prefixes
from mrlm.sampling.types import Completion, SamplingParams
from mrlm.sampling.weights import copy_weights, empty_copy, plain_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def sample_tokens(
    logits: Tensor, uniform: Tensor, temperature: float, top_p: float
) -> tuple[Tensor, Tensor]:
    """Draw one token per row by inverse CDF, or the most likely one at temperature 0.

    Args:
        logits: (B, V).
        uniform: (B,) numbers in [0, 1), one per row.
        temperature: Softmax temperature; 0 is greedy.
        top_p: Keep the smallest set of tokens whose probabilities reach it (nucleus sampling,
            https://arxiv.org/abs/1904.09751); 1 keeps all.

    Returns:
        Tokens (B,) and their log-probabilities (B,) at that temperature, before top-p.
    """
    logits = logits.float()
    if temperature == 0:
        tokens = logits.argmax(-1)
        return tokens, logits.log_softmax(-1).gather(1, tokens[:, None])[:, 0]
    probs = (logits / temperature).softmax(-1)
    if top_p < 1:
        ordered, order = probs.sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered
        kept = ordered.masked_fill(before >= top_p, 0.0)
        tokens = order.gather(1, _inverse_cdf(kept, uniform)[:, None])[:, 0]
    else:
        tokens = _inverse_cdf(probs, uniform)
    return tokens, probs.gather(1, tokens[:, None])[:, 0].log()


def _inverse_cdf(weights: Tensor, uniform: Tensor) -> Tensor:
    """Index (B,) drawn in proportion to ``weights`` (B, V); a weight of zero is never drawn."""
    cdf = weights.cumsum(-1)
    # right=True steps over entries of weight zero; the clamp keeps a rounded-up product inside.
    target = (uniform * cdf[:, -1]).clamp(max=cdf[:, -1].nextafter(cdf.new_zeros(())))
    return torch.searchsorted(cdf, target[:, None], right=True)[:, 0]


class Generator:
    """Samples from a model, through a copy of its weights where that pays.

    It gives the model's own distribution where ``mrlm.sampling.coverage.why_not_covered`` has
    nothing to name and ``check`` finds no difference. Of the model's generation config it takes
    the tokens that end a completion.

    Args:
        model: Causal language model, with or without a PEFT adapter (merged into the copy).
        tokenizer: Gives the end-of-sequence and padding tokens.
        dtype: Of the copy. Default: bf16 where it is fast, else no copy is made.
        max_rows: Completions that are sampled side by side; bounds the cache's memory.
        device: Where to sample. Default: where the model is.

    Attributes:
        fallback_reason: Why the model's own ``generate`` samples in this one's place.

    Raises:
        ModelError: The model's weights are not those of its class, even with adapters merged.
    """

    fallback_reason: str | None = None

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        dtype: torch.dtype | None = None,
        max_rows: int = 256,
        device: torch.device | None = None,
    ) -> None:
        base = plain_model(model)
        self.device = device or next(base.parameters()).device
        if self.device.type == "cpu":
            reuse_freed_memory()
        if dtype is None:
            dtype = torch.bfloat16 if has_fast_bf16(self.device) else base.dtype
        self.max_rows = max_rows
        self.eos_token_ids = end_token_ids(base, tokenizer)
        self._model = empty_copy(base, dtype, self.device)
        self._cached_prefixes: dict[tuple[int, ...], CachedPrefix] = {}
        self.sync(model)

    @torch.no_grad()
    def sync(self, model: PreTrainedModel) -> None:
        """Take over the model's present weights; call after each optimizer step."""
        self._cached_prefixes = {}
        copy_weights(self._model, model)

    def check(self, model: PreTrainedModel) -> str | None:
        """Compare log-probabilities with the model's own forward, on a prompt past every window.

        Costs a few forward passes over the prompt; draws no random numbers.

        Args:
            model: The one whose weights were taken over last.

        Returns:
            ``None`` where they agree up to rounding, else a sentence that says what differs.
        """
        return find_difference(self, self._model, model)

    @torch.no_grad()
    def generate(
        self,
        prompt_ids: list[list[int]],
        params: SamplingParams,
        *,
        value_head: Callable[[Tensor], Tensor] | None = None,
        progress: Callable[[int], None] | None = None,
        keep_cache: bool = False,
    ) -> list[Completion]:
        """Sample ``params.num_generations`` completions of each prompt.

        Args:
            prompt_ids: Token ids of each prompt, without padding.
            params: How to sample. Without a seed, one is drawn from torch's global generator.
            value_head: ``(B, H) -> (B,)`` on the last hidden state; fills ``Completion.values``.
            progress: Called with the number of completions finished since the last call.
            keep_cache: Keep keys and values of the completions that end by themselves, ``max_rows``
                of them, for the next call: its prompts that go on from them are not read again.

        Returns:
            ``len(prompt_ids) * params.num_generations`` completions, those of one prompt adjacent.
            They do not depend on how prompts are batched, but for rounding.

        Raises:
            ValueError: An empty prompt.
        """
        refuse_empty(prompt_ids)
        max_new_tokens, num_generations = params.max_new_tokens, params.num_generations
        seed = int(torch.randint(2**31, ())) if params.seed is None else params.seed
        noise_source = torch.Generator().manual_seed(seed)
        rows = len(prompt_ids) * num_generations
        uniform = torch.rand(rows, max_new_tokens, generator=noise_source).to(self.device)
        results: list[Completion] = [Completion([], [], False) for _ in range(rows)]
        cached, self._cached_prefixes = self._cached_prefixes, {}
        known = _num_known(prompt_ids, cached)
        for chosen in _batches(prompt_ids, known, max(1, self.max_rows // num_generations)):
            slots = [i * num_generations + j for i in chosen for j in range(num_generations)]
            batch = _Batch(
                self._model,
                [prompt_ids[i] for i in chosen],
                num_generations,
                [cached[tuple(prompt_ids[i][: known[i]])] for i in chosen if known[i]],
                keep_cache,
            )
            for step, active, tokens, logprobs, values in batch.run(
                uniform[slots], params.temperature, params.top_p, value_head, self.eos_token_ids
            ):
                finished = 0
                for k, row in enumerate(active):
                    done = results[slots[row]]
                    done.token_ids.append(tokens[k])
                    done.logprobs.append(logprobs[k])
                    if values is not None:
                        done.values = [*(done.values or []), values[k]]
                    done.finished = tokens[k] in self.eos_token_ids
                    finished += done.finished or step == max_new_tokens - 1
                if progress is not None and finished:
                    progress(finished)
            for row, prefix in batch.ended.items():
                # Of a completion all but the last token was read.
                ids = prompt_ids[slots[row] // num_generations] + results[slots[row]].token_ids[:-1]
                if len(self._cached_prefixes) < self.max_rows:
                    self._cached_prefixes[tuple(ids)] = prefix
        return results


@dataclass
class _Prefill:
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


class _Batch:
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
        takes = inspect.signature(type(model).forward).parameters
        # Other classes compute the logits of all positions.
        self._only_last: Any = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

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
        prefill = self._prefill_suffixes if self.cached_prefixes else self._prefill
        filled = prefill(device, steps)
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

    def _prefill(self, device: torch.device, steps: int) -> _Prefill:
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
        return _Prefill(layers, visible, logits, hidden)

    def _prefill_suffixes(self, device: torch.device, steps: int) -> _Prefill:
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
        return _Prefill(joined, visible, logits, hidden)

    def _forward(
        self, ids: Tensor, mask: Mask, positions: Tensor, cache: Cache
    ) -> tuple[Tensor, Tensor]:
        """Logits (B, V) and the last hidden state (B, H) at the last position."""
        hidden: list[Tensor] = []

        def tap(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
            # The slice of the last position is strided; on a CPU the product would then copy the
            # whole vocabulary matrix once per row.
            hidden.append(args[0].contiguous())
            return (hidden[0],)

        hook = self.model.get_output_embeddings().register_forward_pre_hook(tap)
        try:
            out = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                **self._only_last,
            )
        finally:
            hook.remove()
        return out.logits[:, -1], hidden[0][:, -1]


def _num_known(prompts: list[list[int]], cached: dict[tuple[int, ...], CachedPrefix]) -> list[int]:
    """Of each prompt, how many tokens at its beginning are cached, short of its last."""
    lengths = sorted({len(ids) for ids in cached}, reverse=True)
    return [
        next((n for n in lengths if n < len(ids) and tuple(ids[:n]) in cached), 0)
        for ids in prompts
    ]


def _batches(prompts: list[list[int]], known: list[int], size: int) -> Iterator[list[int]]:
    """Indices of prompts of like length; those of which something is cached are by themselves."""
    for is_known in (True, False):
        order = [i for i in range(len(prompts)) if bool(known[i]) is is_known]
        order.sort(key=lambda i: len(prompts[i]))
        for start in range(0, len(order), size):
            yield order[start : start + size]


def _pad_left(rows: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids (B, S), and the padding (B,) before each row."""
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows], device=device)
    return ids.long(), torch.tensor([width - len(row) for row in rows], device=device)
