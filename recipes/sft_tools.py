"""Teach a model to call tools by supervised fine-tuning on worked traces, and prove what it gained.

    python recipes/sft_tools.py                                  # embedded model, laptop
    python recipes/sft_tools.py --max_steps 3 --eval_rows 8
    accelerate launch recipes/sft_tools.py --use_peft --learning_rate 1e-3

Held-out scenarios are played before and after, with real tools, turn by turn. The trained model in
``runs/sft_tools/model`` is where ``grpo_tools.py`` and ``ppo_tools.py`` start. Every field of TRL's
``SFTConfig`` and ``ModelConfig`` and of ``ToolsArguments`` is a flag; ``--config FILE.yaml`` sets
them too. What this recipe leaves out: a validation set during training, mixing in other data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from rich.console import Console
from trl import ModelConfig, SFTConfig, SFTTrainer, TrlParser, get_peft_config

from mrlm import RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.chat_templates import add_tool_calling
from mrlm.hardware import detect_hardware, fit_the_device, use_all_cores
from mrlm.models import load_model
from mrlm.report import print_episode
from mrlm.tasks.tools import DIFFICULTIES, KINDS, build_traces, tools_task


@dataclass
class ToolsArguments:
    """What is trained on and measured."""

    kinds: list[str] = field(
        default_factory=lambda: list(KINDS),
        metadata={"help": "Of the scenarios: single, parallel, sequence, none."},
    )
    difficulties: list[str] = field(
        default_factory=lambda: list(DIFFICULTIES),
        metadata={"help": "Of the scenarios: easy, medium, hard."},
    )
    train_rows: int = field(default=2000, metadata={"help": "Scenarios to train on."})
    eval_rows: int = field(
        default=200, metadata={"help": "Held-out scenarios that measure before and after."}
    )
    eval_max_new_tokens: int = field(
        default=320, metadata={"help": "Longest episode when measuring, results included."}
    )


@dataclass
class ToolsSFTConfig(SFTConfig):
    """Defaults that suit the embedded 135M model on two CPU cores."""

    output_dir: str | None = "runs/sft_tools"
    max_steps: int = 100
    learning_rate: float = 3e-4
    lr_scheduler_type: str = "cosine"
    warmup_steps: float = 0.05
    per_device_train_batch_size: int = 16
    train_sampling_strategy: str = "group_by_length"
    max_length: int | None = 512
    assistant_only_loss: bool = True
    gradient_checkpointing: bool | None = None  # fit_the_device decides
    logging_steps: float = 10
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        fit_the_device(self)
        super().__post_init__()


def main() -> None:
    tools, config, model_config = TrlParser(
        (ToolsArguments, ToolsSFTConfig, ModelConfig)
    ).parse_args_and_config()
    use_all_cores()
    run = RunFolder(config.output_dir)
    console = Console()
    precision = "bf16 autocast" if config.bf16 else "fp32"
    console.print(f"{detect_hardware(config.use_cpu)}; training in {precision}")

    task = tools_task(kinds=tools.kinds, difficulties=tools.difficulties)
    model, tokenizer = load_model(
        model_config.model_name_or_path,
        revision=model_config.model_revision,
        trust_remote_code=config.trust_remote_code,
    )
    add_tool_calling(tokenizer)
    traces = build_traces(
        tools.train_rows, config.seed, kinds=tools.kinds, difficulties=tools.difficulties
    )
    trainer = SFTTrainer(
        model,
        args=config,
        train_dataset=traces,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )

    def measure(folder):
        return evaluate(
            trainer.model, tokenizer, task, num_rows=tools.eval_rows, output_dir=folder,
            max_new_tokens=tools.eval_max_new_tokens,
        )  # fmt: skip

    with run.phase("Evaluation before"):
        before = measure(run.eval_before)
    with run.phase("Training"):
        trainer.train(resume_from_checkpoint=config.resume_from_checkpoint)
    with run.phase("Evaluation after"):
        after = measure(run.eval_after)

    trainer.save_model(str(run.model))
    run.write_config(asdict(tools) | {"model": model_config.model_name_or_path} | config.to_dict())
    run.write_metrics(trainer.state.log_history)
    comparison = compare(before, after)
    run.write_results(comparison, title="SFT on worked tool traces")
    print_comparison(console, comparison)
    print_episode(console, before.records[0], after.records[0])
    console.print(f"Report: {write_report(run.path)}")


if __name__ == "__main__":
    main()
