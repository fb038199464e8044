"""Teach a language model from preferences with DPO, to argue from facts or another task.

    python recipes/dpo_debate.py                                # embedded model, laptop
    python recipes/dpo_debate.py --task code                    # or math, tools
    accelerate launch recipes/dpo_debate.py --max_steps 3
    python recipes/dpo_debate.py --use_peft --learning_rate 1e-4
    python recipes/dpo_debate.py --model_name_or_path Qwen/Qwen2.5-1.5B-Instruct --sft_rows 0
    python data_gen/make_preferences.py --task debate --output pairs.jsonl
    python recipes/dpo_debate.py --dataset_name pairs.jsonl

Three steps, each evaluated on held-out rows: a model as small as the embedded one first warms up
with SFT on worked solutions (``--sft_rows``); it then answers each row several times, the answers
are scored, and DPO prefers the better ones. Where none of a row's is right, the row's worked
solution is the better one. Episodes with tools are compared in the first turn in which they differ.
With ``--dataset_name`` the rows are your own; pairs that are ready (``chosen`` and ``rejected``)
are trained on as they are. What this recipe leaves out: rounds of debate against an opponent
(``mrlm.tasks.debate.rollout``), and a judge.

Every field of TRL's ``DPOConfig`` and ``ModelConfig`` and of ``DPOArguments`` is a flag; ``--config
FILE.yaml`` sets them too, and the command line wins.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trl import DPOConfig, DPOTrainer

from mrlm.data.demonstrations import json_dataset
from mrlm.data.preferences import preference_pairs, with_worked_solutions
from mrlm.experiment.arguments import WarmupArguments, parse_arguments
from mrlm.experiment.rows import RunRows, load_rows
from mrlm.experiment.run import Run, start_run
from mrlm.experiment.sft_warmup import sft_warmup
from mrlm.files import read_json_lines, write_json_lines
from mrlm.hardware import set_device_defaults
from mrlm.models.policy import load_policy
from mrlm.sampling.rollout import rollout
from mrlm.sampling.types import SamplingParams
from mrlm.termination import run_program
from mrlm.trainers.lm_head import cpu_lm_head

# What suits the embedded 135M model on two CPU cores, task by task.
SETTINGS = {
    "debate": {
        "kinds": ["opening", "rebuttal"],
        "difficulties": ["easy"],
        "train_rows": 128,
        "pairs_per_row": 1,
        "learning_rate": 2e-5,
        "sft_rows": 256,
        "sft_batch_size": 8,
        "sft_learning_rate": 2e-4,
        "sft_lr_scheduler_type": "cosine",
        "sft_warmup_steps": 0.05,
    },
    "code": {
        "difficulties": ["easy"],
        "time_limit": 1.0,
        "sft_rows": 128,
        "sft_learning_rate": 5e-5,
    },
    "math": {
        "answer_format": "last_number",
        "difficulties": ["easy", "medium"],
        "eval_max_new_tokens": 48,
    },
    "tools": {
        "eval_max_new_tokens": 192,
        "sft_rows": 320,
        "sft_batch_size": 4,
        "sft_learning_rate": 2e-4,
        "sft_lr_scheduler_type": "cosine",
        "sft_warmup_steps": 0.05,
    },
}


@dataclass
class DPOArguments(WarmupArguments):
    """And how the pairs come about; an answer is at most ``eval_max_new_tokens`` long."""

    ready_for = "dpo"

    train_rows: int = field(default=192, metadata={"help": "Rows to sample pairs from."})
    eval_rows: int = field(default=200, metadata={"help": "Held-out rows of every evaluation."})
    num_generations: int = field(default=8, metadata={"help": "Answers sampled per row."})
    pairs_per_row: int = field(default=2, metadata={"help": "Most pairs to take from a row."})
    min_margin: float = field(default=0.1, metadata={"help": "Least score difference in a pair."})
    temperature: float = field(default=0.8, metadata={"help": "Temperature of this sampling."})


@dataclass
class RecipeConfig(DPOConfig):
    """Defaults that suit every task here."""

    learning_rate: float = 1e-5
    num_train_epochs: float = 1
    per_device_train_batch_size: int = 2
    gradient_accumulation_steps: int = 4
    precompute_ref_log_probs: bool | None = None  # in a single process
    gradient_checkpointing: bool | None = None  # set_device_defaults decides
    logging_steps: float = 5
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        alone = os.environ.get("WORLD_SIZE", "1") == "1"
        if self.precompute_ref_log_probs and not alone:
            raise ValueError(
                "precompute_ref_log_probs under several processes: TRL keeps them in a file that "
                "the other processes do not find. Leave the option out."
            )
        if self.precompute_ref_log_probs is None:
            self.precompute_ref_log_probs = alone
        set_device_defaults(self)
        super().__post_init__()


def preferences(run: Run, rows: RunRows, model: Any, tokenizer: Any) -> list[dict[str, Any]]:
    """Pairs as ``DPOTrainer`` takes them, sampled from the model as it is now."""
    arguments = run.arguments
    file = run.folder.path / "preferences.jsonl"
    # A run that is resumed takes the pairs that it made before it was stopped.
    if run.checkpoint and file.is_file():
        pairs = read_json_lines(file)
    else:
        sampled = rows.train_rows()
        records = rollout(
            run.generator(model, tokenizer),
            tokenizer,
            sampled,
            rows.task,
            SamplingParams(
                arguments.eval_max_new_tokens,
                num_generations=arguments.num_generations,
                temperature=arguments.temperature,
                seed=run.config.seed,
            ),
            all_processes=True,
        )
        pairs, statistics = preference_pairs(
            with_worked_solutions(records, sampled),
            task=rows.task,
            min_margin=arguments.min_margin,
            pairs_per_row=arguments.pairs_per_row,
        )
        run.console.print(statistics)
        if not pairs:
            raise SystemExit(
                "No row has answers that differ in their score, nor a worked solution to prefer: "
                "ask for more answers (--num_generations) or a higher --temperature, or give the "
                "task's rows a column 'solution'."
            )
        if run.is_main_process:
            write_json_lines(file, pairs)
    columns = ("prompt", "chosen", "rejected", "tools")
    return [{name: pair[name] for name in columns if name in pair} for pair in pairs]


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "dpo", DPOArguments, RecipeConfig, SETTINGS, args
    )
    run = start_run("DPO", arguments, config, model_config)
    rows = load_rows(run)
    model, tokenizer = load_policy(model_config, config, has_tools=rows.has_tools)
    run.evaluate("before", model, tokenizer, rows.eval_tasks)
    model, tokenizer, peft_config = sft_warmup(run, model, tokenizer, rows)

    if rows.ready is not None:
        pairs = rows.ready_examples(tokenizer)
    else:
        with run.phase("Preferences"):
            pairs = json_dataset(preferences(run, rows, model, tokenizer))
    trainer = DPOTrainer(
        model,
        args=config,
        train_dataset=pairs,
        processing_class=tokenizer,
        peft_config=peft_config,
    )
    run.train(trainer, cpu_lm_head())

    run.evaluate("after", trainer.model, tokenizer, rows.eval_tasks)
    run.finish(trainer)


if __name__ == "__main__":
    run_program(main)
