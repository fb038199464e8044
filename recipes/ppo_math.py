"""Train a language model on math word problems with PPO, and prove what it gained.

    python recipes/ppo_math.py                                  # embedded model, laptop
    accelerate launch recipes/ppo_math.py --max_steps 3
    accelerate launch recipes/ppo_math.py --use_peft --learning_rate 3e-4
    accelerate launch --config_file recipes/accelerate/single_gpu.yaml recipes/ppo_math.py \
        --model_name_or_path Qwen/Qwen2.5-1.5B-Instruct --answer_mode hash \
        --max_completion_length 256

Every field of ``PPOConfig``, TRL's ``ModelConfig`` and ``MathArguments`` is a flag; ``--config
FILE.yaml`` sets them too, and the command line wins. What this recipe leaves out: a validation set
during training, and hyperparameters for anything but the embedded model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from rich.console import Console
from trl import ModelConfig, TrlParser, get_peft_config

from mrlm import PPOConfig, PPOTrainer, RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.callbacks import TrainingProgress
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.models import load_model
from mrlm.tasks.math import math_task


@dataclass
class MathArguments:
    """What is trained on and measured."""

    answer_mode: str = field(
        default="last_number",
        metadata={
            "help": "Where the answer stands: hash, boxed, tag or phrase are strict; last_number "
            "is lenient, for models too small to follow a format."
        },
    )
    difficulties: list[str] = field(
        default_factory=lambda: ["easy", "medium"], metadata={"help": "Of easy, medium, hard."}
    )
    train_rows: int = field(default=4096, metadata={"help": "Problems to train on."})
    eval_rows: int = field(
        default=256, metadata={"help": "Held-out problems that measure before and after."}
    )
    eval_max_new_tokens: int = field(
        default=48, metadata={"help": "Longest answer when measuring, in tokens."}
    )


@dataclass
class MathPPOConfig(PPOConfig):
    """Defaults that suit the embedded 135M model on two CPU cores."""

    output_dir: str | None = "runs/ppo_math"
    max_steps: int = 32
    learning_rate: float = 5e-5
    per_device_train_batch_size: int = 160
    num_generations: int | None = 4
    update_fraction: float = 0.3
    whiten_advantages: bool = False
    missing_eos_penalty: float | None = 0.5
    max_completion_length: int | None = 28
    temperature: float = 0.7
    logging_steps: float = 1
    save_steps: float = 50
    save_total_limit: int | None = 1


def main() -> None:
    math, config, model_config = TrlParser(
        (MathArguments, MathPPOConfig, ModelConfig)
    ).parse_args_and_config()
    use_all_cores()
    run = RunFolder(config.output_dir)
    console = Console()
    precision = "bf16 autocast" if config.bf16 else "fp32"
    console.print(f"{detect_hardware(config.use_cpu)}; training in {precision}")

    task = math_task(math.answer_mode, difficulties=math.difficulties)
    model, tokenizer = load_model(
        model_config.model_name_or_path,
        revision=model_config.model_revision,
        trust_remote_code=config.trust_remote_code,
    )
    trainer = PPOTrainer(
        model,
        list(task.reward_funcs),
        config,
        train_dataset=task.build_dataset(math.train_rows, config.seed, "train"),
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    TrainingProgress.replace_default(trainer, "PPO")

    def measure(folder):
        return evaluate(
            trainer.model, tokenizer, task, num_rows=math.eval_rows, output_dir=folder,
            max_new_tokens=math.eval_max_new_tokens,
        )  # fmt: skip

    with run.phase("Evaluation before"):
        before = measure(run.eval_before)
    with run.phase("PPO training"):
        trainer.train(resume_from_checkpoint=config.resume_from_checkpoint)
    with run.phase("Evaluation after"):
        after = measure(run.eval_after)

    trainer.save_model(str(run.model))
    run.write_config(asdict(math) | {"model": model_config.model_name_or_path} | config.to_dict())
    run.write_metrics(trainer.state.log_history)
    comparison = compare(before, after)
    run.write_results(
        comparison,
        title=f"PPO on math word problems, {math.answer_mode} answers",
        warnings=[finding.message for finding in trainer.diagnostics],
    )
    print_comparison(console, comparison)
    console.print(f"Report: {write_report(run.path)}")


if __name__ == "__main__":
    main()
