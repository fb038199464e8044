"""A dataset's columns by the names that are wanted: renamed, joined, or taken from inside.

    question=prompt_text            a column; its case does not matter where only one name fits
    answer=answer.value             a field of an object, or an item of a list: answer.0
    question={Body} {Question}      a text with columns in it

A name is first looked for as it is, so a column ``answer.value`` wins over the field of ``answer``.
A cell with JSON text, as in a CSV file, is reached into as if it were the object.

Not covered: formats (``{x:.2f}``), expressions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from string import Formatter
from typing import Any

from mrlm.errors import ColumnError, DatasetError

__all__ = ["ColumnMap", "parse_columns"]


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
                'question=prompt_text answer=target, or question="{Body} {Question}".'
            )
        if ours in found:
            raise ValueError(f"columns gives {ours!r} twice: {found[ours]!r} and {theirs!r}.")
        found[ours] = theirs
    return found


class ColumnMap:
    """How wanted columns are read from a dataset's rows.

    Args:
        given: Wanted column -> the dataset's column, field or text with columns.
        wanted: All columns that may be wanted.

    Attributes:
        there: The dataset's columns, once ``find`` has seen them.

    Raises:
        ValueError: A column is given that is not wanted, or a text with columns cannot be read.
    """

    def __init__(self, given: Mapping[str, str], wanted: Iterable[str]) -> None:
        self.wanted = tuple(dict.fromkeys(wanted))
        self.given: dict[str, str] = {}
        for ours, theirs in given.items():
            known = _named(ours, self.wanted)
            if known is None:
                raise ValueError(f"columns names {ours}; choose from {', '.join(self.wanted)}.")
            self.given[known] = theirs
        self._parts = {ours: _parts(theirs) for ours, theirs in self.given.items()}
        # Of the dataset: wanted column -> texts and paths, once the dataset's columns are known.
        self._found: dict[str, list[str | list[str]]] = {}
        self.there: tuple[str, ...] = ()

    @property
    def unused(self) -> list[str]:
        """Columns of the dataset that nothing is read from."""
        used = {
            part[0]
            for parts in self._found.values()
            for part in parts
            if part and not isinstance(part, str)
        }
        return [column for column in self.there if column not in used]

    def theirs(self, ours: str) -> str:
        """What stands for a wanted column, for messages."""
        found = self._found.get(ours)
        if ours in self.given or not found:
            return self.given.get(ours, ours)
        return ".".join(found[0])

    def find(self, name: str, rows: Iterable[Any]) -> set[str]:
        """Look for the wanted columns in a dataset; returns those that it has.

        Args:
            name: Of the dataset, for the message.
            rows: Some of it.

        Raises:
            DatasetError: A column that was given is not there; names those that are.
        """
        values: dict[str, list[Any]] = {}
        for row in rows:
            if isinstance(row, Mapping):
                for column, value in row.items():
                    values.setdefault(str(column), []).append(value)
        self.there = tuple(values)
        self._found = {
            ours: [
                part if isinstance(part, str) else _path(name, ours, part[0], values)
                for part in parts
            ]
            for ours, parts in self._parts.items()
        }
        for ours in self.wanted:
            there = _named(ours, values)
            if ours not in self._found and there is not None:
                self._found[ours] = [[there]]
        return set(self._found)

    def drop(self, ours: str) -> None:
        """Want a column no longer that was found by its name."""
        self._found.pop(ours, None)

    def read(self, ours: str, row: Mapping[str, Any]) -> Any:
        """The value of a wanted column; ``None`` where there is none.

        Raises:
            ColumnError: A part of a text with columns is neither text nor a number.
        """
        parts = self._found.get(ours, ())
        if len(parts) == 1 and not isinstance(parts[0], str):
            return _reach(row, parts[0])
        texts = [part if isinstance(part, str) else _text(ours, part, row) for part in parts]
        return "".join(texts).strip() if texts else None


def _parts(theirs: str) -> list[str | tuple[str]]:
    """Texts, and names of columns as 1-tuples."""
    if "{" not in theirs and "}" not in theirs:
        return [(theirs,)]
    try:
        pieces = list(Formatter().parse(theirs))
    except ValueError as error:
        raise ValueError(f"columns has {theirs!r}: {error}.") from error
    found: list[str | tuple[str]] = []
    for text, column, form, conversion in pieces:
        if column is not None and (not column or form or conversion):
            raise ValueError(f"columns has {theirs!r}; within braces write the name of a column.")
        found += [text] if text else []
        found += [(column,)] if column else []
    if not any(isinstance(part, tuple) for part in found):
        raise ValueError(f"columns has {theirs!r}, which names no column.")
    # A text around it makes ``{x}`` a text; alone it would be the column as it is.
    return found if len(found) > 1 else ["", *found]


def _named(name: str, columns: Iterable[str]) -> str | None:
    """The column of that name; if there is none, the only one with that name in another case."""
    columns = list(columns)
    if name in columns:
        return name
    alike = [column for column in columns if column.strip().casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _path(name: str, ours: str, theirs: str, values: Mapping[str, list[Any]]) -> list[str]:
    """Steps to what a name stands for; the first is a column."""
    column = _named(theirs, values)
    if column is not None:
        return [column]
    head, *fields = theirs.split(".")
    column = _named(head, values)
    if column is None or not fields:
        alike = [c for c in values if c.strip().casefold() == theirs.casefold()]
        several = f" {', '.join(alike)} differ in case only: write one as it is." if alike else ""
        raise DatasetError(
            f"{name} has no column {theirs!r} for {ours}; its columns are "
            f"{', '.join(values) or 'none'}.{several}"
        )
    steps, inside = [column], values[column]
    for field in fields:
        objects = [_as_object(value) for value in inside]
        inside = [value[int(field)] for value in objects if _has_item(value, field)]
        if not inside:
            names = {k: None for value in objects if isinstance(value, Mapping) for k in value}
            known = _named(field, names)
            if known is None:
                raise DatasetError(
                    f"{name}: {'.'.join(steps)!r} has no field {field!r} for {ours}; it holds "
                    f"{', '.join(names) or 'no fields'}."
                )
            field = known
            inside = [v[field] for v in objects if isinstance(v, Mapping) and field in v]
        steps.append(field)
    return steps


def _reach(row: Mapping[str, Any], path: list[str]) -> Any:
    value: Any = row.get(path[0])
    for field in path[1:]:
        value = _as_object(value)
        if _has_item(value, field):
            value = value[int(field)]
        else:
            value = value.get(field) if isinstance(value, Mapping) else None
    return value


def _has_item(value: Any, field: str) -> bool:
    return isinstance(value, list | tuple) and field.isdecimal() and int(field) < len(value)


def _as_object(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _text(ours: str, path: list[str], row: Mapping[str, Any]) -> str:
    value = _reach(row, path)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ColumnError(ours, f"text or a number in {'.'.join(path)!r}")
