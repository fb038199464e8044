"""Flags that have a new name or place: the old one works for a release, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["RENAMED", "REPLACED", "with_current_flags", "with_current_names"]

RENAMED = {
    "answer_mode": "answer_format",
    "resample_uninformative": "resample_rounds",
    "train_file": "dataset_name",
}
# A switch -> the flag that takes a list, and what is put into it.
REPLACED = {"humaneval": ("benchmark", "humaneval")}
_FALSE = ("false", "f", "no", "n", "0")
_TRUE = ("true", "t", "yes", "y", "1")


def with_current_flags(words: Iterable[str]) -> list[str]:
    """A command line with the present names of its flags.

    Raises:
        ValueError: A flag is there under both of its names.
    """
    words = list(words)
    _refuse_both(word[2:].partition("=")[0] for word in words if word.startswith("--"))
    current = [_current_flag(word) for word in words]
    for name, (flag, value) in REPLACED.items():
        current, is_set = _without_switch(current, name)
        if is_set:
            _warn(name, f"{flag} {value}", stacklevel=3)
            current = _with_value(current, f"--{flag}", value)
    return current


def with_current_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a YAML file with their present names; errors as above."""
    _refuse_both(settings)
    current = {_current_name(name): value for name, value in settings.items()}
    for name, (flag, value) in REPLACED.items():
        if current.pop(name, False):
            _warn(name, f"{flag}: [{value}]", stacklevel=3)
            current[flag] = list(dict.fromkeys([*(current.get(flag) or ()), value]))
    return current


def _without_switch(words: list[str], name: str) -> tuple[list[str], bool]:
    """The words without ``--name``, ``--name=true``, ``--name true``; and whether it was set."""
    kept: list[str] = []
    is_set, is_next = False, False  # whether the next word may be its value
    for word in words:
        if is_next and word.lower() in (*_TRUE, *_FALSE):
            is_set, is_next = word.lower() in _TRUE, False
            continue
        flag, _, value = word.partition("=")
        is_next = word == f"--{name}"
        if flag != f"--{name}":
            kept.append(word)
        else:
            is_set = value.lower() not in _FALSE
    return kept, is_set


def _with_value(words: list[str], flag: str, value: str) -> list[str]:
    """The words with one more value of a flag that takes a list."""
    if flag not in words:
        return [*words, flag, value]
    place = words.index(flag) + 1
    return words if value in words[place:] else [*words[:place], value, *words[place:]]


def _refuse_both(names: Iterable[str]) -> None:
    there = set(names)
    for old, new in RENAMED.items():
        if old in there and new in there:
            raise ValueError(f"{old} and {new} are two names of one setting; give {new} alone.")


def _current_flag(word: str) -> str:
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        return word
    return f"--{_current_name(name[2:])}{equals}{value}"


def _current_name(name: str) -> str:
    if name not in RENAMED:
        return name
    _warn(name, RENAMED[name], stacklevel=5)
    return RENAMED[name]


def _warn(name: str, current: str, *, stacklevel: int) -> None:
    warnings.warn(
        f"{name} is now called {current}; the old name goes with the next release.",
        FutureWarning,
        stacklevel=stacklevel,
    )
