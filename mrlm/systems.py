"""Operating systems: where mrlm runs, and what it lacks elsewhere than on Linux.

Everything was run on Linux. macOS has the same Python and torch, but no sandbox; that, and its GPU,
nobody has tried. Windows is refused: the sandbox and the workers that compare answers need a POSIX
system, and WSL is one.

Not covered: versions of a system that its torch does not support.
"""

from __future__ import annotations

import sys

__all__ = ["check_system", "device_caveat", "sandbox_advice"]

_WINDOWS = (
    "mrlm does not run on Windows itself, but on its Linux: install WSL 2 (`wsl --install` in an "
    "administrator's PowerShell, https://learn.microsoft.com/windows/wsl/install), open Ubuntu and "
    "install mrlm there; GPUs of NVIDIA work in it."
)
_MPS = (
    "training runs on Apple's GPU (MPS) in fp32, in memory that it shares with everything else; "
    "transformers samples the answers. Nobody has tried it"
)
_MPS_ADVICE = (
    "--use_cpu trains on the processor, which is tried and for small models seldom slower; where "
    "torch lacks an operation for MPS, set PYTORCH_ENABLE_MPS_FALLBACK=1"
)
_NO_SANDBOX = "The tasks code and tools cannot run code here; math and debate do not need it"
_NO_SANDBOX_ON_MAC = (
    f"{_NO_SANDBOX}. Linux in a container or a virtual machine can (Docker Desktop, Lima), on the "
    "processor alone"
)


def check_system() -> None:
    """Refuse Windows.

    Raises:
        OSError: It is Windows; says what to do.
    """
    if sys.platform == "win32":
        raise OSError(_WINDOWS)


def device_caveat(device: str) -> tuple[str, str] | None:
    """What a run on this device lacks, and what to do; ``None`` where nothing.

    Args:
        device: ``"cuda"``, ``"mps"`` or ``"cpu"``.
    """
    return (_MPS, _MPS_ADVICE) if device == "mps" else None


def sandbox_advice() -> str:
    """What goes without the sandbox on this system, and where it would be."""
    return _NO_SANDBOX_ON_MAC if sys.platform == "darwin" else _NO_SANDBOX
