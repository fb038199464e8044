"""Update on fewer completions than were sampled, without changing the expected gradient.

Sampling is cheap beside the update, and many prompts teach little: where all of a prompt's
completions are correct, or none is, their advantages are near 0. Groups of completions are drawn in
proportion to what they would add to the gradient and weighted by the inverse of that probability
(importance sampling as in https://arxiv.org/abs/1803.00942; down-sampling rollouts as in
https://arxiv.org/abs/2504.13818, which does not reweight). The completions of a prompt stay
together: they are each other's baseline, and their prompt is read once. Pure tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Share of the probability spread evenly, which bounds the weight of a group that seemed useless.
_EVEN = 0.1


def inclusion_probabilities(
    advantages: Tensor, mask: Tensor, group_size: int, count: int
) -> Tensor:
    """Probability of each group to be drawn when ``count`` of them are; they add up to it.

    Proportional to the norm of the group's advantages, but never above 1.

    Args:
        advantages: (G * group_size, T), the completions of a prompt adjacent.
        mask: Same shape, 1 where a token is trained on.
        group_size: Completions per prompt.
        count: Groups to draw, 1 to G.

    Returns:
        (G,) in float64.
    """
    norms = (advantages * mask).double().view(-1, group_size * mask.size(1)).norm(dim=1)
    if not norms.any():
        return torch.full_like(norms, count / len(norms))
    sizes = norms / norms.mean() * (1 - _EVEN) + _EVEN
    certain = torch.zeros_like(sizes, dtype=torch.bool)
    while True:
        # What is drawn for certain leaves the rest to be shared in proportion.
        left = count - int(certain.sum())
        scaled = sizes * (left / sizes[~certain].sum().clamp(min=1e-12))
        exceeding = ~certain & (scaled > 1)
        if not exceeding.any():
            return torch.where(certain, 1.0, scaled)
        certain |= exceeding


def systematic_sample(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Exactly ``sum(probabilities)`` different items, each drawn with its probability.

    Systematic sampling (Madow, 1949): one random number, equal steps along the cumulated sums.

    Args:
        probabilities: (G,), each at most 1, adding up to a whole number.
        uniform: A number in [0, 1).

    Returns:
        Indices in ascending order.
    """
    total = probabilities.cumsum(0)
    total = total / total[-1] * total[-1].round()  # rounding must not lose the last item
    points = torch.arange(int(total[-1]), device=total.device) + uniform
    return torch.searchsorted(total, points.to(total), right=True).clamp(max=len(total) - 1)
