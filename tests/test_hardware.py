"""Device, precision, and the allocator's setting, measured in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from mrlm.hardware import detect_hardware, has_fast_bf16

FAULTS = """
import resource, sys, torch
from mrlm.hardware import reuse_freed_memory
if sys.argv[1] == "reuse":
    assert reuse_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(16_000_000)
start = faults()
for _ in range(10):
    torch.ones(16_000_000)
print(faults() - start)
"""


def test_the_cpu_is_taken_on_request() -> None:
    hardware = detect_hardware(use_cpu=True)
    assert hardware.device == "cpu"
    assert str(hardware).startswith(f"cpu ({torch.get_num_threads()} threads), fast in ")
    assert hardware.bf16 == has_fast_bf16(torch.device("cpu"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_reused() -> None:
    counts = {
        mode: int(subprocess.check_output([sys.executable, "-c", FAULTS, mode], text=True))
        for mode in ("reuse", "default")
    }
    assert counts["reuse"] < counts["default"] / 2, counts
