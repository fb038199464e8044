"""FSDP2 on CPU processes: ``torchrun --nproc_per_node=2 fsdp_on_cpu.py SCRIPT ARGUMENTS``.

Accelerate does not offer FSDP without GPUs. Here it is set up as ``recipes/accelerate/fsdp2.yaml``
does, but in the precision that the script chooses, and goes on over gloo; the script runs as it is.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).parents[1] / "recipes" / "accelerate" / "fsdp2.yaml"


def use_fsdp() -> None:
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType
    from accelerate.utils.launch import prepare_multi_gpu_env

    flags = ["--config_file", str(CONFIG), "--mixed_precision", "no", "--main_process_port", "0"]
    arguments = _validate_launch_command(launch_command_parser().parse_args([*flags, "recipe.py"]))
    os.environ.update(prepare_multi_gpu_env(arguments[0]))

    # Accelerate knows FSDP only where it sees GPUs; told that these are some, it goes on over gloo.
    original = AcceleratorState.__init__

    def as_if_on_gpus(self: Any, *args: Any, **kwargs: Any) -> None:
        if not AcceleratorState._shared_state:
            PartialState(cpu=True).distributed_type = DistributedType.MULTI_GPU
        original(self, *args, **kwargs)

    AcceleratorState.__init__ = as_if_on_gpus


if __name__ == "__main__":
    use_fsdp()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
