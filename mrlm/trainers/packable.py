"""Which models give their own results when they are run packed (``mrlm.trainers.packing``).

What a config tells is read; what it does not tell is seen in a short probe, run both ways, before a
model is run so.

Not covered, so never packed: attention other than SDPA, sliding windows, layers that mix tokens
otherwise, prompt tuning, multimodal inputs, auxiliary losses of mixtures of experts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from mrlm.trainers import trl_internals
from mrlm.trainers.packing import ATTENTION, pack, register_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["allow_packing", "can_pack", "why_not_packed"]

# Of hidden states, beside the largest: rounding of another order of sums, in full and half floats.
_TOLERANCE, _TOLERANCE_HALF = 1e-3, 5e-2


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
    if not getattr(base, "_supports_attention_backend", False):
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
    register_attention()
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
