"""``mrlm``: evaluate, compare and report from a shell. Thin: every command calls one function.

Exit code 0 is success, 2 is a mistake in what was asked for, with a message on stderr. Results go
to stdout, progress to stderr. What a command needs is imported when it runs, so that ``--help``
answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.errors import MrlmError

_EXAMPLES = """examples:
  mrlm tasks
  mrlm eval --task math --num_rows 100 --max_new_tokens 64 --output_dir runs/before
  mrlm eval --task math --model_name_or_path runs/demo/model --output_dir runs/after
  mrlm compare runs/before runs/after --output_dir runs/comparison
  mrlm report runs/demo
"""
_EVAL_EXAMPLES = """examples:
  mrlm eval --task math --num_rows 100 --max_new_tokens 64
  mrlm eval --task math --model_name_or_path runs/demo/model --json > results.json
  mrlm eval --task math --num_generations 8 --temperature 0.7      # pass@1, 2, 4, 8
"""
_COMPARE_EXAMPLES = """examples:
  mrlm compare runs/demo/eval_before runs/demo/eval_after
  mrlm compare runs/before runs/after --output_dir runs/comparison  # writes report.html too
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except (MrlmError, ValueError, FileNotFoundError) as error:
        sys.stderr.write(f"mrlm {arguments.command}: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mrlm",
        description="Measure language models on a task, before and after training.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_eval(commands)
    _add_compare(commands)

    report = commands.add_parser("report", help="make report.html of a run folder again")
    report.add_argument("folder", help="folder that holds results.json")
    report.set_defaults(run=_report)

    tasks = commands.add_parser("tasks", help="list the tasks")
    tasks.set_defaults(run=_tasks)
    return parser


def _add_eval(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "eval",
        help="measure a model on held-out rows of a task",
        epilog=_EVAL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--task", required=True, help="a name that `mrlm tasks` lists")
    parser.add_argument(
        "--model_name_or_path", help="hub id or folder; without it the embedded model"
    )
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
    parser.add_argument("--json", action="store_true", help="results as JSON on stdout")
    parser.set_defaults(run=_eval)


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "compare",
        help="compare two evaluations of the same rows",
        epilog=_COMPARE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", help="folder of the first evaluation")
    parser.add_argument("after", help="folder of the second")
    parser.add_argument("--output_dir", help="where to write results.json and report.html")
    parser.add_argument("--json", action="store_true", help="results as JSON on stdout")
    parser.set_defaults(run=_compare)


def _eval(arguments: argparse.Namespace) -> None:
    from mrlm.tasks import TASKS

    if arguments.task not in TASKS:
        raise ValueError(f"no task {arguments.task!r}: choose one of {', '.join(sorted(TASKS))}")

    from rich.console import Console

    from mrlm.evaluation import evaluate
    from mrlm.files import to_json
    from mrlm.models import load_model
    from mrlm.report import print_evaluation

    model, tokenizer = load_model(arguments.model_name_or_path)
    evaluation = evaluate(
        model,
        tokenizer,
        TASKS[arguments.task],
        num_rows=arguments.num_rows,
        split=arguments.split,
        seed=arguments.seed,
        max_new_tokens=arguments.max_new_tokens,
        num_generations=arguments.num_generations,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        output_dir=arguments.output_dir,
    )
    if arguments.json:
        sys.stdout.write(to_json(evaluation.to_dict()))
    else:
        print_evaluation(Console(), evaluation)


def _compare(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from mrlm.comparison import compare
    from mrlm.evaluation import Evaluation
    from mrlm.files import to_json
    from mrlm.report import print_comparison, write_report
    from mrlm.run_folder import RunFolder

    before, after = Evaluation.load(arguments.before), Evaluation.load(arguments.after)
    comparison = compare(before, after)
    if arguments.output_dir:
        run = RunFolder(arguments.output_dir)
        title = f"{before.settings.model} against {after.settings.model}"
        run.write_results(comparison, title=title)
        report = write_report(run.path)
        sys.stderr.write(f"wrote {report}\n")
    if arguments.json:
        sys.stdout.write(to_json(comparison.to_dict()))
    else:
        print_comparison(Console(), comparison)


def _report(arguments: argparse.Namespace) -> None:
    from mrlm.report import write_report

    sys.stdout.write(f"{write_report(arguments.folder)}\n")


def _tasks(arguments: argparse.Namespace) -> None:
    from mrlm.tasks import TASKS

    for name, task in sorted(TASKS.items()):
        rewards = ", ".join(reward.__name__ for reward in task.reward_funcs)
        environment = _environment_name(task.environment)
        sys.stdout.write(f"{name}\n  rewards: {rewards}\n  environment: {environment}\n")


def _environment_name(factory: Any) -> str:
    if factory is None:
        return "none"
    first = next(iter(factory.values())) if isinstance(factory, Mapping) else factory
    return type(first()).__name__


if __name__ == "__main__":
    sys.exit(main())
