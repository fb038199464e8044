"""The process that holds the expected values, calls the candidate and judges its answers.

It is locked down like the candidate: the tests of a suite are code too, and a candidate's answer,
though plain data, may be large. It never runs the candidate's code and never believes it.

A candidate can answer only what it was asked, once, before the deadline; anything else ends the run
without a pass. Exceptions cross as the builtin class they derive from, except those that steer
Python itself: a ``StopIteration`` would end a test's ``for x in map(candidate, inputs)`` early, and
the assertions after it would never run.
"""

from __future__ import annotations

import builtins
import os
import time
import traceback
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from mrlm.sandbox.codec import (
    Channel,
    CodecError,
    NotPlainDataError,
    decode,
    encode,
    from_json,
    to_json,
)
from mrlm.sandbox.comparison import equal, parse_arguments, parse_literal, short_repr

__all__ = ["MESSAGE_LIMIT", "describe_raised", "judge", "printable"]

MESSAGE_LIMIT = 2000  # characters
FILENAME = "<tests>"


class CandidateError(Exception):
    """The candidate raised an exception of its own, or returned what cannot be compared."""


class _Raised(Exception):
    """One call failed; the candidate can be called again."""

    def __init__(self, status: str, message: str, exception: Exception) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.exception = exception


class _Over(Exception):
    """The run cannot go on."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class _Result:
    status: str = "passed"
    passed: int = 0
    message: str = ""

    def fail(self, status: str, message: str) -> None:
        """Note a failure; the first one gives the verdict its status and message."""
        if self.status == "passed":
            self.status, self.message = status, message[:MESSAGE_LIMIT]

    def write(self, report: int) -> None:
        os.write(report, to_json(asdict(self)))


def judge(job: int, report: int, channel: Channel) -> None:
    """Run the job in descriptor ``job`` and write its result to descriptor ``report``.

    Args:
        job: JSON with ``code``, ``name``, ``seconds`` and either ``cases`` or ``test``.
        report: Gets ``{"status", "passed", "message"}``.
        channel: To the candidate's process.
    """
    with open(job, "rb") as file:
        work = from_json(file.read())
    channel.deadline = time.monotonic() + work["seconds"]
    # The arguments of cases come from the tests alone; those of a suite may be earlier answers.
    candidate = _Candidate(channel, unsendable="invalid" if "cases" in work else "error")
    result = _Result()
    try:
        if "cases" in work:
            _judge_cases(work, candidate, result)
        else:
            _judge_suite(work, candidate, result, report)
    except _Over as over:
        result.fail(over.status, over.message)
    except MemoryError:
        result.fail("memory", "the answer does not fit into memory")
    result.write(report)


class _Candidate:
    """The other process, seen from here; ``unsendable`` is the status of arguments too large."""

    def __init__(self, channel: Channel, unsendable: str) -> None:
        self.channel = channel
        self.unsendable = unsendable
        self.calls = 0

    def start(self, code: str, name: str) -> None:
        """Have the candidate's module run.

        Raises:
            _Over: it does not run, or does not define the function.
        """
        reply = self._exchange({"code": code, "name": name})
        if "raised" in reply:
            raise _Over(*describe_raised(reply["raised"]))
        if reply.get("ready") is not True:
            raise _Over("error", _text(reply.get("unusable")))

    def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The value that the candidate returns.

        Raises:
            _Raised: it raised, or returned what is not plain data.
            _Over: it is gone, late, or does not speak the protocol.
        """
        self.calls += 1
        nonce = os.urandom(8).hex()
        try:
            request = {"nonce": nonce, "args": encode(args), "kwargs": encode(kwargs)}
        except NotPlainDataError as error:
            raise _Over(
                "invalid", f"the tests pass an argument that cannot be sent: {error}"
            ) from None
        except CodecError as error:
            raise _Over(self.unsendable, f"an argument cannot be sent: {error}") from None
        reply = self._exchange(request, self.unsendable)
        if reply.get("nonce") != nonce:
            raise _Over("error", "the candidate sent an answer that nobody had asked for")
        if "value" in reply:
            try:
                return decode(reply["value"])
            except CodecError as error:
                raise _Over("error", f"the candidate sent a {error}") from None
        if "raised" in reply:
            raised = reply["raised"]
            status, message = describe_raised(raised)
            exception = _stand_in(raised, message) if type(raised) is dict else CandidateError()
            raise _Raised(status, f"raised {message}", exception)
        message = _text(reply.get("unusable"))
        raise _Raised("error", message, CandidateError(message))

    def _exchange(self, message: dict[str, Any], unsendable: str = "error") -> dict[str, Any]:
        try:
            try:
                self.channel.send(message)
            except CodecError as error:
                raise _Over(unsendable, f"too large to send: {error}") from None
            reply = self.channel.receive()
        except TimeoutError:
            raise _Over("timeout", "the code did not finish in time") from None
        except (EOFError, BrokenPipeError):
            raise _Over("crash", "no answer") from None
        except CodecError as error:
            raise _Over("error", f"not plain data: {error}") from None
        if type(reply) is not dict:
            raise _Over("error", "the candidate sent a malformed frame")
        return reply


