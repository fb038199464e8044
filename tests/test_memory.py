"""Memory of a process, measured in a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

FAULTS = """
import resource, sys, torch
from mrlm.memory import reuse_freed_memory
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
PEAKS = """
from mrlm.memory import peak_memory, reset_peak_memory
start = peak_memory()
block = bytearray(200_000_000)
held = peak_memory()
del block
reset_peak_memory()
print(held - start, held - peak_memory())
"""


def _output(code: str, *arguments: str) -> str:
    # A test before this one may have bounded the caches of its process, and so of this one's.
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_CACHE_CAPACITY")}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.check_output(command, text=True, env=environment)


@pytest.mark.skipif(platform.system() != "Linux", reason="only there it is counted anew")
def test_the_peak_is_what_was_held_and_is_counted_anew() -> None:
    grown, forgotten = map(int, _output(PEAKS).split())
    assert 190_000_000 < grown < 250_000_000
    assert forgotten > 150_000_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_reused() -> None:
    counts = {mode: int(_output(FAULTS, mode)) for mode in ("reuse", "default")}
    # Not a share: a kernel that reclaims idle memory by itself takes some of it back.
    assert counts["reuse"] < counts["default"], counts


CACHED = """
import sys, torch
from mrlm.memory import bound_product_caches, peak_memory
if sys.argv[1] == "bound":
    bound_product_caches()
torch.set_num_threads(1)
weight = torch.ones(64, 64, dtype=torch.bfloat16)
product = lambda rows: torch.nn.functional.linear(torch.ones(rows, 64, dtype=weight.dtype), weight)
product(1)
start = peak_memory()
for rows in range(2, 802):
    product(rows)
print(peak_memory() - start)
"""


@pytest.mark.skipif(platform.system() != "Linux", reason="only there it is counted so")
def test_products_of_many_shapes_are_not_all_kept() -> None:
    grown = {mode: int(_output(CACHED, mode)) for mode in ("bound", "default")}
    if grown["default"] < 100 << 20:
        pytest.skip("this processor computes bf16 in another way, which keeps nothing")
    assert grown["bound"] < grown["default"] / 2, grown
