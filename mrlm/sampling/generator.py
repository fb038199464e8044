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

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mrlm.hardware import has_fast_bf16
from mrlm.memory import bound_product_caches, reuse_freed_memory
from mrlm.sampling.batch import Batch
from mrlm.sampling.check import find_difference
from mrlm.sampling.cuda_graph import CUDAGraphs
from mrlm.sampling.kv_cache import CachedPrefix
from mrlm.sampling.model_generator import end_token_ids, refuse_empty
from mrlm.sampling.static_batch import StaticBatch
from mrlm.sampling.static_decoder import StaticDecoder
from mrlm.sampling.types import Completion, SamplingParams
from mrlm.sampling.weights import copy_weights, empty_copy, plain_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


# Of keys and values: 350 rows of 128 tokens of the embedded model in bf16. Larger batches take no
# less time for a row.
MAX_CACHE_BYTES = 1 << 30


class Generator:
    """Samples from a model, through a copy of its weights where that pays.

    It gives the model's own distribution where ``mrlm.sampling.coverage.why_not_covered`` has
    nothing to name and ``check`` finds no difference. Of the model's generation config it takes
    the tokens that end a completion.

    Args:
        model: Causal language model, with or without a PEFT adapter (merged into the copy).
        tokenizer: Gives the end-of-sequence and padding tokens.
        dtype: Of the copy. Default: bf16 where it is fast, else no copy is made.
        max_rows: Completions that are sampled side by side; on a CPU fewer where the cache of so
            many would take more than ``MAX_CACHE_BYTES``.
        device: Where to sample. Default: where the model is.
        static_cache: Decode in buffers of fixed shapes, which stay between calls; on a GPU by a
            CUDA graph. The same draws, a few tokens more computed.

    Attributes:
        decoder: Holds those buffers; ``None`` without ``static_cache``.
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
        static_cache: bool = False,
    ) -> None:
        base = plain_model(model)
        self.device = device or next(base.parameters()).device
        if self.device.type == "cpu":
            bound_product_caches()
            reuse_freed_memory()
        if dtype is None:
            dtype = torch.bfloat16 if has_fast_bf16(self.device) else base.dtype
        self.max_rows = max_rows
        self.eos_token_ids = end_token_ids(base, tokenizer)
        self._model = empty_copy(base, dtype, self.device)
        self.decoder: StaticDecoder | None = None
        if static_cache:
            recorder = CUDAGraphs() if self.device.type == "cuda" else None
            self.decoder = StaticDecoder(self._model, recorder)
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
        token_bytes = _cache_bytes(self._model) if self.device.type == "cpu" else 0
        for chosen in _batches(
            [len(ids) + max_new_tokens for ids in prompt_ids],
            known,
            max(1, self.max_rows // num_generations),
            MAX_CACHE_BYTES // max(1, token_bytes * num_generations) if token_bytes else None,
        ):
            slots = [i * num_generations + j for i in chosen for j in range(num_generations)]
            batch = self._batch(
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

    def _batch(self, *args: Any) -> Batch:
        if self.decoder is None:
            return Batch(self._model, *args)
        return StaticBatch(self.decoder, self._model, *args)


def _num_known(prompts: list[list[int]], cached: dict[tuple[int, ...], CachedPrefix]) -> list[int]:
    """Of each prompt, how many tokens at its beginning are cached, short of its last."""
    lengths = sorted({len(ids) for ids in cached}, reverse=True)
    return [
        next((n for n in lengths if n < len(ids) and tuple(ids[:n]) in cached), 0)
        for ids in prompts
    ]


def _batches(
    lengths: list[int], known: list[int], max_prompts: int, max_tokens: int | None
) -> Iterator[list[int]]:
    """Indices of prompts of like length; those of which something is cached are by themselves.

    Args:
        lengths: Of each prompt with the longest completion that it may get.
        known: Of each prompt, how many tokens are cached.
        max_prompts: Of a batch.
        max_tokens: Of a batch, padding included, unless one prompt alone has more.
    """
    for is_known in (True, False):
        order = [i for i in range(len(lengths)) if bool(known[i]) is is_known]
        order.sort(key=lengths.__getitem__)
        batch: list[int] = []
        for i in order:
            grown = (len(batch) + 1) * lengths[i]  # the longest comes last
            too_large = max_tokens is not None and grown > max_tokens
            if batch and (too_large or len(batch) == max_prompts):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch


def _cache_bytes(model: PreTrainedModel) -> int:
    """Of the keys and values of one token; 0 where the config does not tell."""
    config: Any = model.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None)
    groups = getattr(config, "num_key_value_heads", None) or heads
    width = getattr(config, "hidden_size", None)
    if not (isinstance(heads, int) and isinstance(groups, int) and isinstance(width, int)):
        return 0
    depth = getattr(config, "head_dim", None) or width // heads
    return int(2 * config.num_hidden_layers * groups * depth * model.dtype.itemsize)
