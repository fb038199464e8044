"""What every recipe does around its trainer: load, measure, imitate, and write down what happened.

A recipe makes an ``Experiment`` from its arguments, measures the model in stages (``before``,
``sft``, ``after``), trains in between with a trainer that it builds itself, and hands that over to
``finish``. The run's folder is that of ``mrlm.runs.folder``; besides, ``sft/`` holds the model
after imitation, so that a run which is resumed does not imitate again.

Under several processes each measures its share of the rows, and the first one writes.
"""

from __future__ import annotations

import math
import os
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from transformers import set_seed
from trl.trainer.model_config import ModelConfig
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer
from trl.trainer.utils import get_peft_config

from mrlm.data.demonstrations import demonstrations
from mrlm.distributed import leave_at_exit
from mrlm.errors import HubError
from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation, evaluate
from mrlm.evaluation.uncertainty import permutation_p_value
from mrlm.experiment.arguments import ImitationArguments, RolloutArguments, TaskArguments
from mrlm.experiment.callbacks import CompletionsTable, LiveEvaluation, TrainingProgress
from mrlm.experiment.push import take_repository
from mrlm.experiment.rows import RunRows
from mrlm.files import replace_folder
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.models.chat_templates import add_tool_calling
from mrlm.models.policy import load_policy, merge_adapter
from mrlm.report import format, print_comparison, print_episode, write_model_card, write_report
from mrlm.runs.folder import RESULTS_FILE, RunFolder
from mrlm.sampling.generator import Generator
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task
from mrlm.tasks.code import humaneval_task
from mrlm.termination import exit_on_sigterm
from mrlm.trainers.dynamic_sampling import outcome_notes
from mrlm.trainers.lm_head import lean_head
from mrlm.trainers.resumption import delete_checkpoints, start_path

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["Experiment"]

# HumanEval's problems, and room for the longest of their solutions.
_HUMANEVAL_ROWS, _HUMANEVAL_TOKENS = 164, 256
# Rows at a time in the imitation: 16 rows of 400 tokens take 15 GB of activations, 4 take 5.
_MICRO_BATCH = 4
_SHARDED = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")  # set by `accelerate launch`


