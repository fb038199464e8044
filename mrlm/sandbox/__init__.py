"""Run code that nobody trusts, and judge it in a way that it cannot cheat.

    with Sandbox(workers=2) as sandbox:
        verdict = sandbox.check_function(code, "total", [{"input": "[1, 2]", "output": "3"}])

The candidate's code and its tests run in separate processes, forked from a clean interpreter that
has never seen either. The candidate gets arguments and sends back plain data; what was expected is
not in its memory. Both processes are locked down with Landlock, seccomp and resource limits, and
die with the process that holds the sandbox. ``docs/sandbox.md`` has the design, the threat model
and what was tried against it.

Does not cover: bugs in the kernel; side channels (timing, caches); the inputs of hidden tests,
which a candidate receives and may print; names, sizes and times of files, which ``stat`` tells
anyone; how fair the tests are, so that a function which only knows the visible cases is caught by
hidden ones and by nothing else; packages outside the standard library that nobody opened;
systems other than Linux on x86_64 and aarch64.
"""

from mrlm.errors import SandboxError
from mrlm.sandbox.jobs import FunctionJob, Job, ProgramJob, SessionResult, SuiteJob, Verdict
from mrlm.sandbox.sandbox import Sandbox
from mrlm.sandbox.session import Session

__all__ = [
    "FunctionJob",
    "Job",
    "ProgramJob",
    "Sandbox",
    "SandboxError",
    "Session",
    "SessionResult",
    "SuiteJob",
    "Verdict",
]
