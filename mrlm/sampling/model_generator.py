"""Sample with a model's own ``generate``: slower, and right for whatever transformers runs.

Rows are padded on the left where the model's forward is told positions; other models (state-space
layers, ALiBi, virtual tokens) get batches of prompts of one length, so that no row depends on the
padding of another. The model's generation config holds: suppressed and forced tokens, penalties,
all tokens that end a completion. Temperature and top-p are the caller's; other ways to cut the
distribution (top-k, min-p) are off, as in training.

Not covered: values of a value head; weights that are split over processes, where each process would
sample rows of other lengths.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import LogitsProcessor, LogitsProcessorList

from mrlm.sampling.types import Completion, SamplingParams
from mrlm.sampling.weights import plain_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["ModelGenerator", "end_token_ids", "evaluating", "refuse_empty"]

# Any large step: batches must not repeat each other's noise.
_SEED_STEP = 1_000_003


class ModelGenerator:
    """Samples from the model itself, in batches, as ``Generator`` does from a copy.

    Args:
        model: With or without PEFT adapters. It is put into evaluation mode while it samples.
        tokenizer: Gives the end-of-sequence and padding tokens.
        max_rows: Completions that are sampled side by side.
        fallback_reason: Why this one samples rather than ``Generator``.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        max_rows: int = 256,
        fallback_reason: str | None = None,
    ) -> None:
        self.max_rows = max_rows
        self.fallback_reason = fallback_reason
        self.eos_token_ids = end_token_ids(plain_model(model), tokenizer)
        pad = tokenizer.pad_token_id
        self._pad_token_id = min(self.eos_token_ids) if pad is None else pad
        self._model: Any = model

    def sync(self, model: PreTrainedModel) -> None:
        """Sample from this model from now on; its weights are read as they are."""
        self._model = model

    @torch.no_grad()
    def generate(
        self,
        prompt_ids: list[list[int]],
        params: SamplingParams,
        *,
        progress: Callable[[int], None] | None = None,
        keep_cache: bool = False,
    ) -> list[Completion]:
        """Sample ``params.num_generations`` completions of each prompt.

        Args:
            prompt_ids: Token ids of each prompt, without padding.
            params: How to sample. Without a seed, one is drawn from torch's global generator.
            progress: Called with the number of completions finished since the last call.
            keep_cache: Nothing is kept here.

        Returns:
            ``len(prompt_ids) * params.num_generations`` completions, those of one prompt adjacent.

        Raises:
            ValueError: An empty prompt.
        """
        refuse_empty(prompt_ids)
        seed = int(torch.randint(2**31, ())) if params.seed is None else params.seed
        rows = [i for i in range(len(prompt_ids)) for _ in range(params.num_generations)]
        results: list[Completion] = [Completion([], [], False) for _ in rows]
        device = next(self._model.parameters()).device
        devices = [device] if device.type == "cuda" else []
        with evaluating(self._model), torch.random.fork_rng(devices):
            for number, chosen in enumerate(self._batches([prompt_ids[i] for i in rows])):
                torch.manual_seed(seed + number * _SEED_STEP)
                prompts = [prompt_ids[rows[k]] for k in chosen]
                sampled = self._sample(prompts, params)
                for k, completion in zip(chosen, sampled, strict=True):
                    results[k] = completion
                if progress is not None:
                    progress(len(chosen))
        return results

    def _batches(self, prompts: list[list[int]]) -> Iterator[list[int]]:
        """Indices of prompts of like length, or of one length where padding is not sure to hide."""
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        may_pad, batch = _hides_padding(self._model), list[int]()
        for i in order:
            other = bool(batch) and not may_pad and len(prompts[i]) != len(prompts[batch[0]])
            if other or len(batch) == self.max_rows:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _sample(self, prompts: list[list[int]], params: SamplingParams) -> list[Completion]:
        device = next(self._model.parameters()).device
        width = max(map(len, prompts))
        padded = [[self._pad_token_id] * (width - len(p)) + p for p in prompts]
        seen = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
        recorder = _Recorder(params.temperature)
        output = self._model.generate(
            input_ids=torch.tensor(padded, device=device),
            attention_mask=torch.tensor(seen, device=device),
            generation_config=self._config(params),
            logits_processor=LogitsProcessorList([recorder]),
        )
        written = output[:, width:]
        logprobs = recorder.logprobs(written)
        return [
            self._completion(ids, values)
            for ids, values in zip(written.tolist(), logprobs.tolist(), strict=True)
        ]

    def _completion(self, ids: list[int], logprobs: list[float]) -> Completion:
        """A row up to the token that ends it; what follows is padding."""
        length = next((i + 1 for i, t in enumerate(ids) if t in self.eos_token_ids), None)
        return Completion(ids[:length], logprobs[:length], length is not None)

    def _config(self, params: SamplingParams) -> Any:
        config = copy.deepcopy(plain_model(self._model).generation_config)
        assert config is not None  # every model that can generate has one
        config.update(
            max_new_tokens=params.max_new_tokens,
            max_length=None,
            do_sample=params.temperature > 0,
            temperature=1.0,  # the recorder's business, before top-p
            top_p=params.top_p,
            top_k=0,
            top_h=None,
            min_p=None,
            typical_p=None,
            epsilon_cutoff=None,
            eta_cutoff=None,
            num_return_sequences=1,
            eos_token_id=sorted(self.eos_token_ids),
            pad_token_id=self._pad_token_id,
            return_dict_in_generate=False,
            use_cache=True,
            disable_compile=True,
        )
        return config


class _Recorder(LogitsProcessor):
    """Sets the temperature and keeps the log-probability of each token that is then sampled.

    It runs after the model's own processors and before top-p, and learns at the next step which
    tokens were sampled: no logits are kept.
    """

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature or 1.0
        self._last: Tensor | None = None
        self._columns: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, L) and (B, V) to (B, V)."""
        if self._last is not None:
            self._take(input_ids[:, -1])
        scores = scores.float() / self._temperature
        self._last = scores.log_softmax(-1)
        return scores

    def logprobs(self, written: Tensor) -> Tensor:
        """(B, T) of the tokens (B, T) that were written."""
        if written.shape[1] > len(self._columns):
            self._take(written[:, -1])
        return torch.stack(self._columns, 1)

    def _take(self, tokens: Tensor) -> None:
        assert self._last is not None
        self._columns.append(self._last.gather(1, tokens[:, None])[:, 0])


def refuse_empty(prompt_ids: list[list[int]]) -> None:
    """Raise ``ValueError`` where a prompt has no tokens."""
    for i, ids in enumerate(prompt_ids):
        if not ids:
            raise ValueError(f"Prompt {i} has no tokens; a model needs at least one.")


def end_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """All tokens that end a completion: the tokenizer's and the generation config's."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return {i for i in [*ids, tokenizer.eos_token_id] if i is not None}


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Dropout and the like are off inside, and each module's mode is as before after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _hides_padding(model: nn.Module) -> bool:
    """Whether padding on the left changes nothing: the model is told positions, and keeps no state.

    Virtual tokens stand before the padding, so prompt learning is not among these.
    """
    base: Any = plain_model(model)
    configs = getattr(model, "peft_config", None) or {}
    return (
        "position_ids" in inspect.signature(type(base).forward).parameters
        and not getattr(base, "_is_stateful", False)
        and not any(getattr(c, "is_prompt_learning", False) for c in configs.values())
    )
