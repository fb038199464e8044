"""A plain copy of a model to sample from: adapters merged, split weights put together.

Adapters are merged by PEFT itself, one layer at a time and on a clone of that layer: PEFT knows
what DoRA, IA3 or an adapter on experts do to a weight, and merging in place and undoing it would
leave rounding behind in the weights that are trained. The copy starts as uninitialised memory, so
every one of its tensors must be written, and every tensor of the model must have a place in it:
anything else is an error, never a guess.

Not covered: what ``mrlm.sampling.coverage`` names.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from transformers.initialization import no_init_weights
from transformers.modeling_utils import local_torch_dtype

from mrlm.errors import ModelError
from mrlm.sampling.attention import ATTENTION

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["copy_weights", "empty_copy", "plain_model"]


def plain_model(model: nn.Module) -> PreTrainedModel:
    """The causal language model under a PEFT wrapper, or the model itself."""
    get_base_model = getattr(model, "get_base_model", None)
    return get_base_model() if get_base_model is not None else model  # type: ignore[return-value]


def empty_copy(model: PreTrainedModel, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """A model of the same class and config with weights of ``dtype`` to be filled.

    Weights that the model ties are tied in it, unless an adapter has made two of them.
    """
    config = copy.deepcopy(model.config)
    # FSDP2 puts a class of its own in front of the model's.
    plain: Any = next(c for c in type(model).__mro__ if not issubclass(c, FSDPModule))
    with no_init_weights(), local_torch_dtype(dtype, plain.__name__):
        empty: Any = plain(config)  # `from_config` would split it under ZeRO-3
    empty.tie_weights()
    _untie(empty, model)
    copied: PreTrainedModel = empty.to(device).eval()
    copied.requires_grad_(False)
    implementation = config._attn_implementation
    # Eager attention stays: some models compute in it what no other attention does.
    if implementation != "eager" and getattr(copied, "_supports_attention_backend", False):
        if copied.device.type == "cpu":
            copied.set_attn_implementation(ATTENTION)
        elif implementation != "sdpa":
            copied.set_attn_implementation("sdpa")  # others take no mask of our making
    return copied


def copy_weights(target: PreTrainedModel, model: nn.Module) -> None:
    """Write the plain weights and buffers of ``model`` over those of its copy.

    Raises:
        ModelError: The copy has a tensor that the model does not have, or the other way round.
    """
    places = dict(_named_tensors(target, keep_duplicates=False))
    known = dict(_named_tensors(target, keep_duplicates=True))
    own = {name for name, _ in target.named_children()}
    written: set[str] = set()
    for name, tensor in plain_tensors(plain_model(model)):
        if name in places and places[name].shape == tensor.shape:
            places[name].copy_(tensor)
            written.add(name)
        # What somebody hung on the model, such as a value head, its own forward does not use.
        elif name not in known and name.partition(".")[0] in own:
            raise ModelError(
                f"{name} of {type(model).__name__} has no place in a plain "
                f"{type(target).__name__}, so a copy would be another model. Sample with the "
                "model's own generate (mrlm.sampling.make_generator chooses)."
            )
    missing = sorted(places.keys() - written)
    if missing:
        raise ModelError(
            f"{len(missing)} tensors of a plain {type(target).__name__} are not in "
            f"{type(model).__name__}: {', '.join(missing[:3])}. Sample with the model's own "
            "generate (mrlm.sampling.make_generator chooses)."
        )


def plain_tensors(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Names in a model without adapters, and weights and buffers with the active ones merged.

    Tensors may be on several devices and in several precisions. Tied ones come under each name.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper, ModulesToSaveWrapper

    if isinstance(model, AuxiliaryTrainingWrapper):
        adapters = [] if model.disable_adapters else model.active_adapters
        inner: Any = model.original_module
        if isinstance(model, ModulesToSaveWrapper):
            inner = next((model.modules_to_save[a] for a in adapters[:1]), inner)
        else:
            inner = cast(Any, model).token_adapter
        yield from plain_tensors(inner, prefix)
        return
    if isinstance(model, BaseTunerLayer):
        with _gathered([*cast(nn.Module, model).parameters()]):
            yield from plain_tensors(_merged(cast(nn.Module, model)), prefix)
        return
    tensors = [*model._parameters.items(), *model._buffers.items()]
    with _gathered([p for p in model._parameters.values() if p is not None]):
        for name, tensor in tensors:
            if tensor is not None:
                yield prefix + name, _whole(tensor)
    for name, child in model.named_children():
        yield from plain_tensors(child, f"{prefix}{name}.")


def _merged(layer: nn.Module) -> nn.Module:
    """A clone of what an adapter wraps, after PEFT merged the active adapters into it."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    wrapped: Any = _clone(layer)
    chain = [wrapped]
    while isinstance(chain[-1].base_layer, BaseTunerLayer):  # adapters on several parameters
        chain.append(chain[-1].base_layer)
    for one in reversed(chain):
        if not one.disable_adapters:
            one.merge()
    return cast(nn.Module, chain[-1].base_layer)


def _clone(module: nn.Module) -> nn.Module:
    """A copy with whole tensors of its own, of what may be split and may be no leaf."""
    clone = type(module).__new__(type(module))
    clone.__dict__.update(
        {
            name: copy.copy(value) if isinstance(value, (dict, list, set)) else value
            for name, value in module.__dict__.items()
        }
    )
    clone._parameters = {
        name: None
        if weight is None
        else nn.Parameter(_whole(weight).detach().clone(), requires_grad=False)
        for name, weight in module._parameters.items()
    }
    clone._buffers = {
        name: None if buffer is None else buffer.clone() for name, buffer in module._buffers.items()
    }
    clone._modules = {
        name: None if child is None else _clone(child) for name, child in module._modules.items()
    }
    return clone


def _untie(empty: nn.Module, model: nn.Module) -> None:
    """Give the copy a weight of its own where the model's no longer is the one it was tied to."""
    owners = dict(_owners(model))
    first: dict[int, str] = {}
    for name, weight in empty.named_parameters(remove_duplicate=False):
        known = first.setdefault(id(weight), name)
        if known != name and owners.get(known) != owners.get(name):
            path, _, kind = name.rpartition(".")
            fresh = nn.Parameter(torch.empty_like(weight), requires_grad=False)
            setattr(empty.get_submodule(path), kind, fresh)


def _owners(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Names in a plain model, and for each weight what tells it from others: itself or its adapter.

    As ``plain_tensors`` names them, with nothing merged.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    if isinstance(model, (AuxiliaryTrainingWrapper, BaseTunerLayer)):
        inner: Any = model
        while isinstance(inner, (AuxiliaryTrainingWrapper, BaseTunerLayer)):
            inner = getattr(inner, "base_layer", None) or cast(Any, inner).original_module
        for name, _ in inner.named_parameters():
            yield prefix + name, id(model)
        return
    for name, weight in model.named_parameters(recurse=False):
        yield prefix + name, id(weight)
    for name, child in model.named_children():
        yield from _owners(child, f"{prefix}{name}.")


def _named_tensors(model: nn.Module, *, keep_duplicates: bool) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters(remove_duplicate=not keep_duplicates)
    yield from model.named_buffers(remove_duplicate=not keep_duplicates)


def _whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _gathered(weights: list[Any]) -> AbstractContextManager[None]:
    """In which weights that DeepSpeed ZeRO-3 has split are whole; all processes enter it."""
    if not any(hasattr(weight, "ds_id") for weight in weights):
        return nullcontext()
    import deepspeed

    gathered: AbstractContextManager[None] = deepspeed.zero.GatheredParameters(weights)
    return gathered
