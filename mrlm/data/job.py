"""The job behind ``mrlm data`` and ``data_gen/make_datasets.py``: rows of tasks as a dataset.

A dataset is one folder: a card (README.md), ``statistics.json``, and a folder for each task. It is
written beside its place and moved there when it is whole; a run that stops early leaves what was
there before. Rows are streamed, so a million need the memory of a thousand, and eight bytes each
for the duplicate check.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mrlm.data.card import render_card
from mrlm.data.export import (
    Export,
    check_other_split,
    content_digest,
    export_task,
    generated_rows,
    write_statistics,
)
from mrlm.data.folder import check_replaceable, staged
from mrlm.data.hub import push_dataset
from mrlm.data.shards import pattern
from mrlm.data.statistics import SplitStatistics, in_order
from mrlm.data.user import UserDataset, parse_columns
from mrlm.errors import DatasetError, MrlmError
from mrlm.files import to_json, write_text
from mrlm.hub import check_repo_id
from mrlm.progress import progress_bar
from mrlm.prompts import PromptArguments
from mrlm.splits import check_request
from mrlm.tasks import TASKS, make_task

__all__ = ["EXAMPLES", "DataArguments", "main", "run"]

logger = logging.getLogger(__name__)

EXAMPLES = """examples:
  mrlm data --task math --size 10000 --format parquet --out runs/math
  mrlm data --task all --size 2000 --split train test
  mrlm data --task math --size 1000000 --difficulty easy medium
  mrlm data --task math --size 5000 --push_to_hub me/mrlm-math --private
  mrlm data --task math --dataset_name sums.csv --columns question=prompt_text answer=target
