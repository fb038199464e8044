"""``mrlm sample``: read what a model answers, and what the task makes of it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mrlm.cli.command import (
    Commands,
    add_command,
    add_dataset,
    add_json,
    add_model,
    add_prompts,
    add_task,
    chosen_task,
    load_dataset_rows,
)
from mrlm.sampling.types import SamplingParams

if TYPE_CHECKING:
    from mrlm.sampling.rollout import Record
    from mrlm.task import Task

_EXAMPLES = """
mrlm sample --task math
mrlm sample --task code --model runs/mine/model --num_rows 1 --num_generations 4 --temperature 0.8
mrlm sample --task tools --num_rows 2 --json
mrlm sample --task tools --tools my_tools.py:get_weather --dataset_name questions.jsonl
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "show a few rows, a model's completions and their scores"
    parser = add_command(commands, "sample", summary, _run, _EXAMPLES)
    add_task(parser)
    add_prompts(parser)
    add_model(parser)
    parser.add_argument("--num_rows", type=int, default=3, help="how many rows (default: 3)")
    add_dataset(parser, "train")
    parser.add_argument("--split", default="train", help="train or test (default: train)")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of rows and sampling (default: 0)"
    )
    parser.add_argument(
        "--max_new_tokens",
        type=int,
        default=128,
        help="longest completion in tokens (default: 128)",
    )
    parser.add_argument(
        "--num_generations", type=int, default=1, help="samples per row (default: 1)"
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        help="sampling temperature; 0 is greedy (default: 0)",
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.num_rows < 1:
        raise ValueError(f"num_rows must be at least 1, got {arguments.num_rows}")
    params = SamplingParams(
        arguments.max_new_tokens,
        arguments.num_generations,
        arguments.temperature,
        seed=arguments.seed,
    )
    task = chosen_task(arguments)
    rows = _rows(arguments, task)

    from mrlm.files import to_json
    from mrlm.models.loading import load_model
    from mrlm.sampling import make_generator
    from mrlm.sampling.rollout import rollout

    model, tokenizer = load_model(arguments.model)
    records = rollout(make_generator(model, tokenizer), tokenizer, rows, task, params)
    if arguments.json:
        sys.stdout.write(to_json([asdict(record) for record in records]))
    else:
        for record in records:
            _print(record)
    return 0


def _rows(arguments: argparse.Namespace, task: Task) -> list[Any]:
    """The first of the dataset that is named, or of the task's own."""
    if arguments.dataset_name is None:
        return list(task.build_dataset(arguments.num_rows, arguments.seed, arguments.split))
    return list(load_dataset_rows(arguments, task, "train"))


def _print(record: Record) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    console.rule(Text(f"{record.kind} · {record.difficulty} · {record.id}"), align="left")
    if record.sample == 0:
        for message in record.prompt:
            console.print(Text(str(message["content"])))
    console.rule(Text(f"sample {record.sample + 1}"), style="dim", align="left")
    console.print(Text(record.completion or "(nothing)"))
    rewards = ", ".join(f"{name} {_number(value)}" for name, value in record.rewards.items())
    cut = ", cut at the token limit" if record.truncated else ""
    style = {True: "green", False: "red", None: "yellow"}[record.correct]
    verdict = f"score {_number(record.score)}, answer {record.answer!r}"
    right = record.reference.get("answer")
    expected = f", right is {right!r}" if right else ""
    console.print(Text(f"→ {verdict}{expected}", style=style))
    console.print(Text(f"  {rewards}; {record.num_tokens} tokens{cut}", style="dim"))
    for error in record.errors:
        console.print(Text(f"! {error}", style="yellow"))
    console.print()


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
