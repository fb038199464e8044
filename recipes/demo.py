"""Watch a real language model get better at math on a laptop: ``make demo``.

Each phase is announced and timed; it is ``ppo_math.py`` with its steps told one by one, and the
settings are the same. Answers are read in the lenient ``last_number`` format, because a model of
135M parameters follows no format at first.

A CPU is measured first, and the steps are made to fit into ``--minutes`` where all of them would
take longer; ``--max_steps`` wins. With as many steps and the same seed a run is the same.

    make demo ARGS='--max_steps 20 --eval_rows 128 --seed 1'
    make demo ARGS='--minutes 5'
    make demo ARGS='--model_name_or_path Qwen/Qwen2.5-0.5B-Instruct'
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil
from ppo_math import SETTINGS, RecipeConfig
from trl import get_peft_config

from mrlm import PPOTrainer
from mrlm.experiment.arguments import RolloutArguments, parse_arguments
from mrlm.experiment.callbacks import watch
from mrlm.experiment.pace import Pace, measure_pace
from mrlm.experiment.rewards import load_rewards
from mrlm.experiment.rows import load_rows
from mrlm.experiment.run import Run, start_run
from mrlm.models.loading import encode_prompts
from mrlm.models.policy import load_policy
from mrlm.sampling.types import SamplingParams
from mrlm.termination import run_program

# The recipe's settings, in a folder of the demo's own; how many steps is decided on the way.
DEMO = {
    "math": SETTINGS["math"] | {"output_dir": "runs/demo", "save_strategy": "no", "max_steps": -1}
}
ALL_STEPS = SETTINGS["math"]["max_steps"]
BEFORE = "Evaluation before"  # its phase; the one after the training takes about as long
SAVING = 5.0  # seconds, with the report


@dataclass
class DemoArguments(RolloutArguments):
    """And how long it may take."""

    minutes: float = field(
        default=10.0,
        metadata={"help": "Fit the steps into so many minutes in all; max_steps wins. On a CPU."},
    )


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "demo", DemoArguments, RecipeConfig, DEMO, args
    )
    if arguments.minutes <= 0:
        raise SystemExit(f"minutes is {arguments.minutes}; it must be more than 0.")
    is_fitted = config.max_steps < 1
    if is_fitted:
        config.max_steps = ALL_STEPS
    if arguments.task != "math":
        raise SystemExit("The demo is about math; recipes/ppo_math.py takes any task.")
    if arguments.dataset_name or arguments.eval_dataset_name:
        raise SystemExit("The demo has its own problems; recipes/ppo_math.py takes a dataset.")
    if config.push_to_hub or config.resume_from_checkpoint:
        raise SystemExit("The demo neither pushes nor resumes; recipes/ppo_math.py does.")
    if config.world_size > 1:
        raise SystemExit("The demo runs in one process; recipes/ppo_math.py takes several.")
    run = start_run("PPO", arguments, config, model_config, narrated=True)
    say = run.console.print

    with run.phase("Data"):
        rows = load_rows(run)
        train, held_out = rows.train_rows(), rows.eval_tasks[0].rows
        say(f"{len(train):,} problems to train on, {len(held_out):,} held out; none is in both.")
        for row in held_out.select(range(3)):
            say(f"  {row['difficulty']} {row['kind']}: {row['question']} ({row['answer']})")

    with run.phase("Configuration"):
        rollouts = config.per_device_train_batch_size * config.steps_per_generation
        steps = f"{'At most ' if is_fitted else ''}{config.max_steps} steps"
        say(
            f"{steps} of {rollouts} answers, {config.num_generations} per problem, "
            f"learning rate {config.learning_rate:g}, seed {config.seed}"
        )
        order = "Easy problems come first." if arguments.curriculum else "In random order."
        say(f"{order} Answers count in the format {arguments.task_options['answer_format']!r}.")

    with run.phase("Model"):
        model, tokenizer = load_policy(model_config, config)
        say(f"{model.name_or_path}: {model.num_parameters() / 1e6:.0f}M parameters")

    with run.phase("Policy environment"):
        [prompt] = encode_prompts(tokenizer, [held_out[0]["prompt"]])
        [sample] = run.generator(model, tokenizer).generate(
            [prompt],
            SamplingParams(
                config.max_completion_length, temperature=config.temperature, seed=config.seed
            ),
        )
        say("One answer, as the policy samples it:")
        say(f"  {tokenizer.decode(sample.token_ids, skip_special_tokens=True)!r}", markup=False)

    with run.phase("Evaluation environments"):
        check_environment(rows.task, held_out)
        say(
            f"{type(rows.task.environment()).__name__}: {len(held_out)} worked solutions score 1, "
            f"{len(held_out)} empty answers score 0."
        )

    run.evaluate("before", model, tokenizer, rows.eval_tasks)
    if config.device.type == "cpu":
        with run.phase("Time"):
            prompts = encode_prompts(tokenizer, train[: config.generation_batch_size]["prompt"])
            pace = measure_pace(model, run.generator(model, tokenizer), prompts, config)
            if is_fitted:
                fit_steps(run, pace)
                train = rows.train_rows()  # easy ones first, of as many as the steps will take
            tell_time(run, pace)
    trainer = PPOTrainer(
        model,
        load_rewards(run, rows.task),
        config,
        train_dataset=train,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    watch(trainer, run, rows.eval_tasks[0])
    run.train(trainer)
    run.evaluate("after", trainer.model, tokenizer, rows.eval_tasks)
    run.finish(trainer, [finding.message for finding in trainer.diagnostics])
    say(f"\n{run.folder.seconds / 60:.1f} minutes in all. Look at {run.folder.report}")


def fit_steps(run: Run, pace: Pace) -> None:
    """Set ``max_steps`` so that the whole run takes no longer than was asked for."""
    left = run.arguments.minutes * 60 - seconds_beside_training(run)
    run.config.max_steps = steps = pace.steps_within(left, ALL_STEPS)
    if steps < ALL_STEPS:
        run.notes.append(
            f"{steps} of {ALL_STEPS} steps, to fit into {run.arguments.minutes:g} minutes on this "
            f"machine; --max_steps {ALL_STEPS} takes them all."
        )


def tell_time(run: Run, pace: Pace) -> None:
    steps = run.config.max_steps
    training = steps * pace.step
    whole = training + seconds_beside_training(run)
    run.console.print(
        f"A step takes about {pace.step:.1f} s here, {pace.sampling:.1f} s of them to sample: "
        f"{training / 60:.1f} minutes for {steps} steps, {whole / 60:.1f} for everything."
    )


def seconds_beside_training(run: Run) -> float:
    """Since the program started, and for what comes after the training."""
    started = psutil.Process().create_time()
    evaluations = [p["seconds"] for p in run.folder.phases if p["name"].startswith(BEFORE)]
    return time.time() - started + sum(evaluations) + SAVING


def check_environment(task, rows) -> None:
    """Refuse a task whose environment does not pay worked solutions 1 and empty answers 0."""
    for row in rows:
        for completion, expected in ((row["solution"], 1.0), ("", 0.0)):
            environment = task.environment()
            environment.reset(**row)
            environment._step(completion)
            if environment.get_reward() != expected:
                raise SystemExit(f"The environment scores {completion!r} of {row['id']} wrongly.")


if __name__ == "__main__":
    run_program(main)
