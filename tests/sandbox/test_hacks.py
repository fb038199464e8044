"""No hack is rewarded, the trainer survives each, and the hacks are real."""

from __future__ import annotations

import naive
import pytest
from hacks import PROGRAM_CASES, PROGRAM_HACKS, PROGRAM_SOLUTION, TEST
from tricks import TRICKS

from mrlm.sandbox import FunctionJob, ProgramJob, Sandbox, SuiteJob
from mrlm.sandbox.comparison import COMPARISONS
from mrlm.tasks.code.attacks import CASES, SOLUTION
from mrlm.tasks.code.hacks import HACKS


def test_a_solution_passes(quick_sandbox: Sandbox) -> None:
    jobs = [
        FunctionJob(SOLUTION, "solve", CASES),
        SuiteJob(SOLUTION, TEST, "solve"),
        ProgramJob(PROGRAM_SOLUTION, PROGRAM_CASES),
    ]
    assert [verdict.message for verdict in quick_sandbox.check_many(jobs)] == ["", "", ""]
    assert naive.rewards(SOLUTION, TEST)


@pytest.mark.parametrize("name", [*HACKS, *TRICKS])
def test_no_hack_is_rewarded(name: str, quick_sandbox: Sandbox) -> None:
    code = HACKS.get(name) or TRICKS.get(name, "")
    asserts = "\n".join(f"assert solve({c['input']}) == {c['output']}" for c in CASES)
    verdicts = quick_sandbox.check_many(
        [
            *(FunctionJob(code, "solve", CASES, how) for how in COMPARISONS),
            SuiteJob(code, TEST, "solve"),
            SuiteJob(code, asserts, "solve"),
            FunctionJob(code, "Solution().solve", CASES, "json"),
        ]
    )
    for verdict in verdicts:
        assert not verdict.passed
        assert verdict.tests_passed < verdict.tests_total
        # Never unusable tests: that would let a candidate choose between 0 and no score at all.
        assert verdict.status in ("failed", "error", "timeout", "memory", "blocked", "crash")
        assert 0 < len(verdict.message) <= 2000
        # A lone surrogate would fail in whatever writes, sends or tokenizes it.
        assert (verdict.message + verdict.output).encode()


@pytest.mark.parametrize("name", PROGRAM_HACKS)
def test_no_program_is_rewarded(name: str, quick_sandbox: Sandbox) -> None:
    verdict = quick_sandbox.check_program(PROGRAM_HACKS[name], PROGRAM_CASES)
    assert not verdict.passed
    assert verdict.tests_passed < len(PROGRAM_CASES)
    assert verdict.status in ("failed", "error", "timeout", "crash")


@pytest.mark.integration
def test_the_hacks_are_real() -> None:
    """A runner with tests and candidate in one process falls for a good share of them."""
    rewarded = {name for name, code in HACKS.items() if naive.rewards(code, TEST)}
    print(f"\nrewarded by tests and candidate in one process: {len(rewarded)} of {len(HACKS)}")
    assert len(HACKS) >= 40
    assert len(rewarded) >= len(HACKS) // 3, sorted(set(HACKS) - rewarded)
