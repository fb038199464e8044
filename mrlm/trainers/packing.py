"""Run a causal model over padded completions without the padding and without repeating prompts.

Rows of a reinforcement-learning batch are mostly padding and copies of the same prompt. ``Packed``
wraps a model that TRL has given its fused head: called with the same padded batch, it returns the
same log-probabilities, entropies and values, but runs each prompt once, followed by all of its
completions, and projects only the completion tokens onto the vocabulary. With four completions of
25 tokens on a prompt of 60 the model sees 160 tokens instead of 340.

Values and gradients equal those of the padded batch up to rounding. ``allow_packing`` compares both
on a short probe before a model is run so.

Not covered: attention other than SDPA, sliding windows, layers that mix tokens otherwise, prompt
tuning, multimodal inputs, mixture-of-experts losses; ``why_not_packed`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mrlm.trainers import trl_internals
from mrlm.trainers.lm_head import cpu_lm_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["ATTENTION", "Layout", "Packed", "allow_packing", "can_pack", "pack", "why_not_packed"]

ATTENTION = "mrlm_packed"
# Of hidden states, beside the largest: rounding of another order of sums, in full and half floats.
_TOLERANCE, _TOLERANCE_HALF = 1e-3, 5e-2

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


def _register_attention() -> None:
    """Tell transformers of ``packed_attention``."""
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
    from transformers.modeling_utils import AttentionInterface

    AttentionInterface.register(ATTENTION, packed_attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def why_not_packed(model: Any) -> str | None:
    """What of a causal model, or of its PEFT adapter, keeps it from being run packed.

    Args:
        model: As it is trained, with its PEFT wrapper.
    """
    changes = trl_internals.missing("packing")
    if changes:
        return "; ".join(changes)
    for adapter in (getattr(model, "peft_config", None) or {}).values():
        if adapter.is_prompt_learning:
            return f"{adapter.peft_type.value} puts virtual tokens before every row"
    base: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
    config = base.config.get_text_config()
    if config is not base.config:
        return "it is multimodal"
    if not base._supports_attention_backend:
        return "it brings attention of its own"
    if config._attn_implementation not in ("sdpa", ATTENTION):
        return f"attn_implementation={config._attn_implementation!r}"
    rope = set(_rope_types(getattr(config, "rope_parameters", None)))
    if rope & {"dynamic", "longrope"}:
        return f"its rotary positions ({', '.join(sorted(rope))}) change with the longest row"
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if kinds or getattr(config, "sliding_window", None) is not None:
        return f"it has {', '.join(sorted(kinds)) or 'a sliding window'}"
    if getattr(config, "output_router_logits", False):
        return "its auxiliary loss counts the tokens of the padded batch"
    return None


def _rope_types(settings: Any) -> Iterator[str]:
    """Kinds of rotary positions, which a config gives once or for each type of layers."""
    if isinstance(settings, dict):
        if isinstance(settings.get("rope_type"), str):
            yield settings["rope_type"]
        for value in settings.values():
            yield from _rope_types(value)


def can_pack(model: PreTrainedModel) -> bool:
    """Whether ``Packed`` gives this model's own results."""
    return why_not_packed(model) is None


def allow_packing(model: Any) -> str | None:
    """Make a model ready for ``Packed``, or say why it is not.

    Args:
        model: A causal model with or without a PEFT adapter, or a backbone.
    """
    reason = why_not_packed(model)
    if reason is not None:
        return reason
    _register_attention()
    base: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
    former = base.config._attn_implementation
    base.set_attn_implementation(ATTENTION)
    if former != ATTENTION:
        reason = _difference(base.base_model)
    if reason is not None:
        base.set_attn_implementation(former)
    return reason


@torch.no_grad()
def _difference(backbone: Any) -> str | None:
    """What is wrong with packed hidden states of two prompts with two completions each."""
    weight = next(backbone.parameters())
    # (4, 9), prompts of 3 tokens, completions of 6, 4, 5 and 2.
    ids = torch.arange(36, device=weight.device).view(4, 9) % backbone.config.vocab_size
    ids[1::2, :3] = ids[::2, :3]
    lengths = torch.tensor([9, 7, 8, 5], device=weight.device)
    mask = (torch.arange(9, device=weight.device) < lengths[:, None]).long()
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, :3] = -100
    layout = pack(ids, mask, labels)
    training = backbone.training
    backbone.eval()
    try:
        padded = backbone(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        packed = backbone(
            input_ids=layout.input_ids,
            attention_mask=ids.new_ones(1, 1, 1, 1, dtype=torch.bool),
            position_ids=layout.position_ids,
            use_cache=False,
            packing=layout,
        ).last_hidden_state
    except Exception as error:  # whatever a model that we do not know makes of these inputs
        return f"{type(error).__name__}: {error}"
    finally:
        backbone.train(training)
    expected = padded.flatten(0, 1)[layout.slots - 1].float()  # (M, H): what predicts each token
    difference = (packed[0, layout.predictors].float() - expected).abs().max()
    share = float(difference / expected.abs().max())
    limit = _TOLERANCE if weight.dtype == torch.float32 else _TOLERANCE_HALF
    if not share <= limit:  # NaN is no agreement either
        return f"its hidden states would differ by {share:.1%}"
    return None


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
