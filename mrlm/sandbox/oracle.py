"""The process that holds the expected values, calls the candidate and judges its answers.

It is locked down like the candidate: the tests of a suite are code too, and a candidate's answer,
though plain data, may be large. It never runs the candidate's code and never believes it.

A candidate can answer only what it was asked, before the deadline; anything else ends the run
without a pass.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from mrlm.sandbox.codec import Channel, from_json, to_json
from mrlm.sandbox.comparison import agrees, parse_arguments, parse_literal, short_repr
from mrlm.sandbox.remote import MESSAGE_LIMIT, Candidate, Over, Raised
from mrlm.sandbox.suites import run_suite

__all__ = ["judge"]


@dataclass
class _Result:
    total: int
    status: str = "passed"
    passed: int = 0
    message: str = ""

    def fail(self, status: str, message: str) -> None:
        """Note a failure; the first one gives the verdict its status and message."""
        if self.status == "passed":
            self.status, self.message = status, message[:MESSAGE_LIMIT]

    def write(self, report: int) -> None:
        os.write(report, to_json(vars(self)))


def judge(job: int, report: int, channel: Channel) -> None:
    """Run the job in descriptor ``job`` and write its result to descriptor ``report``.

    Args:
        job: JSON with ``code``, ``name``, ``seconds`` and either ``test`` or ``cases`` with
            ``comparison`` and ``tolerance``.
        report: Gets ``{"status", "passed", "total", "message"}``.
        channel: To the candidate's process.
    """
    with open(job, "rb") as file:
        work = from_json(file.read())
    channel.deadline = time.monotonic() + work["seconds"]
    # The arguments of cases come from the tests alone; those of a suite may be earlier answers.
    by_cases = "cases" in work
    exact = by_cases and work["comparison"] == "exact"
    candidate = Candidate(channel, "invalid" if by_cases else "error", exact)
    result = _Result(len(work["cases"]) if by_cases else 1)
    try:
        if by_cases:
            _judge_cases(work, candidate, result)
        else:
            run_suite(work, candidate, result, report)
    except Over as over:
        result.fail(over.status, over.message)
    except MemoryError:
        result.fail("memory", "the answer does not fit into memory")
    result.write(report)


def _judge_cases(work: dict[str, Any], candidate: Candidate, result: _Result) -> None:
    try:
        cases = [
            (*parse_arguments(case["input"]), parse_literal(case["output"]))
            for case in work["cases"]
        ]
    except ValueError as error:
        raise Over("invalid", str(error)) from None
    candidate.start(work["code"], work["name"])
    for index, (args, kwargs, expected) in enumerate(cases):
        call = f"{work['name']}({work['cases'][index]['input'][:300]})"
        where = f"Test {index + 1} of {len(cases)}: {call}"
        try:
            value = candidate.call(work["name"], args, kwargs)
            # A generator runs on while its values are compared.
            right = agrees(value, expected, work["comparison"], work["tolerance"])
        except Raised as raised:
            result.fail(raised.status, f"{where} {raised.message}")
        except Over as over:
            raise Over(over.status, f"{where}: {over.message}") from None
        except Exception as error:
            last = candidate.last
            status, reason = (last.status, last.message) if last else ("error", str(error))
            result.fail(status, f"{where} {reason}")
        else:
            if right:
                result.passed += 1
            else:
                shown = f"returned {short_repr(value)}, expected {short_repr(expected)}"
                result.fail("failed", f"{where} {shown}")
