"""Train a language model with GRPO, on functions with hidden tests or another task.

    python recipes/grpo_code.py                                  # embedded model, laptop
    python recipes/grpo_code.py --task tools                     # or math, debate
    python recipes/grpo_code.py --task my_task.py:TASK           # your own
    python recipes/grpo_code.py --sft_rows 0                     # GRPO alone
    accelerate launch recipes/grpo_code.py --max_steps 3
    accelerate launch recipes/grpo_code.py --use_peft --learning_rate 3e-4 --sft_learning_rate 1e-3
    accelerate launch --config_file recipes/accelerate/single_gpu.yaml recipes/grpo_code.py \
        --model_name_or_path Qwen/Qwen2.5-Coder-0.5B-Instruct --difficulties easy medium hard \
        --max_completion_length 512 --benchmark humaneval

Up to three models are measured on held-out rows (of code: of families that training never saw): the
one given, the one after an SFT warm-up on worked solutions (``--sft_rows``), and the one that GRPO
made of it. Every field of ``GRPOConfig``, TRL's ``ModelConfig`` and ``PolicyArguments`` is a flag;
``--config FILE.yaml`` sets them too, and the command line wins. What this recipe leaves out: a
validation set during training, and hyperparameters for anything but the embedded model.
``--use_vllm`` was not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mrlm.experiment.arguments import PolicyArguments, parse_arguments
from mrlm.experiment.callbacks import watch
from mrlm.experiment.rewards import load_rewards
from mrlm.experiment.rows import load_rows
from mrlm.experiment.run import start_run
from mrlm.experiment.sft_warmup import sft_warmup
from mrlm.hardware import set_device_defaults
from mrlm.models.policy import load_policy
from mrlm.termination import run_program
from mrlm.trainers import GRPOConfig, GRPOTrainer
from mrlm.trainers.diagnostics import DiagnosticsCallback

# What suits the embedded 135M model on two CPU cores, task by task.
SETTINGS = {
    "code": {
        "difficulties": ["easy"],
        "time_limit": 1.0,
        "eval_max_new_tokens": 128,
        "sft_rows": 128,
        "sft_learning_rate": 5e-5,
        "max_steps": 16,
        "learning_rate": 2e-5,
        "max_completion_length": 64,
        "temperature": 1.0,
    },
    "math": {
        "answer_format": "last_number",
        "difficulties": ["easy", "medium"],
        "eval_max_new_tokens": 48,
        "max_steps": 32,
        "learning_rate": 5e-5,
        "max_completion_length": 28,
        "temperature": 0.7,
    },
    "debate": {
        "kinds": ["opening", "rebuttal"],
        "difficulties": ["easy"],
        "eval_rows": 200,
        "sft_rows": 256,
        "sft_batch_size": 8,
        "sft_learning_rate": 2e-4,
        "sft_lr_scheduler_type": "cosine",
        "sft_warmup_steps": 0.05,
        "max_steps": 20,
        "learning_rate": 2e-5,
        "max_completion_length": 128,
        "temperature": 0.8,
    },
    "tools": {
        "train_rows": 2000,
        "eval_rows": 300,
        "eval_max_new_tokens": 192,
        "sft_rows": 320,
        "sft_batch_size": 4,
        "sft_learning_rate": 2e-4,
        "sft_lr_scheduler_type": "cosine",
        "sft_warmup_steps": 0.05,
        # SFT wants all weights; GRPO on all of them wears down what works already.
        "sft_all_weights": True,
        "use_peft": True,
        "merge_adapter": True,
        "max_steps": 28,
        "learning_rate": 1.5e-3,
        "lr_scheduler_type": "linear",
        "num_generations": 4,
        "per_device_train_batch_size": 16,  # 64 long episodes at once take 12 GB
        "gradient_accumulation_steps": 4,
        "max_completion_length": 224,
        "temperature": 1.0,
    },
}


@dataclass
class RecipeConfig(GRPOConfig):
    """Defaults that suit every task here."""

    lr_scheduler_type: str = "constant"
    per_device_train_batch_size: int = 64
    num_generations: int | None = 8
    gradient_checkpointing: bool | None = None  # set_device_defaults decides
    logging_steps: float = 1
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        set_device_defaults(self)
        super().__post_init__()


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "grpo", PolicyArguments, RecipeConfig, SETTINGS, args
    )
    run = start_run("GRPO", arguments, config, model_config)
    rows = load_rows(run)
    model, tokenizer = load_policy(model_config, config, has_tools=rows.task.has_tools)
    run.evaluate("before", model, tokenizer, rows.eval_tasks)
    model, tokenizer, peft_config = sft_warmup(run, model, tokenizer, rows)

    diagnostics = DiagnosticsCallback()
    trainer = GRPOTrainer(
        model,
        load_rewards(run, rows.task),
        config,
        train_dataset=rows.train_rows(),
        processing_class=tokenizer,
        environment_factory=rows.task.environment_factory,
        peft_config=peft_config,
        callbacks=[diagnostics],
    )
    watch(trainer, run, rows.eval_tasks[0])
    run.train(trainer)

    run.evaluate("after", trainer.model, tokenizer, rows.eval_tasks)
    run.finish(trainer, [finding.message for finding in diagnostics.findings])


if __name__ == "__main__":
    run_program(main)
