"""A run of a recipe around its trainer: where it writes, what it evaluates, what it leaves.

``start_run`` makes its folder and says where it goes on; ``Run.evaluate`` is called before, between
and after; ``Run.train`` trains; ``Run.finish`` saves the model and writes down what happened. Rows,
model and trainer are the recipe's own variables.

Under several processes each evaluates its share of the rows, and the main one writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from transformers import set_seed
from transformers.utils import logging as transformers_logging
from trl.trainer.model_config import ModelConfig

from mrlm.distributed import destroy_process_group_at_exit
from mrlm.errors import HubError
from mrlm.evaluation.comparison import Comparison, compare
from mrlm.evaluation.evaluation import Evaluation, evaluate
from mrlm.experiment.arguments import TaskArguments
from mrlm.experiment.notes import benchmark_notes, reward_warnings, stage_notes
from mrlm.experiment.push import ModelRepository, pop_hub_settings
from mrlm.experiment.rows import EvalTask
from mrlm.files import replace_folder
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.memory import bound_product_caches
from mrlm.models.policy import merge_adapter
from mrlm.processors import load_advice, measure_load
from mrlm.report import print_comparison, print_episode, write_model_card, write_report
from mrlm.rewards.guarded import reward_notes
from mrlm.runs.folder import METRICS_FILE, RESULTS_FILE, RunFolder
from mrlm.runs.live import LiveMetrics, LiveStatus, stopped_in_training
from mrlm.sampling import make_generator
from mrlm.sampling.types import SamplingParams, SupportsGenerate
from mrlm.termination import exit_on_sigterm
from mrlm.trainers.dynamic_sampling import outcome_notes
from mrlm.trainers.release import release_training_state
from mrlm.trainers.resumption import delete_checkpoints, start_path

__all__ = ["Run", "start_run"]


@dataclass
class Run:
    """One run of a recipe.

    Attributes:
        algorithm: Its name for people, for instance ``"PPO"``.
        arguments: What was asked for: the recipe's own arguments.
        config: Of the trainer, a ``TrainingArguments``.
        model_config: Which model, and whether with LoRA.
        folder: The run's files, and the clock of its phases.
        console: Silent in all processes but the main one.
        checkpoint: Where training goes on; ``None`` in a new run.
        repository: Where on the Hub the model goes, if anywhere.
        narrated: Announce each phase with a number and tell how long it took.
        notes: What a reader of the results must know, in plain language.
    """

    algorithm: str
    arguments: Any
    config: Any
    model_config: ModelConfig
    folder: RunFolder
    console: Console
    checkpoint: str | None
    repository: ModelRepository | None
    narrated: bool = False
    notes: list[str] = field(default_factory=list)
    _stages: dict[str, dict[EvalTask, Evaluation]] = field(default_factory=dict)
    _live: LiveStatus = field(init=False)

    def __post_init__(self) -> None:
        task = getattr(self.arguments, "task", None)
        self._live = LiveStatus(
            self.folder.path,
            title=f"{self.algorithm} on the task {task}" if task else self.algorithm,
            task=task,
            model=self.model_config.model_name_or_path,
            max_steps=self.config.max_steps,
            training=self.checkpoint is not None,  # it began before it was stopped
        )

    @property
    def is_main_process(self) -> bool:
        return bool(self.config.process_index == 0)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a part of the run, and announce it where the run is narrated."""
        if self.narrated:
            self.console.rule(f"[bold]{len(self.folder.phases) + 1}  {name}", align="left")
        if self.is_main_process:
            self._live.update(phase=name)
        with self.folder.phase(name):
            try:
                yield
            except BaseException as error:
                if self.is_main_process:
                    self._live.update(stopped=type(error).__name__)
                raise
        if self.narrated:
            self.console.print(f"[dim]{self.folder.phases[-1]['seconds']:.1f} s[/dim]")

    def generator(self, model: Any, tokenizer: Any) -> SupportsGenerate:
        """What samples from a model, on the device of the training.

        Under several processes all call it: sharded weights are gathered.
        """
        generator: SupportsGenerate = make_generator(model, tokenizer, device=self.config.device)
        return generator

    def evaluate(
        self, stage: str, model: Any, tokenizer: Any, eval_tasks: Sequence[EvalTask]
    ) -> Evaluation:
        """Evaluate a model on held-out rows, into the folder ``eval_<stage>``.

        A run that is resumed takes what it evaluated before it was stopped.

        Args:
            stage: ``"before"``, ``"sft"`` or ``"after"``; ``"teacher"`` in a distillation.
            model: The model as it is at this stage.
            tokenizer: Its tokenizer.
            eval_tasks: What is evaluated; the first one's evaluation is returned.
        """
        found = self._stages[stage] = {}
        generator: SupportsGenerate | None = None
        for eval_task in eval_tasks:
            folder = eval_task.folder(self.folder.path, stage)
            suffix = "" if eval_task.title == "eval" else f", {eval_task.title}"
            with self.phase(f"Evaluation {stage}{suffix}"):
                evaluation = None if stage == "after" else self._evaluated_earlier(folder)
                if evaluation is None:
                    generator = generator or self.generator(model, tokenizer)
                    evaluation = evaluate(
                        model,
                        tokenizer,
                        eval_task.task,
                        SamplingParams(eval_task.max_new_tokens, temperature=0.0),
                        rows=eval_task.rows,
                        protocol=eval_task.protocol,
                        generator=generator,
                        output_dir=folder if self.is_main_process else None,
                        progress=self.is_main_process,
                        all_processes=True,
                    )
            accuracy = evaluation.summary.accuracy
            right = "no row has a score" if accuracy is None else f"{accuracy:.1%} right"
            self.console.print(
                f"{eval_task.title} {stage}: {right} of {evaluation.summary.num_rows} rows"
            )
            found[eval_task] = evaluation
        self._note_fallback(generator)
        return found[eval_tasks[0]]

    def _note_fallback(self, generator: SupportsGenerate | None) -> None:
        reason = getattr(generator, "fallback_reason", None)
        if reason and reason not in self.notes:
            self.notes.append(reason)

    def _evaluated_earlier(self, folder: Path) -> Evaluation | None:
        """Of a run that is resumed; the main process reads it for all."""
        if not self.checkpoint:
            return None
        is_there = self.is_main_process and (folder / RESULTS_FILE).is_file()
        found: list[Evaluation | None] = [Evaluation.load(folder) if is_there else None]
        broadcast_object_list(found)
        return found[0]

    def train(self, trainer: Any, context: AbstractContextManager[Any] | None = None) -> None:
        """Train, from the checkpoint where the run was stopped if it was.

        Args:
            trainer: Any of TRL's, or ours.
            context: In which it trains, for instance ``cpu_lm_head()``.
        """
        PartialState().wait_for_everyone()  # until all have looked at what is there
        if self.is_main_process and self.checkpoint is None:
            delete_checkpoints(self.folder.path, self.console.print)
        trainer.add_callback(LiveMetrics(self.folder.path, self._live, trainer))
        transformers_logging.disable_progress_bar()  # of files that it writes; none is loaded now
        with self.phase(f"{self.algorithm} training"), context or nullcontext():
            trainer.train(resume_from_checkpoint=self.checkpoint)
        release_training_state(trainer)

    def save(self, trainer: Any, folder: Path) -> None:
        """Save a trainer's model, all or nothing; every process takes part."""
        transformers_logging.disable_progress_bar()
        partial = folder.with_name(f".{folder.name}-partial")
        if self.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
        PartialState().wait_for_everyone()
        trainer.save_model(str(partial))
        PartialState().wait_for_everyone()
        if self.is_main_process:
            replace_folder(partial, folder)
        PartialState().wait_for_everyone()

    def finish(self, trainer: Any, warnings: Sequence[str] = ()) -> dict[str, Comparison]:
        """Save the model and write what happened: config, metrics, results, report; then push.

        Args:
            trainer: It has trained, and its model was evaluated as ``"after"``.
            warnings: Of the training, in plain language.

        Returns:
            By title of each eval task, before against after; empty in all processes but the main.

        Raises:
            HubError: The push failed; everything is written.
        """
        is_merged = getattr(self.arguments, "merge_adapter", False)
        with self.phase("Saving the model"):
            self.save(trainer, self.folder.path / "adapter" if is_merged else self.folder.model)
            if is_merged and self.is_main_process:
                adapter = self.folder.path / "adapter"
                merge_adapter(adapter, self.folder.model, self.model_config.dtype)
        if not self.is_main_process:
            return {}
        before, after = self._stages["before"], self._stages["after"]
        comparisons = {task: compare(before[task], after[task]) for task in before}
        self.notes += benchmark_notes(
            {task.name: comparison for task, comparison in comparisons.items() if task.protocol}
        )
        for eval_task, comparison in comparisons.items():
            print_comparison(self.console, comparison)
            if eval_task.task.has_tools:
                print_episode(
                    self.console, before[eval_task].records[0], after[eval_task].records[0]
                )
            if eval_task.name == "eval":
                self._write(eval_task, comparison, trainer, warnings)
        self.console.print(f"Peak memory: {self.folder.peak_memory / 2**30:.1f} GiB")
        self.folder.write_config(self._settings())
        # Last: what ``start_run`` knows a run by that came to its end.
        self.folder.write_metrics(trainer.state.log_history)
        self._live.end()
        self._push()
        return {task.title: comparison for task, comparison in comparisons.items()}

    def _write(
        self, eval_task: EvalTask, comparison: Comparison, trainer: Any, warnings: Sequence[str]
    ) -> None:
        """Results and report of one eval task: in the run's folder, or in one of its own."""
        folder = self.folder.subfolder(eval_task.subfolder)
        history = trainer.state.log_history
        stages = {name: found[eval_task] for name, found in self._stages.items()}
        notes = [
            *self.notes,
            *stage_notes(self.algorithm, stages),
            *getattr(trainer, "notes", ()),
            *reward_notes(getattr(trainer, "reward_funcs", ())),
            *outcome_notes(history),
        ]
        found = reward_warnings(history, comparison)
        for warning in found:
            self.console.print(f"[yellow]! {warning}[/yellow]")
        folder.write_config(self._settings())
        if eval_task.subfolder:
            folder.write_metrics(history)
        folder.write_results(
            comparison,
            title=f"{self.algorithm} on the task {eval_task.task.name}",
            warnings=[*warnings, *found],
            notes=notes,
        )
        for note in notes:
            self.console.print(note)
        if not eval_task.subfolder:
            write_model_card(folder.path)
        self.console.print(f"Report: {write_report(folder.path)}", soft_wrap=True)

    def _settings(self) -> dict[str, Any]:
        """What was asked for, as plain data."""
        settings = asdict(self.arguments)
        settings |= settings.pop("task_options", {})
        return settings | {
            "algorithm": self.algorithm,
            "model": self.model_config.model_name_or_path,
            "use_peft": self.model_config.use_peft,
            **self.config.to_dict(),
            "push_to_hub": self.repository is not None,
        }

    def _push(self) -> None:
        if self.repository is None:
            return
        address = self.repository.push(self.folder.model)
        self.console.print(f"Pushed: {address}", soft_wrap=True)


