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
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any

from mrlm.data.columns import ColumnMap, parse_columns
from mrlm.data.intake import Intake
from mrlm.data.statistics import PromptRepeats
from mrlm.errors import ColumnError, DatasetError
from mrlm.task import Task, UserRows

if TYPE_CHECKING:
    from datasets import Dataset, Features

__all__ = ["UserDataset", "load_user_dataset", "parse_columns"]

logger = logging.getLogger(__name__)

# One in so many repeats before it is asked whether a part of the text stands in another column.
_MAX_REPEATED = 20
# What a row is called where its dataset does not say.
_DEFAULTS = {"kind": "user", "difficulty": "unknown"}
_COMMON = ("id", "task", "kind", "difficulty")
# What does not tell whether a completion is right.
_NO_ANSWER = ("id", "task", "kind", "difficulty", "prompt", "solution", "family")


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
        name: Hub id, folder, or a .json, .jsonl, .csv, .tsv, .parquet or .arrow file, which may be
            compressed (.gz, .bz2, .xz).
        task: Gives the columns and the prompt.
        columns: Task's column -> the dataset's column, a field in it (``answer.value``) or a text
            with columns (``{Body} {Question}``), as a mapping or as texts ``"answer=target"``;
            columns that have the same name, in whatever case, need none.
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


class UserDataset(Intake):
    """A dataset of the user's, as rows of a task; see ``load_user_dataset``.

    Args:
        name: As there, and likewise those that are not listed here.
        also: What else is taken where this is used, a sentence for the message about columns.

    Attributes:
        repeats: Which prompts stood more than once, of the rows taken so far.
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
        also: str = "",
    ) -> None:
        self.task, self._also = task, also
        self._own: Features = task.build_dataset(0, 0, "train").features
        self.repeats = PromptRepeats()
        user_rows = task.user_rows
        self._needs = user_rows.needs if user_rows else {}
        self._takes = user_rows.takes if user_rows else {}
        wanted = [*self._needs, *self._takes, *_with_json(self._own, user_rows)]
        super().__init__(
            name,
            ColumnMap(columns, wanted),
            split=split,
            config=config,
            drop_invalid=drop_invalid,
            complete=user_rows.complete if user_rows else None,
        )

    @cached_property
    def features(self) -> Features:
        """Columns and types of the rows; reads the first of them, and raises as ``rows`` does."""
        there, _ = self.peek()
        whole = self._check_columns(there)
        return self._own if whole else _with_json(self._own, self.task.user_rows)

    @property
    def repeats_message(self) -> str:
        """How many prompts came before, and what may be wrong; empty when none did."""
        repeated, contradicting = self.repeats.counts()
        if not repeated:
            return ""
        told = f"{self.name}: {repeated:,} prompts repeat an earlier one"
        if contradicting:
            told += f", {contradicting:,} of them with another answer"
        unused = ", ".join(self.columns.unused)
        if not unused or not self._needs or repeated * _MAX_REPEATED < self.repeats.num_rows:
            return f"{told}."
        first = next(iter(self._needs))
        joined = f'{first}="{{COLUMN}} {{{self.columns.theirs(first)}}}"'
        return (
            f"{told}. Columns that are not used: {unused}; where one of them holds a part of the "
            f"text, join the two: --columns {joined}."
        )

    def load(self, size: int | None = None) -> Dataset:
        """At most ``size`` of the rows that fit; errors as in ``load_user_dataset``."""
        from datasets import Dataset, concatenate_datasets

        rows = islice(self.rows(), size)
        batches = []
        while batch := list(islice(rows, 1000)):
            batches.append(Dataset.from_list(batch, features=self.features))
        for message in filter(None, (self.dropped_message, self.repeats_message)):
            logger.warning("%s", message)
        if not batches:
            raise DatasetError(f"{self.name} has no row that fits. {self.dropped_message}".strip())
        return concatenate_datasets(batches)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that fit, one by one; errors as in ``load_user_dataset``."""
        takes_whole_rows = self._check_columns(self.open())
        answers = [name for name in self.features if name not in _NO_ANSWER]
        for made in self.taken(partial(self._made, takes_whole_rows)):
            for row in made:
                answer = json.dumps([row[name] for name in answers], default=str)
                self.repeats.add(row["prompt"], answer)
                yield row

    def fits(self, without: Collection[str] = ()) -> bool:
        """Whether the dataset has the columns; errors as in ``load_user_dataset`` but for that.

        Args:
            without: Columns that do not count.
        """
        there = self.open() - set(without)
        try:
            self._check_columns(there)
        except DatasetError:
            return False
        return True

    def _check_columns(self, there: set[str]) -> bool:
        """Whether rows are taken as they are; raises where they can be neither taken nor built."""
        user_rows = self.task.user_rows
        instead = user_rows.instead if user_rows else {}
        for column, before in (user_rows.before if user_rows else {}).items():
            if column in self.columns.given and before not in self.columns.given:
                self.columns.drop(before)
        lacking = [column for column in self._needs if there.isdisjoint(_ways(column, instead))]
        if user_rows and not lacking:
            return False
        if there.issuperset(self._own):
            return True
        needs = self._needs if user_rows else dict.fromkeys(self._own, "as the task has it")
        lacking = lacking or [column for column in needs if column not in there]
        raise DatasetError(
            f"{self.name} has no column {lacking[0]!r} ({needs[lacking[0]]}); its columns are "
            f"{', '.join(self.columns.there) or 'none'}. Map yours with --columns "
            f"{lacking[0]}=YOUR_COLUMN; the task {self.task.name} needs {', '.join(needs)}."
            f"{self._also}"
        )

    def _made(
        self, takes_whole_rows: bool, index: int, row: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The rows that one of the dataset's makes: one, or several of some tasks."""
        user_rows = None if takes_whole_rows else self.task.user_rows
        read = {column: self.columns.read(column, row) for column in self.columns.wanted}
        if user_rows and user_rows.all_columns:
            read = {**row, **read}
        mine = {column: value for column, value in read.items() if value is not None}
        instead = user_rows.instead if user_rows else {}
        for column in user_rows.needs if user_rows else self._own:
            if mine.keys().isdisjoint(_ways(column, instead)):
                raise ColumnError(column, self._needs.get(column, "a value"))
        if takes_whole_rows and mine["task"] != self.task.name:
            raise ColumnError("task", f"{self.task.name!r}, the task that the rows are for")
        built = user_rows.build(_joined(mine, user_rows.before)) if user_rows else mine
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


def _joined(row: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
    """The row with the texts that come before others in their places, unless they are there."""
    joined = dict(row)
    for column, first in before.items():
        if first not in row or not isinstance(row.get(column), str):
            continue
        if not isinstance(row[first], str):
            raise ColumnError(first, f"text, which comes before {column}")
        text = joined.pop(first).strip()
        if text and text not in row[column]:
            joined[column] = f"{text} {row[column].strip()}"
    return joined


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