def describe_raised(raised: Any) -> tuple[str, str]:
    """Status and message for an exception that a candidate reports; ``raised`` is any JSON."""
    fields: dict[str, Any] = raised if type(raised) is dict else {}
    kind = _text(fields.get("kind"))
    status = kind if kind in ("error", "memory", "blocked") else "error"
    text = _text(fields.get("text"))
    message = (_text(fields.get("type")) or "an exception") + (f": {text}" if text else "")
    if type(fields.get("line")) is int:
        message += f" (line {fields['line']})"
    return status, message[:MESSAGE_LIMIT]


def _stand_in(raised: dict[str, Any], message: str) -> Exception:
    """An exception for the tests to catch: the builtin one that the candidate's derives from."""
    base = getattr(builtins, _text(raised.get("builtin")), None)
    try:
        if isinstance(base, type) and issubclass(base, Exception):
            made = base(*decode(raised.get("args")))
            if not isinstance(made, (StopIteration, StopAsyncIteration)):
                return made
    except Exception:  # arguments that its constructor does not take
        pass
    return CandidateError(message)


def _text(value: Any) -> str:
    return printable(value) if type(value) is str else ""


def printable(text: str) -> str:
    """``text`` with lone surrogates escaped: a log, a file or a tokenizer would fail on them."""
    return text.encode("utf-8", "backslashreplace").decode()


def _judge_cases(work: dict[str, Any], candidate: _Candidate, result: _Result) -> None:
    try:
        cases = [
            (*parse_arguments(case["input"]), parse_literal(case["output"]))
            for case in work["cases"]
        ]
    except ValueError as error:
        raise _Over("invalid", str(error)) from None
    candidate.start(work["code"], work["name"])
    for index, (args, kwargs, expected) in enumerate(cases):
        call = f"{work['name']}({work['cases'][index]['input'][:300]})"
        where = f"Test {index + 1} of {len(cases)}: {call}"
        try:
            value = candidate.call(args, kwargs)
        except _Raised as raised:
            result.fail(raised.status, f"{where} {raised.message}")
        except _Over as over:
            raise _Over(over.status, f"{where}: {over.message}") from None
        else:
            if equal(value, expected):
                result.passed += 1
            else:
                shown = f"returned {short_repr(value)}, expected {short_repr(expected)}"
                result.fail("failed", f"{where} {shown}")


def _judge_suite(work: dict[str, Any], candidate: _Candidate, result: _Result, report: int) -> None:
    last: _Raised | None = None

    def finish(over: _Over) -> NoReturn:
        # At once: raised here, a test's own ``except`` could swallow it.
        result.fail(over.status, over.message)
        result.write(report)
        os._exit(0)

    def proxy(*args: Any, **kwargs: Any) -> Any:
        nonlocal last
        try:
            return candidate.call(list(args), kwargs)
        except _Over as over:
            finish(over)
        except _Raised as raised:
            last = raised
        raise last.exception

    proxy.__name__ = proxy.__qualname__ = work["name"]
    namespace: dict[str, Any] = {"__name__": "tests", work["name"]: proxy}
    try:
        tests = compile(work["test"], FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _Over("invalid", f"the tests do not compile: {error}") from None
    candidate.start(work["code"], work["name"])
    try:
        exec(tests, namespace)
        # HumanEval's prompts, which bring the tests' helpers, define an empty entry point as well.
        namespace[work["name"]] = proxy
        namespace["check"](proxy)
    except BaseException as error:
        if last is not None and error is last.exception:
            raise _Over(last.status, f"{work['name']} {last.message}") from None
        misled = last is not None and isinstance(last.exception, NameError)
        raise _explain(error, candidate.calls, work["test"], misled) from None
    if not candidate.calls:
        raise _Over("invalid", "the tests never called the candidate")
    result.passed = 1


def _explain(error: BaseException, calls: int, test: str, misled: bool) -> _Over:
    """What an exception says that the tests themselves raised.

    ``misled``: the candidate has raised a ``NameError``, which tests may pass on in another form.
    """
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, NameError) and not misled:
        hint = "`test` must define what it uses: for HumanEval pass the prompt and the test"
        return _Over("invalid", f"the tests are unusable: {text}; {hint}")
    if isinstance(error, KeyError) and error.args == ("check",) and not calls:
        return _Over("invalid", "the tests define no function check(candidate)")
    if not calls:
        return _Over("invalid", f"the tests are unusable: {text}")
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == FILENAME and frame.lineno
    ]
    source = test.splitlines()[lines[-1] - 1].strip()[:300] if lines else ""
    return _Over("failed", f"{source} ({text})" if str(error) else source)
