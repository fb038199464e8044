"""A plain copy of a model to sample from: adapters merged, split weights put together."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from transformers.initialization import no_init_weights
from transformers.modeling_utils import local_torch_dtype

from mrlm.sampling.attention import ATTENTION

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["empty_copy", "merged_parameters", "plain_model"]


def plain_model(model: nn.Module) -> PreTrainedModel:
    """The causal language model under a PEFT wrapper, or the model itself."""
    get_base_model = getattr(model, "get_base_model", None)
    return get_base_model() if get_base_model is not None else model  # type: ignore[return-value]


def empty_copy(model: PreTrainedModel, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """A model of the same class and config with weights of ``dtype`` to be filled by ``sync``."""
    config = copy.deepcopy(model.config)
    # FSDP2 puts a class of its own in front of the model's.
    plain: Any = next(c for c in type(model).__mro__ if not issubclass(c, FSDPModule))
    with no_init_weights(), local_torch_dtype(dtype, plain.__name__):
        empty: Any = plain(config)  # `from_config` would split it under ZeRO-3
    empty.tie_weights()
    copied: PreTrainedModel = empty.to(device).eval()
    copied.requires_grad_(False)
    on_cpu = copied.device.type == "cpu"
    if on_cpu and copied._supports_attention_backend and config._attn_implementation != "eager":
        copied.set_attn_implementation(ATTENTION)
    return copied


def merged_parameters(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Names and weights of the plain model, each LoRA update added on the fly.

    ``merge_adapter`` would write into the weights and its undoing would leave rounding behind.
    """
    base = plain_model(model)
    for name, weight in base.named_parameters():
        path, _, kind = name.replace(".base_layer.", ".").rpartition(".")
        layer: Any = base.get_submodule(path)
        # One layer's update at a time: all of them would take as much memory as the model.
        with _gathered(layer, weight):
            if kind == "weight" and hasattr(layer, "get_delta_weight"):
                weight = sum((layer.get_delta_weight(a) for a in layer.active_adapters), weight)
            yield f"{path}.{kind}", weight.full_tensor() if isinstance(weight, DTensor) else weight


def _gathered(layer: nn.Module, weight: Tensor) -> AbstractContextManager[None]:
    """In which a layer that DeepSpeed ZeRO-3 has split is whole; all processes enter it."""
    if not hasattr(weight, "ds_id"):
        return nullcontext()
    import deepspeed

    gathered: AbstractContextManager[None] = deepspeed.zero.GatheredParameters(
        [*layer.parameters()]
    )
    return gathered
