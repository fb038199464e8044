"""Families in which a later call needs an earlier result."""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.tools.builtin.arithmetic import calculator
from mrlm.tasks.tools.builtin.encyclopedia import Page, entities
from mrlm.tasks.tools.scenarios.family import (
    Family,
    Scenario,
    compute,
    list_files,
    look_up,
    pick_other,
    read,
    run,
    write,
)
from mrlm.tasks.tools.scenarios.folder import FILE_NAMES, PEOPLE, WORDS
from mrlm.tasks.tools.scenarios.wording import ask

__all__ = ["FAMILIES"]


def newcomers(stream: RowStream) -> Scenario:
    page, n = stream.pick(entities("town")), stream.between(12, 195)
    size = page.facts["population"]
    question = ask(stream, "newcomers", n=n, title=page.title)
    sum_ = f"{size} + {n}"
    steps = ((look_up(page.title),), (compute(sum_),))
    return Scenario(f"moving {page.title} {n}", question, steps, calculator(sum_))


def age_of_town(stream: RowStream) -> Scenario:
    page, year = stream.pick(entities("town")), stream.between(1991, 2024)
    years = f"{year} - {page.facts['founded']}"
    question = ask(stream, "age_of_town", year=year, title=page.title)
    steps = ((look_up(page.title),), (compute(years),))
    return Scenario(f"age {page.title} {year}", question, steps, calculator(years))


def climbs(stream: RowStream) -> Scenario:
    page, n = stream.pick(entities("mountain")), stream.between(3, 39)
    meters = f"{n} * {page.facts['height in m']}"
    question = ask(stream, "climbs", n=n, title=page.title)
    steps = ((look_up(page.title),), (compute(meters),))
    return Scenario(f"climbs {page.title} {n}", question, steps, calculator(meters))


def read_book(stream: RowStream) -> Scenario:
    page, n = stream.pick(entities("book")), stream.between(5, 60)
    left = f"{page.facts['pages']} - {n}"
    question = ask(stream, "read_book", n=n, title=page.title)
    steps = ((look_up(page.title),), (compute(left),))
    return Scenario(f"reading {page.title} {n}", question, steps, calculator(left))


def invoice(stream: RowStream) -> Scenario:
    name, n, price = stream.pick(FILE_NAMES), stream.between(12, 98), stream.between(103, 989)
    cost = f"{n} * {price}"
    question = ask(stream, "invoice", n=n, name=name)
    steps = ((read(name),), (compute(cost),))
    content = f"invoice {name} {n}"
    return Scenario(content, question, steps, calculator(cost), {name: f"One lamp costs {price}."})


def budget(stream: RowStream) -> Scenario:
    name = stream.pick(FILE_NAMES)
    a, b, c = (stream.between(105, 980) for _ in range(3))
    sum_ = f"{a} + {b} + {c}"
    question = ask(stream, "budget", name=name)
    text = f"rent {a}\nfood {b}\nbooks {c}"
    steps = ((read(name),), (compute(sum_),))
    return Scenario(f"budget {name}", question, steps, calculator(sum_), {name: text})


def program_input(stream: RowStream) -> Scenario:
    name = stream.pick(FILE_NAMES)
    n = stream.between(10**6, 10**8)
    result = sum(map(int, str(n)))
    question = ask(stream, "program_input", name=name)
    steps = ((read(name),), (run(f"print(sum(map(int, str({n}))))", result, n),))
    return Scenario(f"input {name}", question, steps, str(result), {name: f"The number is {n}."})


def sort_file(stream: RowStream) -> Scenario:
    name = stream.pick(FILE_NAMES)
    numbers = [stream.between(100, 989) for _ in range(4)]
    if numbers == sorted(numbers):
        numbers.reverse()
    listed = ", ".join(map(str, numbers))
    result = ", ".join(map(str, sorted(numbers)))
    question = ask(stream, "sort_file", name=name)
    steps = (
        (read(name),),
        (run(f"print(*sorted([{listed}]), sep=', ')", result, *numbers),),
    )
    return Scenario(f"sorting {name}", question, steps, result, {name: listed})


def save_product(stream: RowStream) -> Scenario:
    name, a, b = stream.pick(FILE_NAMES), stream.between(12, 99), stream.between(101, 989)
    result = str(a * b)
    question = ask(stream, "save_product", a=a, b=b, name=name)
    steps = ((compute(f"{a} * {b}"),), (write(name, result),))
    return Scenario(f"saving {name} {a} {b}", question, steps, result)


def save_fact(stream: RowStream) -> Scenario:
    name, page = stream.pick(FILE_NAMES), stream.pick(entities("country"))
    capital = page.facts["capital"]
    question = ask(stream, "save_fact", title=page.title, name=name)
    steps = ((look_up(page.title),), (write(name, capital),))
    return Scenario(f"capital file {name} {page.title}", question, steps, capital)


def save_output(stream: RowStream) -> Scenario:
    name, n = stream.pick(FILE_NAMES), stream.between(33, 900)
    question = ask(stream, "save_output", n=n, name=name)
    steps = ((run(f"print(bin({n})[2:])", f"{n:b}", n),), (write(name, f"{n:b}"),))
    return Scenario(f"binary file {name} {n}", question, steps, f"{n:b}")


