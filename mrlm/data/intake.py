"""Rows of one dataset of the user's, each brought into shape or told with its place what is wrong.

``UserDataset`` makes rows of a task of them, ``ReadyDataset`` examples for SFT or DPO. A row that
does not fit stops everything, with its dataset, index, column and what was expected; with
``drop_invalid`` it is left out and counted. A line of a file that cannot be read is such a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from mrlm.data.columns import ColumnMap
from mrlm.data.readers import BrokenRow
from mrlm.data.sources import open_source
from mrlm.errors import ColumnError, DatasetError

__all__ = ["Intake"]

_PEEKED = 100  # rows of each file whose columns are looked at before any is taken
_SHOWN = 60  # characters of a wrong value in a message

T = TypeVar("T")


class Intake:
    """A dataset's rows through a function that checks them.

    Args:
        name: Hub id, folder or file.
        columns: How wanted columns are read.
        split: Of a Hub dataset or a folder.
        config: Of a Hub dataset or a folder with several configurations.
        drop_invalid: Leave out and count rows that do not fit.
        complete: ``(name) -> (row) -> row``: adds what lies elsewhere, before rows are looked at.

    Attributes:
        dropped: What was expected where a row did not fit -> number of such rows.
        first_dropped: The message of the first one.
    """

    def __init__(
        self,
        name: str,
        columns: ColumnMap,
        *,
        split: str = "train",
        config: str | None = None,
        drop_invalid: bool = False,
        complete: Callable[[str], Callable[[Any], Any]] | None = None,
    ) -> None:
        self.name, self.columns = name, columns
        self.split, self.config, self.drop_invalid = split, config, drop_invalid
        self.dropped: Counter[str] = Counter()
        self.first_dropped = ""
        self._complete = complete
        self._rows: Iterator[tuple[str, Any]] = iter(())

    @property
    def dropped_message(self) -> str:
        """How many rows were left out and why the first one was; empty when none was."""
        if not self.dropped:
            return ""
        return f"{self.name}: dropped {self.dropped.total()} rows; the first: {self.first_dropped}"

    def open(self) -> set[str]:
        """Open the dataset; returns which of the wanted columns it has.

        Raises:
            FileNotFoundError: There is no such file or folder.
            DatasetError: It cannot be read, holds no rows, or lacks a column that was named.
        """
        there, self._rows = self.peek()
        return there

    def peek(self) -> tuple[set[str], Iterator[tuple[str, Any]]]:
        """Which of the wanted columns it has, and its rows with their places; errors as above."""
        peeked, rows = open_source(self.name, self.split, self.config).open(_PEEKED)
        if not peeked:
            _, broken = next(rows)
            raise DatasetError(broken.message)
        if self._complete:
            complete = self._complete(self.name)
            peeked = [complete(row) for row in peeked]
            rows = ((p, r if isinstance(r, BrokenRow) else complete(r)) for p, r in rows)
        return self.columns.find(self.name, peeked), rows

    def taken(self, build: Callable[[int, Mapping[str, Any]], T]) -> Iterator[T]:
        """What ``build(index, row)`` makes of the rows of the dataset that was opened.

        Raises:
            DatasetError: A row does not fit.
        """
        for index, (place, row) in enumerate(self._rows):
            if isinstance(row, BrokenRow):
                self._drop(row.reason, row.message)
                continue
            try:
                if not isinstance(row, Mapping):
                    raise ColumnError("(the row)", "an object with columns")
                built = build(index, row)
            except ColumnError as error:
                self._drop(f"{error.column}: {error.expected}", self._message(place, row, error))
                continue
            yield built

    def _drop(self, reason: str, message: str) -> None:
        if not self.drop_invalid:
            raise DatasetError(message)
        self.dropped[reason] += 1
        self.first_dropped = self.first_dropped or message

    def _message(self, place: str, row: Any, error: ColumnError) -> str:
        theirs = self.columns.theirs(error.column)
        mapped = f" (the task's {error.column!r})" if theirs != error.column else ""
        try:
            value = self.columns.read(error.column, row) if isinstance(row, Mapping) else row
        except ColumnError:
            value = None
        got = repr(value)
        got = got if len(got) <= _SHOWN else f"{got[: _SHOWN - 3]}..."
        return (
            f"{place}, column {theirs!r}{mapped}: expected {error.expected}, "
            f"got {'nothing' if value is None else got}."
        )
