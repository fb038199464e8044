"""Run a causal model over padded completions without the padding and without repeating prompts.

Rows of a reinforcement-learning batch are mostly padding and copies of the same prompt. ``Packed``
wraps a model that TRL has given its fused head: called with the same padded batch, it returns the
same log-probabilities, entropies and values, but runs each prompt once, followed by all of its
completions, and projects only the completion tokens onto the vocabulary. With four completions of
25 tokens on a prompt of 60 the model sees 160 tokens instead of 340.

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

__all__ = ["ATTENTION", "Layout", "Packed", "pack", "register_attention"]

ATTENTION = "mrlm_packed"
# Private or new in transformers: without them nothing is packed, and nothing here is called.
sdpa_attention_forward: Callable[..., tuple[Tensor, None]] = trl_internals.find(
    "sdpa_attention_forward", "transformers.integrations.sdpa_attention"
)


@dataclass
class Layout:
    """Where a padded batch's tokens stand in one packed row of N tokens.

    Attributes:
        input_ids: (1, N): per group its prompt, then its completions without their last token,
            which nothing is predicted from.
        position_ids: (1, N): as in the padded rows.
        lengths: Tokens of each group; they add up to N.
        masks: Per group, (L, L): which token sees which.
        predictors: (M,) positions in N whose hidden states predict the M completion tokens.
        targets: (1, M) those tokens.
        slots: (M,) positions of the tokens in the padded batch, flattened.
    """

    input_ids: Tensor
    position_ids: Tensor
    lengths: list[int]
    masks: list[Tensor]
    predictors: Tensor
    targets: Tensor
    slots: Tensor


def pack(input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Layout:
    """Lay out a padded batch: prompts padded on the left, completions on the right.

    Args:
        input_ids: (B, S).
        attention_mask: (B, S), 0 at padding.
        labels: (B, S), -100 everywhere but at completion tokens.
    """
    width = input_ids.shape[1]
    groups: dict[tuple[int, ...], list[tuple[int, int, list[int]]]] = {}
    for row, (ids, seen, label) in enumerate(
        zip(input_ids.tolist(), attention_mask.tolist(), labels.tolist(), strict=True)
    ):
        first = next((i for i, x in enumerate(label) if x != -100), width)
        completion = [x for x, m in zip(ids[first:], seen[first:], strict=True) if m]
        prompt = tuple(x for x, m in zip(ids[:first], seen[:first], strict=True) if m)
        groups.setdefault(prompt, []).append((row, first, completion))

    tokens: list[int] = []
    positions: list[int] = []
    predictors: list[int] = []
    targets: list[int] = []
    slots: list[int] = []
    lengths: list[int] = []
    masks: list[Tensor] = []
    for prompt, completions in groups.items():
        start, size = len(tokens), len(prompt)
        tokens += prompt
        positions += range(size)
        blocks = []
        for row, first, completion in completions:
            begin = len(tokens)
            tokens += completion[:-1]
            positions += range(size, size + len(completion) - 1)
            blocks.append((begin - start, len(tokens) - start))
            if completion:
                predictors += [start + size - 1, *range(begin, len(tokens))]
                targets += completion
                slots += range(row * width + first, row * width + first + len(completion))
        lengths.append(len(tokens) - start)
        masks.append(_group_mask(size, blocks, lengths[-1], input_ids.device))
    device = input_ids.device
    return Layout(
        input_ids=torch.tensor([tokens], device=device),
        position_ids=torch.tensor([positions], device=device),
        lengths=lengths,
        masks=masks,
        predictors=torch.tensor(predictors, dtype=torch.long, device=device),
        targets=torch.tensor([targets], dtype=torch.long, device=device),
        slots=torch.tensor(slots, dtype=torch.long, device=device),
    )


def _group_mask(
    prompt: int, blocks: list[tuple[int, int]], length: int, device: torch.device
) -> Tensor:
    """(L, L): the prompt causal, each completion sees the prompt and itself up to the token."""
    mask = torch.zeros(length, length, dtype=torch.bool, device=device)
    mask[:, :prompt] = True
    for begin, end in blocks:
        mask[begin:end, begin:end] = True
    return mask.tril_()


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Layout | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """SDPA, group by group where the call carries a layout; else transformers' own.

    Args:
        module: The attention layer.
        query: (1, heads, N, D); ``key`` and ``value`` with their own number of heads.
        attention_mask: Ignored where there is a layout.
        packing: The layout of the packed row.
        **kwargs: As for transformers' ``sdpa_attention_forward``.
    """
    if packing is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    parts = zip(
        *(x.split(packing.lengths, dim=2) for x in (query, key, value)), packing.masks, strict=True
    )
    outputs = [sdpa_attention_forward(module, q, k, v, m, **kwargs)[0] for q, k, v, m in parts]
    return torch.cat(outputs, dim=1), None


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
