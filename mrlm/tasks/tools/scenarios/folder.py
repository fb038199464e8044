"""Families for files alone.

What a file holds is left out of a scenario's content: two rows that ask the same are one problem.
"""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.tools.scenarios.family import Family, Scenario, list_files, read, write
from mrlm.tasks.tools.scenarios.wording import ask, words

__all__ = ["FAMILIES", "FILE_NAMES", "PEOPLE", "WORDS"]

PEOPLE = words("person")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_SETTINGS = words("setting")
WORDS = words("word")
FILE_NAMES = tuple(f"{word}.txt" for word in WORDS)


def setting(stream: RowStream) -> Scenario:
    name, wanted = stream.pick(FILE_NAMES), stream.pick(_SETTINGS)
    values = {key: stream.between(10, 9999) for key in _some(stream, _SETTINGS, wanted)}
    text = "\n".join(f"{key} = {value}" for key, value in values.items())
    question = ask(stream, "setting", wanted=wanted, name=name)
    content = f"setting {name} {wanted}"
    return Scenario(content, question, ((read(name),),), str(values[wanted]), {name: text})


def duty(stream: RowStream) -> Scenario:
    name, day = stream.pick(FILE_NAMES), stream.pick(_DAYS)
    people = [stream.pick(PEOPLE) for _ in _DAYS]
    text = "\n".join(f"{a}: {b}" for a, b in zip(_DAYS, people, strict=True))
    question = ask(stream, "duty", day=day, name=name)
    answer = people[_DAYS.index(day)]
    content = f"duty {name} {day}"
    return Scenario(content, question, ((read(name),),), answer, {name: text})


def secret_word(stream: RowStream) -> Scenario:
    name, word, other = stream.pick(FILE_NAMES), stream.pick(WORDS), stream.pick(WORDS)
    text = f"The {other} is ready. The code word is {word}."
    question = ask(stream, "secret_word", name=name)
    content = f"secret {name}"
    return Scenario(content, question, ((read(name),),), word, {name: text})


def phone_number(stream: RowStream) -> Scenario:
    name, person = stream.pick(FILE_NAMES), stream.pick(PEOPLE)
    numbers = {who: stream.between(20000, 99999) for who in _some(stream, PEOPLE, person)}
    text = "\n".join(f"{who} {number}" for who, number in sorted(numbers.items()))
    question = ask(stream, "phone_number", person=person, name=name)
    content = f"phone {name} {person}"
    return Scenario(content, question, ((read(name),),), str(numbers[person]), {name: text})


def count_files(stream: RowStream) -> Scenario:
    place, names = stream.pick(WORDS), _some_files(stream)
    question = ask(stream, "count_files", place=place)
    files = {f"{place}/{name}": "" for name in names}
    steps = ((list_files(place),),)
    return Scenario(f"count {place}", question, steps, str(len(names)), files)


def find_table(stream: RowStream) -> Scenario:
    place, names, table = stream.pick(WORDS), _some_files(stream), f"{stream.pick(WORDS)}.csv"
    question = ask(stream, "find_table", place=place)
    files = {f"{place}/{name}": "" for name in (*names, table)}
    steps = ((list_files(place),),)
    return Scenario(f"table {place}", question, steps, table, files)


def save_note(stream: RowStream) -> Scenario:
    name, a, b = stream.pick(FILE_NAMES), stream.pick(WORDS), stream.pick(WORDS)
    text = f"{a} {b}"
    question = ask(stream, "save_note", text=text, name=name)
    content = f"note {name} {text}"
    return Scenario(content, question, ((write(name, text),),), name)


def _some(stream: RowStream, options: tuple[str, ...], wanted: str) -> list[str]:
    """``wanted`` and two to four others, in the order of ``options``."""
    chosen = {wanted} | {stream.pick(options) for _ in range(stream.between(2, 4))}
    return [option for option in options if option in chosen]


def _some_files(stream: RowStream) -> list[str]:
    """Two to seven distinct names."""
    start, step = stream.below(len(FILE_NAMES)), stream.pick([1, 7, 11, 13])
    count = stream.between(2, 7)
    return [FILE_NAMES[(start + i * step) % len(FILE_NAMES)] for i in range(count)]


FAMILIES = tuple(
    Family(make, "single", difficulty, ("file_system",), ("python_repl",))
    for make, difficulty in (
        (setting, "easy"),
        (duty, "easy"),
        (secret_word, "easy"),
        (phone_number, "easy"),
        (count_files, "medium"),
        (find_table, "medium"),
        (save_note, "easy"),
    )
)
