"""Write preference pairs for any task: sample a model, score the samples, pair good with bad.

Each line of the file is one pair: ``prompt``, ``chosen`` and ``rejected`` as TRL's ``DPOTrainer``
takes them, with ``id``, ``chosen_score``, ``rejected_score`` and ``margin``, of episodes with tools
also ``tools``. Rows whose samples are all worth the same give no pair.
``recipes/dpo_debate.py --task TASK --dataset_name FILE`` trains on it.

    python data_gen/make_preferences.py --task debate --kinds opening rebuttal --num_rows 256
    python data_gen/make_preferences.py --task math --model_name_or_path runs/demo/model
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from mrlm import TASKS, Task
from mrlm.data.job_parser import JobParser
from mrlm.data.preferences import preference_pairs
from mrlm.deprecation import with_current_flags
from mrlm.files import check_output, write_json_lines
from mrlm.flags import ShortErrors
from mrlm.hardware import use_all_cores
from mrlm.models.chat_templates import add_tool_calling
from mrlm.models.loading import load_model
from mrlm.progress import progress_bar
from mrlm.sampling import make_generator
from mrlm.sampling.rollout import Record, rollout
from mrlm.sampling.types import SamplingParams
from mrlm.tasks import make_task, task_label, task_options
from mrlm.termination import exit_on_sigterm, run_program


@dataclass
class SamplingConfig:
    """What to sample; ``make_sft.py`` shares it."""

    task: str = field(
        metadata={"help": f"One of {', '.join(TASKS)}; or FILE.py:TASK or package.module:TASK."}
    )
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Hub id or folder; default: the embedded model."}
    )
    num_rows: int = field(default=256, metadata={"help": "Rows to sample."})
    num_generations: int = field(default=8, metadata={"help": "Samples of each row."})
    max_new_tokens: int = field(
        default=128, metadata={"help": "Longest sample in tokens; with tools, the longest episode."}
    )
    temperature: float = field(default=1.0, metadata={"help": "Sampling temperature."})
    top_p: float = field(default=1.0, metadata={"help": "Nucleus to sample from; 1 is off."})
    split: str = field(default="train", metadata={"help": "train or test."})
    seed: int = field(default=0, metadata={"help": "Seed of the rows and of the sampling."})
    task_options: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        task_label(self.task)  # refuses a name that does not exist
        if self.num_generations < 2 or self.num_rows < 1 or self.temperature <= 0:
            raise ValueError(
                f"num_rows is {self.num_rows}, num_generations {self.num_generations} and "
                f"temperature {self.temperature}; there must be at least one row and two samples "
                "that differ: 1, 2 and above 0."
            )

    @property
    def params(self) -> SamplingParams:
        """How every row is answered."""
        return SamplingParams(
            self.max_new_tokens, self.num_generations, self.temperature, self.top_p, self.seed
        )

    def build_task(self) -> Task:
        """The task with the options that were set; a ``ValueError`` says what it does not have."""
        return make_task(self.task, **self.task_options)


@dataclass
class PreferencesConfig(SamplingConfig):
    """What to sample and to pair, and where to write."""

    output: str = field(default="preferences.jsonl", metadata={"help": "File to write."})
    pairs_per_row: int = field(default=1, metadata={"help": "Most pairs to take from a row."})
    min_margin: float = field(
        default=0.0, metadata={"help": "Difference of scores that a pair must exceed."}
    )


C = TypeVar("C", bound=SamplingConfig)


def parse(config_class: type[C], description: str | None, arguments: Sequence[str] | None) -> C:
    """Read the command line of a job; the options of the task that it names are flags, too."""
    words = with_current_flags(sys.argv[1:] if arguments is None else arguments)
    first = ShortErrors(add_help=False, allow_abbrev=False)
    first.add_argument("--task")
    task = first.parse_known_args(words)[0].task
    try:
        options = [task_options(task)] if task else []
    except (ValueError, FileNotFoundError) as error:
        first.error(str(error))
    parser = JobParser([config_class, *options], description=description)
    config, *chosen = parser.parse_args_into_dataclasses(words)
    for values in chosen:
        config.task_options = {k: v for k, v in asdict(values).items() if v is not None}
    config.build_task()
    check_output(config.output, "--output", is_file=True)
    return config


def sample(task: Task, config: SamplingConfig) -> list[Record]:
    """Load the model and answer the rows, each several times."""
    params = config.params  # a setting out of range is told before the model is loaded
    exit_on_sigterm()
    use_all_cores()
    rows = task.build_dataset(config.num_rows, config.seed, config.split)
    model, tokenizer = load_model(config.model_name_or_path)
    if task.max_tool_calling_iterations:
        add_tool_calling(tokenizer)
    with progress_bar("Sampling", len(rows) * config.num_generations) as progress:
        return rollout(
            make_generator(model, tokenizer),
            tokenizer,
            rows,
            task,
            params,
            progress=progress,
        )


def print_statistics(
    console: Console, title: str, statistics: Mapping[str, Any], output: str
) -> None:
    """A table of what became of the samples, and where the rest went."""
    table = Table("what", "value", title=title)
    for name, value in statistics.items():
        shown = "none" if value is None else f"{value:.3f}" if isinstance(value, float) else value
        table.add_row(name.replace("_", " "), str(shown))
    console.print(table)
    console.print(f"Wrote {output}", highlight=False, markup=False)


def main(arguments: Sequence[str] | None = None) -> None:
    config = parse(PreferencesConfig, __doc__, arguments)
    task = config.build_task()
    pairs, statistics = preference_pairs(
        sample(task, config),
        task=task,
        min_margin=config.min_margin,
        pairs_per_row=config.pairs_per_row,
    )
    write_json_lines(Path(config.output), pairs)
    print_statistics(Console(), f"Preferences for {task.name}", asdict(statistics), config.output)


if __name__ == "__main__":
    run_program(main)
