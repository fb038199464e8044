from __future__ import annotations

from typing import Any

import pytest
from processor_time import processor_time

from mrlm.tasks.code.extraction import MAX_CODE, extract_code

GOOD = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    ("completion", "code"),
    [
        (f"```python\n{GOOD}```", GOOD),
        (f"Sure!\n\n```py\n{GOOD}```\nIt returns x.", GOOD),
        (f"```\n{GOOD}```", GOOD),
        (f"```Python3\n{GOOD}```", GOOD),
        (f"   ```python\n{GOOD}   ```", GOOD),
        (f"~~~python\n{GOOD}~~~", GOOD),
        (f"````python\n{GOOD}````", GOOD),
        (f"```python\r\n{GOOD}```\r\n", GOOD),
        (f"```python title=f.py\n{GOOD}```", GOOD),
        # the last one counts
        (f"```python\ndef f(x): pass\n```\nBetter:\n```python\n{GOOD}```", GOOD),
        (f"```python\n{GOOD}```\n```text\n1\n```", GOOD),
        (f"```json\n{{}}\n```\n```python\n{GOOD}```\n```bash\nls\n```", GOOD),
        # a fence inside a longer one, or of the other kind, is code
        (f"````python\n{GOOD}```\n````", f"{GOOD}```\n"),
        (f'~~~python\ns = """\n```\n"""\n{GOOD}~~~', f's = """\n```\n"""\n{GOOD}'),
        # cut off at the end: used only where nothing is complete
        (f"Here:\n```python\n{GOOD}", GOOD),
        (f"```python\n{GOOD}```\nUsage:\n```python\nprint(f(", GOOD),
        ("```text\nnothing", "```text\nnothing"),
        # no block: the whole text
        (GOOD, GOOD),
        ("f = lambda x: x", "f = lambda x: x"),
        ("I do not know.", "I do not know."),
        # thinking is not an answer
        (f"<think>\n```python\nbad\n```</think>\n```python\n{GOOD}```", GOOD),
        (f"```python\n{GOOD}```</think>", None),
        # nothing
        ("", None),
        (" \n\t", None),
        ("```python\n```", None),
        ("```python", None),
        ("def f():\x00", None),
        ("x = '\ud800'", None),
        (f"```python\n{'x' * (MAX_CODE + 1)}\n```", None),
        ([{"role": "assistant", "content": f"```python\n{GOOD}```"}], GOOD),
        ([{"role": "assistant", "content": [{"type": "text", "text": GOOD}]}], GOOD),
        ([{"role": "assistant", "content": None}], None),
        ([{"role": "user", "content": GOOD}], None),
        ([], None),
    ],
)
def test_the_rule(completion: Any, code: str | None) -> None:
    assert extract_code(completion) == code


MEGABYTE = 10**6
HOSTILE = [
    *("`" * MEGABYTE, "```\n" * 250_000, "```python\n" * 100_000, " " * MEGABYTE, "~" * MEGABYTE),
    *("\n" * MEGABYTE, "   ```" * 160_000, "```" + "x" * MEGABYTE, "```" + "\t" * MEGABYTE),
    *("</think>" * 120_000, "```\n~~~\n" * 120_000, "(" * MEGABYTE, "\ud800" * MEGABYTE),
    *("``` ` " * 160_000, "```" * 300_000 + "`x`", "\u2028```python" * 90_000, "\r" * MEGABYTE),
]


@pytest.mark.parametrize("completion", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_completions_are_cheap(completion: str) -> None:
    with processor_time(at_most=2):
        code = extract_code(completion)
    assert code is None or len(code) <= MAX_CODE
