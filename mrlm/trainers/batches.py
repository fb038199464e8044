"""What becomes of a rollout's rows before the update: which of them, in which order.

Completions without an advantage cost as much as others and teach nothing; completions of one prompt
cost less in one micro-batch, where the prompt is run once (``mrlm.trainers.packing``).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["grouped", "grouped_order", "rows_with_gradient", "take_rows"]


def rows_with_gradient(advantages: Tensor, micro_batches: int, least: int) -> Tensor:
    """Indices, ascending, of the rows to update on.

    Those whose advantage is not 0, and as many others as make the number at least ``least`` and one
    that splits into equal micro-batches.

    Args:
        advantages: (B,).
        micro_batches: Into which the rows are split.
        least: Rows that another process needs.
    """
    has_gradient = advantages != 0
    count = max(1, least, int(has_gradient.sum()))
    count = -(-count // micro_batches) * micro_batches
    return (~has_gradient).to(torch.uint8).argsort(stable=True)[:count].sort().values


def grouped_order(prompt_ids: Tensor) -> Tensor:
    """An order of the rows (B,) that keeps equal prompts (B, P) together, the prompts shuffled."""
    group = prompt_ids.unique(dim=0, return_inverse=True)[1]
    shuffled = torch.randperm(int(group.max()) + 1, device=group.device)
    return shuffled[group].argsort(stable=True)


def take_rows(batch: dict[str, Any], rows: Tensor) -> dict[str, Any]:
    """These rows of a batch's tensors; what has no rows, such as a number of tokens, as it is."""
    return {name: x[rows] if x.ndim else x for name, x in batch.items()}


def grouped(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Micro-batches, whose rows TRL has shuffled, as one batch in ``grouped_order``."""
    batch = {
        name: torch.cat([part[name] for part in parts]) if tensor.ndim else tensor
        for name, tensor in parts[0].items()
    }
    return take_rows(batch, grouped_order(batch["prompt_ids"]))
