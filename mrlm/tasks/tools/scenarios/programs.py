"""Families for Python alone: what a calculator cannot do in one expression."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mrlm.splits import RowStream
from mrlm.tasks.tools.scenarios.family import Family, Scenario, pick_other, run
from mrlm.tasks.tools.scenarios.wording import ask, words

__all__ = ["FAMILIES", "TEXTS"]

TEXTS = words("text")


def _solved(
    name: str, key: object, question: str, code: str, result: object, *uses: object
) -> Scenario:
    steps = ((run(code, result, *uses),),)
    return Scenario(f"{name} {key}", f"With Python: {question}", steps, str(result))


def sum_of_squares(stream: RowStream) -> Scenario:
    n = stream.between(12, 160)
    result = sum(i * i for i in range(1, n + 1))
    return _solved(
        "squares",
        n,
        ask(stream, "squares", n=n),
        f"print(sum(i * i for i in range(1, {n + 1})))",
        result,
        (n, n + 1),
    )


def sum_of_multiples(stream: RowStream) -> Scenario:
    a, n = stream.between(3, 19), stream.between(120, 990)
    return _solved(
        "multiples",
        (a, n),
        ask(stream, "multiples", a=a, n=n),
        f"print(sum(range(0, {n}, {a})))",
        sum(range(0, n, a)),
        a,
        (n, n - 1),
    )


def common_divisor(stream: RowStream) -> Scenario:
    g = stream.between(2, 30)
    a, b = g * stream.between(4, 60), g * stream.between(61, 130)
    result = math.gcd(a, b)
    question = ask(stream, "gcd", a=a, b=b)
    return _solved("gcd", (a, b), question, f"import math; print(math.gcd({a}, {b}))", result, a, b)


def digit_sum(stream: RowStream) -> Scenario:
    n = stream.between(10**7, 10**9)
    result = sum(map(int, str(n)))
    question = ask(stream, "digits", n=n)
    return _solved("digits", n, question, f"print(sum(map(int, str({n}))))", result, n)


def binary(stream: RowStream) -> Scenario:
    n = stream.between(33, 4000)
    question = ask(stream, "binary", n=n)
    return _solved("binary", n, question, f"print(bin({n})[2:])", f"{n:b}", n)


def count_letter(stream: RowStream) -> Scenario:
    first = stream.pick(TEXTS)
    text = f"{first} {pick_other(stream, TEXTS, first)}"
    letter = stream.pick([c for c in text if c != " "])
    question = ask(stream, "letters", letter=letter, text=text)
    code = f"print('{text}'.count('{letter}'))"
    return _solved("letters", (text, letter), question, code, text.count(letter), text, letter)


def reverse_text(stream: RowStream) -> Scenario:
    text = "".join(stream.pick("bcdfgklmnprstvz") + stream.pick("aeiou") for _ in range(4))
    return _solved(
        "reverse",
        text,
        ask(stream, "reverse", text=text),
        f"print('{text}'[::-1])",
        text[::-1],
        text,
    )


def sort_numbers(stream: RowStream) -> Scenario:
    numbers = [stream.between(100, 989) for _ in range(5)]
    if numbers == sorted(numbers):
        numbers.reverse()
    listed = ", ".join(map(str, numbers))
    result = ", ".join(map(str, sorted(numbers)))
    return _solved(
        "sort",
        sorted(numbers),
        ask(stream, "sort", listed=listed),
        f"print(*sorted([{listed}]), sep=', ')",
        result,
        *numbers,
    )


def largest_prime(stream: RowStream) -> Scenario:
    n = stream.between(60, 2500)
    result = next(p for p in range(n - 1, 1, -1) if _is_prime(p))
    code = (
        f"print(max(p for p in range(2, {n}) if all(p % d for d in range(2, int(p ** 0.5) + 1))))"
    )
    return _solved("prime", n, ask(stream, "prime", n=n), code, result, (n, n - 1))


def factorial(stream: RowStream) -> Scenario:
    n = stream.between(25, 90)
    code = f"import math; print(len(str(math.factorial({n}))))"
    return _solved(
        "factorial",
        n,
        ask(stream, "factorial", n=n),
        code,
        len(str(math.factorial(n))),
        (n, n + 1),
    )


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1))


def _families(makes: Iterable[object], difficulty: str) -> tuple[Family, ...]:
    return tuple(
        Family(make, "single", difficulty, ("python_repl",), ("calculator",))  # type: ignore[arg-type]
        for make in makes
    )


FAMILIES = _families((digit_sum, binary, count_letter, reverse_text, common_divisor), "easy")
FAMILIES += _families((sum_of_squares, sum_of_multiples, sort_numbers, factorial), "medium")
FAMILIES += _families((largest_prime,), "hard")
