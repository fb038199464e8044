"""Train a language model with PPO, on math word problems or another task, and prove what it gained.

    python recipes/ppo_math.py                                  # embedded model, laptop
    python recipes/ppo_math.py --task tools                     # or code, debate
    python recipes/ppo_math.py --task my_task.py:TASK           # your own
    python recipes/ppo_math.py --reward_funcs my_reward.py:reward --reward_weights 1 0.2
    accelerate launch recipes/ppo_math.py --max_steps 3
    accelerate launch recipes/ppo_math.py --use_peft --learning_rate 3e-4
    accelerate launch --config_file recipes/accelerate/single_gpu.yaml recipes/ppo_math.py \
        --model_name_or_path Qwen/Qwen2.5-1.5B-Instruct --answer_format hash \
        --max_completion_length 256

Where the embedded model earns too little to learn from, it first warms up with SFT on worked
solutions (``--sft_rows``), a step that is evaluated by itself. Every field of ``PPOConfig``, TRL's
``ModelConfig`` and ``PolicyArguments`` is a flag; ``--config FILE.yaml`` sets them too, and the
command line wins. What this recipe leaves out: a validation set during training, and
hyperparameters for anything but the embedded model. ``--use_vllm`` was not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mrlm import PPOConfig, PPOTrainer
from mrlm.experiment.arguments import PolicyArguments, parse_arguments
from mrlm.experiment.callbacks import watch
from mrlm.experiment.rewards import load_rewards
from mrlm.experiment.rows import load_rows
from mrlm.experiment.run import start_run
from mrlm.experiment.sft_warmup import sft_warmup
from mrlm.models.policy import load_policy
from mrlm.termination import run_program

# What suits the embedded 135M model on two CPU cores, task by task.
SETTINGS = {
    "math": {
        "answer_format": "last_number",
        "difficulties": ["easy", "medium"],
        "eval_max_new_tokens": 48,
        "curriculum": True,
        "max_steps": 56,
        "save_steps": 10,  # a minute and a half; shorter than that, saving 1.6 GB would tell
        "learning_rate": 3e-5,
        "per_device_train_batch_size": 64,
        "num_generations": 4,
        "update_fraction": 0.5,
        "zero_truncated_rewards": True,
        "max_completion_length": 32,
        "temperature": 0.5,
    },
    "code": {
        "difficulties": ["easy"],
        "time_limit": 1.0,
        "eval_max_new_tokens": 128,
        "sft_rows": 128,
        "sft_learning_rate": 5e-5,
        "max_steps": 24,
        "learning_rate": 2e-5,
        "lr_scheduler_type": "constant",
        "per_device_train_batch_size": 64,
        "num_generations": 8,
        "max_completion_length": 64,
        "temperature": 1.0,
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
        "lr_scheduler_type": "constant",
        "per_device_train_batch_size": 64,
        "num_generations": 8,
        "max_completion_length": 128,
        "temperature": 0.8,
    },
    "tools": {
        "train_rows": 2000,
        "eval_rows": 200,
        "eval_max_new_tokens": 192,
        "sft_rows": 320,
        "sft_batch_size": 4,
        "sft_learning_rate": 2e-4,
        "sft_lr_scheduler_type": "cosine",
        "sft_warmup_steps": 0.05,
        "max_steps": 18,
        "learning_rate": 2e-5,
        "lr_scheduler_type": "constant",
        "per_device_train_batch_size": 16,  # 64 long episodes at once take 15 GB
        "gradient_accumulation_steps": 4,
        "num_generations": 8,
        "max_completion_length": 224,
        "temperature": 1.0,
    },
}


@dataclass
class RecipeConfig(PPOConfig):
    """Defaults that suit every task here."""

    whiten_advantages: bool = False
    logging_steps: float = 1
    save_steps: float = 5
    save_total_limit: int | None = 1


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "ppo", PolicyArguments, RecipeConfig, SETTINGS, args
    )
    run = start_run("PPO", arguments, config, model_config)
    rows = load_rows(run)
    model, tokenizer = load_policy(model_config, config, has_tools=rows.task.has_tools)
    run.evaluate("before", model, tokenizer, rows.eval_tasks)
    model, tokenizer, peft_config = sft_warmup(run, model, tokenizer, rows)

    trainer = PPOTrainer(
        model,
        load_rewards(run, rows.task),
        config,
        train_dataset=rows.train_rows(),
        processing_class=tokenizer,
        environment_factory=rows.task.environment_factory,
        peft_config=peft_config,
    )
    watch(trainer, run, rows.eval_tasks[0])
    run.train(trainer)

    run.evaluate("after", trainer.model, tokenizer, rows.eval_tasks)
    run.finish(trainer, [finding.message for finding in trainer.diagnostics])


if __name__ == "__main__":
    run_program(main)
