"""The code task as an environment: try the code on the visible tests, then submit it once."""

from __future__ import annotations

from typing import Any

from mrlm.sandbox import SandboxError, Verdict
from mrlm.tasks.code.execution import DEFAULT_LIMITS, Limits, get_sandbox
from mrlm.tasks.code.extraction import extract_code
from mrlm.tasks.code.jobs import OUTPUT, make_job
from mrlm.tasks.code.reward import CodeReward

__all__ = ["CodeExecutionEnvironment"]

_SHOWN_FAILURES = 3
_SHOWN_CHARS = 300


class CodeExecutionEnvironment:
    """One problem (TRL's ``environment_factory`` protocol).

    The visible tests stand in the prompt anyway, so running them tells what fails and why. The
    hidden ones decide, once: the first submission counts, and the reply does not tell its result.

    A model without tool calls is stepped with its text instead: ``_step`` submits the code in it
    (private, because every public method is a tool that the model sees).

    Args:
        max_runs: How often the visible tests can be run.
        limits: What the code may use.
    """

    def __init__(self, max_runs: int = 5, limits: Limits = DEFAULT_LIMITS) -> None:
        self._max_runs = max_runs
        self._reward = CodeReward(limits=limits)
        self._row: dict[str, Any] = {}
        self._runs = 0
        self._submitted: str | None = None

    def reset(self, function_name: str, hidden_tests: Any, **row: Any) -> str:
        """Start the problem of a dataset row."""
        self._row = row | {"function_name": function_name, "hidden_tests": hidden_tests}
        self._runs = 0
        self._submitted = None
        return (
            f"\nYou can try your code on the visible tests with run_tests, at most "
            f"{self._max_runs} times. Then submit it with submit, once."
        )

    def run_tests(self, code: str) -> str:
        """Run the visible tests on your code.

        Args:
            code: The whole function or program as Python code.

        Returns:
            How many tests passed, and what the first failing ones gave.
        """
        tests = self._row.get("test_cases") or []
        if self._runs >= self._max_runs:
            return "No test runs are left. Submit your code with submit."
        if not tests:
            return "This problem has no visible tests. Submit your code with submit."
        self._runs += 1
        found = extract_code(str(code), self._row["function_name"])
        if found is None:
            return "There is no code to run."
        return self._run(found, [dict(test) for test in tests])

    def submit(self, code: str) -> str:
        """Submit your final code. Hidden tests decide; only the first submission counts.

        Args:
            code: The whole function or program as Python code.

        Returns:
            A confirmation.
        """
        if self._submitted is not None:
            return "Already submitted."
        self._submitted = str(code)
        return "The code was submitted."

    def get_reward(self) -> float | None:
        """1.0 if the submitted code passes all hidden tests, else 0.0; ``None`` if unscored."""
        return self._reward.score(self._submitted or "", self._row)

    def _step(self, completion: str) -> str:
        """Submit the code in a plain completion."""
        return self.submit(completion)

    def _run(self, code: str, tests: list[dict[str, str]]) -> str:
        row = self._row | {"suite": ""}
        if self._row.get("suite"):  # the visible test was an assert statement
            row["comparison"] = "equal"
        jobs = [job for test in tests if (job := make_job(code, row, [test])) is not None]
        if len(jobs) < len(tests):
            return "The visible tests cannot be used. It was not the code's fault."
        try:
            verdicts = get_sandbox(self._reward.limits).check_many(jobs)
        except SandboxError as error:
            return f"The tests could not be run ({error}). It was not the code's fault."
        passed = sum(verdict.passed for verdict in verdicts)
        lines = [f"{passed} of {len(tests)} visible tests passed."]
        failed = [pair for pair in zip(tests, verdicts, strict=True) if not pair[1].passed]
        lines += [self._describe(*pair) for pair in failed[:_SHOWN_FAILURES]]
        return "\n".join(lines)

    def _describe(self, test: dict[str, str], verdict: Verdict) -> str:
        given = f"{self._row['function_name']}({test['input']})"
        if self._row.get("comparison") == OUTPUT:
            given = f"Input {test['input'][:_SHOWN_CHARS]!r}"
        wanted = test["output"]
        return f"{given} should give {wanted}: {verdict.status}. {verdict.message[:_SHOWN_CHARS]}"
