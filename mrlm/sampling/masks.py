"""What each layer's tokens see: windows by layer type, and the form that its attention reads.

Windows count tokens. In the sampler's buffers a row has padding before its prefix and between the
prefix and the rest, so slots would count too many. Models without a window get one boolean mask, as
before.

Not covered: chunks, windows that differ from layer to layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mrlm.sampling.kv_cache import padded_capacity, visible_mask

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["FULL", "SLIDING", "Mask", "Masks", "sliding_window"]

FULL, SLIDING = "full_attention", "sliding_attention"

# One for all layers, or one for each type of layers.
Mask = Tensor | dict[str, Tensor]


def sliding_window(config: Any) -> int | None:
    """Tokens that a layer with a window sees; ``None`` where all layers see all."""
    window = getattr(config, "sliding_window", None)
    types = getattr(config, "layer_types", None)
    return window if window and (types is None or SLIDING in types) else None


class Masks:
    """Makes the masks of a model.

    Args:
        model: Its config says which layers have a window, and how large it is.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        config = model.config.get_text_config()
        self._window = sliding_window(config)
        self._types: set[str] | None = set(getattr(config, "layer_types", None) or ()) or None
        self._eager_dtype = model.dtype if config._attn_implementation == "eager" else None

    def __call__(self, visible: Tensor, start: int, stop: int, positions: Tensor) -> Mask:
        """What the tokens in the slots from ``start`` to ``stop`` see.

        Args:
            visible: (B, 1, 1, all slots): the ones that may be seen at all.
            start: The first token's slot.
            stop: The slot after the last one's.
            positions: (B, stop - start) or (stop - start,), of these tokens in their rows.
        """
        own = torch.arange(start, stop, device=visible.device)
        return self.of_slots(visible[..., : padded_capacity(stop)], own, positions)

    def of_slots(self, visible: Tensor, own: Tensor, positions: Tensor) -> Mask:
        """The same for tokens in the slots ``own`` (Q,), which no number in Python names."""
        if self._window is None:
            return self._form(visible_mask(visible, own))
        near = self._form(visible_mask(visible, own, positions, self._window))
        if self._types is None:
            return near
        masks = {SLIDING: near}
        if FULL in self._types:
            masks[FULL] = self._form(visible_mask(visible, own))
        return masks

    def _form(self, mask: Tensor) -> Tensor:
        """Eager attention adds its mask to the scores; others take where it is true."""
        if self._eager_dtype is None:
            return mask
        zero = torch.zeros((), dtype=self._eager_dtype, device=mask.device)
        return torch.where(mask, zero, torch.finfo(self._eager_dtype).min)
