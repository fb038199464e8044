"""Teach a language model by supervised fine-tuning, to call tools or another task.

    python recipes/sft_tools.py                                  # embedded model, laptop
    python recipes/sft_tools.py --task code                      # or math, debate
    python recipes/sft_tools.py --max_steps 3 --eval_rows 8
    accelerate launch recipes/sft_tools.py --use_peft --learning_rate 1e-3
    python data_gen/make_sft.py --task math --output own.jsonl
    python recipes/sft_tools.py --task math --dataset_name own.jsonl

It trains on the task's worked solutions, of tools whole conversations; with ``--dataset_name`` on
those of rows of your own, or on rows that are ready: conversations, prompts and completions,
instructions, such as completions of the model's own that ``make_sft.py`` kept. Every field of TRL's
``SFTConfig`` and ``ModelConfig`` and of ``SFTArguments`` is a flag; ``--config FILE.yaml`` sets
them too, and the command line wins. What this recipe leaves out: a validation set during training,
mixing in other data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trl import SFTConfig, SFTTrainer, get_peft_config

from mrlm.data.demonstrations import demonstrations
from mrlm.experiment.arguments import TaskArguments, parse_arguments
from mrlm.experiment.rows import load_rows
from mrlm.experiment.run import start_run
from mrlm.hardware import set_device_defaults
from mrlm.models.policy import load_policy
from mrlm.termination import run_program
from mrlm.trainers.lm_head import cpu_lm_head

# What suits the embedded 135M model on two CPU cores, task by task.
SETTINGS = {
    "tools": {
        "train_rows": 640,
        "eval_rows": 200,
        "eval_max_new_tokens": 192,
        "num_train_epochs": 1,
        "learning_rate": 1e-4,
        # One at a time without padding. transformers' "group_by_length" would go from the longest
        # to the shortest four times, and what needs no tool would be learned or lost with the rate.
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 4,
        "max_length": 512,
        "assistant_only_loss": True,
    },
    "code": {
        "difficulties": ["easy"],
        "time_limit": 1.0,
        "train_rows": 512,
        "num_train_epochs": 1,
        "learning_rate": 5e-5,
    },
    "debate": {
        "kinds": ["opening", "rebuttal"],
        "difficulties": ["easy"],
        "train_rows": 256,
        "eval_rows": 200,
        "num_train_epochs": 1,
        "learning_rate": 2e-4,
        "gradient_accumulation_steps": 2,
    },
    "math": {
        "answer_format": "last_number",
        "difficulties": ["easy", "medium"],
        "eval_max_new_tokens": 48,
        "train_rows": 1600,
        "num_train_epochs": 1,
        "learning_rate": 5e-5,
    },
}


@dataclass
class SFTArguments(TaskArguments):
    """``dataset_name`` may hold rows that are ready, too."""

    ready_for = "sft"


@dataclass
class RecipeConfig(SFTConfig):
    """Defaults that suit every task here."""

    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.05
    per_device_train_batch_size: int = 4
    gradient_accumulation_steps: int = 4
    gradient_checkpointing: bool | None = None  # set_device_defaults decides
    logging_steps: float = 10
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        set_device_defaults(self)
        super().__post_init__()


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "sft", SFTArguments, RecipeConfig, SETTINGS, args
    )
    run = start_run("SFT", arguments, config, model_config)
    rows = load_rows(run, solved=True)
    if rows.ready is None:
        examples = demonstrations(rows.train_rows(solved=True), rows.task)
    model, tokenizer = load_policy(model_config, config, has_tools=rows.has_tools)
    if rows.ready is not None:
        examples = rows.ready_examples(tokenizer)
        # Texts have no turns to tell apart.
        config.assistant_only_loss = config.assistant_only_loss and not rows.ready.is_text
    run.evaluate("before", model, tokenizer, rows.eval_tasks)

    trainer = SFTTrainer(
        model,
        config,
        train_dataset=examples,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    run.train(trainer, cpu_lm_head())

    run.evaluate("after", trainer.model, tokenizer, rows.eval_tasks)
    run.finish(trainer)


if __name__ == "__main__":
    run_program(main)
