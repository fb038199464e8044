"""Several processes: setting them up in a script of your own, and sharing out work among them.

Recipes need no setting up: ``accelerate launch --config_file recipes/accelerate/...`` does it. In a
script that ``torchrun`` starts, ``setup_distributed`` does what such a file would, before the
trainer is made, and refuses what cannot work with the command that does.

Not covered: TPUs, tensor and context parallelism, and settings of a strategy beyond its defaults.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
from collections.abc import Sequence
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

T = TypeVar("T")

# The environment that `accelerate launch` makes of recipes/accelerate/*.yaml.
_FSDP2 = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
    "FSDP_OFFLOAD_PARAMS": "false",
    "FSDP_ACTIVATION_CHECKPOINTING": "false",
}
_ZERO2 = {
    "ACCELERATE_USE_DEEPSPEED": "true",
    "ACCELERATE_DEEPSPEED_ZERO_STAGE": "2",
    "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": "none",
    "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": "none",
}
_ZERO3 = _ZERO2 | {
    "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3",
    "ACCELERATE_DEEPSPEED_ZERO3_INIT": "true",
    "ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL": "true",
}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "ddp": {},
    "fsdp": _FSDP2,
    "zero2": _ZERO2,
    "zero3": _ZERO3,
}
STRATEGIES = tuple(ENVIRONMENTS)
# Apart from the steps between the turns of an episode, which are large, too.
_SEED_STEP = 15_485_863
_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def setup_distributed(strategy: str = "ddp", *, use_cpu: bool = False) -> PartialState:
    """Join the other processes. Call it first in the script, before any trainer or its settings.

    Precision is the trainer's affair: set ``bf16`` there.

    Args:
        strategy: ``"ddp"``: every process holds everything. ``"fsdp"``: FSDP2, parameters,
            gradients and optimizer state split. ``"zero2"`` and ``"zero3"``: DeepSpeed.
        use_cpu: Run on CPUs, over gloo, though there are GPUs.

    Returns:
        Accelerate's ``PartialState``: ``num_processes``, ``process_index``, ``device``,
        ``is_main_process``. Unlike ``AcceleratorState`` it stays valid when the settings of a
        trainer are made.

    Raises:
        ValueError: The strategy is unknown, or cannot work with what the script was started with.
            The message holds a command that can.
    """
    if strategy not in ENVIRONMENTS:
        raise ValueError(f"strategy={strategy!r}: choose one of {', '.join(STRATEGIES)}.")
    gpus = 0 if use_cpu else torch.cuda.device_count()
    _check_started_by_torchrun(strategy, gpus)
    _check_not_configured_otherwise(strategy)
    if strategy == "ddp":
        _check_gpus_suffice(gpus)
    else:
        _check_can_shard(strategy, gpus)
    os.environ.update(ENVIRONMENTS[strategy])
    if gpus == 0:
        os.environ["ACCELERATE_USE_CPU"] = "true"  # the trainers' settings ask here
    state = PartialState(cpu=gpus == 0)
    destroy_process_group_at_exit()
    return state


def destroy_process_group_at_exit() -> None:
    """For programs: close what connects the processes before Python ends.

    Otherwise a thread of gloo's may still be giving back a tensor while the interpreter goes down,
    and that ends the process with ``terminate called without an active exception``.
    """
    atexit.register(_leave)


def _leave() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def shard_for_process(rows: Sequence[T]) -> Sequence[T]:
    """This process's shard of rows that all processes hold: of n processes, every n-th row."""
    state = PartialState()
    return rows[state.process_index :: state.num_processes]


def process_seed(seed: int | None) -> int | None:
    """Another one in every process, so that none repeats the noise of another's first rows."""
    return None if seed is None else seed + PartialState().process_index * _SEED_STEP


def gather_shares(results: Sequence[T], per_row: int = 1) -> list[T]:
    """What all processes made of their shares, in the order of the rows; all of them call this.

    Args:
        results: Of this process's rows, ``per_row`` for each.
        per_row: Results of one row.
    """
    processes = PartialState().num_processes
    if processes == 1:
        return list(results)
    shares: list[Sequence[T]] = gather_object([results])
    num_rows = sum(len(share) for share in shares) // per_row
    return [
        shares[row % processes][row // processes * per_row + k]
        for row in range(num_rows)
        for k in range(per_row)
    ]


def _command(processes: int | str) -> str:
    return f"torchrun --nproc_per_node={processes} YOUR_SCRIPT.py"


def _check_started_by_torchrun(strategy: str, gpus: int) -> None:
    missing = [name for name in _TORCHRUN if name not in os.environ]
    if not missing:
        return
    raise ValueError(
        f"strategy={strategy!r}, but the script was not started by torchrun (not set: "
        f"{', '.join(missing)}). Start it with\n    {_command(max(gpus, 2))}\n"
        "or, for a single process, leave setup_distributed out and run it with python."
    )


def _check_not_configured_otherwise(strategy: str) -> None:
    """``accelerate launch`` has chosen a strategy already; two would mix."""
    for switch, names in (
        ("ACCELERATE_USE_FSDP", ("fsdp",)),
        ("ACCELERATE_USE_DEEPSPEED", ("zero2", "zero3")),
    ):
        if os.environ.get(switch, "false").lower() == "true" and strategy not in names:
            raise ValueError(
                f"strategy={strategy!r}, but {switch}=true says that `accelerate launch` was given "
                "another one. Leave setup_distributed out under `accelerate launch`, or start with"
                f"\n    {_command(os.environ['LOCAL_WORLD_SIZE'])}"
            )


def _check_gpus_suffice(gpus: int) -> None:
    processes = int(os.environ["LOCAL_WORLD_SIZE"])
    if 0 < gpus < processes:
        raise ValueError(
            f"{processes} processes were started on this machine, but it has {gpus} GPU"
            f"{'s' if gpus > 1 else ''}: one process takes one. Start with\n    {_command(gpus)}"
        )


def _check_can_shard(strategy: str, gpus: int) -> None:
    if gpus == 0:
        raise ValueError(
            f"strategy={strategy!r} needs GPUs, and there is none here. On CPUs several processes "
            f"train with setup_distributed('ddp'), started with\n    {_command(2)}"
        )
    _check_gpus_suffice(gpus)
    if int(os.environ["WORLD_SIZE"]) == 1:
        raise ValueError(
            f"strategy={strategy!r} with one process: there is nothing to split it over. Start with"
            f"\n    {_command(max(gpus, 2))}\nor leave setup_distributed out for one GPU."
        )
    if strategy != "fsdp" and importlib.util.find_spec("deepspeed") is None:
        raise ValueError(
            f"strategy={strategy!r} needs DeepSpeed, which is not installed: pip install deepspeed"
            f", or use strategy='fsdp', which needs nothing more:\n    {_command(gpus)}"
        )
