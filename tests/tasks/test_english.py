"""The English of generated rows: slips that a rule can find, in many rows of every task.

A rule is a pattern that no text may have. What it must find, and what it must not, stands beside
it, so that a rule cannot die unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from mrlm.tasks.code.problems import generate_rows as code_rows
from mrlm.tasks.debate.dataset import generate_rows as debate_rows
from mrlm.tasks.math.problems import generate_rows as math_rows
from mrlm.tasks.tools.scenarios import generate_rows as tools_rows

GENERATORS = {"math": math_rows, "tools": tools_rows, "code": code_rows, "debate": debate_rows}
NUM_ROWS = {"math": 12_000, "tools": 6_000, "code": 1_500, "debate": 1_500}

# Plurals without an s, as they stand in our texts.
PLURALS = r"(?:\w*[^sui']s|people|children|men|women|mice|geese|feet|teeth|dice|leaves)"
# Words that end in s and are none.
SINGULAR = r"(?:this|is|was|has|plus|less|times|minus|always|does|gas|lens|as|its|bus|class|occurs)"

RULES = {
    "one of many": (
        rf"(?<![\d.,:/^*+-])(?<![-+*/] )\b1 (?!{SINGULAR}\b){PLURALS}\b(?! of)",
        ["1 apples", "has 1 cells die", "1 people came"],
        ["21 apples", "0.1 meters", "1 has", "1 apple", "11 people"],
    ),
    "ordinal": (
        r"(?<![A-Za-z0-9])\d*(?:(?<!1)1(?!st)|(?<!1)2(?!nd)|(?<!1)3(?!rd)|1[123](?!th)"
        r"|[04-9](?!th))"
        r"(?:st|nd|rd|th)(?![A-Za-z0-9])",
        ["every 2th", "the 21th", "the 11st", "every_2th_char", "4rd"],
        ["2nd", "3rd", "21st", "11th", "12th", "113th", "40th", "every_2nd_char"],
    ),
    "a before a vowel": (
        r"\b(?<!letter )[Aa] (?!uni|use|usu|eu|one\b|once\b|(?:and|or|is|in|are|as)\b)[aeiou]\w+",
        ["a apple", "A orange tent"],
        ["a uniform", "an apple", "a one-way", "a user"],
    ),
    "an before a consonant": (
        r"\b[Aa]n (?!hour|hono|heir|[fhlmnrsx]-|[A-Z]{2})[b-df-hj-np-tv-z]\w+",
        ["an baker", "An bus"],
        ["an hour", "an apple", "a bus"],
    ),
    "double space": (r"\S  \S", ["a  b"], ["a b", "\n  indented"]),
    "word twice": (
        r"\b([A-Za-z]+) \1\b(?<!that that)(?<!had had)",
        ["the the cat", "of of"],
        ["that that", "the cat"],
    ),
    "lower case after a full stop": (
        r"(?<=[a-z0-9)]{2}[.?!] )[a-z]",
        ["It is. then", "Sold? what"],
        ["It is. Then", "e.g. this"],
    ),
    "space before a mark": (r"\w [.?!,;](?= [A-Z]|$)", ["now ?", "one , Two"], ["now?", "a .5"]),
    "verb": (
        r"\b(?<!many )(?<!of )(?:they|we|you|people|children|both) "
        r"(?:is|was|has|does|gives|makes)\b"
        r"|(?<!does )(?<!did )(?<!will )\b(?:he|she|it) (?:are|were|have|do)\b",
        ["they is", "it have", "people was"],
        ["they are", "it has", "How many people does it hold?", "one of you is"],
    ),
    "empty slot": (r"[{}]|\bNone\b|,,|\.\.(?!\.)(?<!\.\.\.)", ["{name}", "None of"], ["fine."]),
}


@cache
def _texts(task: str) -> tuple[str, ...]:
    """The prompts and the worked solutions in words."""
    rows = GENERATORS[task](NUM_ROWS[task], 17, "train")
    return tuple(dict.fromkeys(text for row in rows for text in _parts(task, row)))


def _parts(task: str, row: dict[str, object]) -> Iterator[str]:
    if task == "code":
        yield f"{row['description']}\n{row['function_name']}"
        return
    for message in row["prompt"]:  # type: ignore[attr-defined]
        yield message["content"]
    if task in ("math", "debate"):
        yield str(row["solution"])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("task", GENERATORS)
def test_no_slips(task: str, rule: str) -> None:
    pattern = re.compile(RULES[rule][0], re.MULTILINE)
    found = [
        text[max(0, match.start() - 40) : match.end() + 40]
        for text in _texts(task)
        if (match := pattern.search(text))
    ]
    assert not found, (len(found), found[:5])


@pytest.mark.parametrize("rule", RULES)
def test_rules_find_slips_and_nothing_else(rule: str) -> None:
    pattern, wrong, right = RULES[rule]
    assert all(re.search(pattern, text) for text in wrong)
    assert not [text for text in right if re.search(pattern, text)]


@pytest.mark.parametrize("task", ["math", "tools", "debate"])
def test_texts_begin_with_a_capital(task: str) -> None:
    wrong = [text for text in _texts(task) if re.match(r"[a-z]", text)]
    assert not wrong, wrong[:5]
