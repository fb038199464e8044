"""The columns in which the families of debate rows differ."""

from __future__ import annotations

from typing import Any

__all__ = ["EMPTY_ROW"]

# What a row holds where its family has no such column.
EMPTY_ROW: dict[str, Any] = {
    "motion": "",
    "side": "",
    "facts": [],
    "supports": [],
    "points": [],
    "opponent": "",
    "problem": "",
    "said": "",
    "held": "",
    "answer": "",
    "solution": "",
}
