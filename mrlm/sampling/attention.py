"""Attention for one new token per row, as two batched products: on a CPU several times faster.

PyTorch's fused attention splits its work over queries; with a single one per row, as in sampling,
little is left to split, and keys are copied for every head that shares them. With 160 rows of 70
tokens on two cores it took six times as long. ``decode_attention`` is registered with transformers
under ``ATTENTION``; calls with more than one query token go to transformers' own SDPA.

Not covered, so not for models that need them: attention sinks, soft-capped scores.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

ATTENTION = "mrlm_decode"


def decode_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention without gradients or dropout.

    Args:
        module: The attention layer.
        query: (B, heads, Q, D).
        key: (B, kv_heads, L, D); ``kv_heads`` divides ``heads``, as in grouped-query attention.
        value: (B, kv_heads, L, E).
        attention_mask: (B or 1, 1, Q, L), true where a key is seen, or none.
        scaling: Of the scores; default 1 / sqrt(D).
        **kwargs: As for transformers' ``sdpa_attention_forward``.

    Returns:
        (B, Q, heads, E), and no weights.
    """
    if query.shape[2] != 1:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
    rows, heads, _, depth = query.shape
    groups = key.shape[1]
    # The heads that share a key are the queries of one product: (B, kv_heads, heads / kv_heads, D).
    grouped = query.view(rows, groups, heads // groups, depth)
    scores = (grouped @ key.transpose(2, 3)).float() * (scaling or depth**-0.5)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, -torch.inf)
    out = scores.softmax(-1).to(value.dtype) @ value
    return out.reshape(rows, 1, heads, value.shape[-1]), None


AttentionInterface.register(ATTENTION, decode_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
