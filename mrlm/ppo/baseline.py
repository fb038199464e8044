"""What a prompt's completions can be expected to earn, from the others of the same rollout.

The mean of a completion's siblings is unbiased and needs no training, but with few of them it is
noisy: with four completions a prompt it is worse than the mean of the whole rollout where prompts
differ less than their completions. James and Stein's estimator takes of each what it is worth.
Pure tensors.

Not covered: what a value function knows of a prompt. It is subtracted before, and what is shrunk
is what it leaves.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["shrunk_baseline"]

# Share of the rollout's squares below which a variance is rounding alone.
_ROUNDING = 1e-12


def shrunk_baseline(first: Tensor, scored: Tensor, group_size: int) -> Tensor:
    """By how much the value function underrates each prompt, as the other completions tell.

    The mean first-token advantage of the row's siblings, the row itself left out, shrunk towards
    that of the other prompts (https://arxiv.org/abs/2511.03710). ``weight`` of the siblings is what
    gives the least squared error, ``between / (between + within / siblings)``: with the variances
    between prompts' true means and within a prompt as all other prompts show them. Nothing of it
    depends on the row's own reward, so the policy gradient stays unbiased. There is no parameter.

    With ``lam = gamma = 1`` and siblings alone the first token's baseline is that of RLOO
    (https://arxiv.org/abs/2402.14740); with one completion per prompt it is the mean of the other
    prompts. Later tokens keep what the value function has learned since.

    Args:
        first: Advantage of each completion's first token, (N,), the completions of a prompt
            adjacent.
        scored: (N,), whether a completion has a score; the others tell nothing.
        group_size: Completions per prompt.

    Returns:
        (N,): to be subtracted from all advantages of the row. Where other prompts cannot tell how
        much prompts differ, because there are fewer than two or all have earned the same, the mean
        of the siblings; where there are no siblings either, 0.
    """
    known = scored.view(-1, group_size)  # (P, G)
    told = torch.where(known, first.double().view(-1, group_size), 0.0)
    sizes = known.sum(dim=1).double()  # (P,)
    has_score = (sizes > 0).double()
    means = told.sum(dim=1) / sizes.clamp(min=1)
    # Variances do not depend on it, and large rewards with small differences stay exact.
    centre = means.sum() / has_score.sum().clamp(min=1)
    told, means = torch.where(known, told - centre, 0.0), (means - centre) * has_score

    def of_others(x: Tensor) -> Tensor:
        return x.sum() - x

    prompts = of_others(has_score)
    target = of_others(means) / prompts.clamp(min=1)
    spread = of_others(means.square()) - prompts * target.square()
    spread = spread.clamp(min=0) / (prompts - 1).clamp(min=1)  # of the others' means
    errors = torch.where(known, told - means.unsqueeze(1), 0.0).square().sum(dim=1)
    freedom = of_others((sizes - 1).clamp(min=0))
    within = of_others(errors) / freedom.clamp(min=1)
    noise = within * of_others(has_score / sizes.clamp(min=1)) / prompts.clamp(min=1)
    # How far the target is from a prompt's true mean: prompts differ, and it is a mean of few.
    between = (spread - noise).clamp(min=0) + spread / prompts.clamp(min=1)

    siblings = sizes.unsqueeze(1) - known.double()  # (P, G)
    mean = (told.sum(dim=1, keepdim=True) - told) / siblings.clamp(min=1)
    doubt = within.unsqueeze(1) / siblings.clamp(min=1)
    total = between.unsqueeze(1) + doubt
    rounding = _ROUNDING * (means.square().sum() + errors.sum())
    can_tell = ((prompts > 1) & (freedom > 0)).unsqueeze(1) & (total > rounding)
    weight = torch.where(can_tell, between.unsqueeze(1) / total, 1.0)
    weight = torch.where(siblings > 0, weight, 0.0)
    baseline = weight * mean + (1 - weight) * target.unsqueeze(1) + centre
    nothing = (siblings == 0) & (prompts == 0).unsqueeze(1)
    return torch.where(nothing, 0.0, baseline).flatten().to(first.dtype)
