"""A model's forward as a sampler calls it: tokens in, logits and hidden state of the last one out.

Not covered: classes whose forward takes no masks or positions (``mrlm.sampling.coverage``).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from transformers.cache_utils import Cache

from mrlm.sampling.coverage import cache_parameter
from mrlm.sampling.masks import Mask

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Forward"]


class Forward:
    """Calls a model with masks, positions and a cache of our making.

    Args:
        model: A causal language model.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._cache_parameter = cache_parameter(model) or "past_key_values"
        takes = inspect.signature(type(model).forward).parameters
        # Other classes compute the logits of all positions.
        self._only_last: Any = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    def __call__(
        self, ids: Tensor, mask: Mask, positions: Tensor, cache: Cache
    ) -> tuple[Tensor, Tensor]:
        """Logits (B, V) and the last hidden state (B, H) at the last position of ids (B, S)."""
        hidden: list[Tensor] = []

        def tap(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
            # The slice of the last position is strided; on a CPU the product would then copy the
            # whole vocabulary matrix once per row.
            hidden.append(args[0].contiguous())
            return (hidden[0],)

        hook = self._model.get_output_embeddings().register_forward_pre_hook(tap)
        try:
            out = self._model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                use_cache=True,
                **{self._cache_parameter: cache},
                **self._only_last,
            )
        finally:
            hook.remove()
        return out.logits[:, -1], hidden[0][:, -1]
