"""What a data job writes into its folder: data files, statistics and the card."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mrlm
from mrlm.data.folder import STATISTICS
from mrlm.data.shards import finish_task, write_split
from mrlm.data.statistics import SplitStatistics, shared_prompts
from mrlm.files import write_json
from mrlm.splits import SPLITS
from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Features

__all__ = [
    "Export",
    "check_other_split",
    "content_digest",
    "export_task",
    "generated_rows",
    "write_statistics",
]

CHECKED = 1_000  # rows of the other split that are generated for the split check, at most
_REPORTED = 500  # rows between two steps of the progress bar

Row = Mapping[str, Any]


@dataclass
class Export:
    """What was written for one task.

    Attributes:
        task: Its name.
        features: Columns and types.
        splits: Statistics by split.
        checks: Of each pair of splits: the two names, ``num_shared`` prompts, and a sentence.
        files: Paths below the dataset's folder.
        rates: Rows per second by split.
    """

    task: str
    features: Features
    splits: dict[str, SplitStatistics] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``statistics.json``."""
        splits = {name: split.to_dict() for name, split in self.splits.items()}
        return {"splits": splits, "split_checks": self.checks}


def generated_rows(
    task: Task, size: int, seed: int, split: str, difficulties: list[str] | None
) -> Iterable[Row]:
    """The rows of a task, streamed where the task can.

    Raises:
        ValueError: The task has no such split or difficulty, or cannot choose difficulties.
    """
    if task.generate_rows is None:
        if difficulties is not None:
            raise ValueError(
                f"The task {task.name} has no generate_rows, so its difficulties cannot be chosen."
            )
        return task.build_dataset(size, seed, split)  # type: ignore[no-any-return]
    chosen = {} if difficulties is None else {"difficulties": difficulties}
    return task.generate_rows(size, seed, split, **chosen)


def export_task(
    folder: Path,
    form: str,
    task: str,
    features: Features,
    sources: Mapping[str, tuple[Iterable[Row], SplitStatistics]],
    progress: Callable[[int], None],
) -> Export:
    """Write the splits of one task.

    Args:
        folder: Of the dataset.
        form: One of ``shards.FORMATS``.
        task: Its name, and its folder's.
        features: Columns and types.
        sources: Split -> its rows, and the statistics that count them.
        progress: Called with the number of rows just done.
    """
    export = Export(task, features)
    files: dict[str, list[str]] = {}
    for split, (rows, statistics) in sources.items():
        start = time.perf_counter()
        counted = _reporting(statistics.count(rows), progress)
        files[split] = write_split(folder, task, split, form, counted, features)
        export.files += files[split]
        export.splits[split] = statistics
        export.rates[split] = statistics.num_rows / max(time.perf_counter() - start, 1e-9)
    if form == "hf":
        export.files += finish_task(folder, task, files, features)
    for first, second in combinations(export.splits, 2):
        shared = shared_prompts(export.splits[first], export.splits[second])
        export.checks.append(
            {
                "splits": [first, second],
                "num_shared": shared,
                "message": f"Split check: {shared:,} prompts of {second} stand in {first}, too.",
            }
        )
    return export


def check_other_split(export: Export, task: Task, size: int, seed: int) -> None:
    """Compare a single generated split with some rows of the split that was not asked for."""
    (split,) = export.splits
    other = next(name for name in SPLITS if name != split)
    sample = SplitStatistics(preview=0)
    for _ in sample.count(generated_rows(task, min(size, CHECKED), seed, other, None)):
        pass
    shared = shared_prompts(export.splits[split], sample)
    export.checks.append(
        {
            "splits": [split, other],
            "num_shared": shared,
            "message": f"Split check: of {sample.num_rows:,} rows of {other}, which is not part of "
            f"this dataset, {shared:,} prompts stand in {split}, too.",
        }
    )


def content_digest(folder: Path, export: Export) -> str:
    """A digest of all files of a task."""
    whole = hashlib.sha256()
    for name in export.files:
        with (folder / name).open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def write_statistics(
    folder: Path, exports: Iterable[Export], settings: Mapping[str, Any], extra_files: list[str]
) -> dict[str, Any]:
    """Write ``statistics.json``, with the list of the dataset's files, and return its content."""
    exports = list(exports)
    statistics = {
        "generator": "mrlm",
        "generator_version": mrlm.__version__,
        "settings": dict(settings),
        "tasks": {export.task: export.to_dict() for export in exports},
        "files": [*extra_files, STATISTICS, *(name for e in exports for name in e.files)],
    }
    write_json(folder / STATISTICS, statistics)
    return statistics


def _reporting(rows: Iterable[Row], progress: Callable[[int], None]) -> Iterator[Row]:
    done = 0
    for row in rows:
        yield row
        done += 1
        if done == _REPORTED:
            progress(done)
            done = 0
    progress(done)
