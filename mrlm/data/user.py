"""Rows of the user's own, checked and brought into a task's columns.

A dataset that has the columns which a task needs (``Task.user_rows``), under these names or mapped
to them, becomes rows with the task's own prompt. One that has all the columns of the task already,
such as an export of ours, is taken as it is. ``id``, ``kind`` and ``difficulty`` are kept where
there are any.

    rows = load_user_dataset("me/sums", TASKS["math"], {"question": "prompt_text"})
    trainer = PPOTrainer(model, list(task.reward_funcs), config, train_dataset=rows)

A row that does not fit stops everything, with its dataset, index, column and what was expected;
with ``drop_invalid`` it is left out and counted instead. Not checked: whether a worked solution is
right.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from mrlm.data.sources import read_rows
from mrlm.errors import ColumnError, DatasetError
from mrlm.task import Task, UserRows

if TYPE_CHECKING:
    from datasets import Dataset, Features

__all__ = ["UserDataset", "load_user_dataset", "parse_columns"]

logger = logging.getLogger(__name__)

_PEEKED = 100  # rows whose columns are looked at before any is taken
_SHOWN = 60  # characters of a wrong value in a message
# What a row is called where its dataset does not say.
_DEFAULTS = {"kind": "user", "difficulty": "unknown"}
_COMMON = ("id", "task", "kind", "difficulty")


def load_user_dataset(
    name: str,
    task: Task,
    columns: Mapping[str, str] | Sequence[str] = (),
    *,
    split: str = "train",
    config: str | None = None,
    size: int | None = None,
    drop_invalid: bool = False,
) -> Dataset:
    """Load a dataset as rows of a task, fit for its rewards, its evaluation and any trainer.

    Args:
        name: Hub id, folder, or a .json, .jsonl, .csv, .tsv or .parquet file.
        task: Gives the columns and the prompt.
        columns: Task's column -> the dataset's, as a mapping or as texts ``"answer=target"``;
            columns that have the same name need none.
        split: Of a Hub dataset or a folder; a file is one split.
        config: Of a Hub dataset or a folder with several configurations.
        size: At most so many rows.
        drop_invalid: Leave out rows that do not fit, with a warning that counts them.

    Raises:
        FileNotFoundError: There is no such file or folder.
        DatasetError: It cannot be read, lacks a column, a row does not fit, or none does.
        ValueError: The mapping names a column that the task does not have.
    """
    user = UserDataset(
        name, task, parse_columns(columns), split=split, config=config, drop_invalid=drop_invalid
    )
    return user.load(size)


def parse_columns(columns: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """``["question=prompt_text", "answer=target"]``, or a mapping, as a mapping.

    Raises:
        ValueError: A text is not of this form, or a column of the task is given twice.
    """
    if isinstance(columns, Mapping):
        return dict(columns)
    found: dict[str, str] = {}
    for text in columns:
        ours, sign, theirs = text.partition("=")
        if not (ours and sign and theirs):
            raise ValueError(
                f"columns has {text!r}; write TASK_COLUMN=YOUR_COLUMN, such as "
                "question=prompt_text answer=target."
            )
        if ours in found:
            raise ValueError(f"columns gives {ours!r} twice: {found[ours]!r} and {theirs!r}.")
        found[ours] = theirs
    return found


class UserDataset:
    """A dataset of the user's, as rows of a task; see ``load_user_dataset``.

    Attributes:
        dropped: What was expected where a row did not fit -> number of such rows.
        first_dropped: The message of the first one.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        columns: Mapping[str, str],
        *,
        split: str = "train",
        config: str | None = None,
        drop_invalid: bool = False,
    ) -> None:
        self.name, self.task, self.columns = name, task, dict(columns)
        self.split, self.config, self.drop_invalid = split, config, drop_invalid
        self._own: Features = task.build_dataset(0, 0, "train").features
        self.dropped: Counter[str] = Counter()
        self.first_dropped = ""
        needs = task.user_rows.needs if task.user_rows else {}
        takes = task.user_rows.takes if task.user_rows else {}
        allowed = dict.fromkeys([*needs, *takes, *_with_json(self._own, task.user_rows)])
        unknown = [column for column in self.columns if column not in allowed]
        if unknown:
            raise ValueError(
                f"columns names {', '.join(unknown)}; the columns of the task {task.name} are "
                f"{', '.join(allowed)}."
            )

    @cached_property
    def features(self) -> Features:
        """Columns and types of the rows; reads the first of them, and raises as ``rows`` does."""
        peeked = list(islice(read_rows(self.name, self.split, self.config), _PEEKED))
        whole = self._check_columns(peeked)
        return self._own if whole else _with_json(self._own, self.task.user_rows)

    @property
    def dropped_message(self) -> str:
        """How many rows were left out and why the first one was; empty when none was."""
        if not self.dropped:
            return ""
        return f"{self.name}: dropped {self.dropped.total()} rows; the first: {self.first_dropped}"

    def load(self, size: int | None = None) -> Dataset:
        """At most ``size`` of the rows that fit; errors as in ``load_user_dataset``."""
        from datasets import Dataset, concatenate_datasets

        rows = islice(self.rows(), size)
        batches = []
        while batch := list(islice(rows, 1000)):
            batches.append(Dataset.from_list(batch, features=self.features))
        if self.dropped:
            logger.warning("%s", self.dropped_message)
        if not batches:
            raise DatasetError(f"{self.name} has no row that fits. {self.dropped_message}".strip())
        return concatenate_datasets(batches)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that fit, one by one; errors as in ``load_user_dataset``."""
        given = iter(read_rows(self.name, self.split, self.config))
        if self.task.user_rows and self.task.user_rows.complete:
            given = map(self.task.user_rows.complete(self.name), given)
        peeked = list(islice(given, _PEEKED))
        takes_whole_rows = self._check_columns(peeked)
        for index, row in enumerate(chain(peeked, given)):
            try:
                yield from self._rows(index, row, takes_whole_rows)
            except ColumnError as error:
                message = self._message(index, row, error)
                if not self.drop_invalid:
                    raise DatasetError(message) from error
                self.dropped[f"{error.column}: {error.expected}"] += 1
                self.first_dropped = self.first_dropped or message

    def _theirs(self, column: str) -> str:
        return self.columns.get(column, column)

    def _check_columns(self, peeked: Iterable[Any]) -> bool:
        """Whether rows are taken as they are; raises where they can be neither taken nor built."""
        there = dict.fromkeys(key for row in peeked if isinstance(row, Mapping) for key in row)
        shown = ", ".join(map(str, there)) or "none"
        for ours, theirs in self.columns.items():
            if theirs not in there:
                raise DatasetError(
                    f"{self.name} has no column {theirs!r} for {ours}; its columns are {shown}."
                )
        user_rows = self.task.user_rows
        instead = user_rows.instead if user_rows else {}
        lacking = [
            column
            for column in (user_rows.needs if user_rows else ())
            if not any(self._theirs(one) in there for one in _ways(column, instead))
        ]
        if user_rows and not lacking:
            return False
        if all(self._theirs(column) in there for column in self._own):
            return True
        needs = user_rows.needs if user_rows else dict.fromkeys(self._own, "as the task has it")
        lacking = lacking or [column for column in needs if self._theirs(column) not in there]
        raise DatasetError(
            f"{self.name} has no column {lacking[0]!r} ({needs[lacking[0]]}); its columns are "
            f"{shown}. Map yours with --columns {lacking[0]}=YOUR_COLUMN; the task "
            f"{self.task.name} needs {', '.join(needs)}."
        )

    def _rows(self, index: int, row: Any, takes_whole_rows: bool) -> list[dict[str, Any]]:
        """The rows that one of the dataset's makes: one, or several of some tasks."""
        if not isinstance(row, Mapping):
            raise ColumnError("(the row)", "an object with columns")
        user_rows = self.task.user_rows
        known = [
            *self.features,
            *(user_rows.needs if user_rows else ()),
            *(user_rows.takes if user_rows else ()),
            *(row if user_rows and user_rows.all_columns else ()),
        ]
        mine = {
            column: row[self._theirs(column)]
            for column in dict.fromkeys(known)
            if row.get(self._theirs(column)) is not None
        }
        needed = self._own if takes_whole_rows or not user_rows else user_rows.needs
        instead = user_rows.instead if user_rows and not takes_whole_rows else {}
        for column in needed:
            if not any(one in mine for one in _ways(column, instead)):
                words = user_rows.needs.get(column, "a value") if user_rows else "a value"
                raise ColumnError(column, words)
        if takes_whole_rows and mine["task"] != self.task.name:
            raise ColumnError("task", f"{self.task.name!r}, the task that the rows are for")
        built = mine if takes_whole_rows or not user_rows else user_rows.build(mine)
        parts = built if isinstance(built, list) else [built]
        return [
            self._finished(index, row, {**_texts(mine, number if len(parts) > 1 else None), **part})
            for number, part in enumerate(parts)
        ]

    def _finished(
        self, index: int, given: Mapping[str, Any], built: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A row with what every row has, its values checked."""
        row = {**_DEFAULTS, **built, "task": self.task.name}
        if self.task.prompt_format is not None:  # it may name columns that the task does not have
            row["prompt"] = self.task.prompt_format({**given, **row})
        row.setdefault("id", self._id(index, row))
        for column, feature in self.features.items():
            _check(column, row.get(column), feature)
        return {column: row.get(column) for column in self.features}

    def _id(self, index: int, row: Mapping[str, Any]) -> str:
        digest = blake2b(json.dumps(row["prompt"]).encode(), digest_size=3).hexdigest()
        return f"{self.task.name}-user-{self.split}-{index}-{digest}"

    def _message(self, index: int, row: Any, error: ColumnError) -> str:
        theirs = self._theirs(error.column)
        mapped = f" (the task's {error.column!r})" if theirs != error.column else ""
        value = row.get(theirs) if isinstance(row, Mapping) else row
        got = repr(value)
        got = got if len(got) <= _SHOWN else f"{got[: _SHOWN - 3]}..."
        return (
            f"{self.name}, row {index}, column {theirs!r}{mapped}: expected {error.expected}, "
            f"got {'nothing' if value is None else got}."
        )


def _ways(column: str, instead: Mapping[str, str | tuple[str, ...]]) -> tuple[str, ...]:
    """The column and those that do in its place."""
    others = instead.get(column, ())
    return (column, *((others,) if isinstance(others, str) else others))


def _with_json(features: Features, user_rows: UserRows | None) -> Features:
    from datasets import Features, Json

    json_columns = user_rows.json_columns if user_rows else ()
    return Features({**features, **{column: Json() for column in json_columns}})


def _texts(row: Mapping[str, Any], number: int | None) -> dict[str, str]:
    """The columns that every task has, as text: an id is often a number.

    Args:
        row: Of the dataset.
        number: Of this row among the several that it makes.
    """
    texts = {name: str(row[name]) for name in _COMMON if row.get(name) not in (None, "")}
    if number is not None and "id" in texts:
        texts["id"] += f"-{number}"
    return texts


def _check(column: str, value: Any, feature: Any) -> None:
    """Raise ``ColumnError`` where a value is not of a column's type."""
    from datasets import Json, List, Value

    if isinstance(feature, List):
        if not isinstance(value, list | tuple):
            raise ColumnError(column, "a list")
        for item in value:
            _check(column, item, feature.feature)
    elif isinstance(feature, dict):
        if not isinstance(value, Mapping) or set(value) != set(feature):
            raise ColumnError(column, f"objects with {' and '.join(feature)}")
        for name, inner in feature.items():
            _check(column, value[name], inner)
    elif isinstance(feature, Json):
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError):
            raise ColumnError(column, "data that JSON can hold") from None
        _check_text(column, text)
    elif isinstance(feature, Value) and feature.dtype == "string":
        if not isinstance(value, str):
            raise ColumnError(column, "text")
        _check_text(column, value)
    elif isinstance(feature, Value) and feature.dtype == "int64" and type(value) is not int:
        raise ColumnError(column, "an integer")


def _check_text(column: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ColumnError(column, "text without halves of surrogate pairs") from None
