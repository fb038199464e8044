"""Does a sampler give its model's own log-probabilities? A probe that takes it through its paths.

Two prompts, one past the window where there is one, alike at the start: they are read, decoded, and
gone on with from what was kept, as tools' results are. The model then reads the
same tokens in one piece, without a cache, mask or copy.

How far may two right answers be apart? The copy, read plainly, shows what its precision costs; the
sampler may add little to that. So a wrong mask is seen in bf16 too, where a fixed bound that lets
rounding pass would let it pass as well.

Not covered: windows beyond 8192 tokens; weights that are split over processes (``None`` without
looking); adapters whose updates are still zero, of which nothing can be seen: ``coverage`` lists
kinds for that.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from mrlm.sampling.masks import sliding_window
from mrlm.sampling.model_generator import evaluating
from mrlm.sampling.types import SamplingParams
from mrlm.sampling.weights import plain_model

if TYPE_CHECKING:
    from mrlm.sampling.generator import Generator

__all__ = ["find_difference"]

_LENGTH, _PAST_WINDOW, _SHORT, _LONGEST = 24, 8, 5, 8192
_STEPS, _SUFFIX, _STEPS_AFTER = 2, 4, 2
# All that the model is asked about a row: what it said, and the suffix in between.
_KEPT = _STEPS + 1 + _SUFFIX + _STEPS_AFTER + 1
# Root mean squares of differences of log-probabilities, per unit of the logits' spread: what a copy
# may lose to its precision, and what the sampler's order of sums may add.
_COPY_MAY_LOSE = {torch.float32: 2e-4, torch.float16: 5e-2, torch.bfloat16: 1e-1}
_SAMPLER_MAY_ADD = {torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}


@torch.no_grad()
def find_difference(generator: Generator, copied: nn.Module, model: nn.Module) -> str | None:
    """Where a sampler's log-probabilities are not the model's up to rounding, in a sentence.

    Args:
        generator: The sampler.
        copied: Its copy of the model.
        model: The model, with its adapters.
    """
    if any(isinstance(w, DTensor) or hasattr(w, "ds_id") for w in model.parameters()):
        return None
    base: Any = plain_model(model)
    with evaluating(model):
        try:
            rows, sampled = _probe(generator, base.config.get_text_config())
            own = _logits(model, rows)
            plain = _logits(copied, rows)
        except Exception as error:  # any: another architecture's code ran on our masks and cache
            reason = (str(error).strip().splitlines() or [""])[0][:160]
            return f"{_name(base)}: sampling from a copy raised {type(error).__name__}: {reason}"
    return _judge(rows, sampled, own, plain, getattr(copied, "dtype", torch.float32), base)


def _judge(
    rows: list[list[int]],
    sampled: list[list[float | None]],
    own: list[Tensor],
    plain: list[Tensor],
    dtype: torch.dtype,
    base: Any,
) -> str | None:
    """A sentence where the copy, or the sampler above it, is further off than rounding explains."""
    spread = torch.stack([x.std(-1).mean() for x in own]).mean().clamp(min=1e-6)
    taken = [
        (row, place, value)
        for row, values in enumerate(sampled)
        for place, value in enumerate(values)
        if value is not None
    ]
    said = torch.tensor([value for *_, value in taken])
    right, read = (
        torch.stack([x[r][p].log_softmax(-1)[rows[r][p + 1 - _KEPT]] for r, p, _ in taken])
        for x in (own, plain)
    )
    lost, apart = _rms(read - right), _rms(said - right)
    dtypes = {dtype, base.dtype}
    may_lose = max(_COPY_MAY_LOSE[d] for d in dtypes) * float(spread)
    may_add = max(_SAMPLER_MAY_ADD[d] for d in dtypes) * float(spread)
    if not lost <= may_lose:  # so written that NaN fails
        return (
            f"{_name(base)}: a copy of its weights in {dtype} gives log-probabilities that are "
            f"{lost:.2g} from the model's own (rounding explains {may_lose:.2g})"
        )
    if not apart <= 2 * lost + may_add:
        return (
            f"{_name(base)}: log-probabilities of the sampler are {apart:.2g} from the model's own "
            f"(rounding explains {2 * lost + may_add:.2g})"
        )
    return None


def _probe(generator: Generator, config: Any) -> tuple[list[list[int]], list[list[float | None]]]:
    """Rows of token ids, and the sampler's log-probability of each of their last ``_KEPT`` - 1.

    ``None`` stands where the probe, not the sampler, wrote.
    """
    window = min(sliding_window(config) or 0, _LONGEST)
    length = max(_LENGTH, window + _PAST_WINDOW)
    limit = getattr(config, "max_position_embeddings", None)
    if limit:
        length = max(_SHORT, min(length, limit - _KEPT))
    noise = torch.Generator().manual_seed(0)

    def ids(count: int) -> list[int]:
        return [int(i) for i in torch.randint(config.vocab_size, (count,), generator=noise)]

    long = ids(length)
    rows = [long, long[: length // 2] + ids(_SHORT)]
    ends, everything = generator.eos_token_ids, set(range(config.vocab_size))
    logprobs: list[list[float | None]] = [[] for _ in rows]
    try:
        for steps, ending, keep in (
            (_STEPS, set[int](), False),
            (1, everything, True),  # a row that ends is kept
            (_STEPS_AFTER, set[int](), False),
        ):
            generator.eos_token_ids = ending
            said = generator.generate(
                rows, SamplingParams(steps, temperature=0.0, seed=0), keep_cache=keep
            )
            for row, values, completion in zip(rows, logprobs, said, strict=True):
                values += completion.logprobs
                row += completion.token_ids
                if keep:
                    row += ids(_SUFFIX)
                    values += [None] * _SUFFIX
    finally:
        generator.eos_token_ids = ends
    return rows, logprobs


def _logits(model: Any, rows: list[list[int]]) -> list[Tensor]:
    """(``_KEPT``, V) of each row, read by itself."""
    # Accelerate wraps a model's forward in autocast: that is another precision than its own.
    forward = getattr(model, "_original_forward", model)
    base: Any = plain_model(model)
    keeps = "logits_to_keep" in inspect.signature(type(base).forward).parameters
    less: Any = {"logits_to_keep": _KEPT} if keeps else {}
    device = next(base.parameters()).device
    return [
        forward(input_ids=torch.tensor([row], device=device), use_cache=False, **less)
        .logits[0, -_KEPT:]
        .float()
        .cpu()
        for row in rows
    ]


def _rms(difference: Tensor) -> float:
    return float(difference.double().square().mean().sqrt())


def _name(model: Any) -> str:
    return str(model.config.model_type)
