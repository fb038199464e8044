"""What every recipe can be asked: which task, how much of it, and how it is measured.

Defaults depend on the algorithm and the task, so a recipe holds a dict of settings for each task.
The command line wins over ``--config FILE.yaml``, that over the settings of the task, and those
over the dataclasses.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

import yaml
from trl.trainer.model_config import ModelConfig

from mrlm.benchmarks import parse_benchmark
from mrlm.data.columns import parse_columns
from mrlm.data.ready import ReadyDataset, forms_in_words, ready_columns
from mrlm.data.user import UserDataset
from mrlm.deprecation import with_current_flags
from mrlm.experiment.checks import check_numbers, check_packages
from mrlm.experiment.parser import RecipeParser
from mrlm.experiment.push import check_push_flags
from mrlm.experiment.rewards import RewardArguments, check_rewards
from mrlm.experiment.settings import default_settings
from mrlm.files import check_output
from mrlm.flags import ShortErrors
from mrlm.models.policy import check_quantization
from mrlm.prompts import PromptArguments
from mrlm.task import Task
from mrlm.tasks import TASKS, make_task, parse_task_options, task_label, task_options
from mrlm.tasks.own import check_rows

__all__ = [
    "PolicyArguments",
    "RolloutArguments",
    "TaskArguments",
    "WarmupArguments",
    "parse_arguments",
]


@dataclass
class TaskArguments(PromptArguments):
    """What is trained on and measured.

    Attributes:
        task_options: The options of the task that were set; each is a flag by itself.
        ready_for: ``"sft"`` or ``"dpo"`` where ``dataset_name`` may hold rows that are ready.
    """

    ready_for: ClassVar[str] = ""

    task: str = field(
        default="",
        metadata={
            "help": "math, code, debate or tools; or your own: FILE.py:TASK, package.module:TASK, "
            "or the name that an installed package gives it."
        },
    )
    task_options: dict[str, Any] = field(default_factory=dict, init=False)
    dataset_name: str | None = field(
        default=None,
        metadata={
            "help": "Train on the first train_rows rows of this dataset: a Hub id, a folder, or a "
            ".json, .jsonl, .csv, .tsv, .parquet or .arrow file, also .gz. SFT and DPO take rows "
            "that are ready, too (docs/my_rows.md)."
        },
    )
    dataset_config: str | None = field(
        default=None, metadata={"help": "Configuration of datasets that have several."}
    )
    dataset_split: str = field(
        default="train", metadata={"help": "The split of dataset_name; a file is one split."}
    )
    columns: list[str] = field(
        default_factory=list,
        metadata={
            "help": "The dataset's columns by the task's: question=prompt_text answer=a.value, or "
            'joined: question="{Body} {Question}".'
        },
    )
    drop_invalid: bool = field(
        default=False, metadata={"help": "Leave out and count rows that do not fit."}
    )
    eval_dataset_name: str | None = field(
        default=None,
        metadata={
            "help": "Evaluate on the first eval_rows rows of this dataset, with the same columns; "
            "default: the task's own held-out rows."
        },
    )
    eval_dataset_split: str = field(
        default="test", metadata={"help": "The split of eval_dataset_name."}
    )
    train_rows: int = field(default=4096, metadata={"help": "Rows to train on."})
    curriculum: bool = field(
        default=False, metadata={"help": "Train on easy rows first, in place of a random order."}
    )
    eval_rows: int = field(default=256, metadata={"help": "Held-out rows of every evaluation."})
    eval_max_new_tokens: int = field(
        default=128,
        metadata={
            "help": "Longest answer in an evaluation, in tokens; with tools, the longest episode."
        },
    )
    benchmark: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Evaluate on these benchmarks, too: NAME, from its package or the Hub, or "
            "NAME=PATH; gsm8k, math500, aime, humaneval, humaneval_plus, mbpp, mbpp_plus, bfcl."
        },
    )
    benchmark_rows: int = field(
        default=0, metadata={"help": "Rows of each benchmark, evenly spaced; 0: all."}
    )
    benchmark_max_new_tokens: int = field(
        default=0,
        metadata={"help": "Longest answer to a benchmark, in tokens; 0: its own usual limit."},
    )
    merge_adapter: bool = field(
        default=False,
        metadata={
            "help": "With LoRA: write the plain model into OUTPUT_DIR/model, and the adapter into "
            "OUTPUT_DIR/adapter."
        },
    )

    def build_task(self) -> Task:
        """The task with the options that were set.

        Raises:
            ValueError: The task does not exist or has no such option or value.
        """
        task = self.with_prompts(make_task(self.task, **self.task_options))
        # Refuses wrong kinds and difficulties, and where all rows are the task's own, a template
        # that names none of their columns.
        has_rows = not (self.dataset_name or self.eval_dataset_name or task.needs_dataset)
        task.build_dataset(int(has_rows), 0, "train")
        return task

    def user_dataset(self, which: str, task: Task) -> UserDataset:
        """The user's dataset in the task's columns: ``"dataset"`` or ``"eval_dataset"``.

        Raises:
            ValueError: ``columns`` names one that the task does not have.
        """
        columns, also = parse_columns(self.columns), ""
        if self.ready_for:
            also = f" Rows that are ready have {forms_in_words(self.ready_for)}."
            if which == "eval_dataset":
                columns = self._columns_without(columns, ready_columns(self.ready_for))
        return UserDataset(
            getattr(self, f"{which}_name"),
            task,
            columns,
            split=getattr(self, f"{which}_split"),
            config=self.dataset_config,
            drop_invalid=self.drop_invalid,
            also=also if which == "dataset" else "",
        )

    def ready_dataset(self, task: Task) -> ReadyDataset | None:
        """The user's dataset where its rows are ready to train on; ``None`` where they are not.

        Rows that are both ready and in the task's columns are the task's for SFT, unless
        ``columns`` names one of the ready forms'.

        Raises:
            FileNotFoundError: There is no such dataset.
            DatasetError: It cannot be read, or lacks a column that ``columns`` names.
        """
        if not (self.ready_for and self.dataset_name):
            return None
        columns, names = parse_columns(self.columns), ready_columns(self.ready_for)
        named = {key: value for key, value in columns.items() if key.casefold() in names}
        ready = ReadyDataset(
            self.dataset_name,
            self.ready_for,
            named,
            split=self.dataset_split,
            config=self.dataset_config,
            drop_invalid=self.drop_invalid,
        )
        if ready.form() is None:
            return None
        if self.ready_for == "sft" and not named and self.user_dataset("dataset", task).fits(names):
            return None
        return ready

    @staticmethod
    def _columns_without(columns: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
        return {key: value for key, value in columns.items() if key.casefold() not in names}


@dataclass
class WarmupArguments(TaskArguments):
    """And the SFT warm-up: one pass over worked solutions, evaluated as a step of its own."""

    sft_rows: int = field(
        default=0, metadata={"help": "Worked solutions of the SFT warm-up; 0: no warm-up."}
    )
    sft_learning_rate: float = field(
        default=5e-5, metadata={"help": "Learning rate of the SFT warm-up."}
    )
    sft_lr_scheduler_type: str = field(
        default="linear", metadata={"help": "Learning rate schedule of the SFT warm-up."}
    )
    sft_warmup_steps: float = field(
        default=0.0,
        metadata={
            "help": "Learning rate warm-up steps of the SFT warm-up, or below 1 their share."
        },
    )
    sft_batch_size: int = field(
        default=16, metadata={"help": "Rows per update and process of the SFT warm-up."}
    )
    sft_all_weights: bool = field(
        default=False,
        metadata={
            "help": "With use_peft: the SFT warm-up trains all weights; the adapter comes after it."
        },
    )


@dataclass
class RolloutArguments(TaskArguments, RewardArguments):
    """And what pays, and what is seen of a run while it trains."""

    live_eval_rows: int = field(
        default=0,
        metadata={
            "help": "Held-out rows to evaluate ten times during training, for the live view and a "
            "curve; 0: none. Not with sharded weights."
        },
    )
    sample_every: int = field(
        default=0, metadata={"help": "Print one sampled answer every so many steps; 0: none."}
    )


@dataclass
class PolicyArguments(WarmupArguments, RolloutArguments):
    """Of a recipe that warms up with SFT and then learns from its own rollouts."""


A = TypeVar("A", bound=TaskArguments)
C = TypeVar("C")


def parse_arguments(
    algorithm: str,
    arguments_class: type[A],
    config_class: type[C],
    settings: Mapping[str, Mapping[str, Any]],
    args: Sequence[str] | None = None,
) -> tuple[A, C, ModelConfig]:
    """Read the command line of a recipe; a mistake ends the program with a message.

    Args:
        algorithm: Begins the name of the output folder, ``runs/<algorithm>_<task>``.
        arguments_class: ``TaskArguments`` or a subclass.
        config_class: Of the trainer.
        settings: Defaults for each task, fields of any of the three; the first is the default task.
            Of a task that is not among them ``default_settings`` chooses.
        args: Default: of the program.
    """
    with RecipeParser(()).mistakes_told():
        args = with_current_flags(sys.argv[1:] if args is None else args)
    given = _given_settings(args)
    task = given.get("task") or next(iter(settings))
    classes: Any = (arguments_class, config_class, ModelConfig)
    known = {option.name for part in classes for option in fields(part)}
    with RecipeParser(()).mistakes_told():
        options_class = task_options(task)
        _check_option_names(task, options_class, known)
        chosen = settings.get(task)
        if chosen is None:
            options = given | parse_task_options(task, args)[0]
            own = [option.name for option in fields(options_class)]
            built = make_task(task, **{name: options[name] for name in own if name in options})
            check_rows(built)
            chosen = default_settings(built, known)
        folder = f"runs/{algorithm}_{task_label(task)}"
    parts: Any = (*classes, options_class)
    parser = RecipeParser(parts)
    defaults = {"output_dir": folder, **chosen, "task": task}
    unknown = parser.set_defaults_with_config(**defaults)
    if unknown:
        raise ValueError(f"The settings of {task} name options that do not exist: {unknown}")
    with parser.mistakes_told():
        arguments, config, model_config, options = parser.parse_args_and_config(args)
        arguments.task_options = {k: v for k, v in asdict(options).items() if v is not None}
        task_built = arguments.build_task()
        check_quantization(model_config)
        check_output(str(getattr(config, "output_dir", ".")), "output_dir")
        check_numbers(arguments, config, model_config)
        check_packages(config)
        check_push_flags(config)
        _check(arguments, model_config)
        if isinstance(arguments, RewardArguments):
            check_rewards(arguments, [task_built], config)
        if getattr(config, "resample_rounds", 0) and task_built.max_tool_calling_iterations:
            raise ValueError(
                f"resample_rounds with the task {task!r}: prompts of episodes with tools cannot be "
                "replaced, because their environments are bound to them."
            )
        _check_datasets(arguments, task_built)
    return arguments, config, model_config


def _given_settings(args: Sequence[str]) -> dict[str, Any]:
    """The settings in the file that ``--config`` names, and the task of the command line."""
    parser = ShortErrors(add_help=False, allow_abbrev=False)
    parser.add_argument("--task")
    parser.add_argument("--config")
    known, _ = parser.parse_known_args(args)
    settings: Any = {}
    if known.config:
        with RecipeParser(()).mistakes_told(), open(known.config, encoding="utf-8") as file:
            settings = yaml.safe_load(file)
    found = dict(settings) if isinstance(settings, dict) else {}
    return found | ({"task": known.task} if known.task else {})


def _check_option_names(task: str, options: type, known: Collection[str]) -> None:
    """Refuse options of a user's task that are flags of the recipe already."""
    taken = [option.name for option in fields(options) if option.name in known]
    if taken and task not in TASKS:
        raise ValueError(
            f"The task {task!r} has the option {taken[0]}, which is a flag of the recipe; rename "
            "the parameter."
        )


def _check_datasets(arguments: TaskArguments, task: Task) -> None:
    """Tell a file that is not there or a wrong mapping before a model is loaded."""
    which = [name for name in ("dataset", "eval_dataset") if getattr(arguments, f"{name}_name")]
    if task.needs_dataset and not arguments.dataset_name:
        task.build_dataset(1, 0, "train")  # says what is needed
    if not which and (arguments.columns or arguments.drop_invalid or arguments.dataset_config):
        raise ValueError(
            "columns, drop_invalid and dataset_config go with dataset_name or eval_dataset_name."
        )
    for name in which:
        ready = arguments.ready_dataset(task) if name == "dataset" else None
        if ready is not None:
            ready.load(1)
        else:
            next(arguments.user_dataset(name, task).rows(), None)


def _check(arguments: TaskArguments, model_config: ModelConfig) -> None:
    names = [parse_benchmark(text)[0] for text in arguments.benchmark]
    if len(set(names)) < len(names):
        raise ValueError(f"benchmark names {', '.join(names)}; each of them once, please.")
    if arguments.merge_adapter and not model_config.use_peft:
        raise ValueError(
            "merge_adapter without use_peft: there is no adapter to merge. Add --use_peft, or "
            "--merge_adapter false."
        )
