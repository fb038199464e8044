"""What can be asked of a sandbox, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mrlm.sandbox.comparison import COMPARISONS, TOLERANCE

__all__ = ["STATUSES", "FunctionJob", "Job", "ProgramJob", "SessionResult", "SuiteJob", "Verdict"]

STATUSES = (
    "passed",
    "failed",
    "error",
    "timeout",
    "memory",
    "blocked",
    "crash",
    "invalid",
)

_ENTRY_POINT = re.compile(r"[^\W\d]\w*(?:(?:\(\))?\.[^\W\d]\w*)?")


@dataclass(frozen=True)
class Verdict:
    """What became of one candidate.

    Attributes:
        status: Of the first test that did not pass. ``passed``; ``failed``: a wrong answer;
            ``error``: an exception, or an answer that is not plain data; ``timeout``; ``memory``;
            ``blocked``: the sandbox refused what the code tried; ``crash``: its process ended;
            ``invalid``: the *tests* cannot be used, which says nothing about the code: score it
            ``None``.
        tests_passed: Of ``tests_total``.
        tests_total: How many there were, those included that a crash or timeout left out.
        message: For people and for the model, at most 2,000 characters: the first test that did
            not pass, with its input and its expected value. Do not show it for hidden tests.
        output: What the code printed, as far as the output limit goes; of the first program that
            did not pass, or the last one.
        isolation: The mode it ran under.
        seconds: Wall time.
    """

    status: str
    tests_passed: int
    tests_total: int
    message: str = ""
    output: str = ""
    isolation: str = "full"
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every test passed."""
        return self.status == "passed"


@dataclass(frozen=True)
class SessionResult:
    """What one ``Session.run`` did: status and isolation as in :class:`Verdict`, output, reason."""

    status: str
    output: str
    message: str = ""
    isolation: str = "full"

    @property
    def passed(self) -> bool:
        """Whether the code ran to its end."""
        return self.status == "passed"


@dataclass(frozen=True)
class FunctionJob:
    """Call ``function_name`` and compare what it returns.

    Attributes:
        code: Python source that defines the function.
        function_name: Its name.
        cases: ``{"input": "[1, 2], 'ab'", "output": "3"}``. ``input`` is what stands between the
            parentheses of the call, so ``"[1, 2]"`` is one list and ``"3, 'ab'"`` two arguments;
            ``output`` is one literal. Both are read as literals (``nan`` and ``inf`` included),
            never run.
        comparison: ``"exact"``: types must match exactly. ``"equal"``, ``"json"``, ``"wrapped"``:
            see ``comparison.py``.
        tolerance: Of floats, relative or absolute, whichever is wider.
    """

    code: str
    function_name: str
    cases: Sequence[Mapping[str, str]] = field(repr=False)
    comparison: str = "exact"
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        _check_text("code", self.code)
        _check_name("function_name", self.function_name)
        _check_cases(self.cases)
        _check_tolerance(self.tolerance)
        if self.comparison not in COMPARISONS:
            raise ValueError(
                f"comparison is {self.comparison!r:.100}; choose one of {', '.join(COMPARISONS)}."
            )


@dataclass(frozen=True)
class ProgramJob:
    """Run a program once per case, feed it ``input`` and compare what it prints.

    Attributes:
        code: Python source, run as ``__main__``.
        cases: ``{"input": "1 2\\n", "output": "3\\n"}``. White space at the ends of lines and of
            the output does not count.
        tolerance: How far a number may be from an expected one that is written with a point or an
            exponent, relative or absolute, whichever is wider; 0: the same text.
    """

    code: str
    cases: Sequence[Mapping[str, str]] = field(repr=False)
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        _check_text("code", self.code)
        _check_cases(self.cases)
        _check_tolerance(self.tolerance)


@dataclass(frozen=True)
class SuiteJob:
    """Run tests that are a Python program.

    Attributes:
        code: Python source that defines ``entry_point``.
        test: One of three: a program that defines ``check(candidate)`` (HumanEval), which is one
            test; one that defines test functions or classes (pytest, unittest), each of which is a
            test; or assert statements on the margin (MBPP), each of which is a test. It has to
            define all that it uses but the entry point, and what it imports from a module that does
            not exist: that is taken from the candidate. For HumanEval pass ``prompt + test``: a few
            tests call helpers from the prompt, which must not be looked up in the candidate's code,
            where it could have redefined them. Arguments and results cross as copies of plain data,
            so a function that works in place has to return its result.
        entry_point: Name of what is tested: ``f``, ``Solution().f``, or a class.
    """

    code: str
    test: str = field(repr=False)
    entry_point: str

    def __post_init__(self) -> None:
        _check_text("code", self.code)
        _check_text("test", self.test)
        _check_name("entry_point", self.entry_point)


Job = FunctionJob | ProgramJob | SuiteJob


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} is a {type(value).__name__}; it must be a string of Python code.")


def _check_name(name: str, value: object) -> None:
    if not isinstance(value, str) or not _ENTRY_POINT.fullmatch(value):
        raise ValueError(
            f"{name} is {value!r:.100}; it must be the name of a function or class, or such as "
            f"Solution().f for a method."
        )


def _check_tolerance(value: object) -> None:
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"tolerance is {value!r:.100}; it must be a number from 0 to below 1.")


def _check_cases(cases: object) -> None:
    if not isinstance(cases, Sequence) or isinstance(cases, str) or not cases:
        raise ValueError(f"cases is {cases!r:.100}; it must be a list of at least one test case.")
    for index, case in enumerate(cases):
        if not isinstance(case, Mapping) or not all(
            isinstance(case.get(key), str) for key in ("input", "output")
        ):
            raise ValueError(
                f"cases[{index}] is {case!r:.100}; it must have the strings 'input' and 'output'."
            )
