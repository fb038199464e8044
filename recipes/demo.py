"""Watch a real language model get better at math on a laptop: ``make demo``.

Each phase is announced and timed; it is ``ppo_math.py`` with its steps told one by one, and the
settings are the same. Answers are read in the lenient ``last_number`` format, because a model of
135M parameters follows no format at first.

    make demo ARGS='--max_steps 20 --eval_rows 128 --seed 1'
    make demo ARGS='--model_name_or_path Qwen/Qwen2.5-0.5B-Instruct'
"""

from __future__ import annotations

from collections.abc import Sequence

from ppo_math import SETTINGS, RecipeConfig
from trl import get_peft_config

from mrlm import PPOTrainer
from mrlm.experiment.arguments import RolloutArguments, parse_arguments
from mrlm.experiment.callbacks import watch
from mrlm.experiment.rewards import load_rewards
from mrlm.experiment.rows import load_rows
from mrlm.experiment.run import start_run
from mrlm.models.loading import encode_prompts
from mrlm.models.policy import load_policy
from mrlm.sampling.types import SamplingParams
from mrlm.termination import run_program

# The recipe's settings, in a folder of the demo's own.
DEMO = {"math": SETTINGS["math"] | {"output_dir": "runs/demo", "save_strategy": "no"}}


def main(args: Sequence[str] | None = None) -> None:
    arguments, config, model_config = parse_arguments(
        "demo", RolloutArguments, RecipeConfig, DEMO, args
    )
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
        say(
            f"{config.max_steps} steps of {rollouts} answers, {config.num_generations} per "
            f"problem, learning rate {config.learning_rate:g}, seed {config.seed}"
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
