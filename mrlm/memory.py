"""Memory of this process: what it held at most, what it gives back, what it keeps.

oneDNN, which computes bf16 products on a CPU, keeps what it compiled and packed for each shape,
half a megabyte for every number of rows, in two caches of a thousand shapes. Sampling and packed
updates have other shapes at every step, so runs grew by a gigabyte, in pieces between which freed
tensors fit no more.

Without torch, so that commands which read a run's files stay quick.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from contextlib import suppress
from pathlib import Path

__all__ = [
    "bound_product_caches",
    "peak_memory",
    "reset_peak_memory",
    "return_freed_memory",
    "reuse_freed_memory",
]

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # proc_pid_clear_refs(5)
# oneDNN's cache, and the one that PyTorch has before it; both are read at the first product.
_PRODUCT_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
_MAX_SHAPES = 128  # one step of sampling and update has about a hundred, and repeats each 30 times


def peak_memory() -> int:
    """Bytes of memory that this process held at most since ``reset_peak_memory``, or its start.

    Processes that it started, such as those of the sandbox, are not counted. On systems other than
    Linux it is the peak since the start.
    """
    if _STATUS.is_file():
        (line,) = [ln for ln in _STATUS.read_text().splitlines() if ln.startswith("VmHWM:")]
        return int(line.split()[1]) << 10
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak << 10


def reset_peak_memory() -> None:
    """Give memory that was freed back to the system, and count the peak anew where that works."""
    return_freed_memory()
    with suppress(OSError):  # not Linux, or a kernel without it
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def return_freed_memory() -> None:
    """Give memory that was freed back to the system; the next large tensors are mapped afresh."""
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def bound_product_caches() -> None:
    """Keep compiled products of fewer shapes; call it before the first product in bf16.

    A number that the user has chosen, in oneDNN's and PyTorch's own variables, stays.
    """
    for name in _PRODUCT_CACHES:
        os.environ.setdefault(name, str(_MAX_SHAPES))


def reuse_freed_memory() -> bool:
    """Let the process keep freed memory instead of returning it to the kernel.

    glibc maps every large tensor afresh, and a model's step then spends a third of its time on page
    faults. Peak memory is unchanged; what was freed stays with the process.

    Returns:
        Whether it took effect (Linux with glibc only).
    """
    if platform.libc_ver()[0] != "glibc" or os.name != "posix":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = [mallopt(_M_MMAP_MAX, 0), mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)]
    return all([*kept, mallopt(_M_TOP_PAD, 64 << 20)])
