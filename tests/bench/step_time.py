"""Our PPO step beside TRL's GRPO step, on the embedded model, in one run: ``make bench``.

Both sample 64 completions of at most 40 tokens for 16 of the same prompts and update on all of
them. TRL runs as it comes: bf16 autocast and activation checkpointing are its defaults. Ours run
as our recipes do, without checkpointing on a CPU. The steps alternate, so that a change of the
machine's speed hits both. Prints a table and, with ``--json``, the seconds of every step.

Sampled completions differ, so their lengths are printed too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from typing import Any

import torch
import trl
from rich.console import Console
from rich.table import Table

from mrlm import PPOConfig, PPOTrainer
from mrlm.hardware import detect_hardware
from mrlm.models.loading import load_model
from mrlm.tasks.math.problems import generate_rows
from mrlm.tasks.math.reward import MathReward
from mrlm.trainers.grpo import GRPOTrainer

ROLLOUTS, PER_PROMPT, TOKENS = 64, 4, 40
MICRO_BATCHES = 4  # memory: TRL's padded batch of 64 would take most of 24 GB


def build(name: str, folder: str) -> Any:
    """A trainer that is ready to step; the prompt is the question alone, so answers run long."""
    from datasets import Dataset

    rows = [
        {"prompt": [{"role": "user", "content": row["question"]}], "answer": row["answer"]}
        for row in generate_rows(512, 0, "train")
    ]
    settings: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": ROLLOUTS // MICRO_BATCHES,
        "gradient_accumulation_steps": MICRO_BATCHES,
        "num_generations": PER_PROMPT,
        "max_completion_length": TOKENS,
        "temperature": 0.7,
        "learning_rate": 1e-6,
        "use_cpu": detect_hardware().device == "cpu",
        "bf16": detect_hardware().bf16,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 10**6,
        "seed": 0,
    }
    model, tokenizer = load_model()
    classes = {
        "TRL GRPO": (trl.GRPOTrainer, trl.GRPOConfig),
        "mrlm GRPO": (GRPOTrainer, trl.GRPOConfig),
        "mrlm PPO": (PPOTrainer, PPOConfig),
    }
    trainer_class, config_class = classes[name]
    if name != "TRL GRPO":
        settings["activation_checkpointing"] = False
    return trainer_class(
        model,
        [MathReward(answer_format="last_number")],
        config_class(**settings),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )


def step(trainer: Any, batches: Any) -> float:
    """Seconds of one optimizer step: sampling, rewards, forward, backward, Adam."""
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = MICRO_BATCHES
    start = time.perf_counter()
    for _ in range(MICRO_BATCHES):
        trainer.training_step(trainer.model, next(batches), None)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()
    trainer.state.global_step += 1
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3, help="counted steps of each trainer")
    parser.add_argument("--json", action="store_true", help="print the seconds of every step")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    names = ["TRL GRPO", "mrlm GRPO", "mrlm PPO"]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    tokens: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        trainers = {name: build(name, folder) for name in names}
        batches = {}
        for name, trainer in trainers.items():
            trainer.create_optimizer()
            batches[name] = iter(trainer.get_train_dataloader())
        for number in range(arguments.steps + 1):
            for name, trainer in trainers.items():
                took = step(trainer, batches[name])
                length = trainer._metrics["train"]["completions/mean_length"][-1]
                console.print(f"step {number} {name:10} {took:6.1f} s, {length:.1f} tokens each")
                if number:  # the first one warms up
                    seconds[name].append(took)
                    tokens[name].append(length)

    table = Table(title=f"{ROLLOUTS} completions of at most {TOKENS} tokens, {detect_hardware()}")
    for column in ("trainer", "median s", "range s", "tokens", "share of TRL's"):
        table.add_column(column, justify="left" if column == "trainer" else "right")
    for name in names:
        ratios = [a / b for a, b in zip(seconds[name], seconds["TRL GRPO"], strict=True)]
        table.add_row(
            name,
            f"{statistics.median(seconds[name]):.1f}",
            f"{min(seconds[name]):.1f} to {max(seconds[name]):.1f}",
            f"{statistics.mean(tokens[name]):.1f}",
            f"{statistics.median(ratios):.2f}",
        )
    console.print(table)
    console.print(f"torch {torch.__version__}, trl {trl.__version__}")
    if arguments.json:
        print(json.dumps({"seconds": seconds, "tokens": tokens}))


if __name__ == "__main__":
    main()
