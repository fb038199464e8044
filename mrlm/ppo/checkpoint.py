"""The value function in a checkpoint: no part of the exported model, it has a file of its own.

What else a run needs to resume bit for bit is the same for GRPO: ``mrlm.trainers.resumption``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from mrlm.ppo.explained import ExplainedVariance
from mrlm.ppo.value import full_tensor

VALUE_FILE = "value_head.safetensors"
_EXPLAINED = "explained_variance.squares"


def value_state(modules: nn.Module) -> dict[str, Tensor]:
    """Whole tensors on the CPU, to be saved. A collective under FSDP2: every process calls it."""
    return {
        name: full_tensor(tensor.detach()).cpu().contiguous().clone()
        for name, tensor in modules.state_dict().items()
    }


def save_value_state(
    state: dict[str, Tensor], explained: ExplainedVariance, directory: str | Path
) -> None:
    """Write the value function, and what it has explained so far, next to the model."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    save_file(state | {_EXPLAINED: explained.squares}, Path(directory) / VALUE_FILE)


@torch.no_grad()
def load_value_state(
    modules: nn.Module, explained: ExplainedVariance, directory: str | Path
) -> None:
    """Read the value function of a checkpoint, and what it had explained, into place.

    Raises:
        FileNotFoundError: The checkpoint has no value function.
        ValueError: It belongs to another kind of value function.
    """
    path = Path(directory) / VALUE_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, so this is not a checkpoint of PPOTrainer and its value "
            "function would restart at zero. Resume from a checkpoint that PPOTrainer saved, or "
            "start a new run with this model as `model`."
        )
    saved = load_file(path)
    # Not in checkpoints of mrlm 0.1: there the value function has to prove itself anew.
    explained.squares = saved.pop(_EXPLAINED, torch.zeros_like(explained.squares))
    targets = modules.state_dict()
    if saved.keys() != targets.keys():
        raise ValueError(
            f"{path} holds {_summary(saved)}, but this trainer has {_summary(targets)}. Resume "
            "with the same critic that the run was started with."
        )
    for name, target in targets.items():
        tensor = saved[name].to(target.device, target.dtype)
        if isinstance(target, DTensor):
            tensor = distribute_tensor(tensor, target.device_mesh, target.placements)
        target.copy_(tensor)


def _summary(state: dict[str, Tensor]) -> str:
    critic = sum(name.startswith("critic.") for name in state)
    return f"a value head and a critic of {critic} tensors" if critic else "a value head alone"
