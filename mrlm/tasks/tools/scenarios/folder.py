"""Families for files alone.

What a file holds is left out of a scenario's content: two rows that ask the same are one problem.
"""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.tools.scenarios.family import Family, Scenario, list_files, read, write

__all__ = ["FAMILIES", "FILE_NAMES", "PEOPLE", "WORDS"]

PEOPLE = ("Alma", "Bruno", "Chloe", "Dario", "Edith", "Felix", "Greta", "Hugo", "Irma", "Jonas")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_SETTINGS = ("port", "timeout", "retries", "width", "height")
WORDS = (
    "amber",
    "anchor",
    "basil",
    "beacon",
    "birch",
    "canyon",
    "cedar",
    "cobalt",
    "comet",
    "coral",
    "delta",
    "ember",
    "falcon",
    "fern",
    "garnet",
    "ginger",
    "glacier",
    "harbor",
    "hazel",
    "heron",
    "indigo",
    "ivory",
    "jasper",
    "juniper",
    "kestrel",
    "lagoon",
    "laurel",
    "lilac",
    "lotus",
    "maple",
    "marble",
    "meadow",
    "mint",
    "nectar",
    "oasis",
    "olive",
    "opal",
    "orchid",
    "otter",
    "pearl",
    "pepper",
    "pine",
    "quartz",
    "raven",
    "reef",
    "saffron",
    "sage",
    "salmon",
    "sierra",
    "sparrow",
    "spruce",
    "summit",
    "thistle",
    "tulip",
    "umber",
    "violet",
    "walnut",
    "willow",
    "yarrow",
    "zephyr",
)
FILE_NAMES = tuple(f"{word}.txt" for word in WORDS)


def setting(stream: RowStream) -> Scenario:
    name, wanted = stream.pick(FILE_NAMES), stream.pick(_SETTINGS)
    values = {key: stream.between(10, 9999) for key in _SETTINGS}
    text = "\n".join(f"{key} = {value}" for key, value in values.items())
    question = stream.pick(["What is the {} in {}?", "Which {} is set in the file {}?"])
    content = f"setting {name} {wanted}"
    return Scenario(
        content, question.format(wanted, name), ((read(name),),), str(values[wanted]), {name: text}
    )


def duty(stream: RowStream) -> Scenario:
    name, day = stream.pick(FILE_NAMES), stream.pick(_DAYS)
    people = [stream.pick(PEOPLE) for _ in _DAYS]
    text = "\n".join(f"{a}: {b}" for a, b in zip(_DAYS, people, strict=True))
    question = stream.pick(["Who is on duty on {} in {}?", "Who has the duty on {}? See {}."])
    answer = people[_DAYS.index(day)]
    content = f"duty {name} {day}"
    return Scenario(content, question.format(day, name), ((read(name),),), answer, {name: text})


def secret_word(stream: RowStream) -> Scenario:
    name, word, other = stream.pick(FILE_NAMES), stream.pick(WORDS), stream.pick(WORDS)
    text = f"The {other} is ready. The code word is {word}."
    question = stream.pick(["What is the code word in {}?", "Which code word does {} hold?"])
    content = f"secret {name}"
    return Scenario(content, question.format(name), ((read(name),),), word, {name: text})


def phone_number(stream: RowStream) -> Scenario:
    name, person = stream.pick(FILE_NAMES), stream.pick(PEOPLE)
    numbers = {who: stream.between(20000, 99999) for who in (*PEOPLE[:3], person)}
    text = "\n".join(f"{who} {number}" for who, number in sorted(numbers.items()))
    question = stream.pick(["What is the number of {} in {}?", "Find the number of {} in {}."])
    content = f"phone {name} {person}"
    return Scenario(
        content,
        question.format(person, name),
        ((read(name),),),
        str(numbers[person]),
        {name: text},
    )


def count_files(stream: RowStream) -> Scenario:
    place, names = stream.pick(WORDS), _some_files(stream)
    question = stream.pick(
        ["How many files are in the folder {}?", "Count the files in the folder {}."]
    )
    files = {f"{place}/{name}": "" for name in names}
    steps = ((list_files(place),),)
    return Scenario(f"count {place}", question.format(place), steps, str(len(names)), files)


def find_table(stream: RowStream) -> Scenario:
    place, names, table = stream.pick(WORDS), _some_files(stream), f"{stream.pick(WORDS)}.csv"
    question = stream.pick(
        ["Which file in the folder {} is a csv file?", "Name the only csv file in the folder {}."]
    )
    files = {f"{place}/{name}": "" for name in (*names, table)}
    steps = ((list_files(place),),)
    return Scenario(f"table {place}", question.format(place), steps, table, files)


def save_note(stream: RowStream) -> Scenario:
    name, a, b = stream.pick(FILE_NAMES), stream.pick(WORDS), stream.pick(WORDS)
    text = f"{a} {b}"
    question = stream.pick(
        [
            "Write '{}' to {} and answer with the file's name.",
            "Save the text '{}' in {}, then give the file's name.",
        ]
    )
    content = f"note {name} {text}"
    return Scenario(content, question.format(text, name), ((write(name, text),),), name)


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
