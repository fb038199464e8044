"""Train a language model to write functions that pass hidden tests with GRPO, and prove the gain.

    python recipes/grpo_code.py                                  # embedded model, laptop
    python recipes/grpo_code.py --sft_rows 0                     # GRPO alone
    accelerate launch recipes/grpo_code.py --max_steps 3
    accelerate launch recipes/grpo_code.py --use_peft --learning_rate 3e-4 --sft_learning_rate 1e-3
    accelerate launch --config_file recipes/accelerate/single_gpu.yaml recipes/grpo_code.py \
        --model_name_or_path Qwen/Qwen2.5-Coder-0.5B-Instruct --difficulties easy medium hard \
        --max_completion_length 512 --humaneval

Three models are measured on functions of families that training never saw: the one given, the one
that first imitated reference solutions (``--sft_rows``), and the one that GRPO made of it. Every
field of ``GRPOConfig``, TRL's ``ModelConfig`` and ``CodeArguments`` is a flag; ``--config
FILE.yaml`` sets them too, and the command line wins. What this recipe leaves out: tool calls (the
environment has them), and hyperparameters for anything but the embedded model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from rich.console import Console
from trl import GRPOConfig, ModelConfig, SFTConfig, SFTTrainer, TrlParser, get_peft_config

from mrlm import RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.callbacks import TrainingProgress
from mrlm.fast_cpu import GRPOTrainer
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.models import load_model
from mrlm.tasks.code import Limits, code_task, humaneval_task


@dataclass
class CodeArguments:
    """What is trained on and measured."""

    difficulties: list[str] = field(
        default_factory=lambda: ["easy"], metadata={"help": "Of easy, medium, hard."}
    )
    train_rows: int = field(default=4096, metadata={"help": "Problems for GRPO."})
    sft_rows: int = field(
        default=512, metadata={"help": "Reference solutions to imitate first; 0: none."}
    )
    sft_learning_rate: float = field(default=5e-5, metadata={"help": "Of the imitation."})
    eval_rows: int = field(
        default=256, metadata={"help": "Problems of held-out families that measure each model."}
    )
    eval_max_new_tokens: int = field(
        default=128, metadata={"help": "Longest answer when measuring, in tokens."}
    )
    humaneval: bool = field(
        default=False, metadata={"help": "Measure on HumanEval's 164 problems, too."}
    )
    time_limit: float = field(
        default=1.0, metadata={"help": "Seconds that the tests of one completion may take."}
    )


@dataclass
class CodeGRPOConfig(GRPOConfig):
    """Defaults that suit the embedded 135M model on two CPU cores."""

    output_dir: str | None = "runs/grpo_code"
    max_steps: int = 24
    learning_rate: float = 2e-5
    lr_scheduler_type: str = "constant"
    per_device_train_batch_size: int = 64
    num_generations: int | None = 8
    max_completion_length: int | None = 64
    temperature: float = 0.8
    gradient_checkpointing: bool = False
    logging_steps: float = 1
    save_strategy: str = "no"
    report_to: str = "none"

    def __post_init__(self) -> None:
        hardware = detect_hardware(self.use_cpu)  # GRPOConfig raises on a CPU unless it is told
        self.use_cpu = hardware.device == "cpu"
        self.bf16 = hardware.bf16 if self.bf16 is None else self.bf16
        super().__post_init__()


def imitate(model, tokenizer, rows, code, config, peft_config):
    """The model after one pass over the reference solutions."""
    texts = rows.map(
        lambda row: {"completion": [{"role": "assistant", "content": row["solution"]}]}
    ).select_columns(["prompt", "completion"])
    trainer = SFTTrainer(
        model,
        SFTConfig(
            f"{config.output_dir}/sft", learning_rate=code.sft_learning_rate, num_train_epochs=1,
            per_device_train_batch_size=16, use_cpu=config.use_cpu, bf16=config.bf16,
            gradient_checkpointing=False, save_strategy="no", logging_steps=5, report_to="none",
            seed=config.seed,
        ),
        train_dataset=texts, processing_class=tokenizer, peft_config=peft_config,
    )  # fmt: skip
    trainer.train()
    return trainer.accelerator.unwrap_model(trainer.model)


def main() -> None:
    code, config, model_config = TrlParser(
        (CodeArguments, CodeGRPOConfig, ModelConfig)
    ).parse_args_and_config()
    use_all_cores()
    run, console = RunFolder(config.output_dir), Console()
    console.print(f"{detect_hardware(config.use_cpu)}, bf16: {config.bf16}")

    limits = Limits(time_limit=code.time_limit)
    task = code_task(difficulties=code.difficulties, limits=limits)
    model, tokenizer = load_model(
        model_config.model_name_or_path, revision=model_config.model_revision
    )
    peft_config = get_peft_config(model_config)

    exams = {"eval": (task, code.eval_rows, code.eval_max_new_tokens)}
    if code.humaneval:
        exams["humaneval"] = (humaneval_task(limits), 164, 256)

    def measure(model, stage):
        found = []
        for exam, (exam_task, num_rows, max_new_tokens) in exams.items():
            with run.phase(f"{exam} {stage}"):
                evaluation = evaluate(
                    model, tokenizer, exam_task, num_rows=num_rows, max_new_tokens=max_new_tokens,
                    output_dir=run.path / f"{exam}_{stage}",
                )  # fmt: skip
            console.print(f"{exam} {stage}: {evaluation.summary.accuracy:.1%} of {num_rows} pass")
            found.append(evaluation)
        return found

    before = measure(model, "before")
    if code.sft_rows:
        rows = task.build_dataset(code.sft_rows, config.seed, "train")
        with run.phase("SFT"):
            model = imitate(model, tokenizer, rows, code, config, peft_config)
        peft_config = None  # the model has its adapter now
        print_comparison(console, compare(before[0], measure(model, "sft")[0]))

    trainer = GRPOTrainer(
        model, list(task.reward_funcs), config,
        # Other rows than the imitation's, which is over by the same seed.
        train_dataset=task.build_dataset(code.train_rows, config.seed + 1, "train"),
        processing_class=tokenizer, peft_config=peft_config,
    )  # fmt: skip
    TrainingProgress.replace_default(trainer, "GRPO")
    with run.phase("GRPO training"):
        trainer.train(resume_from_checkpoint=config.resume_from_checkpoint)
    after = measure(trainer.model, "after")

    trainer.save_model(str(run.model))
    run.write_config(asdict(code) | {"model": model_config.model_name_or_path} | config.to_dict())
    run.write_metrics(trainer.state.log_history)
    comparisons = [compare(*pair) for pair in zip(before, after, strict=True)]
    run.write_results(comparisons[0], title="GRPO on functions of held-out families")
    for comparison in comparisons:
        print_comparison(console, comparison)
    console.print(f"Report: {write_report(run.path)}")


if __name__ == "__main__":
    main()
