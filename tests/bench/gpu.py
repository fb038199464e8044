"""PPO beside GRPO on a GPU, in bf16: speed, peak memory, FSDP2 on one GPU. ``make bench-gpu``.

Every run has a process of its own, so that peak memory is its own, samples the same number of
completions for the same prompts, each of exactly ``--tokens`` tokens, and updates on all of them.
What the value head costs is the difference of the first two rows. Prints a table in Markdown for
the docs, with the machine's name.

Left out: vLLM, several GPUs, and whether anything is learned.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

FSDP2 = Path(__file__).parents[2] / "recipes" / "accelerate" / "fsdp2.yaml"
RUNS = ("GRPO", "PPO, value head", "PPO, critic", "GRPO, FSDP2", "PPO, value head, FSDP2")
PER_PROMPT = 8


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="Hub id or path; default: the embedded 135M model")
    parser.add_argument("--steps", type=int, default=5, help="counted steps of each run")
    parser.add_argument("--completions", type=int, default=64, help="completions a step")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each completion")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS), help="default: all")
    parser.add_argument("--one", choices=RUNS, help="make this run here and print it as JSON")
    parsed = parser.parse_args(arguments)
    if parsed.completions < PER_PROMPT or parsed.completions % PER_PROMPT:
        parser.error(f"--completions {parsed.completions}: must be a multiple of {PER_PROMPT}")
    if parsed.steps < 1 or parsed.tokens < 1:
        parser.error("--steps and --tokens must be 1 or more")
    return parsed


def make_trainer(run: str, options: argparse.Namespace, folder: str) -> Any:
    from trl import GRPOConfig

    from mrlm import PPOConfig, PPOTrainer
    from mrlm.models.loading import load_model, model_path
    from mrlm.tasks import TASKS
    from mrlm.trainers.grpo import GRPOTrainer

    settings: dict[str, Any] = {
        "output_dir": folder,
        "max_steps": options.steps + 1,  # the first one warms up
        "per_device_train_batch_size": options.completions,
        "num_generations": PER_PROMPT,
        "max_completion_length": options.tokens,
        "generation_kwargs": {"min_new_tokens": options.tokens},
        "bf16": True,
        "activation_checkpointing": False,
        "learning_rate": 1e-6,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
        "seed": 0,
    }
    if "critic" in run:
        settings["critic_model_name_or_path"] = model_path(options.model)
    trainer_class, config_class = (
        (PPOTrainer, PPOConfig) if run.startswith("PPO") else (GRPOTrainer, GRPOConfig)
    )
    model, tokenizer = load_model(options.model)
    task = TASKS["math"]
    return trainer_class(
        model,
        list(task.reward_funcs),
        config_class(**settings),
        train_dataset=task.build_dataset(512, 0, "train"),
        processing_class=tokenizer,
    )


def measure(run: str, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every counted step and the peak of allocated GPU memory, in bytes."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.start, self.seconds = 0.0, []

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            torch.cuda.synchronize()
            self.start = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            torch.cuda.synchronize()
            self.seconds.append(time.perf_counter() - self.start)

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(run, options, folder)
        trainer.add_callback(clock)
        trainer.train()
    lengths = {log["completions/mean_length"] for log in trainer.state.log_history if "loss" in log}
    if lengths != {options.tokens}:
        raise RuntimeError(f"{run}: mean lengths {lengths}, all should be {options.tokens}")
    return {"seconds": clock.seconds[1:], "peak_bytes": torch.cuda.max_memory_allocated()}


def measure_apart(run: str, options: argparse.Namespace) -> dict[str, Any]:
    """``measure`` in a process of its own, under ``accelerate launch`` where it takes FSDP2."""
    launch = [sys.executable]
    if "FSDP2" in run:
        launch += ["-m", "accelerate.commands.launch", "--config_file", str(FSDP2)]
        launch += ["--num_processes", "1"]
    command = [*launch, __file__, "--one", run]
    for name in ("steps", "completions", "tokens"):
        command += [f"--{name}", str(getattr(options, name))]
    if options.model:
        command += ["--model", options.model]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{run} failed; its messages are above.")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def table(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """Markdown: a row per run, speed as a share of the first one's."""
    tokens = options.completions * options.tokens
    medians = {run: statistics.median(found["seconds"]) for run, found in results.items()}
    first = next(iter(medians.values()))
    lines = [
        f"| run | s a step | range | tokens/s | share of {next(iter(medians))}'s | peak GiB |",
        "|---|---|---|---|---|---|",
    ]
    for run, found in results.items():
        seconds, median = found["seconds"], medians[run]
        lines.append(
            f"| {run} | {median:.2f} | {min(seconds):.2f} to {max(seconds):.2f} "
            f"| {tokens / median:.0f} | {first / median:.2f} | {found['peak_bytes'] / 2**30:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    options = parse_arguments()
    if not torch.cuda.is_available():
        raise SystemExit(
            "bench-gpu needs an NVIDIA or AMD GPU that torch can use, and finds none here "
            f"(torch {torch.__version__}). On a CPU, `make bench` compares the trainers."
        )
    if options.one:
        print(json.dumps(measure(options.one, options)))
        return
    results = {}
    for run in options.runs:
        print(f"{run} ...", file=sys.stderr)
        results[run] = measure_apart(run, options)
    import trl

    print(
        f"\n{options.model or 'The embedded 135M model'}, {options.completions} completions of "
        f"{options.tokens} tokens a step, {options.steps} steps, bf16, on one "
        f"{torch.cuda.get_device_name()} (torch {torch.__version__}, TRL {trl.__version__}):\n"
    )
    print(table(results, options))


if __name__ == "__main__":
    main()
