"""Train one model on a mixture of tasks with GRPO, and see for each task what became of it.

    python recipes/grpo_multitask.py                             # math=2 code=1 debate=1
    python recipes/grpo_multitask.py --mixture math=3 code=1 --max_steps 40
    accelerate launch recipes/grpo_multitask.py --max_steps 3

Every rollout has the same shares of the tasks, each row is scored by its own task's reward alone
(the metrics ``rewards/<reward>/mean`` are each about one task), and every task is measured before
and after on held-out rows. The run's folder holds the model and, per task, a folder with results
and a report. What this recipe leaves out: tasks with tools, whose rows need environments, imitation
before (give it a model that ``sft_tools.py`` made), and tuned hyperparameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from accelerate import PartialState
from rich.console import Console
from transformers import set_seed
from trl import GRPOConfig, ModelConfig, get_peft_config

from mrlm import RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.data.mixture import build_mixture, mixture_rewards, parse_quotas
from mrlm.distributed import leave_at_exit
from mrlm.experiment.arguments import RecipeParser
from mrlm.experiment.callbacks import CompletionsTable, TrainingProgress
from mrlm.hardware import fit_the_device, use_all_cores
from mrlm.models.policy import load_policy
from mrlm.report.format import p_value
from mrlm.runs.folder import CONFIG_FILE
from mrlm.sampling.types import SamplingParams
from mrlm.tasks import make_task
from mrlm.trainers.dynamic_sampling import outcome_notes
from mrlm.trainers.grpo import GRPOTrainer
from mrlm.trainers.resumption import delete_checkpoints, start_path

# What suits the embedded 135M model; tasks that are not here are taken as they are.
OPTIONS = {
    "math": {"answer_mode": "last_number", "difficulties": ["easy", "medium"]},
    "code": {"difficulties": ["easy"], "time_limit": 1.0},
    "debate": {"kinds": ["opening", "rebuttal"], "difficulties": ["easy"]},
}
WORSE = 0.05  # p-value below which a loss is called one


@dataclass
class MixtureArguments:
    """What is trained on and measured."""

    mixture: list[str] = field(
        default_factory=lambda: ["math=2", "code=1", "debate=1"],
        metadata={"help": "Tasks and their shares of the prompts."},
    )
    train_rows: int = field(default=4096, metadata={"help": "Rows to train on, of all tasks."})
    eval_rows: int = field(default=200, metadata={"help": "Held-out rows of each task."})
    eval_max_new_tokens: int = field(default=128, metadata={"help": "Longest answer, measuring."})


@dataclass
class RecipeConfig(GRPOConfig):
    """Defaults that suit the embedded 135M model on two CPU cores."""

    output_dir: str | None = "runs/grpo_multitask"
    max_steps: int = 32
    learning_rate: float = 2e-5
    lr_scheduler_type: str = "constant"
    per_device_train_batch_size: int = 64
    num_generations: int | None = 8
    max_completion_length: int | None = 96
    temperature: float = 0.8
    shuffle_dataset: bool | None = False  # the order of the mixture keeps the shares
    gradient_checkpointing: bool | None = None  # fit_the_device decides
    logging_steps: float = 1
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        fit_the_device(self)
        super().__post_init__()


def main(args: Sequence[str] | None = None) -> None:
    parser = RecipeParser((MixtureArguments, RecipeConfig, ModelConfig))
    with parser.mistakes_told():
        arguments, config, model_config = parser.parse_args_and_config(args)
        if config.push_to_hub:
            raise ValueError("push_to_hub: this recipe writes no model card; use `hf upload`.")
        quotas = parse_quotas(arguments.mixture)
        tasks = {name: make_task(name, **OPTIONS.get(name, {})) for name in quotas}
        train_dataset = build_mixture(tasks, quotas, arguments.train_rows, config.seed)
        checkpoint = start_path(config, CONFIG_FILE)
    leave_at_exit()
    use_all_cores()
    set_seed(config.seed)
    first = config.process_index == 0
    console, run = Console(quiet=not first), RunFolder(config.output_dir)
    folders = {name: RunFolder(run.path / name) for name in tasks}
    model, tokenizer = load_policy(model_config, trust_remote_code=config.trust_remote_code)
    PartialState().wait_for_everyone()  # until all have looked at what is there
    if first and checkpoint is None:
        delete_checkpoints(run.path, console.print)

    def measure(model, stage):
        return {
            name: evaluate(
                model,
                tokenizer,
                task,
                SamplingParams(arguments.eval_max_new_tokens, temperature=0.0),
                num_rows=arguments.eval_rows,
                progress=first,
                output_dir=getattr(folders[name], f"eval_{stage}") if first else None,
                all_processes=True,
            )
            for name, task in tasks.items()
        }

    before = measure(model, "before")
    trainer = GRPOTrainer(
        model,
        mixture_rewards(tasks),
        config,
        train_dataset=train_dataset,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    TrainingProgress.replace_default(trainer, "GRPO")
    trainer.add_callback(CompletionsTable(trainer, run.path))
    trainer.train(resume_from_checkpoint=checkpoint)
    after = measure(trainer.model, "after")

    trainer.save_model(str(run.model))
    if not first:
        return
    settings = asdict(arguments) | {"model": model_config.model_name_or_path} | config.to_dict()
    run.write_config(settings)
    run.write_metrics(trainer.state.log_history)
    for name, folder in folders.items():
        comparison = compare(before[name], after[name])
        folder.write_config(settings)
        folder.write_metrics(trainer.state.log_history)
        folder.write_results(
            comparison,
            title=f"GRPO on {' '.join(arguments.mixture)}: {name}",
            notes=outcome_notes(trainer.state.log_history),
        )
        print_comparison(console, comparison)
        console.print(f"Report: {write_report(folder.path)}")
    for name in tasks:
        console.print(verdict(name, compare(before[name], after[name])))


def verdict(name, comparison) -> str:
    """Whether the task got better or worse, as far as the rows can tell."""
    changed = comparison.p_value < WORSE
    word = "better" if comparison.difference > 0 else "WORSE"
    return (
        f"{name}: {word if changed else 'no difference that these rows can show'}, "
        f"{comparison.difference * 100:+.1f} points, {p_value(comparison.p_value)}"
    )


if __name__ == "__main__":
    main()
