"""What this machine can do, and the settings that follow: device and precision.

``GRPOConfig`` raises on a CPU, or takes bf16 where it is slow, unless it is told; recipes ask here.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

import torch

from mrlm.processors import wanted_threads


@dataclass(frozen=True)
class Hardware:
    """The device that training runs on and the precision that is fast there.

    Attributes:
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
        bf16: Whether bf16 matrix products are faster than fp32.
        name: For people: the GPU's name, or the number of CPU threads.
    """

    device: str
    bf16: bool
    name: str

    def __str__(self) -> str:
        return f"{self.device} ({self.name}), fast in {'bf16' if self.bf16 else 'fp32'}"


def detect_hardware(use_cpu: bool = False) -> Hardware:
    """Choose the best device here, or the CPU where ``use_cpu`` asks for it."""
    if torch.cuda.is_available() and not use_cpu:
        device, name = "cuda", torch.cuda.get_device_name()
    elif torch.backends.mps.is_available() and not use_cpu:
        device, name = "mps", platform.processor()
    else:
        device, name = "cpu", f"{torch.get_num_threads()} threads"
    return Hardware(device, has_fast_bf16(torch.device(device)), name)


def use_all_cores() -> int:
    """Let torch compute on every core that this process may use, shared with those beside it.

    Returns:
        Threads of this process, as ``mrlm.processors.wanted_threads`` says.
    """
    threads = wanted_threads()
    torch.set_num_threads(threads)
    return threads


def set_device_defaults(args: Any) -> None:
    """Set what a ``TrainingArguments`` leaves open, before its ``__post_init__``.

    TRL turns bf16 on everywhere, which raises on a machine without a GPU. Here ``bf16`` is on where
    it is fast, ``use_cpu`` where there is nothing else, activation checkpointing where memory is
    short, which a CPU's is not. What was chosen stays.
    """
    accelerated = torch.accelerator.is_available() and not args.use_cpu
    args.use_cpu = not accelerated
    device = torch.accelerator.current_accelerator() if accelerated else None
    if args.bf16 is None:
        args.bf16 = not args.fp16 and has_fast_bf16(device or torch.device("cpu"))
    if device is not None and device.type == "mps":
        args.dataloader_pin_memory = False  # there is none on MPS, and torch warns of it
    if args.gradient_checkpointing is None and args.activation_checkpointing is None:
        args.activation_checkpointing = accelerated  # the new name of the same option


def has_sharded_weights() -> bool:
    """Whether `accelerate launch` was told to shard the weights (FSDP, DeepSpeed)."""
    switches = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
    return any(os.environ.get(name, "").lower() == "true" for name in switches)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bf16 matrix products are faster than fp32 on this device."""
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()
