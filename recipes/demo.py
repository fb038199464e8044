"""Watch a real language model get better at math on a laptop: ``make demo``.

Seven phases, each announced and timed, then a second evaluation, a paired test and a report. It is
``ppo_math.py`` with its steps told one by one; the settings are the same. Answers are read in the
lenient ``last_number`` mode, because a model of 135M parameters follows no format at first.

    make demo ARGS='--max_steps 20 --eval_rows 128 --seed 1'
    make demo ARGS='--model_name_or_path Qwen/Qwen2.5-0.5B-Instruct'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from ppo_math import SETTINGS, RecipeConfig
from rich.console import Console
from trl import get_peft_config

from mrlm import PPOTrainer, RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.data.curriculum import curriculum
from mrlm.experiment.arguments import RolloutArguments, parse_arguments
from mrlm.experiment.callbacks import CompletionsTable, LiveEvaluation, TrainingProgress
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.models.loading import encode_prompts
from mrlm.models.policy import load_policy
from mrlm.report import write_model_card
from mrlm.sampling.generator import Generator
from mrlm.sampling.types import SamplingParams
from mrlm.trainers.dynamic_sampling import outcome_notes

# The recipe's settings, in a folder of the demo's own.
DEMO = {"math": SETTINGS["math"] | {"output_dir": "runs/demo", "save_strategy": "no"}}


class Narrator:
    """Announces each phase, and times it in the run folder."""

    def __init__(self, run: RunFolder, console: Console) -> None:
        self.run, self.console, self.number = run, console, 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.number += 1
        self.console.rule(f"[bold]{self.number}  {name}", align="left")
        with self.run.phase(name):
            yield
        self.console.print(f"[dim]{self.run.phases[-1]['seconds']:.1f} s[/dim]")


def main(args: Sequence[str] | None = None) -> None:
    math, config, model_config = parse_arguments("demo", RolloutArguments, RecipeConfig, DEMO, args)
    if math.dataset_name or math.eval_dataset_name:
        raise SystemExit("The demo has its own problems; recipes/ppo_math.py takes a dataset.")
    if config.push_to_hub or config.resume_from_checkpoint:
        raise SystemExit("The demo neither pushes nor resumes; recipes/ppo_math.py does.")
    if config.world_size > 1:
        raise SystemExit("The demo runs in one process; recipes/ppo_math.py takes several.")
    use_all_cores()
    console = Console()
    run = RunFolder(config.output_dir)
    narrator, say = Narrator(run, console), console.print

    with narrator.phase("Data"):
        task = math.build_task()
        train = task.build_dataset(math.train_rows, config.seed, "train")
        if math.curriculum:
            train = curriculum(train, config)
        held_out = task.build_dataset(math.eval_rows, 0, "test")
        say(f"{len(train):,} problems to train on, {len(held_out):,} held out; none is in both.")
        for row in held_out.select(range(3)):
            say(f"  {row['difficulty']} {row['kind']}: {row['question']} ({row['answer']})")

    with narrator.phase("Configuration"):
        precision = "bf16 autocast" if config.bf16 else "fp32"
        say(f"{detect_hardware(config.use_cpu)}; training in {precision}")
        rollouts = config.per_device_train_batch_size * config.steps_per_generation
        say(
            f"{config.max_steps} steps of {rollouts} answers, {config.num_generations} per "
            f"problem, learning rate {config.learning_rate:g}, seed {config.seed}"
        )
        say("Easy problems come first." if math.curriculum else "Problems come in random order.")
        say(f"Answers count in the mode {math.answer_mode!r}.")

    with narrator.phase("Model"):
        model, tokenizer = load_policy(model_config)
        say(f"{model.config.name_or_path}: {model.num_parameters() / 1e6:.0f}M parameters")

    with narrator.phase("Policy environment"):
        generator = Generator(model, tokenizer)
        first = held_out[0]
        [prompt] = encode_prompts(tokenizer, [first["prompt"]])
        [sample] = generator.generate(
            [prompt],
            SamplingParams(
                config.max_completion_length, temperature=config.temperature, seed=config.seed
            ),
        )
        say("One answer, as the policy samples it:")
        say(f"  {tokenizer.decode(sample.token_ids, skip_special_tokens=True)!r}", markup=False)

    with narrator.phase("Evaluation environments"):
        wrong = [row["id"] for row in held_out if check_environment(task, row) != (1.0, 0.0)]
        if wrong:
            raise SystemExit(f"The environment scores these rows wrongly: {wrong[:5]}")
        say(
            f"{type(task.environment()).__name__}: {len(held_out)} worked solutions score 1, "
            f"{len(held_out)} empty answers score 0."
        )

    def measure(folder):
        return evaluate(
            trainer.model,
            tokenizer,
            task,
            SamplingParams(math.eval_max_new_tokens, temperature=0.0),
            num_rows=math.eval_rows,
            generator=generator,
            output_dir=folder,
        )

    trainer = PPOTrainer(
        model,
        list(task.reward_funcs),
        config,
        train_dataset=train,
        processing_class=tokenizer,
        peft_config=get_peft_config(model_config),
    )
    trainer.resample_rounds = math.resample_uninformative
    if math.live_eval_rows:
        rows, tokens = math.live_eval_rows, math.eval_max_new_tokens
        trainer.add_callback(LiveEvaluation(trainer, task, rows, tokens))
    TrainingProgress.replace_default(trainer, "PPO", math.sample_every)
    trainer.add_callback(CompletionsTable(trainer, run.path))
    with narrator.phase("Evaluation before"):
        before = measure(run.eval_before)
        say(f"{before.summary.accuracy:.1%} right")
    with narrator.phase("PPO training"):
        trainer.train()
    with narrator.phase("Evaluation after"):
        generator.sync(trainer.model)
        after = measure(run.eval_after)

    with narrator.phase("Report"):
        trainer.save_model(str(run.model))
        settings = {
            "algorithm": "PPO",
            "model": model_config.model_name_or_path,
            "use_peft": model_config.use_peft,
        }
        run.write_config(asdict(math) | settings | config.to_dict())
        run.write_metrics(trainer.state.log_history)
        comparison = compare(before, after)
    warnings = [finding.message for finding in trainer.diagnostics]
    results = run.write_results(
        comparison,
        title="PPO on math word problems",
        warnings=warnings,
        notes=outcome_notes(trainer.state.log_history),
    )
    write_model_card(run.path)
    report = write_report(run.path)
    print_comparison(console, comparison)
    say(f"\n{results['wall_seconds'] / 60:.1f} minutes in all. Look at {report}")


def check_environment(task, row) -> tuple[float, float]:
    """What the environment pays for the worked solution and for an empty answer."""
    rewards = []
    for completion in (row["solution"], ""):
        environment = task.environment()
        environment.reset(**row)
        environment._step(completion)
        rewards.append(environment.get_reward())
    return tuple(rewards)


if __name__ == "__main__":
    main()
