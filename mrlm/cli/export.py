"""``mrlm export``: a trained model for llama.cpp, Ollama or vLLM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mrlm.cli.command import Commands, add_command

_EXAMPLES = """
mrlm export runs/demo                                   # GGUF, 16 bits, with a Modelfile
mrlm export runs/demo --outtype q8_0 --output_dir demo-q8
mrlm export runs/lora --format merged                   # adapter and base model in one
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "write a model for llama.cpp, Ollama or vLLM"
    parser = add_command(commands, "export", summary, _run, _EXAMPLES)
    parser.add_argument(
        "model",
        nargs="?",
        help="folder of a run, model, checkpoint or LoRA adapter, or a hub id; without it the "
        "embedded model",
    )
    parser.add_argument(
        "--format",
        default="gguf",
        help="gguf, or merged: safetensors with an adapter merged in (default: gguf)",
    )
    parser.add_argument(
        "--outtype", default="f16", help="of gguf: f16, or q8_0 with half the size (default: f16)"
    )
    parser.add_argument(
        "--output_dir", help="where to (default: gguf or merged in the run's folder)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")


def _run(arguments: argparse.Namespace) -> int:
    from mrlm.export.write import export_model

    path = export_model(
        arguments.model,
        format=arguments.format,
        outtype=arguments.outtype,
        output_dir=arguments.output_dir,
        overwrite=arguments.overwrite,
    )
    sys.stdout.write(f"{path}\n")
    sys.stderr.write(_next_steps(path))
    return 0


def _next_steps(path: Path) -> str:
    if path.is_dir():
        return f"Serve it: vllm serve {path}\n"
    from mrlm.export.write import MODELFILE

    size = path.stat().st_size / 1e6
    return (
        f"{size:,.0f} MB. Run it: llama-server -m {path} --jinja\n"
        f"or: ollama create {path.stem.lower()} -f {path.parent / MODELFILE}\n"
    )
