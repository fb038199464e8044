"""Device, precision, threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from mrlm.hardware import detect_hardware, has_fast_bf16


def test_the_cpu_is_taken_on_request() -> None:
    hardware = detect_hardware(use_cpu=True)
    assert hardware.device == "cpu"
    assert str(hardware).startswith(f"cpu ({torch.get_num_threads()} threads), fast in ")
    assert hardware.bf16 == has_fast_bf16(torch.device("cpu"))


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
