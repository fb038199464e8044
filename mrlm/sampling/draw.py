"""One token per row from logits, by one uniform number each.

So noise is drawn once, by row, and completions do not depend on how prompts are batched.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["sample_tokens"]


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
