"""Train one model on a mixture of tasks with GRPO, and see for each task what became of it.

    python recipes/grpo_multitask.py                             # math=2 code=1 debate=1
    python recipes/grpo_multitask.py --mixture math=3 code=1 --max_steps 40
    python recipes/grpo_multitask.py --mixture math=1 my_task.py:TASK=1
    accelerate launch recipes/grpo_multitask.py --max_steps 3

Every rollout has the same shares of the tasks, each row is scored by its own task's reward alone
(the metrics ``rewards/<reward>/mean`` are each about one task), and every task is evaluated before
and after on held-out rows. The run's folder holds the model and, per task, a folder with results
and a report. What this recipe leaves out: tasks with tools, whose rows need environments, an SFT
warm-up (give it a model that ``sft_tools.py`` made), and tuned hyperparameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trl import ModelConfig, get_peft_config

from mrlm.data.mixture import build_mixture, parse_quotas
from mrlm.experiment.callbacks import watch
from mrlm.experiment.checks import check_numbers, check_packages
from mrlm.experiment.parser import RecipeParser
from mrlm.experiment.rewards import RewardArguments, check_rewards, load_mixture_rewards
from mrlm.experiment.rows import EvalTask
from mrlm.experiment.run import start_run
from mrlm.files import check_output
from mrlm.hardware import set_device_defaults
from mrlm.models.policy import load_policy
from mrlm.prompts import PromptArguments
from mrlm.report.format import p_value
from mrlm.tasks import make_task
from mrlm.tasks.own import check_rows
from mrlm.termination import run_program
from mrlm.trainers import GRPOConfig, GRPOTrainer

# What suits the embedded 135M model; tasks that are not here are taken as they are.
OPTIONS = {
    "math": {"answer_format": "last_number", "difficulties": ["easy", "medium"]},
    "code": {"difficulties": ["easy"], "time_limit": 1.0},
    "debate": {"kinds": ["opening", "rebuttal"], "difficulties": ["easy"]},
}
WORSE = 0.05  # p-value below which a loss is called one


@dataclass
class MixtureArguments(PromptArguments, RewardArguments):
    """What is trained on and evaluated."""

    mixture: list[str] = field(
        default_factory=lambda: ["math=2", "code=1", "debate=1"],
        metadata={"help": "Tasks and their shares of the prompts."},
    )
    train_rows: int = field(default=4096, metadata={"help": "Rows to train on, of all tasks."})
    eval_rows: int = field(default=200, metadata={"help": "Held-out rows of each task."})
    eval_max_new_tokens: int = field(
        default=128, metadata={"help": "Longest answer in an evaluation, in tokens."}
    )
    live_eval_rows: int = field(
        default=0, metadata={"help": "Rows of the first task to evaluate ten times in training."}
    )
    sample_every: int = field(
        default=0, metadata={"help": "Print one sampled answer every so many steps; 0: none."}
    )


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
    gradient_checkpointing: bool | None = None  # set_device_defaults decides
    logging_steps: float = 1
    save_strategy: str = "no"

    def __post_init__(self) -> None:
        set_device_defaults(self)
        super().__post_init__()


def main(args: Sequence[str] | None = None) -> None:
    parser = RecipeParser((MixtureArguments, RecipeConfig, ModelConfig))
    with parser.mistakes_told():
        arguments, config, model_config = parser.parse_args_and_config(args)
        if config.push_to_hub:
            raise ValueError("push_to_hub: this recipe writes no model card; use `hf upload`.")
        check_output(config.output_dir, "output_dir")
        check_numbers(arguments, config, model_config)
        check_packages(config)
        tasks, quotas = mixed_tasks(arguments)
        check_rewards(arguments, list(tasks.values()), config)
        train_dataset = build_mixture(tasks, quotas, arguments.train_rows, config.seed)
    run = start_run("GRPO", arguments, config, model_config)
    eval_tasks = [
        EvalTask(
            task,
            task.build_dataset(arguments.eval_rows, 0, "test"),
            arguments.eval_max_new_tokens,
            subfolder=name,
        )
        for name, task in tasks.items()
    ]
    model, tokenizer = load_policy(model_config, config)
    run.evaluate("before", model, tokenizer, eval_tasks)

    trainer = GRPOTrainer(
        model,
        load_mixture_rewards(run, tasks),
        config,
        train_dataset=train_dataset,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    watch(trainer, run, eval_tasks[0])
    run.train(trainer)

    run.evaluate("after", trainer.model, tokenizer, eval_tasks)
    for name, comparison in run.finish(trainer).items():
        run.console.print(verdict(name, comparison))


def mixed_tasks(arguments):
    """The tasks by their names, and their shares."""
    tasks, quotas = {}, {}
    for name, quota in parse_quotas(arguments.mixture).items():
        task = arguments.with_prompts(make_task(name, **OPTIONS.get(name, {})))
        check_rows(task)
        if task.name in tasks:
            raise ValueError(f"Two tasks of the mixture are called {task.name!r}; rename one.")
        tasks[task.name], quotas[task.name] = task, quota
    return tasks, quotas


def verdict(name, comparison) -> str:
    """Whether the task got better or worse, as far as the rows can tell."""
    changed = comparison.p_value < WORSE
    word = "better" if comparison.difference > 0 else "WORSE"
    return (
        f"{name}: {word if changed else 'no difference that these rows can show'}, "
        f"{comparison.difference * 100:+.1f} points, {p_value(comparison.p_value)}"
    )


if __name__ == "__main__":
    run_program(main)
