"""The value function: a scalar head on the policy's backbone, or a critic with its own backbone.

The head lives inside the policy module, so that DDP, FSDP and the optimiser treat it like any other
weight, and one forward of the backbone serves the policy and the value. It is not part of the
exported model: ``save_pretrained`` leaves it out, and the trainer writes it to its own file.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from trl.trainer.utils import FusedCausalLMOutput

_T = TypeVar("_T")

# What a causal model's forward takes and its backbone does not.
_LM_ARGUMENTS = {"labels", "shift_labels", "num_items_in_batch", "output_router_logits"}


@dataclass
class PolicyValueOutput(FusedCausalLMOutput):
    """TRL's fused output and the values, (B, T - 1): ``value_preds[:, t]`` is V before token t + 1.

    A dataclass field rather than an attribute, because DDP and accelerate rebuild outputs from
    their fields.
    """

    value_preds: Tensor | None = None


class ValueHead(nn.Linear):
    """Hidden state to expected return: float32 whatever the model's precision, zero at first.

    Zero makes the first values 0, so training starts from plain returns instead of from noise. The
    hidden states are scaled to length 1: theirs differs between models by orders of magnitude, and
    with it what one step of Adam does to a value.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__(hidden_size, 1, dtype=torch.float32)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., hidden_size) in any float dtype to (...) in float32."""
        with torch.autocast(hidden.device.type, enabled=False):
            # FSDP2 may leave shards here; a product with a plain tensor needs them whole.
            weight, bias = full_tensor(self.weight), full_tensor(self.bias)
            direction = nn.functional.normalize(hidden.float(), dim=-1)
            return nn.functional.linear(direction, weight.float(), bias.float()).squeeze(-1)


def full_tensor(tensor: Tensor) -> Tensor:
    """The whole tensor where FSDP2 holds a shard of it; a collective in that case."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def attach_value_function(model: Any, critic: Any = None, detach: bool = True) -> None:
    """Give a causal model, already patched by TRL's ``add_fused_lm_head``, a ``value_head``.

    From then on ``model(..., fused_lm_head=True)`` returns a ``PolicyValueOutput``; any other call,
    generation included, is as before.

    Args:
        model: The causal model itself, not its PEFT wrapper.
        critic: Model whose backbone reads the values; becomes ``model.critic``. ``None`` reads them
            from the policy's hidden states.
        detach: Without a critic, whether the value loss stops at the head and leaves the policy's
            backbone alone.

    Raises:
        ValueError: The critic is the policy itself, or reads other token ids.
    """
    if critic is not None:
        critic = critic.base_model  # a causal model's backbone; a backbone is its own
        _check_critic(critic, model)
    device = next(model.parameters()).device
    config = (model if critic is None else critic).config.get_text_config()
    model.value_head = ValueHead(config.hidden_size).to(device)
    if critic is not None:
        model.critic = critic.to(device).train()
    # Instance attribute: the exported model holds neither, whoever calls `save_pretrained`.
    model._keys_to_ignore_on_save = set(model._keys_to_ignore_on_save or ()) | set(
        value_modules(model).state_dict()
    )
    policy_forward = model.forward

    @functools.wraps(type(model).forward)  # `generate` checks its arguments against the signature
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **kwargs: Any) -> Any:
        if not fused_lm_head:
            return policy_forward(*args, **kwargs)
        hidden: list[Tensor] = []
        hook = self.base_model.register_forward_hook(
            lambda module, inputs, output: hidden.append(output.last_hidden_state)
        )
        try:
            output = policy_forward(*args, fused_lm_head=True, **kwargs)
        finally:
            hook.remove()
        if critic is None:
            states = hidden[0].detach() if detach else hidden[0]
        else:
            inputs = {k: v for k, v in kwargs.items() if k not in _LM_ARGUMENTS}
            states = self.critic(*args, **inputs, use_cache=False).last_hidden_state
        # As TRL does with the hidden states: labels that are shifted already have one for each.
        values = self.value_head(states if "shift_labels" in kwargs else states[:, :-1])
        policy = {f.name: getattr(output, f.name) for f in fields(FusedCausalLMOutput)}
        return PolicyValueOutput(**policy, value_preds=values)

    model.forward = types.MethodType(forward, model)


def present(x: _T | None) -> _T:
    """``x``, which TRL's flow has filled by now."""
    if x is None:
        raise RuntimeError("TRL did not run what PPOTrainer expects.")
    return x


class Recorder:
    """A model that remembers what it said of the last tokens of its inputs, its values too.

    TRL runs the policy several rows at a time and hands on log-probabilities alone; called in the
    policy's place, this keeps the rest of the same forward pass.

    Args:
        model: Called as ``model(**inputs, labels=..., fused_lm_head=True)``.
        length: How many tokens at the end of each row, T.
    """

    def __init__(self, model: Any, length: int) -> None:
        self._model, self._length = model, length
        self._logps: list[Tensor] = []
        self._values: list[Tensor] = []

    def __call__(self, **inputs: Any) -> Any:
        output = self._model(**inputs)
        self._logps.append(output.log_probs[:, -self._length :])
        if getattr(output, "value_preds", None) is not None:
            self._values.append(output.value_preds[:, -self._length :])
        return output

    @property
    def logps(self) -> Tensor:
        """(B, T)."""
        return torch.cat(self._logps)

    @property
    def values(self) -> Tensor:
        """(B, T).

        Raises:
            RuntimeError: Nothing was run, or a model without a value function.
        """
        return torch.cat(present(self._values or None))


def _check_critic(critic: Any, policy: Any) -> None:
    if critic is policy.base_model:
        raise ValueError(
            "critic is the policy itself. Pass another instance, or leave critic out and set "
            "value_head_detach=False to share the backbone."
        )
    theirs, ours = (m.get_input_embeddings().num_embeddings for m in (critic, policy))
    if theirs != ours:
        raise ValueError(
            f"The critic knows {theirs} tokens and the policy {ours}: they must read the same "
            "token ids. Use a critic with the policy's tokenizer, such as a copy of the policy."
        )


def value_modules(model: nn.Module) -> nn.ModuleDict:
    """``value_head`` and, where there is one, ``critic``: names as in the model's state dict."""
    names = ("value_head", "critic")
    return nn.ModuleDict({name: getattr(model, name) for name in names if hasattr(model, name)})


def value_parameter_groups(
    optimizer: torch.optim.Optimizer, modules: nn.ModuleDict, rates: dict[str, float]
) -> None:
    """Move the value function's weights into groups of their own, without weight decay.

    Args:
        optimizer: Of all weights.
        modules: As ``value_modules`` gives them.
        rates: Learning rate of each module, by name.
    """
    groups = [
        {"params": list(module.parameters()), "lr": rates[name], "weight_decay": 0.0}
        for name, module in modules.items()
    ]
    theirs = {id(parameter) for parameter in modules.parameters()}
    for group in optimizer.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in theirs]
    # LoRA leaves an empty group, which a sharded checkpoint could not be resumed with.
    optimizer.param_groups[:] = [g for g in optimizer.param_groups if g["params"]]
    for group in groups:
        optimizer.add_param_group(group)


def without_value_function(
    named_parameters: Iterable[tuple[str, Tensor]],
) -> Iterator[tuple[str, Tensor]]:
    """Drop the value function from what is sent to a sampling engine that has only the policy."""
    for name, parameter in named_parameters:
        if not name.startswith(("value_head.", "critic.")):
            yield name, parameter
