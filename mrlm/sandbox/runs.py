"""One job on one worker, from its files to its verdict."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from mrlm.sandbox.codec import to_json
from mrlm.sandbox.jobs import FunctionJob, Job, ProgramJob, SuiteJob, Verdict
from mrlm.sandbox.remote import MESSAGE_LIMIT
from mrlm.sandbox.verdicts import (
    describe_end,
    first_difference,
    read_exception,
    read_result,
    same_output,
)
from mrlm.sandbox.worker import REPORT_LIMIT, Limits, Worker, memory_file, read_file

__all__ = ["run_job"]


def run_job(worker: Worker, job: Job, limits: Limits) -> Verdict:
    """Run a job within ``limits``.

    Raises:
        SandboxError: the sandbox itself broke.
    """
    if isinstance(job, ProgramJob):
        verdict = _check_program(worker, job, limits)
    else:
        verdict = _check_calls(worker, job, limits)
    return replace(verdict, message=verdict.message[:MESSAGE_LIMIT])


def _check_calls(worker: Worker, job: FunctionJob | SuiteJob, limits: Limits) -> Verdict:
    total: int | None = None
    if isinstance(job, FunctionJob):
        cases = [{key: case[key] for key in ("input", "output")} for case in job.cases]
        total = len(cases)
        work: dict[str, Any] = {"name": job.function_name, "cases": cases}
        work |= {"comparison": job.comparison, "tolerance": job.tolerance}
    else:
        work = {"name": job.entry_point, "test": job.test}
    work |= {"code": job.code, "seconds": limits.seconds}
    report, output, data = _run(worker, "calls", limits, b"", to_json(work))
    result = read_result(data, total)
    if report["ended"] != "exit":
        status, message = describe_end(report)
        return Verdict(status, 0, total or 1, message, output)
    if result is None:
        message = "the tests' own process ended before it had judged the answer"
        return Verdict("crash", 0, total or 1, message, output)
    status, passed, counted, message = result
    if status == "crash":
        status, reason = describe_end(report)
        message = f"{message}: {reason}"
    return Verdict(status, passed, counted, message, output)


def _check_program(worker: Worker, job: ProgramJob, limits: Limits) -> Verdict:
    deadline = time.monotonic() + limits.seconds
    code = to_json(job.code)
    total, passed, output = len(job.cases), 0, ""
    for index, case in enumerate(job.cases):
        if len(case["output"].rstrip().encode("utf-8", "surrogatepass")) > limits.output:
            message = f"test {index + 1} expects more output than the limit, {limits.output} bytes"
            return Verdict("invalid", 0, total, message)
    first: Verdict | None = None
    for index, case in enumerate(job.cases):
        left = max(0.0, deadline - time.monotonic())
        stdin = case["input"].encode("utf-8", "surrogatepass")
        report, output, data = _run(worker, "program", limits.within(left), stdin, code)
        status, message = _judge_program(report, output, data, case["output"], job.tolerance)
        if status == "passed":
            passed += 1
        elif first is None:
            where = f"Test {index + 1} of {total}: input {case['input'][:300]!r}: {message}"
            first = Verdict(status, 0, total, where, output)
    if first is None:
        return Verdict("passed", passed, total, "", output)
    return Verdict(first.status, passed, total, first.message, first.output)


def _judge_program(
    report: dict[str, Any], output: str, data: bytes, expected: str, tolerance: float
) -> tuple[str, str]:
    if report["ended"] != "exit" or report["statuses"][0] < 0:
        return describe_end(report)
    if report["statuses"][0] > 0:
        return read_exception(data)
    if same_output(output, expected, tolerance):
        return "passed", ""
    return "failed", first_difference(output, expected, tolerance)


def _run(
    worker: Worker, role: str, limits: Limits, stdin: bytes, job: bytes
) -> tuple[dict[str, Any], str, bytes]:
    """The zygote's report, what was printed, and what was written to the report's file."""
    with ExitStack() as stack:
        files = [memory_file(content) for content in (stdin, b"", job, b"")]
        for descriptor in files:
            stack.callback(os.close, descriptor)
        report = worker.run(role, limits, files)
        output = read_file(files[1], limits.output).decode("utf-8", "replace")
        return report, output, read_file(files[3], REPORT_LIMIT)
