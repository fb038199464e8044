"""What the sandbox is asked for a row of the code task: the completion's code and the row's tests.

A row is tested in one of three ways. ``suite`` is a test program; otherwise its tests are inputs
and outputs, of a program where ``comparison`` is ``"output"``, of a function otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrlm.sandbox import FunctionJob, Job, ProgramJob, SuiteJob
from mrlm.tasks.code.statements import after_setup

__all__ = ["EXACT", "OUTPUT", "TOLERANCE", "TOLERANCE_OF_OUTPUT", "make_job"]

EXACT, OUTPUT = "exact", "output"
TOLERANCE = 1e-9  # of returned floats
TOLERANCE_OF_OUTPUT = 1e-6  # of printed ones, as contests have it


def make_job(code: str, row: Mapping[str, Any], tests: Any) -> Job | None:
    """What to run.

    Args:
        code: Of a completion.
        row: The columns ``function_name``, ``suite``, ``setup``, ``comparison`` and ``tolerance``;
            the last four may be absent or empty.
        tests: The row's tests by input and output.

    Returns:
        ``None`` where the row's name or tests are unusable.
    """
    code = after_setup(code, str(row.get("setup") or ""))
    name, suite = row.get("function_name"), row.get("suite")
    comparison, tolerance = row.get("comparison") or EXACT, row.get("tolerance")
    try:
        if suite:
            return SuiteJob(code, suite, name)  # type: ignore[arg-type]
        if comparison == OUTPUT:
            return ProgramJob(code, tests, TOLERANCE_OF_OUTPUT if tolerance is None else tolerance)
        tolerance = TOLERANCE if tolerance is None else tolerance
        return FunctionJob(code, name, tests, comparison, tolerance)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
