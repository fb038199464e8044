"""DeepSpeed on CPUs: ``torchrun --nproc_per_node=2 deepspeed_on_cpu.py zero3 SCRIPT ARGUMENTS``.

DeepSpeed's own backend for CPUs goes over gloo; it compiles a part of itself at the first start, a
minute or so. What ``accelerate launch`` makes of ``recipes/accelerate/zero3.yaml`` (or
``zero2.yaml``) is set here, but for bf16; the script runs as it is.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "recipes" / "accelerate"


def use_deepspeed(name: str) -> None:
    os.environ["DS_ACCELERATOR"] = "cpu"
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_deepspeed_cmd_env

    flags = ["--config_file", str(CONFIGS / f"{name}.yaml"), "--mixed_precision", "no"]
    arguments, *_ = _validate_launch_command(
        launch_command_parser().parse_args([*flags, "--main_process_port", "0", "recipe.py"])
    )
    arguments.num_machines, arguments.deepspeed_fields_from_accelerate_config = 1, ""
    environment = prepare_deepspeed_cmd_env(arguments)[1]
    os.environ.update({k: v for k, v in environment.items() if k.startswith("ACCELERATE_")})


if __name__ == "__main__":
    use_deepspeed(sys.argv[1])
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