def fact_of_named(stream: RowStream) -> Scenario:
    name, page = stream.pick(FILE_NAMES), stream.pick(entities("town"))
    question = ask(stream, "fact_of_named", name=name)
    text = f"{stream.pick(PEOPLE)} travels to {page.title}."
    steps = ((read(name),), (look_up(page.title),))
    return Scenario(f"trip {name}", question, steps, page.facts["population"], {name: text})


def only_file(stream: RowStream) -> Scenario:
    place, name = stream.pick(WORDS), stream.pick(FILE_NAMES)
    code = stream.between(1000, 9999)
    question = ask(stream, "only_file", place=place)
    path = f"{place}/{name}"
    steps = ((list_files(place),), (read(path),))
    files = {path: f"The code is {code}."}
    return Scenario(f"only {place}", question, steps, str(code), files)


def copy_file(stream: RowStream) -> Scenario:
    name, code = stream.pick(FILE_NAMES), stream.between(1000, 9999)
    target = pick_other(stream, FILE_NAMES, name)
    question = ask(stream, "copy_file", name=name, target=target)
    steps = ((read(name),), (write(target, str(code)),))
    return Scenario(f"copy {name} {target}", question, steps, str(code), {name: str(code)})


def capital_population(stream: RowStream) -> Scenario:
    page = stream.pick(entities("country"))
    town = _page(page.facts["capital"])
    question = ask(stream, "capital_population", title=page.title)
    steps = ((look_up(page.title),), (look_up(town.title),))
    content = f"two hops {page.title}"
    return Scenario(content, question, steps, town.facts["population"])


def capital_growth(stream: RowStream) -> Scenario:
    page, n = stream.pick(entities("country")), stream.between(12, 195)
    town = _page(page.facts["capital"])
    sum_ = f"{town.facts['population']} + {n}"
    question = ask(stream, "capital_growth", n=n, title=page.title)
    steps = ((look_up(page.title),), (look_up(town.title),), (compute(sum_),))
    return Scenario(f"growth {page.title} {n}", question, steps, calculator(sum_))


def height_gap(stream: RowStream) -> Scenario:
    low, high = _two(stream, "mountain", "height in m")
    gap = f"{high.facts['height in m']} - {low.facts['height in m']}"
    question = ask(stream, "height_gap", high=high.title, low=low.title)
    steps = ((look_up(high.title), look_up(low.title)), (compute(gap),))
    return Scenario(f"gap {low.title} {high.title}", question, steps, calculator(gap))


def rivers_together(stream: RowStream) -> Scenario:
    one, two = _two(stream, "river", "length in km")
    sum_ = f"{one.facts['length in km']} + {two.facts['length in km']}"
    question = ask(stream, "rivers_together", one=one.title, two=two.title)
    steps = ((look_up(one.title), look_up(two.title)), (compute(sum_),))
    return Scenario(f"rivers {one.title} {two.title}", question, steps, calculator(sum_))


def _page(title: str) -> Page:
    return next(page for page in entities("town") if page.title == title)


def _two(stream: RowStream, kind: str, fact: str) -> tuple[Page, Page]:
    """Two pages, the one with less of the fact first; ties by title."""
    one = stream.pick(entities(kind))
    two = pick_other(stream, entities(kind), one)
    first, second = sorted((one, two), key=lambda page: (int(page.facts[fact]), page.title))
    return first, second


_CALCULATOR, _PYTHON = "calculator", "python_repl"
FAMILIES = tuple(
    Family(make, "sequence", difficulty, tools, rivals)
    for make, difficulty, tools, rivals in (
        (newcomers, "medium", ("web_search", _CALCULATOR), (_PYTHON,)),
        (age_of_town, "medium", ("web_search", _CALCULATOR), (_PYTHON,)),
        (climbs, "medium", ("web_search", _CALCULATOR), (_PYTHON,)),
        (read_book, "medium", ("web_search", _CALCULATOR), (_PYTHON,)),
        (invoice, "medium", ("file_system", _CALCULATOR), (_PYTHON,)),
        (budget, "medium", ("file_system", _CALCULATOR), (_PYTHON,)),
        (program_input, "hard", ("file_system", _PYTHON), (_CALCULATOR,)),
        (sort_file, "hard", ("file_system", _PYTHON), (_CALCULATOR,)),
        (save_product, "medium", (_CALCULATOR, "file_system"), (_PYTHON,)),
        (save_fact, "medium", ("web_search", "file_system"), (_PYTHON,)),
        (save_output, "hard", (_PYTHON, "file_system"), (_CALCULATOR,)),
        (fact_of_named, "medium", ("file_system", "web_search"), ()),
        (only_file, "medium", ("file_system",), (_PYTHON,)),
        (copy_file, "medium", ("file_system",), (_PYTHON,)),
        (capital_population, "medium", ("web_search",), ()),
        (capital_growth, "hard", ("web_search", _CALCULATOR), (_PYTHON,)),
        (height_gap, "hard", ("web_search", _CALCULATOR), (_PYTHON,)),
        (rivers_together, "hard", ("web_search", _CALCULATOR), (_PYTHON,)),
    )
)
