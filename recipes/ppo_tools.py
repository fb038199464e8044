"""Make a model that calls tools better at it with PPO: real tools, turn by turn.

    python recipes/sft_tools.py && python recipes/ppo_tools.py
    python recipes/ppo_tools.py --model_name_or_path Qwen/Qwen2.5-1.5B-Instruct
    accelerate launch recipes/ppo_tools.py --max_steps 3

Starts from what ``sft_tools.py`` trained, because a model that never makes a call earns nothing to
learn from. Every field of ``PPOConfig``, TRL's ``ModelConfig`` and ``ToolsArguments`` is a flag;
``--config FILE.yaml`` sets them too. What this recipe leaves out: a validation set during training,
and hyperparameters for anything but the embedded model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from rich.console import Console
from sft_tools import ToolsArguments
from trl import ModelConfig, TrlParser, get_peft_config

from mrlm import PPOConfig, PPOTrainer, RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.callbacks import TrainingProgress
from mrlm.chat_templates import add_tool_calling
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.models import load_model
from mrlm.report import print_episode
from mrlm.tasks.tools import MOST_ROUNDS, tools_task

SFT_MODEL = "runs/sft_tools/model"


@dataclass
class ToolsPPOConfig(PPOConfig):
    """Defaults that suit the embedded 135M model on two CPU cores."""

    output_dir: str | None = "runs/ppo_tools"
    max_steps: int = 20
    learning_rate: float = 2e-5
    lr_scheduler_type: str = "constant"
    per_device_train_batch_size: int = 64
    num_generations: int | None = 8
    max_completion_length: int | None = 320
    max_tool_calling_iterations: int | None = MOST_ROUNDS
    temperature: float = 1.0
    whiten_advantages: bool = False
    logging_steps: float = 1
    save_strategy: str = "no"


def main() -> None:
    tools, config, model_config = TrlParser(
        (ToolsArguments, ToolsPPOConfig, ModelConfig)
    ).parse_args_and_config()
    use_all_cores()
    run = RunFolder(config.output_dir)
    console = Console()
    precision = "bf16 autocast" if config.bf16 else "fp32"
    console.print(f"{detect_hardware(config.use_cpu)}; training in {precision}")

    task = tools_task(kinds=tools.kinds, difficulties=tools.difficulties)
    model, tokenizer = load_model(
        model_config.model_name_or_path or SFT_MODEL,
        revision=model_config.model_revision,
        trust_remote_code=config.trust_remote_code,
    )
    add_tool_calling(tokenizer)
    trainer = PPOTrainer(
        model,
        list(task.reward_funcs),
        config,
        train_dataset=task.build_dataset(tools.train_rows, config.seed + 1, "train"),
        processing_class=tokenizer,
        environment_factory=task.environment,
        peft_config=get_peft_config(model_config),
    )
    TrainingProgress.replace_default(trainer, "PPO")

    def measure(folder):
        return evaluate(
            trainer.model, tokenizer, task, num_rows=tools.eval_rows, output_dir=folder,
            max_new_tokens=tools.eval_max_new_tokens,
        )  # fmt: skip

    with run.phase("Evaluation before"):
        before = measure(run.eval_before)
    with run.phase("PPO training"):
        trainer.train(resume_from_checkpoint=config.resume_from_checkpoint)
    with run.phase("Evaluation after"):
        after = measure(run.eval_after)

    trainer.save_model(str(run.model))
    run.write_config(asdict(tools) | {"model": model_config.model_name_or_path} | config.to_dict())
    run.write_metrics(trainer.state.log_history)
    comparison = compare(before, after)
    run.write_results(
        comparison, title="PPO on tool scenarios", warnings=[f.message for f in trainer.diagnostics]
    )
    print_comparison(console, comparison)
    print_episode(console, before.records[0], after.records[0])
    console.print(f"Report: {write_report(run.path)}")


if __name__ == "__main__":
    main()
