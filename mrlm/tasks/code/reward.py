"""The code reward: 1.0 when the completion's code passes every hidden test, else 0.0.

The code runs in ``mrlm.sandbox``, never here. All or nothing is the default, because a share of the
tests pays for constant answers; ``tests_fraction_reward`` and ``syntax_reward`` shape a training
run that needs it, apart from what evaluation counts.

Code that fails, hangs, crashes or is not there scores 0.0. Tests that cannot be used and a sandbox
that broke give ``None``. Both are counted, per call, in the log and in TRL's ``log_metric``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.sandbox import FunctionJob
from mrlm.tasks.code.execution import DEFAULT_LIMITS, Limits, Outcome, run_jobs
from mrlm.tasks.code.extraction import extract_code
from mrlm.tasks.code.jobs import make_job

__all__ = [
    "CREDITS",
    "CodeReward",
    "SyntaxReward",
    "code_reward",
    "syntax_reward",
    "tests_fraction_reward",
]

logger = logging.getLogger(__name__)

CREDITS = ("all", "fraction")
Completion = str | Sequence[Mapping[str, Any]]
LogMetric = Callable[[str, float], None]

# Reading a text as Python can exhaust the stack, so that is done in the sandbox as well: the code
# that runs there is this function, and the completion's code is its argument.
_DEFINES = """
import ast

def defines(source, name):
    try:
        tree = ast.parse(source)
        compile(tree, "completion", "exec")
    except Exception:
        return False
    if not name:  # of a program it is empty
        return name is not None and bool(tree.body)
    owner, _, method = name.rpartition(".")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = {node.name for node in tree.body if isinstance(node, kinds)}
    return (owner.removesuffix("()") or method) in defined
"""


@dataclass(frozen=True)
class CodeReward:
    """A reward with TRL's signature; frozen, so it pickles and its name tells what it does.

    Attributes:
        credit: ``"all"``: 1.0 for all hidden tests, else 0.0. ``"fraction"``: the share passed.
        limits: What the code may use.

    Raises:
        ValueError: ``credit`` is not one of the allowed values.
    """

    credit: str = "all"
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        if self.credit not in CREDITS:
            raise ValueError(f"credit is {self.credit!r}; choose one of {', '.join(CREDITS)}.")

    @property
    def __name__(self) -> str:
        return "code_reward" if self.credit == "all" else "tests_fraction_reward"

    def __call__(
        self,
        completions: Sequence[Completion],
        function_name: Sequence[Any],
        hidden_tests: Sequence[Any],
        suite: Sequence[Any] | None = None,
        setup: Sequence[Any] | None = None,
        comparison: Sequence[Any] | None = None,
        tolerance: Sequence[Any] | None = None,
        log_metric: LogMetric | None = None,
        **kwargs: Any,
    ) -> list[float | None]:
        """Score a batch.

        Args:
            completions: Texts, or conversations whose last assistant message is read.
            function_name: What each completion must define: ``f``, a class, or ``Solution().f``;
                empty for a program.
            hidden_tests: Its tests, ``{"input": "[1, 2]", "output": "3"}`` each.
            suite: Instead of ``hidden_tests``, a test program; see ``mrlm.sandbox.SuiteJob``.
            setup: Code that the completion's code may use, for instance imports.
            comparison: How ``hidden_tests`` compare: ``"exact"`` (the default), ``"equal"``,
                ``"json"``, ``"wrapped"`` or, for a program, ``"output"``.
            tolerance: Of floats; by default 1e-9, and 1e-6 in a program's output.
            log_metric: TRL's hook; gets the share of timeouts and of unscored completions.
            **kwargs: Other columns; ignored.

        Returns:
            1.0, 0.0, with credit for fractions something between, or ``None`` for each.

        Raises:
            SandboxError: The sandbox cannot be started on this machine at all.
        """
        nothing = [None] * len(completions)
        columns = {
            "function_name": function_name,
            "hidden_tests": hidden_tests,
            "suite": suite or nothing,
            "setup": setup or nothing,
            "comparison": comparison or nothing,
            "tolerance": tolerance or nothing,
        }
        rows = [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
        jobs = [
            make_job(_code(completion, row["function_name"]), row, row["hidden_tests"])
            for completion, row in zip(completions, rows, strict=True)
        ]
        outcomes = run_jobs(jobs, self.limits)
        rewards = [self._reward(outcome) for outcome in outcomes]
        _report(self.__name__, rewards, outcomes, log_metric)
        return rewards

    def score(self, completion: Completion, row: Mapping[str, Any]) -> float | None:
        """What evaluation counts: 1.0 or 0.0, ``None`` when the tests of the row are unusable."""
        return CodeReward(limits=self.limits)(
            [completion],
            function_name=[row.get("function_name")],
            hidden_tests=[row.get("hidden_tests")],
            suite=[row.get("suite")],
            setup=[row.get("setup")],
            comparison=[row.get("comparison")],
            tolerance=[row.get("tolerance")],
        )[0]

    def extract(self, completion: Completion, row: Mapping[str, Any]) -> str | None:
        """The code that ``score`` runs."""
        return extract_code(completion, _name(row.get("function_name")))

    def _reward(self, outcome: Outcome | None) -> float | None:
        if outcome is None or outcome.status == "invalid":  # it says nothing about the code
            return None
        if self.credit == "fraction":
            return outcome.tests_passed / outcome.tests_total
        return float(outcome.status == "passed")


@dataclass(frozen=True)
class SyntaxReward:
    """1.0 when the code compiles and defines what it must, else 0.0: for shaping, never a score."""

    limits: Limits = DEFAULT_LIMITS

    @property
    def __name__(self) -> str:
        return "syntax_reward"

    def __call__(
        self,
        completions: Sequence[Completion],
        function_name: Sequence[Any],
        log_metric: LogMetric | None = None,
        **kwargs: Any,
    ) -> list[float | None]:
        """Score a batch; arguments, results and errors as in ``CodeReward``."""
        cases = [
            {"input": f"{_code(completion, name)!a}, {_name(name)!a}", "output": "True"}
            for completion, name in zip(completions, function_name, strict=True)
        ]
        jobs = [FunctionJob(_DEFINES, "defines", [case]) for case in cases]
        outcomes = run_jobs(jobs, self.limits)
        rewards = [
            None if outcome is None else float(outcome.status == "passed") for outcome in outcomes
        ]
        _report(self.__name__, rewards, outcomes, log_metric)
        return rewards


code_reward = CodeReward()
tests_fraction_reward = CodeReward(credit="fraction")
syntax_reward = SyntaxReward()


def _name(function_name: Any) -> str | None:
    return function_name if isinstance(function_name, str) else None


def _code(completion: Completion, function_name: Any) -> str:
    return extract_code(completion, _name(function_name)) or ""


def _report(
    name: str,
    rewards: Sequence[float | None],
    outcomes: Sequence[Outcome | None],
    log_metric: LogMetric | None,
) -> None:
    counts = {
        "timeout": sum(outcome is not None and outcome.status == "timeout" for outcome in outcomes),
        "unscored": rewards.count(None),
    }
    for what, count in counts.items():
        if log_metric is not None and rewards:
            log_metric(f"{name}/{what}", count / len(rewards))
        if count:
            logger.warning("%s: %d of %d completions %s.", name, count, len(rewards), what)
