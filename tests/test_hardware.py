"""Device, precision, threads."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mrlm.hardware import detect_hardware, has_fast_bf16, set_device_defaults


def test_the_cpu_is_taken_on_request() -> None:
    hardware = detect_hardware(use_cpu=True)
    assert hardware.device == "cpu"
    assert str(hardware).startswith(f"cpu ({torch.get_num_threads()} threads), fast in ")
    assert hardware.bf16 == has_fast_bf16(torch.device("cpu"))


def test_a_mac_s_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """fp32, activation checkpointing, and no pinned memory, of which torch would warn."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("mps"))
    hardware = detect_hardware()
    assert (hardware.device, hardware.bf16) == ("mps", False)

    def settings(**chosen: Any) -> SimpleNamespace:
        args = SimpleNamespace(
            use_cpu=False,
            bf16=None,
            fp16=False,
            gradient_checkpointing=None,
            activation_checkpointing=None,
            dataloader_pin_memory=True,
        )
        vars(args).update(chosen)
        set_device_defaults(args)
        return args

    args = settings()
    assert not (args.use_cpu or args.bf16 or args.dataloader_pin_memory)
    assert args.activation_checkpointing
    assert settings(use_cpu=True).use_cpu and not settings(use_cpu=True).activation_checkpointing


@pytest.mark.integration
@pytest.mark.parametrize("processes", [1, 2, 1000])
def test_cores_are_shared_among_local_processes(processes: int) -> None:
    """Those that the process may use, not all that the machine has."""
    may_use = getattr(os, "sched_getaffinity", None)
    cores = len(may_use(0)) if may_use else os.cpu_count() or 1
    code = "from mrlm.hardware import use_all_cores; print(use_all_cores())"
    told = subprocess.check_output(
        [sys.executable, "-c", code],
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": str(processes)},
    )
    assert int(told) == max(1, cores // processes)
