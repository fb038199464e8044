"""From what a run left behind to a verdict. All of it is untrusted but the zygote's report."""

from __future__ import annotations

import math
import re
import signal
from typing import Any

from mrlm.sandbox.codec import CodecError, from_json
from mrlm.sandbox.jobs import STATUSES
from mrlm.sandbox.remote import MESSAGE_LIMIT, describe_raised, printable

__all__ = ["describe_end", "first_difference", "read_exception", "read_result", "same_output"]

_LIMITS = {
    "deadline": ("timeout", "the code did not finish in time"),
    "killed": ("timeout", "the code did not finish in time"),
    "threads": ("blocked", "the code started too many threads"),
    "processors": ("blocked", "the code kept more than one processor busy"),
    "disk": ("blocked", "the code wrote too much to its temporary folder"),
}
_SIGNALS = {
    "SIGSYS": ("blocked", "the code made a forbidden system call"),
    "SIGXCPU": ("timeout", "the code used up its processor time"),
}
# A word of a program's output that can be compared as a number.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NUMBER_LIMIT = 400  # characters; a double printed in full has about 330


def describe_end(report: dict[str, Any]) -> tuple[str, str]:
    """Status and message for a candidate that ended before it had answered."""
    if report["ended"] in _LIMITS:
        return _LIMITS[report["ended"]]
    code = report["statuses"][0]
    if code >= 0:
        return "crash", f"the code's process exited with status {code}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":  # by the zygote, which ends what is left of a run
        return "crash", "the code closed its connection"
    crash = ("crash", f"the code's process was killed by {name}")
    return _SIGNALS.get(name, crash)


def read_result(data: bytes, total: int | None) -> tuple[str, int, int, str] | None:
    """Status, tests passed, their number and message from an oracle; ``None`` when it left none.

    A pass is a pass only when every test passed.

    Args:
        data: What it wrote.
        total: The number of tests; ``None``: only the oracle can count them.
    """
    try:
        result = from_json(data)
        status, passed, message = result["status"], result["passed"], result["message"]
        counted = result["total"]
    except (CodecError, KeyError, TypeError):
        return None
    total = counted if total is None else total
    if type(passed) is not int or type(counted) is not int or type(message) is not str:
        return None
    if status not in STATUSES or counted != total or not 0 <= passed <= total or total < 1:
        return None
    if (status == "passed") != (passed == total):
        return None
    return status, passed, total, printable(message)[:MESSAGE_LIMIT]


def read_exception(data: bytes) -> tuple[str, str]:
    """Status and message from a program that describes the exception that ended it."""
    try:
        return describe_raised(from_json(data))
    except CodecError:
        return "error", "the program did not end normally"


def same_output(printed: str, expected: str, tolerance: float = 0.0) -> bool:
    """Whether two outputs agree, white space at the ends of lines and of the text aside.

    With a tolerance, numbers that are expected with a point or an exponent only have to be near.
    """
    found, wanted = _lines(printed), _lines(expected)
    return len(found) == len(wanted) and all(
        _same_line(*pair, tolerance) for pair in zip(found, wanted, strict=True)
    )


def first_difference(printed: str, expected: str, tolerance: float = 0.0) -> str:
    """Where two outputs part."""
    found, wanted = _lines(printed), _lines(expected)
    for number, (line, other) in enumerate(zip(found, wanted, strict=False), 1):
        if not _same_line(line, other, tolerance):
            return f"line {number} is {line[:200]!r}, expected {other[:200]!r}"
    if len(found) < len(wanted):
        return f"printed {len(found)} lines, expected {wanted[len(found)][:200]!r} as the next"
    return f"printed {len(found)} lines, expected {len(wanted)}"


def _same_line(printed: str, expected: str, tolerance: float) -> bool:
    if printed == expected or not tolerance:
        return printed == expected
    found, wanted = printed.split(), expected.split()
    return len(found) == len(wanted) and all(
        word == other or _is_near(word, other, tolerance)
        for word, other in zip(found, wanted, strict=True)
    )


def _is_near(printed: str, expected: str, tolerance: float) -> bool:
    if expected.lstrip("+-").isdigit() or max(len(printed), len(expected)) > _NUMBER_LIMIT:
        return False
    if not (_NUMBER.fullmatch(printed) and _NUMBER.fullmatch(expected)):
        return False
    found, wanted = float(printed), float(expected)
    return math.isfinite(wanted) and math.isclose(
        found, wanted, rel_tol=tolerance, abs_tol=tolerance
    )


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")] if text.strip() else []
