"""``mrlm eval``: evaluate a model on held-out rows of a task."""

from __future__ import annotations

import argparse
import sys

from mrlm.cli.command import Commands, add_command, add_json, add_model, add_task, chosen_task
from mrlm.sampling.types import SamplingParams

_EXAMPLES = """
mrlm eval --task math --num_rows 100 --max_new_tokens 64
mrlm eval --task math --model runs/demo/model --json > results.json
mrlm eval --task math --num_generations 8 --temperature 0.7      # pass@1, 2, 4, 8
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "evaluate a model on held-out rows of a task"
    parser = add_command(commands, "eval", summary, _run, _EXAMPLES)
    add_task(parser)
    add_model(parser)
    parser.add_argument("--num_rows", type=int, default=200, help="rows (default: 200)")
    parser.add_argument("--split", default="test", help="test or train (default: test)")
    parser.add_argument("--seed", type=int, default=0, help="of rows and sampling (default: 0)")
    parser.add_argument(
        "--max_new_tokens", type=int, default=256, help="where completions end (default: 256)"
    )
    parser.add_argument(
        "--num_generations", type=int, default=1, help="samples per row (default: 1)"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy (default: 0)")
    parser.add_argument("--top_p", type=float, default=1.0, help="nucleus (default: 1)")
    parser.add_argument("--output_dir", help="where to save results.json and records.jsonl")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    # Before torch: a mistake is told at once.
    task = chosen_task(arguments)
    if arguments.num_rows < 1:
        raise ValueError(f"num_rows must be at least 1, got {arguments.num_rows}")
    params = SamplingParams(
        arguments.max_new_tokens,
        arguments.num_generations,
        arguments.temperature,
        arguments.top_p,
    )

    from rich.console import Console

    from mrlm.evaluation.evaluation import evaluate
    from mrlm.files import to_json
    from mrlm.models.loading import load_model
    from mrlm.report import print_evaluation

    model, tokenizer = load_model(arguments.model)
    evaluation = evaluate(
        model,
        tokenizer,
        task,
        params,
        num_rows=arguments.num_rows,
        split=arguments.split,
        seed=arguments.seed,
        output_dir=arguments.output_dir,
    )
    if arguments.json:
        sys.stdout.write(to_json(evaluation.to_dict()))
    else:
        print_evaluation(Console(), evaluation)
    return 0
