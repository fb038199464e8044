"""``mrlm eval``: evaluate a model on rows of a task, of a dataset, or of a public benchmark."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.cli.command import Commands, add_command, add_json, add_model, add_prompts, add_task
from mrlm.cli.eval_rows import add_rows, load_eval_rows
from mrlm.cli.server import add_server, chosen_server
from mrlm.errors import MrlmError
from mrlm.files import check_output
from mrlm.sampling.types import SamplingParams

if TYPE_CHECKING:
    from rich.console import Console

    from mrlm.evaluation.evaluation import Evaluation
    from mrlm.tasks.debate.judge import Judgement, PairwiseJudge

_EXAMPLES = """
mrlm eval --task math --num_rows 100 --max_new_tokens 64
mrlm eval --task math --model runs/demo/model --json > results.json
mrlm eval --task math --num_generations 8 --temperature 0.7      # pass@1, 2, 4, 8
mrlm eval --task math --model http://localhost:8000/v1           # what a server answers
mrlm eval --task math --dataset_name sums.csv --columns question=prompt_text answer=target
mrlm eval --benchmark humaneval --num_generations 10 --temperature 0.8      # pass@1, 2, 4, 8, 10
mrlm eval --benchmark gsm8k=gsm8k/test.jsonl --num_rows 100
mrlm eval --task debate --judge http://localhost:8000/v1 --judge_model my-model
"""


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "evaluate a model on a task, a dataset or a benchmark"
    parser = add_command(commands, "eval", summary, _run, _EXAMPLES)
    add_task(parser, required=False)
    add_prompts(parser)
    add_model(parser)
    add_server(parser)
    add_rows(parser)
    parser.add_argument(
        "--num_generations", type=int, default=1, help="samples per row (default: 1)"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy (default: 0)")
    parser.add_argument("--top_p", type=float, default=1.0, help="nucleus (default: 1)")
    parser.add_argument("--output_dir", help="where to save results.json and records.jsonl")
    parser.add_argument(
        "--judge",
        metavar="URL",
        help="debate: an OpenAI-compatible endpoint that compares arguments with the opponent's; "
        "its key is read from OPENAI_API_KEY",
    )
    parser.add_argument(
        "--judge_model",
        help="the judge's name at the endpoint; where it serves one model only, any will do",
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    # Before torch: a mistake is told at once.
    chosen = load_eval_rows(arguments)
    params = SamplingParams(
        chosen.max_new_tokens,
        arguments.num_generations,
        arguments.temperature,
        arguments.top_p,
    )
    if arguments.output_dir:
        check_output(arguments.output_dir, "--output_dir")
    judge = _chosen_judge(arguments)
    canaries = _try_judge(judge) if judge else {}

    from rich.console import Console

    from mrlm.evaluation.evaluation import evaluate
    from mrlm.files import to_json, write_json
    from mrlm.report import print_evaluation

    model: Any = chosen_server(arguments)
    tokenizer = None
    if model is None:
        from mrlm.models.loading import load_model

        model, tokenizer = load_model(arguments.model)
    evaluation = evaluate(
        model,
        tokenizer,
        chosen.task,
        params,
        rows=chosen.rows,
        num_rows=chosen.num_rows,
        split=chosen.split,
        seed=arguments.seed,
        protocol=chosen.protocol,
        output_dir=arguments.output_dir,
    )
    judgement = _judge(judge, evaluation) if judge else None
    judged = {"judge": {**judgement.to_dict(), "canaries": canaries}} if judgement else {}
    if judgement and arguments.output_dir:
        write_json(Path(arguments.output_dir) / "judge.json", judged["judge"])
    if arguments.json:
        sys.stdout.write(to_json({**evaluation.to_dict(), **judged}))
    else:
        print_evaluation(Console(), evaluation)
        if judgement:
            _print_judgement(Console(), judgement, canaries)
    return 0


def _chosen_judge(arguments: argparse.Namespace) -> PairwiseJudge | None:
    """The judge that the flags name.

    Raises:
        ValueError: The task has no judge, or the address is none.
    """
    if arguments.judge is None:
        if arguments.judge_model is not None:
            raise ValueError("--judge_model goes with --judge URL; give that, too.")
        return None
    if arguments.task != "debate":
        raise ValueError(f"--judge goes with --task debate; the task is {arguments.task}.")

    from mrlm.chat import ChatEndpoint
    from mrlm.tasks.debate.judge import PairwiseJudge

    return PairwiseJudge(ChatEndpoint(arguments.judge, arguments.judge_model or "default"))


def _try_judge(judge: PairwiseJudge) -> dict[str, str]:
    """Which cheap tricks the judge falls for; see ``PairwiseJudge.canaries``.

    Raises:
        MrlmError: It gives no verdict at all.
    """
    canaries = judge.canaries()
    if set(canaries.values()) == {"unanswered"}:
        raise MrlmError(
            f"The judge gave no verdict on any of {len(canaries)} pairs that it was tried on. "
            "Check the address, --judge_model and OPENAI_API_KEY; the model must answer with "
            "JSON alone."
        )
    return canaries


def _judge(judge: PairwiseJudge, evaluation: Evaluation) -> Judgement:
    from mrlm.tasks.debate.judge import judge_completions

    records = evaluation.records
    rows = [{**record.reference, "kind": record.kind} for record in records]
    return judge_completions(judge, [record.completion for record in records], rows)


def _print_judgement(console: Console, judgement: Judgement, canaries: dict[str, str]) -> None:
    from rich.text import Text

    from mrlm.report import format

    console.print(
        f"judge: {format.percent(judgement.win_rate)} against the opponents "
        f"({judgement.num_wins} won, {judgement.num_ties} tied, {judgement.num_losses} lost, "
        f"{judgement.num_unanswered} without a verdict, "
        f"{judgement.num_unpaired} without an opponent)"
    )
    fooled = [trick for trick, outcome in canaries.items() if outcome == "fooled"]
    if fooled:
        warning = f"The judge is fooled by: {', '.join(fooled)}. Do not rely on it."
        console.print(Text(f"! {warning}", style="yellow"))
