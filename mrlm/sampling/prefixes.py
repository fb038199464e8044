"""Which beginnings of several prompts are worth computing once: plain lists of token ids."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["shared_prefixes"]


def shared_prefixes(prompts: list[list[int]]) -> tuple[list[list[int]], list[int]]:
    """Beginnings that several prompts have in common, to be computed once.

    Under a chat template that is the system prompt, with the tools; in later rounds of an episode
    with tools, all that the rollouts of one row share. Prompts that are neighbours in alphabetical
    order and agree on at least so many tokens share a prefix; so many are chosen that the fewest
    tokens, padding included, are left to compute.

    Args:
        prompts: B lists of token ids, none empty.

    Returns:
        The prefixes, and for each prompt the index of its own: all but its last token at most.
    """
    if len(prompts) == 1:
        return [[]], [0]
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    ordered = [prompts[i] for i in order]
    agreed = [_num_agreed(one, other) for one, other in pairwise(ordered)]
    best: tuple[int, list[tuple[int, int, int]]] | None = None
    for least in sorted({0, *agreed}):
        # (first, end, length of the prefix) of each run of neighbours.
        bounds = [0, *(i + 1 for i, n in enumerate(agreed) if n < least), len(ordered)]
        runs = [
            (first, end, min([*agreed[first : end - 1], len(ordered[first]) - 1]))
            for first, end in pairwise(bounds)
        ]
        rests = (len(ordered[i]) - size for first, end, size in runs for i in range(first, end))
        cost = len(runs) * max(size for *_, size in runs) + len(ordered) * max(rests)
        if best is None or cost < best[0]:
            best = cost, runs
    assert best is not None
    prefix_of = [0] * len(prompts)
    for index, (first, end, _) in enumerate(best[1]):
        for i in order[first:end]:
            prefix_of[i] = index
    return [ordered[first][:size] for first, _, size in best[1]], prefix_of


def _num_agreed(one: list[int], other: list[int]) -> int:
    """Tokens that both begin with, short of the last of either."""
    limit = min(len(one), len(other)) - 1
    return next((i for i in range(limit) if one[i] != other[i]), limit)
