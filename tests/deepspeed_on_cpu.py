"""DeepSpeed on CPUs: ``torchrun --nproc_per_node=2 deepspeed_on_cpu.py zero3 SCRIPT ARGUMENTS``.

DeepSpeed's own backend for CPUs goes over gloo; it compiles a part of itself at the first start, a
minute or so. The environment is that of ``recipes/accelerate/zero3.yaml`` (or ``zero2.yaml``),
which ``setup_distributed`` sets on GPUs only, but for the precision, which the script chooses; the
script runs as it is.
"""

from __future__ import annotations

import os
import runpy
import sys

if __name__ == "__main__":
    from mrlm.distributed import ENVIRONMENTS

    os.environ.update(ENVIRONMENTS[sys.argv[1]], DS_ACCELERATOR="cpu")
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
