"""Run a causal model over padded completions without the padding and without repeating prompts.

Rows of a reinforcement-learning batch are mostly padding and copies of the same prompt. ``Packed``
wraps a model that TRL has given its fused head: called with the same padded batch, it returns the
same log-probabilities, entropies and values, but runs each prompt once, followed by all of its
completions, and projects only the completion tokens onto the vocabulary. With four completions of
25 tokens on a prompt of 60 the model sees 160 tokens instead of 340.

On a CPU attention runs group by group, without padding. Elsewhere kernels cost more to start than
to run, so it runs once for all groups, side by side (``Grid``): a mask of blocks, as no ``varlen``
kernel lets several completions see one prompt. Not run on a GPU by us.

Values and gradients equal those of the padded batch up to rounding, for the models that
``mrlm.trainers.packable`` lets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from mrlm.trainers import trl_internals
from mrlm.trainers.lm_head import cpu_lm_head

__all__ = ["ATTENTION", "Grid", "Layout", "Packed", "pack", "register_attention"]

ATTENTION = "mrlm_packed"
# Private or new in transformers: without them nothing is packed, and nothing here is called.
sdpa_attention_forward: Callable[..., tuple[Tensor, None]] = trl_internals.find(
    "sdpa_attention_forward", "transformers.integrations.sdpa_attention"
)


@dataclass
class Grid:
    """G groups side by side, padded to the longest, for one attention call.

    Attributes:
        places: (G, L), where each token stands among N; 0 at padding.
        back: (N,), where each of the N tokens stands among G * L.
        seen: (G, 1, L, L), which token sees which; padding sees padding, so that no row is empty.
    """

    places: Tensor
    back: Tensor
    seen: Tensor
    _bias: Tensor | None = None

    def bias(self, dtype: torch.dtype) -> Tensor:
        """``seen`` as what is added to scores: made once, where SDPA would in every layer."""
        if self._bias is None or self._bias.dtype != dtype:
            zeros = torch.zeros(self.seen.shape, dtype=dtype, device=self.seen.device)
            self._bias = zeros.masked_fill_(~self.seen, -torch.inf)
        return self._bias


@dataclass
class Layout:
    """Where a padded batch's tokens stand in one packed row of N tokens.

    Attributes:
        input_ids: (1, N): per group its prompt, then its completions without their last token,
            which nothing is predicted from.
        position_ids: (1, N): as in the padded rows.
        lengths: Tokens of each group; they add up to N.
        masks: Per group, (L, L): which token sees which; empty where there is a grid.
        grid: The groups side by side, where attention runs once for all.
        predictors: (M,) positions in N whose hidden states predict the M completion tokens.
        targets: (1, M) those tokens.
        slots: (M,) positions of the tokens in the padded batch, flattened.
    """

    input_ids: Tensor
    position_ids: Tensor
    lengths: list[int]
    masks: list[Tensor]
    grid: Grid | None
    predictors: Tensor
    targets: Tensor
    slots: Tensor


def pack(
    input_ids: Tensor, attention_mask: Tensor, labels: Tensor, side_by_side: bool | None = None
) -> Layout:
    """Lay out a padded batch: prompts padded on the left, completions on the right.

    Args:
        input_ids: (B, S).
        attention_mask: (B, S), 0 at padding.
        labels: (B, S), -100 everywhere but at completion tokens.
        side_by_side: Whether to make a grid. Default: not on a CPU.
    """
    device, width = input_ids.device, input_ids.shape[1]
    if side_by_side is None:
        side_by_side = device.type != "cpu"
    groups: dict[tuple[int, ...], list[tuple[int, int, list[int]]]] = {}
    # One copy from the device: what attention is split by, Python must know.
    table = torch.stack([input_ids, attention_mask.to(input_ids), labels.to(input_ids)], dim=1)
    for row, (ids, seen, label) in enumerate(table.tolist()):
        first = next((i for i, x in enumerate(label) if x != -100), width)
        completion = [x for x, m in zip(ids[first:], seen[first:], strict=True) if m]
        prompt = tuple(x for x, m in zip(ids[:first], seen[:first], strict=True) if m)
        groups.setdefault(prompt, []).append((row, first, completion))

    tokens: list[int] = []
    positions: list[int] = []
    predictors: list[int] = []
    targets: list[int] = []
    slots: list[int] = []
    parts: list[list[int]] = []
    for prompt, completions in groups.items():
        start, size = len(tokens), len(prompt)
        tokens += prompt
        positions += range(size)
        part = [0] * size
        for number, (row, first, completion) in enumerate(completions, 1):
            begin = len(tokens)
            tokens += completion[:-1]
            positions += range(size, size + len(completion) - 1)
            part += [number] * (len(tokens) - begin)
            if completion:
                predictors += [start + size - 1, *range(begin, len(tokens))]
                targets += completion
                slots += range(row * width + first, row * width + first + len(completion))
        parts.append(part)
    return Layout(
        input_ids=torch.tensor([tokens], device=device),
        position_ids=torch.tensor([positions], device=device),
        lengths=[len(part) for part in parts],
        masks=[] if side_by_side else [_seen(torch.tensor(p, device=device)) for p in parts],
        grid=_grid(parts, device) if side_by_side else None,
        predictors=torch.tensor(predictors, dtype=torch.long, device=device),
        targets=torch.tensor([targets], dtype=torch.long, device=device),
        slots=torch.tensor(slots, dtype=torch.long, device=device),
    )


def _seen(part: Tensor) -> Tensor:
    """(..., L, L), which token sees which, itself included: the prompt, and its own part.

    Args:
        part: (..., L): 0 in the prompt, 1 in its first completion, 2 in the second; -1 at padding.
    """
    of_key, of_query = part.unsqueeze(-2), part.unsqueeze(-1)
    return ((of_key == 0) | (of_key == of_query)).tril()


def _grid(parts: list[list[int]], device: torch.device) -> Grid:
    # A multiple of 8: SDPA copies a mask of another width in every layer.
    length = -(-max(map(len, parts)) // 8) * 8
    part = torch.tensor([p + [-1] * (length - len(p)) for p in parts])
    back = (part.flatten() >= 0).nonzero()[:, 0]
    places = torch.zeros(part.numel(), dtype=torch.long)
    places[back] = torch.arange(len(back))
    seen = _seen(part.to(device)).unsqueeze(1)
    return Grid(places.view(part.shape).to(device), back.to(device), seen)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Layout | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """SDPA within each group where the call carries a layout; else transformers' own.

    Args:
        module: The attention layer.
        query: (1, heads, N, D); ``key`` and ``value`` with their own number of heads.
        attention_mask: Ignored where there is a layout.
        packing: The layout of the packed row.
        **kwargs: As for transformers' ``sdpa_attention_forward``.
    """
    if packing is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    if packing.grid is not None:
        return _attend_side_by_side(module, query, key, value, packing.grid, **kwargs), None
    parts = zip(
        *(x.split(packing.lengths, dim=2) for x in (query, key, value)), packing.masks, strict=True
    )
    outputs = [sdpa_attention_forward(module, q, k, v, m, **kwargs)[0] for q, k, v, m in parts]
    return torch.cat(outputs, dim=1), None


def _attend_side_by_side(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, grid: Grid, **kwargs: Any
) -> Tensor:
    """(1, heads, N, D) each, to (1, N, heads, D)."""

    shape = grid.places.shape

    def spread(x: Tensor) -> Tensor:
        """(1, heads, N, D) to (G, heads, L, D)."""
        rows: Tensor = x[0].index_select(1, grid.places.flatten()).unflatten(1, shape)
        return rows.transpose(0, 1)

    bias = grid.bias(query.dtype)
    out = sdpa_attention_forward(module, spread(query), spread(key), spread(value), bias, **kwargs)
    return out[0].flatten(0, 1).index_select(0, grid.back).unsqueeze(0)


def register_attention() -> None:
    """Tell transformers of ``packed_attention``."""
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
    from transformers.modeling_utils import AttentionInterface

    AttentionInterface.register(ATTENTION, packed_attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


class Packed:
    """A model with TRL's fused head, called with a padded batch, run on the packed one.

    Args:
        call: The model, or a wrapper of it that takes the same arguments (DDP, say).
        backbones: Modules inside whose last hidden state is to be reduced to the tokens that are
            scored: the policy's backbone, and a critic's.
    """

    def __init__(self, call: Callable[..., Any], backbones: list[nn.Module]) -> None:
        self.call = call
        self.backbones = backbones

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        fused_lm_head: bool = True,
    ) -> Any:
        """The model's output with per-token fields (B, S - 1), 0 where the label is -100."""
        layout = pack(input_ids, attention_mask, labels)
        with _scored_positions_only(self.backbones, layout.predictors), cpu_lm_head():
            output = self.call(
                input_ids=layout.input_ids,
                # A mask of four dimensions is passed through as it is; the layout holds the mask.
                attention_mask=layout.input_ids.new_ones(1, 1, 1, 1, dtype=torch.bool),
                position_ids=layout.position_ids,
                shift_labels=layout.targets,
                fused_lm_head=fused_lm_head,
                packing=layout,
            )
        for field in fields(output):
            tokens = getattr(output, field.name)
            if isinstance(tokens, Tensor) and tokens.shape == layout.targets.shape:
                padded = tokens.new_zeros(input_ids.numel()).index_copy(0, layout.slots, tokens[0])
                setattr(output, field.name, padded.view(input_ids.shape)[:, 1:])
        return output


@contextmanager
def _scored_positions_only(backbones: list[nn.Module], positions: Tensor) -> Iterator[None]:
    def reduce(_module: nn.Module, _args: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[:, positions]
        return output

    hooks = [backbone.register_forward_hook(reduce) for backbone in backbones]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
