"""Write preference pairs for any task: sample a model, score the samples, pair good with bad.

Each line of the file is one pair: ``prompt``, ``chosen`` and ``rejected`` as TRL's ``DPOTrainer``
takes them, with ``id``, ``chosen_score``, ``rejected_score`` and ``margin``. Rows whose samples are
all worth the same give no pair.

    python data_gen/make_preferences.py --task debate --kinds opening rebuttal --num_rows 256
    python data_gen/make_preferences.py --task math --model_name_or_path runs/demo/model
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from transformers import HfArgumentParser

from mrlm import TASKS, Task
from mrlm.files import write_json_lines
from mrlm.generation import Generator
from mrlm.hardware import use_all_cores
from mrlm.models import load_model
from mrlm.preferences import preference_pairs
from mrlm.progress import progress_bar
from mrlm.rollout import rollout

_SCARCE = 64  # rows looked at for one that is wanted, at most


@dataclass
class PreferencesConfig:
    """What to sample, and where to write."""

    task: str = field(metadata={"help": f"One of {', '.join(TASKS)}."})
    output: str = field(default="preferences.jsonl", metadata={"help": "File to write."})
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Hub id or folder; default: the embedded model."}
    )
    num_rows: int = field(default=256, metadata={"help": "Rows to sample."})
    num_generations: int = field(default=8, metadata={"help": "Samples of each row."})
    pairs_per_row: int = field(default=1, metadata={"help": "At most so many pairs of a row."})
    min_margin: float = field(
        default=0.0, metadata={"help": "Difference of scores that a pair must exceed."}
    )
    kinds: list[str] | None = field(default=None, metadata={"help": "Only rows of these kinds."})
    difficulties: list[str] | None = field(
        default=None, metadata={"help": "Only rows of these difficulties."}
    )
    max_new_tokens: int = field(default=128, metadata={"help": "Where a sample is cut."})
    temperature: float = field(default=1.0, metadata={"help": "Of the sampling."})
    top_p: float = field(default=1.0, metadata={"help": "Nucleus to sample from; 1 is off."})
    split: str = field(default="train", metadata={"help": "train or test."})
    seed: int = field(default=0, metadata={"help": "Of the rows and of the sampling."})

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task is {self.task!r}; choose one of {', '.join(TASKS)}.")
        if self.num_generations < 2 or self.num_rows < 1 or self.temperature <= 0:
            raise ValueError(
                f"num_rows is {self.num_rows}, num_generations {self.num_generations} and "
                f"temperature {self.temperature}; a pair needs at least one row and two samples "
                "that differ: 1, 2 and above 0."
            )


def choose_rows(task: Task, config: PreferencesConfig) -> list[Mapping[str, Any]]:
    """The first rows of the task that are of the kinds and difficulties asked for."""
    wanted = {"kind": config.kinds, "difficulty": config.difficulties}

    def matching(size: int) -> Iterator[Mapping[str, Any]]:
        for row in task.build_dataset(size, config.seed, config.split):
            if all(not allowed or row[column] in allowed for column, allowed in wanted.items()):
                yield row

    size, rows = config.num_rows, []
    while len(rows) < config.num_rows and size <= config.num_rows * _SCARCE:
        rows = list(islice(matching(size), config.num_rows))
        size *= 2
    if len(rows) < config.num_rows:
        raise ValueError(
            f"{task.name} has {len(rows)} rows of kinds {config.kinds} and difficulties "
            f"{config.difficulties} among {size // 2}; {config.num_rows} were asked for."
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = HfArgumentParser(PreferencesConfig, description=__doc__)
    (config,) = parser.parse_args_into_dataclasses(arguments)
    use_all_cores()
    task = TASKS[config.task]
    rows = choose_rows(task, config)
    model, tokenizer = load_model(config.model_name_or_path)
    with progress_bar("Sampling", len(rows) * config.num_generations) as progress:
        records = rollout(
            Generator(model, tokenizer), tokenizer, rows, task,
            max_new_tokens=config.max_new_tokens, num_generations=config.num_generations,
            temperature=config.temperature, top_p=config.top_p, seed=config.seed,
            progress=progress,
        )  # fmt: skip
    pairs, statistics = preference_pairs(
        records, min_margin=config.min_margin, pairs_per_row=config.pairs_per_row
    )
    write_json_lines(Path(config.output), pairs)
    table = Table("what", "value", title=f"Preferences for {task.name}")
    for name, value in asdict(statistics).items():
        shown = "none" if value is None else f"{value:.3f}" if isinstance(value, float) else value
        table.add_row(name.replace("_", " "), str(shown))
    console = Console()
    console.print(table)
    console.print(f"Wrote {config.output}", highlight=False, markup=False)


if __name__ == "__main__":
    main()
