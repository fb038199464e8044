"""Teach a small language model by a larger one, on the small one's own answers, in any task.

    python recipes/distill_math.py --teacher_model_name_or_path HuggingFaceTB/SmolLM2-360M-Instruct
    python recipes/distill_math.py --teacher_model_name_or_path runs/sft_math/model
    python recipes/distill_math.py --task tools --teacher_model_name_or_path runs/sft_tools/model
    accelerate launch --config_file recipes/accelerate/single_gpu.yaml recipes/distill_math.py \
        --model_name_or_path Qwen/Qwen2.5-0.5B-Instruct --answer_format hash \
        --teacher_model_name_or_path Qwen/Qwen2.5-7B-Instruct --max_completion_length 256

The student answers, the teacher says at each token what it would have said, and the student moves
there (on-policy distillation): a lesson per token, where a reward gives one per answer, and no
reward is needed. The teacher is any model with the student's tokenizer; it is evaluated on the
held-out rows, too, because a student seldom passes its teacher. Of an episode with tools every
turn is a prompt, after the worked solution's turns before it.

Every field of TRL's ``DistillationConfig`` and ``ModelConfig`` and of ``WarmupArguments`` is a
flag; ``--config FILE.yaml`` sets them too, and the command line wins. What this recipe leaves out:
rewards beside the teacher, teachers behind a server, episodes that go on from the student's own
calls, and tuned hyperparameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trl import DistillationConfig

from mrlm.data.turns import turn_prompts
from mrlm.experiment.arguments import WarmupArguments, parse_arguments
from mrlm.experiment.notes import teacher_note
from mrlm.experiment.rows import load_rows
from mrlm.experiment.run import start_run
from mrlm.experiment.sft_warmup import sft_warmup
from mrlm.hardware import set_device_defaults
from mrlm.models.policy import load_policy
from mrlm.models.teacher import load_teacher
from mrlm.termination import run_program
from mrlm.trainers.distillation import DistillationTrainer

# What suits the embedded 135M model on two CPU cores, task by task.
SETTINGS = {
    "math": {
        "answer_format": "last_number",
        "difficulties": ["easy", "medium"],
        "eval_max_new_tokens": 48,
        "max_steps": 32,
        "max_completion_length": 48,
    },
    "code": {
        "difficulties": ["easy"],
        "time_limit": 1.0,
        "eval_max_new_tokens": 128,
        "max_steps": 24,
        "max_completion_length": 96,
    },
    "debate": {
        "kinds": ["opening", "rebuttal"],
        "difficulties": ["easy"],
        "eval_rows": 200,
        "max_steps": 20,
        "max_completion_length": 128,
    },
    "tools": {
        "train_rows": 640,
        "eval_rows": 200,
        "eval_max_new_tokens": 192,
        "max_steps": 24,
        "max_completion_length": 64,  # of one turn
    },
}


@dataclass
class RecipeConfig(DistillationConfig):
    """Defaults that suit every task here."""

    learning_rate: float = 5e-5
    lr_scheduler_type: str = "constant"
    per_device_train_batch_size: int = 16
    gradient_accumulation_steps: int = 4
    max_completion_length: int | None = 128
    gradient_checkpointing: bool | None = None  # set_device_defaults decides
    logging_steps: float = 1
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        set_device_defaults(self)
        super().__post_init__()


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "distill", WarmupArguments, RecipeConfig, SETTINGS, args
    )
    if not config.teacher_model_name_or_path:
        raise SystemExit(
            "No teacher: name one with --teacher_model_name_or_path, a Hub id or a folder such as "
            "runs/sft_math/model. It must have the student's tokenizer; of the embedded model's "
            "family are HuggingFaceTB/SmolLM2-360M-Instruct and SmolLM2-1.7B-Instruct."
        )
    run = start_run("Distillation", arguments, config, model_config)
    rows = load_rows(run)
    model, tokenizer = load_policy(model_config, config, has_tools=rows.has_tools)
    teacher = load_teacher(model_config, config, model, tokenizer)
    before = run.evaluate("before", model, tokenizer, rows.eval_tasks)
    best = run.evaluate("teacher", teacher, tokenizer, rows.eval_tasks)
    run.notes.append(teacher_note(before, best))
    model, tokenizer, peft_config = sft_warmup(run, model, tokenizer, rows)

    trainer = DistillationTrainer(
        model,
        teacher,
        config,
        train_dataset=turn_prompts(rows.train_rows(), rows.task, tokenizer),
        processing_class=tokenizer,
        peft_config=peft_config,
    )
    run.train(trainer)

    run.evaluate("after", trainer.model, tokenizer, rows.eval_tasks)
    run.finish(trainer)


if __name__ == "__main__":
    run_program(main)