"""
_DEFAULT_SIZE = 1_000
_CARD = "README.md"
_MAX_PROMPT_CHARS = 160  # characters of a prompt in the preview


@dataclass
class DataArguments(PromptArguments):
    """What to write, and where."""

    task: list[str] = field(
        default_factory=lambda: ["math"],
        metadata={
            "help": f"Some of {', '.join(TASKS)}; or all; or your own, FILE.py:TASK or "
            "package.module:TASK."
        },
    )
    size: int | None = field(
        default=None,
        metadata={
            "help": f"Rows of each task and split; default: {_DEFAULT_SIZE}, or all of a dataset."
        },
    )
    seed: int = field(default=0, metadata={"help": "Any integer; same seed, same rows."})
    split: list[str] = field(
        default_factory=lambda: ["train"],
        metadata={"help": "train, test, or both; they share no problem, whatever the seeds."},
    )
    difficulty: list[str] | None = field(
        default=None, metadata={"help": "Some of easy, medium, hard; default: all of them."}
    )
    format: Literal["json", "jsonl", "parquet", "hf"] = field(
        default="parquet",
        metadata={"help": "Format of the files; hf also opens with datasets.load_from_disk."},
    )
    out: str = field(default="runs/data", metadata={"help": "Folder of the dataset."})
    push_to_hub: str | None = field(
        default=None, metadata={"help": "Dataset on the Hub to push to, such as me/mrlm-math."}
    )
    private: bool = field(default=False, metadata={"help": "With push_to_hub: create it private."})
    dataset_name: str | None = field(
        default=None,
        metadata={
            "help": "Take the rows of this dataset instead: a Hub id, a folder, or a .json, "
            ".jsonl, .csv, .tsv, .parquet or .arrow file, also .gz."
        },
    )
    dataset_config: str | None = field(
        default=None, metadata={"help": "Configuration of that dataset, if it has several."}
    )
    columns: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Its columns by the task's: question=prompt_text answer=a.value, or joined: "
            'question="{Body} {Question}".'
        },
    )
    drop_invalid: bool = field(
        default=False, metadata={"help": "Leave out and count rows that do not fit."}
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "Licence of the rows, as the Hub names it; default: apache-2.0, or unknown "
            "for a dataset."
        },
    )
    preview: int = field(default=3, metadata={"help": "How many first rows of each task to show."})
    json: bool = field(default=False, metadata={"help": "Print statistics as JSON on stdout."})

    def __post_init__(self) -> None:
        self.task = list(TASKS) if self.task == ["all"] else list(dict.fromkeys(self.task))
        if not self.task:
            raise ValueError(f"task is empty; choose some of {', '.join(TASKS)}, or all.")
        names = [make_task(name).name for name in self.task]
        if len(set(names)) < len(names):
            raise ValueError(f"task has two tasks that are called the same: {', '.join(names)}.")
        self.split = list(dict.fromkeys(self.split))
        if not self.split or not all(re.fullmatch(r"\w+", name) for name in self.split):
            raise ValueError(f"split is {self.split!r}; give names, such as train or test.")
        if self.dataset_name is None:
            self.size = _DEFAULT_SIZE if self.size is None else self.size
            for split in self.split:
                check_request(self.size, self.seed, split)
            if self.columns or self.drop_invalid or self.dataset_config:
                raise ValueError(
                    "columns, drop_invalid and dataset_config go with dataset_name; give the "
                    "dataset that they are about."
                )
        elif len(self.task) > 1:
            raise ValueError(
                f"dataset_name goes with one task, and there are {len(self.task)}: "
                f"{', '.join(self.task)}."
            )
        elif self.difficulty is not None:
            raise ValueError("difficulty chooses generated rows; it does not go with dataset_name.")
        elif self.size is not None and self.size < 1:
            raise ValueError(f"size is {self.size}; it must be 1 or more, or left out for all.")
        parse_columns(self.columns)
        if self.push_to_hub is not None:
            check_repo_id(self.push_to_hub, "push_to_hub", needs_owner=True)
        elif self.private:
            raise ValueError("private goes with push_to_hub; give the dataset to create.")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and run the job; returns the exit code, 2 for a mistake."""
    from mrlm.data.job_parser import JobParser

    parser = JobParser(
        DataArguments,  # type: ignore[arg-type]
        prog="mrlm data",
        description="Write rows of tasks, or a dataset of yours in a task's columns, as a dataset.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    try:
        (arguments,) = parser.parse_args_into_dataclasses(
            list(sys.argv[1:] if argv is None else argv), look_for_args_file=False
        )
        run(arguments)
    except (MrlmError, ValueError, OSError) as error:
        sys.stderr.write(f"mrlm data: {error}\n")
        return 2
    except SystemExit as end:
        if end.code != 2:  # --help
            raise
        return 2  # the parser has said why
    return 0


def run(arguments: DataArguments) -> dict[str, Any]:
    """Write the dataset, show it, and push it where asked to.

    Returns:
        The content of ``statistics.json``, with ``out`` and, after a push, ``commit_url``.

    Raises:
        ValueError: The folder holds other files, or a task does not know a difficulty.
        DatasetError: The user's dataset cannot be read, or a row does not fit.
        HubError: The push failed; the files are on disk.
    """
    console = Console(stderr=arguments.json)
    out = Path(arguments.out)
    check_replaceable(out)  # before the work, too
    with staged(out) as folder:
        exports = [_export(arguments, task, folder) for task in arguments.task]
        statistics = write_statistics(folder, exports, _settings(arguments), [_CARD])
        digests = (
            {} if arguments.push_to_hub else {e.task: content_digest(folder, e) for e in exports}
        )
        write_text(folder / _CARD, _card(arguments, exports, statistics, digests))
    for export in exports:
        _show(console, export, arguments.preview)
    console.print(f"Wrote {out}", highlight=False, markup=False, soft_wrap=True)
    result = statistics | {"out": str(out)}
    if arguments.push_to_hub is not None:
        result["commit_url"] = push_dataset(
            out,
            arguments.push_to_hub,
            statistics["files"],
            [export.task for export in exports] + list(TASKS),
            private=arguments.private,
        )
        pushed = f"Pushed {arguments.push_to_hub}: {result['commit_url']}"
        console.print(pushed, highlight=False, markup=False, soft_wrap=True)
    if arguments.json:
        sys.stdout.write(to_json(result))
    return result


def _export(arguments: DataArguments, name: str, folder: Path) -> Export:
    task = arguments.with_prompts(make_task(name))
    name = task.name
    features = task.build_dataset(0, 0, "train").features
    sources: dict[str, tuple[Iterable[Mapping[str, Any]], SplitStatistics]] = {}
    imported: list[UserDataset] = []
    for split in arguments.split:
        statistics = SplitStatistics(arguments.preview)
        if arguments.dataset_name is None:
            rows = generated_rows(
                task, arguments.size or 0, arguments.seed, split, arguments.difficulty
            )
        else:
            user = UserDataset(
                arguments.dataset_name,
                task,
                parse_columns(arguments.columns),
                split=split,
                config=arguments.dataset_config,
                drop_invalid=arguments.drop_invalid,
            )
            features = user.features
            imported.append(user)
            statistics.dropped = user.dropped
            rows = islice(user.rows(), arguments.size)
        sources[split] = (rows, statistics)

    total = None if arguments.size is None else arguments.size * len(sources)
    with progress_bar(f"Rows of {name}", total) as progress:
        export = export_task(folder, arguments.format, name, features, sources, progress)
    if arguments.dataset_name is None and len(sources) == 1:
        check_other_split(export, task, arguments.size or 0, arguments.seed)
    for message in filter(None, (user.repeats_message for user in imported)):
        logger.warning("%s", message)
    for split, counted in export.splits.items():
        if arguments.dataset_name is not None and not counted.num_rows:
            raise DatasetError(
                f"{arguments.dataset_name}, split {split}: no row fits; {counted.dropped.total()} "
                "were dropped."
            )
    return export


def _settings(arguments: DataArguments) -> dict[str, Any]:
    """What repeats the dataset; nothing of the machine it was made on."""
    if arguments.dataset_name is None:
        chosen = {
            "size": arguments.size,
            "seed": arguments.seed,
            "difficulty": arguments.difficulty or "all",
        }
    else:
        local = Path(arguments.dataset_name)
        chosen = {
            "dataset_name": local.name if local.exists() else arguments.dataset_name,
            "dataset_config": arguments.dataset_config,
            "columns": arguments.columns,
            "drop_invalid": arguments.drop_invalid,
        }
    for name in ("system_prompt", "prompt_template"):
        if getattr(arguments, name):
            chosen[name] = getattr(arguments, name)
    tasks = [_without_folder(name) for name in arguments.task]
    return {"task": tasks, "split": arguments.split, **chosen, "format": arguments.format}


def _without_folder(name: str) -> str:
    """A task's name; of one in a file without the folder that the file is in."""
    place, colon, inside = name.rpartition(":")
    return f"{Path(place).name}{colon}{inside}"


def _card(
    arguments: DataArguments,
    exports: Sequence[Export],
    statistics: Mapping[str, Any],
    digests: Mapping[str, str],
) -> str:
    default_license = "apache-2.0" if arguments.dataset_name is None else "unknown"
    return render_card(
        name=(arguments.push_to_hub or arguments.out).rstrip("/").rpartition("/")[2],
        location=arguments.push_to_hub or arguments.out,
        license_id=arguments.license or default_license,
        features={export.task: export.features for export in exports},
        patterns={
            export.task: {
                split: pattern(export.task, split, arguments.format) for split in export.splits
            }
            for export in exports
        },
        statistics=statistics,
        digests=digests,
        example={
            export.task: split.first
            for export in exports
            for split in export.splits.values()
            if split.first is not None
        },
    )


def _show(console: Console, export: Export, preview: int) -> None:
    """The first rows and the counts of a task."""
    for split, counted in export.splits.items():
        title = f"{export.task}, {split}: {counted.num_rows:,} rows"
        if preview and counted.preview:
            table = Table("id", "kind", "difficulty", "prompt", title=f"{title}, the first")
            for row in counted.preview:
                prompt = " ".join(row["prompt"][-1]["content"].split())
                cut = (
                    prompt
                    if len(prompt) <= _MAX_PROMPT_CHARS
                    else f"{prompt[:_MAX_PROMPT_CHARS]}..."
                )
                table.add_row(*map(Text, (row["id"], row["kind"], row["difficulty"], cut)))
            console.print(table)
        counts = counted.counts
        difficulties = in_order(difficulty for _, difficulty in counts)
        table = Table("kind", *map(escape, difficulties), title=title)
        for kind in sorted({kind for kind, _ in counts}):
            table.add_row(Text(kind), *(f"{counts[kind, d]:,}" for d in difficulties))
        console.print(table)
        console.print(
            f"{counted.num_repeated:,} prompts repeat an earlier one. "
            f"{export.rates[split]:,.0f} rows a second.",
            highlight=False,
        )
        if counted.dropped:
            reasons = "; ".join(
                f"{count:,}: {why}" for why, count in counted.dropped.most_common(5)
            )
            text = f"Dropped {counted.dropped.total():,} rows ({reasons})."
            console.print(text, highlight=False, markup=False)
    for check in export.checks:
        style = "bold red" if check["num_shared"] else None
        console.print(check["message"], style=style, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
