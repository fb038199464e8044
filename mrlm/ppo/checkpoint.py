"""Checkpoints that a PPO run can resume from bit for bit.

Three things need care beyond what ``Trainer`` saves: the value function, which is no part of the
exported model and has a file of its own; the place in the rollout, which TRL forgets; and the
moment of saving, because the rollout itself is not stored. Only after the last update on a rollout
does nothing depend on it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import TrainerCallback, TrainerControl, TrainerState

from mrlm.ppo.value import full_tensor

if TYPE_CHECKING:
    from mrlm.ppo.config import PPOConfig

VALUE_FILE = "value_head.safetensors"


def value_state(modules: nn.Module) -> dict[str, Tensor]:
    """Whole tensors on the CPU, to be saved. A collective under FSDP2: every process calls it."""
    return {
        name: full_tensor(tensor.detach()).cpu().contiguous().clone()
        for name, tensor in modules.state_dict().items()
    }


def save_value_state(state: dict[str, Tensor], directory: str | Path) -> None:
    """Write the value function next to the model."""
    Path(directory).mkdir(parents=True, exist_ok=True)
    save_file(state, Path(directory) / VALUE_FILE)


@torch.no_grad()
def load_value_state(modules: nn.Module, directory: str | Path) -> None:
    """Read the value function of a checkpoint into place.

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


class RolloutBoundaryCallback(TrainerCallback):
    """Moves each save to the end of the current rollout, and the resumed run to where it was.

    Args:
        args: Tells how many micro-batches a rollout lasts.
        set_micro_step: Called with the number of micro-batches done when training begins.
    """

    def __init__(self, args: PPOConfig, set_micro_step: Callable[[int], None]) -> None:
        self._args = args
        self._set_micro_step = set_micro_step
        self._save_is_due = False

    def at_boundary(self, global_step: int) -> bool:
        """Whether after this optimizer step the next one samples a new rollout."""
        return global_step * self._args.gradient_accumulation_steps % self._args.rollout_window == 0

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._save_is_due = False
        # TRL counts micro-batches from 0 again when a run resumes, and samples by that count.
        self._set_micro_step(state.global_step * self._args.gradient_accumulation_steps)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._save_is_due = self._save_is_due or control.should_save
        # A run that ends here will not reach the boundary: better a checkpoint than none.
        control.should_save = self._save_is_due and (
            self.at_boundary(state.global_step) or control.should_training_stop
        )
        self._save_is_due = self._save_is_due and not control.should_save
