"""Flags that have a new name: the old one goes on working for a release, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["RENAMED", "with_current_flags", "with_current_names"]

RENAMED = {"answer_mode": "answer_format", "resample_uninformative": "resample_rounds"}


def with_current_flags(words: Iterable[str]) -> list[str]:
    """A command line with the present names of its flags."""
    return [_current_flag(word) for word in words]


def with_current_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a YAML file with their present names."""
    return {_current_name(name): value for name, value in settings.items()}


def _current_flag(word: str) -> str:
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        return word
    return f"--{_current_name(name[2:])}{equals}{value}"


def _current_name(name: str) -> str:
    if name not in RENAMED:
        return name
    warnings.warn(
        f"{name} is now called {RENAMED[name]}; the old name goes with the next release.",
        FutureWarning,
        stacklevel=4,
    )
    return RENAMED[name]