def start_run(
    algorithm: str,
    arguments: TaskArguments,
    config: Any,
    model_config: ModelConfig,
    *,
    narrated: bool = False,
) -> Run:
    """Start a run: signals, cores, seed, folder, checkpoint and Hub target; no model is loaded.

    Args:
        algorithm: Its name for people, for instance ``"PPO"``.
        arguments: Of the recipe, a dataclass.
        config: Of the trainer; its Hub settings are taken out, because the run pushes.
        model_config: Which model, and whether with LoRA.
        narrated: As in ``Run``.

    Raises:
        SystemExit: The checkpoint or the Hub's token is not there; the message says what to do.
    """
    exit_on_sigterm()
    destroy_process_group_at_exit()
    use_all_cores()
    bound_product_caches()
    set_seed(config.seed)
    try:
        repository = pop_hub_settings(config)
        checkpoint = start_path(config, METRICS_FILE, stopped_in_training)
    except (HubError, OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    console = Console(quiet=config.process_index != 0)
    if repository:
        console.print(f"The model will be pushed to {repository.repo_id}")
    precision = "bf16 autocast" if config.bf16 else "fp32"
    console.print(f"{detect_hardware(config.use_cpu)}; training in {precision}")
    threads = torch.get_num_threads()
    may_be_crowded = config.use_cpu and config.world_size == 1 and threads > 1
    if may_be_crowded and (advice := load_advice(measure_load(threads))):
        console.print(f"[yellow]{advice}[/yellow]")
    return Run(
        algorithm,
        arguments,
        config,
        model_config,
        RunFolder(config.output_dir),
        console,
        checkpoint,
        repository,
        narrated,
    )
