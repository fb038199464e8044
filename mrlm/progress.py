"""A progress bar with an estimate, on stderr so that stdout stays free for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def progress_bar(
    description: str, total: int | None, console: Console | None = None
) -> Iterator[Callable[[int], None]]:
    """Show a bar while the block runs; call what it yields with the number of steps just done.

    Without a total it shows no estimate. Where stderr is not a terminal only the final state is
    printed.
    """
    with Progress(*progress_columns(), console=console or Console(stderr=True)) as progress:
        task = progress.add_task(description, total=total)
        yield lambda steps: progress.advance(task, steps)


def progress_columns(*texts: str) -> list[ProgressColumn]:
    """The columns of every bar here, and further texts behind them."""
    return [
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        *map(TextColumn, texts),
    ]