class Experiment:
    """One run of a recipe.

    Args:
        algorithm: Its name for people, for instance ``"PPO"``.
        arguments: What is trained on and measured.
        config: Of the trainer, a ``TrainingArguments``.
        model_config: Which model, and whether with LoRA.

    Attributes:
        task: What is trained on.
        rows: Of the task, or the user's.
        model: The model as it is at present: loaded, or after imitation.
        tokenizer: The model's, with tool calling where the task has tools.
        peft_config: For the trainer; ``None`` without LoRA, and once the model has its adapter.
        run: The run's folder and clock.
        repository: Where on the Hub the model goes, if anywhere.
        checkpoint: For ``trainer.train``: where to go on, ``None`` in a new run.
        console: Silent in all processes but the first.
    """

    def __init__(
        self, algorithm: str, arguments: TaskArguments, config: Any, model_config: ModelConfig
    ) -> None:
        exit_on_sigterm()
        leave_at_exit()
        use_all_cores()
        # TRL uses transformers' former names of activation checkpointing, anew in every rollout.
        warnings.filterwarnings(
            "ignore", r"`\w*gradient_checkpointing\w*` is deprecated", FutureWarning
        )
        set_seed(config.seed)
        self.algorithm, self.arguments = algorithm, arguments
        self.config, self.model_config = config, model_config
        self.is_first = config.process_index == 0
        self.console = Console(quiet=not self.is_first)
        self.run = RunFolder(config.output_dir)
        try:
            self.repository = take_repository(config)
            self.checkpoint = start_path(config, RESULTS_FILE)
        except (HubError, OSError, ValueError) as error:
            raise SystemExit(str(error)) from error
        if self.repository:
            self.console.print(f"The model will be pushed to {self.repository.repo_id}")
        self.task: Task = arguments.build_task()
        self.rows = RunRows(arguments, self.task, config)
        for note in self.rows.notes:
            self.console.print(note)
        precision = "bf16 autocast" if config.bf16 else "fp32"
        self.console.print(f"{detect_hardware(config.use_cpu)}; training in {precision}")
        self.peft_config = get_peft_config(model_config)
        self._load()
        PartialState().wait_for_everyone()  # until all have looked at what is there
        if self.is_first and self.checkpoint is None:
            delete_checkpoints(self.run.path, self.console.print)
        self._measured: dict[str, list[Evaluation]] = {}
        self._exams = [("eval", self.rows.exam, arguments.eval_rows, arguments.eval_max_new_tokens)]
        if arguments.humaneval:
            self._exams.append(("humaneval", humaneval_task(), _HUMANEVAL_ROWS, _HUMANEVAL_TOKENS))

    @property
    def environment_factory(self) -> Any:
        """For TRL's trainers: environments where episodes have tools, else ``None``."""
        return self.task.environment if self.task.max_tool_calling_iterations else None

    def training_rows(self, *, solved: bool = False) -> Dataset:
        """The rows to train on; by difficulty, and left in that order, in a curriculum.

        Args:
            solved: Only those with a worked solution.
        """
        return self.rows.to_train(solved=solved)

    def measure(self, stage: str, model: Any = None) -> Evaluation:
        """Measure a model on held-out rows, into the folder ``eval_<stage>``.

        A run that is resumed takes what it measured before it was stopped.

        Args:
            stage: ``"before"``, ``"sft"`` or ``"after"``.
            model: Default: the experiment's.
        """
        model = self.model if model is None else model
        self._measured[stage] = found = []
        for exam, task, num_rows, max_new_tokens in self._exams:
            folder = self.run.path / f"{exam}_{stage}"
            with self.run.phase(f"Evaluation {stage}" + (f", {exam}" if exam != "eval" else "")):
                evaluation = None if stage == "after" else self._measured_earlier(folder)
                if evaluation is None:
                    evaluation = evaluate(
                        model,
                        self.tokenizer,
                        task,
                        SamplingParams(max_new_tokens, temperature=0.0),
                        num_rows=num_rows,
                        progress=self.is_first,
                        generator=self.generator(model),
                        output_dir=folder if self.is_first else None,
                        all_processes=True,
                    )
            accuracy = evaluation.summary.accuracy
            right = "no row has a score" if accuracy is None else f"{accuracy:.1%} right"
            self.console.print(f"{exam} {stage}: {right} of {num_rows} rows")
            found.append(evaluation)
        return found[0]

    def generator(self, model: Any = None) -> Generator:
        """What samples from a model, by default the experiment's, on the device of the training.

        Under several processes all call it: what is split over them is put together.
        """
        model = self.model if model is None else model
        return Generator(model, self.tokenizer, device=self.config.device)

    def _measured_earlier(self, folder: Path) -> Evaluation | None:
        """Of a run that is resumed; the first process reads it for all."""
        if not self.checkpoint:
            return None
        is_there = self.is_first and (folder / "results.json").is_file()
        found: list[Evaluation | None] = [Evaluation.load(folder) if is_there else None]
        broadcast_object_list(found)
        return found[0]

    def imitate(self) -> None:
        """Train the model on worked solutions and measure it: a step of its own before the rest.

        The task's own rows are others than ``training_rows``. With LoRA the adapter that it leaves
        is the one that the trainer goes on with; with ``sft_all_weights`` it leaves a plain model,
        on which the trainer puts a new adapter.
        """
        arguments = self.arguments
        if not isinstance(arguments, ImitationArguments) or not arguments.sft_rows:
            return
        folder = self.run.path / "sft"
        peft_config = None if arguments.sft_all_weights else self.peft_config
        if not (self.checkpoint and folder.is_dir()):
            rows = self.rows.to_imitate(arguments.sft_rows)
            trainer = SFTTrainer(
                self.model,
                _imitation_config(arguments, self.config, bool(self.environment_factory)),
                train_dataset=demonstrations(rows, self.task),
                processing_class=self.tokenizer,
                peft_config=peft_config,
            )
            with self.run.phase("SFT"), lean_head():
                trainer.train()
            self._save(trainer, folder)
            del trainer
            self._take_deepspeed_over()
        # Loaded afresh, so that the next trainer finds a plain model, and the folder as its origin:
        # TRL makes reference models from there.
        self._load(folder)
        if peft_config is not None:
            self.peft_config = None
        self.measure("sft")

    def _take_deepspeed_over(self) -> None:
        """Accelerate keeps the settings of the process's first trainer; the next has its own."""
        if self.config.deepspeed_plugin is not None:
            AcceleratorState._reset_state()
            self.config.deepspeed_plugin.set_deepspeed_weakref()

    def watch(self, trainer: Any) -> None:
        """Show how an online trainer gets on, and keep some of what it samples.

        Raises:
            ValueError: A live evaluation was asked for where weights are sharded.
        """
        arguments = self.arguments
        assert isinstance(arguments, RolloutArguments)
        if arguments.live_eval_rows:
            if _is_sharded():
                raise ValueError("live_eval_rows with sharded weights: leave it at 0.")
            trainer.add_callback(
                LiveEvaluation(
                    trainer, self.rows.exam, arguments.live_eval_rows, arguments.eval_max_new_tokens
                )
            )
        TrainingProgress.replace_default(trainer, self.algorithm, arguments.sample_every)
        trainer.add_callback(CompletionsTable(trainer, self.run.path))

    def finish(self, trainer: Any, warnings: Sequence[str] = ()) -> None:
        """Save the model and write what happened: config, metrics, results, report; then push.

        Args:
            trainer: It has trained, and its model was measured as ``"after"``.
            warnings: Of the training, in plain language.

        Raises:
            SystemExit: The push failed; everything is written.
        """
        arguments, run = self.arguments, self.run
        self._save(trainer, run.path / "adapter" if arguments.merge_adapter else run.model)
        if not self.is_first:
            return
        if arguments.merge_adapter:
            with self.run.phase("Merging the adapter"):
                merge_adapter(run.path / "adapter", run.model, self.model_config.dtype)
        settings = asdict(arguments) | {
            "algorithm": self.algorithm,
            "model": self.model_config.model_name_or_path,
            "use_peft": self.model_config.use_peft,
        }
        pushed = {"push_to_hub": self.repository is not None}
        run.write_config(settings | self.config.to_dict() | pushed)
        run.write_metrics(trainer.state.log_history)
        before, after = self._measured["before"], self._measured["after"]
        comparisons = [compare(*pair) for pair in zip(before, after, strict=True)]
        notes = [*self.rows.notes, *self._stage_notes(), *outcome_notes(trainer.state.log_history)]
        run.write_results(
            comparisons[0],
            title=f"{self.algorithm} on the task {self.task.name}",
            warnings=warnings,
            notes=notes,
        )
        for comparison in comparisons:
            print_comparison(self.console, comparison)
        if self.environment_factory:
            print_episode(self.console, before[0].records[0], after[0].records[0])
        for note in notes:
            self.console.print(note)
        write_model_card(run.path)
        self.console.print(f"Report: {write_report(run.path)}")
        self._push()

    def _push(self) -> None:
        if self.repository is None:
            return
        try:
            self.console.print(f"Pushed: {self.repository.push(self.run.model)}", soft_wrap=True)
        except HubError as error:
            raise SystemExit(str(error)) from error

    def _load(self, path: Path | None = None) -> None:
        self.model, self.tokenizer = load_policy(
            self.model_config, path, trust_remote_code=self.config.trust_remote_code
        )
        if self.environment_factory:
            add_tool_calling(self.tokenizer)
        # To be measured where it will be trained; what is sharded or quantised finds its own place.
        if not (_is_sharded() or self.model_config.load_in_4bit or self.model_config.load_in_8bit):
            self.model.to(self.config.device)

    def _save(self, trainer: Any, folder: Path) -> None:
        """Save a trainer's model, all or nothing; every process takes part."""
        partial = folder.with_name(f".{folder.name}-partial")
        if self.is_first:
            shutil.rmtree(partial, ignore_errors=True)
        PartialState().wait_for_everyone()
        trainer.save_model(str(partial))
        PartialState().wait_for_everyone()
        if self.is_first:
            replace_folder(partial, folder)
        PartialState().wait_for_everyone()

    def _stage_notes(self) -> list[str]:
        """How much came of the imitation, and mean scores where answers can be partly right."""
        notes = []
        stages = [name for name in ("before", "sft", "after") if name in self._measured]
        if "sft" in stages:
            for first, second, what in (
                ("before", "sft", "The imitation of worked solutions"),
                ("sft", "after", f"{self.algorithm} on top of it"),
            ):
                comparison = compare(self._measured[first][0], self._measured[second][0])
                notes.append(
                    f"{what}: {comparison.difference * 100:+.1f} points of accuracy, "
                    f"{comparison.test} {format.p_value(comparison.p_value)}."
                )
        return [*notes, *_mean_scores(self._measured[stages[0]][0], self._measured["after"][0])]


