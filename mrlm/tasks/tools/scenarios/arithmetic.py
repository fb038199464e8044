"""Families for the calculator alone."""

from __future__ import annotations

from mrlm.english import with_article
from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.arithmetic import calculator
from mrlm.tasks.tools.scenarios.family import Family, Scenario, compute
from mrlm.tasks.tools.scenarios.wording import ask, words

__all__ = ["FAMILIES"]


def _solved(name: str, numbers: tuple[int, ...], question: str, *expressions: str) -> Scenario:
    """One call, whose result is the answer."""
    steps = ((compute(*expressions),),)
    return Scenario(f"{name} {numbers}", question, steps, calculator(expressions[0]))


def product(stream: RowStream) -> Scenario:
    a, b = sorted((stream.between(12, 99), stream.between(101, 989)))
    question = ask(stream, "product", a=a, b=b)
    return _solved("product", (a, b), question, f"{a} * {b}")


def total(stream: RowStream) -> Scenario:
    a, b, c = sorted(stream.between(104, 987) for _ in range(3))
    question = ask(stream, "total", a=a, b=b, c=c)
    return _solved("total", (a, b, c), question, f"{a} + {b} + {c}")


def difference(stream: RowStream) -> Scenario:
    a, b = stream.between(5003, 9998), stream.between(1003, 4987)
    question = ask(stream, "difference", a=a, b=b)
    return _solved("difference", (a, b), question, f"{a} - {b}")


def quotient(stream: RowStream) -> Scenario:
    b, times = stream.between(12, 98), stream.between(23, 187)
    a = b * times
    question = ask(stream, "quotient", a=a, b=b)
    return _solved("quotient", (a, b), question, f"{a} / {b}")


def remainder(stream: RowStream) -> Scenario:
    a, b = stream.between(1001, 9989), stream.between(13, 97)
    question = ask(stream, "remainder", a=a, b=b)
    return _solved("remainder", (a, b), question, f"{a} % {b}")


def percentage(stream: RowStream) -> Scenario:
    a, b = stream.between(3, 97), stream.between(21, 480) * 10
    question = ask(stream, "percentage", a=a, b=b)
    expressions = (f"{a} / 100 * {b}", f"{a / 100:g} * {b}")
    return _solved("percentage", (a, b), question, *expressions)


def power(stream: RowStream) -> Scenario:
    a, b = stream.between(5, 89), stream.between(3, 6)
    question = ask(stream, "power", a=a, b=b)
    return _solved("power", (a, b), question, f"{a} ** {b}", " * ".join([str(a)] * b))


def square_root(stream: RowStream) -> Scenario:
    a = stream.between(23, 460)
    question = ask(stream, "square_root", n=a * a)
    return _solved("root", (a,), question, f"sqrt({a * a})", f"{a * a} ** 0.5")


def boxes(stream: RowStream) -> Scenario:
    a, b = stream.between(23, 96), stream.between(104, 480)
    c = stream.between(11, 99)
    question = ask(stream, "boxes", a=a, b=b, c=c, things=stream.pick(words("parcel")))
    return _solved("boxes", (a, b, c), question, f"{a} * {b} - {c}")


def mean(stream: RowStream) -> Scenario:
    a, b = stream.between(103, 960), stream.between(103, 960)
    c = stream.between(103, 960)
    c += -(a + b + c) % 3
    while a + b + c in (3 * a, 3 * b, 3 * c):  # else the answer stands in the question
        c += 3
    question = ask(stream, "mean", a=a, b=b, c=c)
    numbers = (*sorted((a, b, c)),)
    return _solved("mean", numbers, question, f"({a} + {b} + {c}) / 3")


def discount(stream: RowStream) -> Scenario:
    price, off = stream.between(21, 480) * 10, stream.pick([5, 10, 15, 20, 30, 35, 40, 45])
    good = with_article(stream.pick(words("priced")))
    question = ask(stream, "discount", a_good=good, A_good=good.capitalize(), price=price, off=off)
    rest = 100 - off
    return _solved(
        "discount",
        (price, off),
        question,
        f"{price} * (100 - {off}) / 100",
        f"{price} - {price} * {off} / 100",
        f"{price} * {rest} / 100",
        f"{price} * {rest / 100:g}",
        f"{price} * (1 - {off / 100:g})",
        f"{price} - {price} * {off / 100:g}",
        f"{price} * (1 - {off} / 100)",
    )


_RIVALS = ("python_repl",)
FAMILIES = tuple(
    Family(make, "single", difficulty, ("calculator",), _RIVALS)
    for make, difficulty in (
        (product, "easy"),
        (total, "easy"),
        (difference, "easy"),
        (quotient, "easy"),
        (remainder, "medium"),
        (percentage, "medium"),
        (power, "easy"),
        (square_root, "easy"),
        (boxes, "medium"),
        (mean, "medium"),
        (discount, "hard"),
    )
)
