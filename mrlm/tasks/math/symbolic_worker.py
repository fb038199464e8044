"""Compares expressions with math-verify and sympy, in processes that ``symbolic.py`` may kill.

Run as a script. It warms up, says ``ready``, and forks a child that serves; a child that uses up
its processor time dies, the parent answers ``timeout`` for it, and forks the next one in
milliseconds. Speaks JSON lines: ``{"reference", "answer", "tolerance", "limit"}`` in,
``{"verdict", "seconds"}`` out, where the limit and the seconds are processor time and the verdict
is one of ``same``, ``different``, ``limit``, ``timeout``, ``lost``, ``bad_reference``. Ends when
its input does.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from typing import Any

MEMORY_BYTES = 1 << 30
PRECISION = 40  # digits of a numerical comparison
# Where expressions with unknowns are compared: of both signs, on no one's list of roots.
POINTS = (("0.7316", "1.2791"), ("-1.6174", "0.3891"), ("2.2361", "-0.8467"))
# What sympy and ANTLR load when first used must not count against an answer.
WARM_UP = (
    ("(x+1)^2", "x^2+2x+1"),
    ("5x - 3y + 8 = 0", "10x - 6y + 16 = 0"),
    (r"y = \frac{1}{2}x", "2y - x = 0"),
    (r"\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix}", r"\begin{pmatrix}1 & 2 \\ 3 & x\end{pmatrix}"),
    (r"\tan^2(y)+1", r"\sec^2(y)"),
    (r"1 < x < 2", r"(1, 2) \cup (3, 4)"),
    (r"\frac{\sqrt{2}}{2}", r"0.70710678"),
)


def main() -> None:
    # Replies go to a private descriptor, so that nothing a library prints can look like one.
    replies = os.dup(1)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer to handle
    for reference, answer in WARM_UP:
        compare(reference, answer)
    reply(replies, "ready", 0.0)
    while True:
        child = os.fork()
        if not child:
            serve(replies)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not status:
            return
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
        reply(replies, "timeout" if killed else "lost", 0.0)


def limit_memory() -> None:
    """Where the system can: macOS refuses this limit, and the processor time has one anyway."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (OSError, ValueError):
        if sys.platform == "linux":
            raise


def reply(descriptor: int, verdict: str, seconds: float) -> None:
    os.write(descriptor, json.dumps({"verdict": verdict, "seconds": seconds}).encode() + b"\n")


def serve(replies: int) -> None:
    """Answer requests, one at a time, until the input ends."""
    with open(0, "rb", buffering=0, closefd=False) as requests:
        for line in requests:
            request = json.loads(line)
            start = time.process_time()
            # The default action of SIGPROF ends the process even inside C code, and the timer runs
            # on processor time: other work on the machine takes nothing from an answer.
            signal.setitimer(signal.ITIMER_PROF, request["limit"])
            try:
                verdict = compare(request["reference"], request["answer"], request["tolerance"])
            except (MemoryError, RecursionError, OverflowError):
                verdict = "limit"
            signal.setitimer(signal.ITIMER_PROF, 0)
            reply(replies, verdict, time.process_time() - start)


def compare(reference: str, answer: str, tolerance: float = 1e-6) -> str:
    from math_verify import parse, verify

    # No timeouts of math-verify's own: they use an alarm, and this process has a limit.
    gold = parse(f"${reference}$", parsing_timeout=None, fallback_mode="no_fallback")
    if not gold:
        return "bad_reference"
    given = parse(f"${answer}$", parsing_timeout=None, fallback_mode="no_fallback")
    if not given:
        return "different"
    try:
        same = same_expression(gold[0], given[0], tolerance)
    except (TypeError, ValueError, AttributeError, NotImplementedError, ArithmeticError):
        same = None  # sympy has no common exception; what it cannot evaluate is left to verify
    if same is None:
        same = verify(gold, given, timeout_seconds=None)
    return "same" if same else "different"


def same_expression(gold: Any, given: Any, tolerance: float) -> bool | None:
    """Whether two plain expressions have the same value, wherever one looks; ``None``: no idea.

    math-verify rounds to six decimals, so that 6.6e-34 is 9.1e-31; here the tolerance is relative.
    """
    from sympy import Expr, Float, I, Integer, Rational
    from sympy.core.function import AppliedUndef

    if not (isinstance(gold, Expr) and isinstance(given, Expr)):
        return None
    if gold.has(AppliedUndef) or given.has(AppliedUndef):
        return None
    # An i that is a summation index is bound, and so no free symbol.
    gold, given = (
        one.xreplace({symbol: I for symbol in one.free_symbols if symbol.name == "i"})
        for one in (gold, given)
    )
    rounded = gold.has(Float) or given.has(Float)
    exact = [
        expression.xreplace({one: Rational(str(one)) for one in expression.atoms(Float)}).doit()
        for expression in (gold, given)
    ]
    symbols = sorted(exact[0].free_symbols | exact[1].free_symbols, key=str)
    if not symbols:
        return same_number(exact[0], exact[1], tolerance if rounded else 0.0)
    verdicts = []
    for base, step in POINTS:
        point = {
            symbol: Rational(base) + Rational(step) * Integer(index) / 3
            for index, symbol in enumerate(symbols)
        }
        verdict = same_number(
            exact[0].subs(point), exact[1].subs(point), tolerance if rounded else 0.0
        )
        if verdict is False:
            return False
        verdicts.append(verdict)
    return True if any(verdicts) else None


def same_number(gold: Any, given: Any, tolerance: float) -> bool | None:
    """Compare two constants to ``PRECISION`` digits, or within a relative tolerance."""
    from sympy import N, Rational, nan, zoo

    values = [N(number, PRECISION) for number in (gold, given)]
    if any(value.has(nan, zoo) or not value.is_number for value in values):
        return None
    if values[0].is_infinite or values[1].is_infinite:
        return bool(values[0] == values[1])
    size, difference = abs(values[0]), abs(values[0] - values[1])
    if difference <= size * Rational(1, 10 ** (PRECISION - 10)) or difference == 0:
        return True
    if size == 0:
        return bool(difference < Rational(1, 10 ** (PRECISION - 10)))
    if not tolerance or all(is_terminating(number) for number in (gold, given)):
        return False
    return bool(difference <= size * tolerance)


def is_terminating(number: Any) -> bool:
    """Whether a constant has finitely many decimals, so that there is no need to round it."""
    if not getattr(number, "is_Rational", False):
        return False
    below = int(number.q)
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


if __name__ == "__main__":
    main()