def _is_sharded() -> bool:
    return any(os.environ.get(name, "").lower() == "true" for name in _SHARDED)


def _imitation_config(arguments: ImitationArguments, config: Any, has_tools: bool) -> SFTConfig:
    """On the device and with the seed of the training that follows."""
    # Episodes differ too much in length to be padded to the longest of a few.
    micro_batch = 1 if has_tools else math.gcd(arguments.sft_batch_size, _MICRO_BATCH)
    return SFTConfig(
        f"{config.output_dir}/sft_logs",
        learning_rate=arguments.sft_learning_rate,
        lr_scheduler_type=arguments.sft_lr_scheduler_type,
        warmup_steps=arguments.sft_warmup_steps,
        num_train_epochs=1,
        per_device_train_batch_size=micro_batch,
        use_cpu=config.use_cpu,
        gradient_accumulation_steps=arguments.sft_batch_size // micro_batch,
        bf16=config.bf16,
        fp16=config.fp16,
        gradient_checkpointing=config.gradient_checkpointing,
        gradient_checkpointing_kwargs=config.gradient_checkpointing_kwargs,
        save_strategy="no",
        logging_steps=10,
        report_to="none",
        seed=config.seed,
        assistant_only_loss=has_tools,
    )


def _mean_scores(before: Evaluation, after: Evaluation) -> list[str]:
    """Their change and a paired test of it; nothing where a score is always 0 or 1."""
    old = {(record.id, record.sample): record.score for record in before.records}
    pairs = [(old[record.id, record.sample], record.score) for record in after.records]
    scored = [(was, now) for was, now in pairs if was is not None and now is not None]
    if all(score in (0.0, 1.0) for pair in scored for score in pair):
        return []
    was, now = (sum(side) / len(scored) for side in zip(*scored, strict=True))
    p_value = permutation_p_value([new - old for old, new in scored], seed=0)
    return [
        f"Mean score, partial marks included: {was:.3f} before, {now:.3f} after, on {len(scored)} "
        f"rows; sign-flip {format.p_value(p_value)}."
    ]
