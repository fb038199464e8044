"""Families with several calls that do not depend on each other."""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.encyclopedia import entities
from mrlm.tasks.tools.scenarios.family import (
    Family,
    Scenario,
    compute,
    look_up,
    pick_other,
    read,
)
from mrlm.tasks.tools.scenarios.folder import FILE_NAMES
from mrlm.tasks.tools.scenarios.wording import ask

__all__ = ["FAMILIES"]


def two_products(stream: RowStream) -> Scenario:
    a, b, c, d = (stream.between(12, 98) for _ in range(4))
    question = ask(stream, "two_products", a=a, b=b, c=c, d=d)
    calls = (compute(f"{a} * {b}"), compute(f"{c} * {d}"))
    return Scenario(f"products {sorted((a, b, c, d))}", question, (calls,), f"{a * b}, {c * d}")


def sum_and_product(stream: RowStream) -> Scenario:
    a, b = stream.between(103, 987), stream.between(12, 98)
    question = ask(stream, "sum_and_product", a=a, b=b)
    calls = (compute(f"{a} + {b}"), compute(f"{a} * {b}"))
    return Scenario(f"both {a} {b}", question, (calls,), f"{a + b}, {a * b}")


def three_squares(stream: RowStream) -> Scenario:
    numbers = [stream.between(13, 98) for _ in range(3)]
    a, b, c = numbers
    question = ask(stream, "three_squares", a=a, b=b, c=c)
    calls = tuple(compute(f"{n} ** 2", f"{n} * {n}") for n in numbers)
    answer = ", ".join(str(n * n) for n in numbers)
    return Scenario(f"squares of {sorted(numbers)}", question, (calls,), answer)


def larger_town(stream: RowStream) -> Scenario:
    one = stream.pick(entities("town"))
    two = pick_other(stream, entities("town"), one)
    more = max((one, two), key=lambda page: int(page.facts["population"]))
    question = ask(stream, "larger_town", one=one.title, two=two.title)
    calls = (look_up(one.title), look_up(two.title))
    content = f"larger {sorted((one.title, two.title))}"
    return Scenario(content, question, (calls,), more.title)


def two_founders(stream: RowStream) -> Scenario:
    one = stream.pick(entities("company"))
    two = pick_other(stream, entities("company"), one)
    question = ask(stream, "two_founders", one=one.title, two=two.title)
    calls = (look_up(one.title), look_up(two.title))
    content = f"founders {sorted((one.title, two.title))}"
    answer = f"{one.facts['founder']}, {two.facts['founder']}"
    return Scenario(content, question, (calls,), answer)


def two_moons(stream: RowStream) -> Scenario:
    one = stream.pick(entities("moon"))
    two = pick_other(stream, entities("moon"), one)
    question = ask(stream, "two_moons", one=one.title, two=two.title)
    calls = (look_up(one.title), look_up(two.title))
    content = f"moons {sorted((one.title, two.title))}"
    return Scenario(content, question, (calls,), f"{one.facts['color']}, {two.facts['color']}")


def two_files(stream: RowStream) -> Scenario:
    one = stream.pick(FILE_NAMES)
    two = pick_other(stream, FILE_NAMES, one)
    a, b = stream.between(100, 998), stream.between(100, 998)
    question = ask(stream, "two_files", one=one, two=two)
    files = {one: f"The code is {a}.", two: f"The code is {b}."}
    content = f"two files {sorted((one, two))}"
    return Scenario(content, question, ((read(one), read(two)),), f"{a}, {b}", files)


def fact_and_sum(stream: RowStream) -> Scenario:
    page, a, b = (
        stream.pick(entities("river")),
        stream.between(104, 987),
        stream.between(104, 987),
    )
    question = ask(stream, "fact_and_sum", title=page.title, a=a, b=b)
    calls = (look_up(page.title), compute(f"{a} + {b}"))
    answer = f"{page.facts['length in km']}, {a + b}"
    return Scenario(f"fact and sum {page.title} {a} {b}", question, (calls,), answer)


def file_and_product(stream: RowStream) -> Scenario:
    name, code = stream.pick(FILE_NAMES), stream.between(100, 998)
    a, b = stream.between(12, 98), stream.between(12, 98)
    question = ask(stream, "file_and_product", name=name, a=a, b=b)
    calls = (read(name), compute(f"{a} * {b}"))
    content = f"file and product {name} {a} {b}"
    return Scenario(content, question, (calls,), f"{code}, {a * b}", {name: f"The code is {code}."})


def file_and_fact(stream: RowStream) -> Scenario:
    name, code, page = (
        stream.pick(FILE_NAMES),
        stream.between(100, 998),
        stream.pick(entities("island")),
    )
    question = ask(stream, "file_and_fact", name=name, title=page.title)
    calls = (read(name), look_up(page.title))
    content = f"file and fact {name} {page.title}"
    answer = f"{code}, {page.facts['villages']}"
    return Scenario(content, question, (calls,), answer, {name: f"The code is {code}."})


_PYTHON = ("python_repl",)
FAMILIES = tuple(
    Family(make, "parallel", difficulty, tools, rivals)
    for make, difficulty, tools, rivals in (
        (two_products, "medium", ("calculator",), _PYTHON),
        (sum_and_product, "medium", ("calculator",), _PYTHON),
        (three_squares, "hard", ("calculator",), _PYTHON),
        (larger_town, "hard", ("web_search",), ()),
        (two_founders, "medium", ("web_search",), ()),
        (two_moons, "medium", ("web_search",), ()),
        (two_files, "medium", ("file_system",), _PYTHON),
        (fact_and_sum, "hard", ("web_search", "calculator"), _PYTHON),
        (file_and_product, "hard", ("file_system", "calculator"), _PYTHON),
        (file_and_fact, "hard", ("file_system", "web_search"), _PYTHON),
    )
)
