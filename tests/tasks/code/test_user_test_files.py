"""Files of tests as rows have them: pytest, unittest, plain programs."""

from __future__ import annotations

from typing import Any

import pytest

from mrlm.tasks.code.reward import code_reward
from mrlm.tasks.code.user_rows import USER_ROWS

ADD = "def add(a, b):\n    return a + b\n"


def build(**row: Any) -> dict[str, Any]:
    return USER_ROWS.build({"description": "Do it."} | row)


def score(row: dict[str, Any], code: str) -> float | None:
    return code_reward.score(f"```python\n{code}\n```", row)


STACK = """
class Empty(ValueError): pass

class Stack:
    def __init__(self, items=()): self.items = list(items)
    def push(self, x): self.items.append(x); return self
    def pop(self):
        if not self.items: raise Empty("empty")
        return self.items.pop()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __str__(self): return f"Stack({self.items})"
    def __getitem__(self, i): return self.items[i]
"""
PYTEST_FILE = """
import pytest
from solution import Stack, Empty


@pytest.fixture
def stack():
    return Stack([1, 2])


@pytest.fixture()
def three(stack):
    yield stack.push(3)


def test_len(stack):
    assert len(stack) == 2 and list(stack) == [1, 2] and stack[0] == 1


@pytest.mark.parametrize(("x", "n"), [(5, 4), pytest.param(6, 4, id="six")])
@pytest.mark.parametrize("twice", [False, True])
def test_push(three, x, n, twice):
    three.push(x)
    assert len(three) == n
    if twice:
        assert three.pop() == pytest.approx(x + 1e-9)


def test_empty():
    with pytest.raises(ValueError, match="emp") as info:
        Stack().pop()
    assert "empty" in str(info.value)
    with pytest.raises(Empty):
        Stack().pop()


class TestStack:
    def setup_method(self):
        self.stack = Stack()

    def test_str(self):
        assert str(self.stack.push(1)) == "Stack([1])"

    @pytest.mark.parametrize("x", [1, 2])
    def test_pop(self, x):
        assert self.stack.push(x).pop() == x
"""


def test_pytest_files() -> None:
    row = build(tests=PYTEST_FILE, function_name="Stack")
    assert score(row, STACK) == 1.0
    for old, new in [
        ("ValueError", "KeyError"),
        ("'empty'", "'none'"),
        ("append(x)", "insert(0, x)"),
        ("return len(self.items)", "return 2"),
        ("raise Empty", "raise ValueError"),
    ]:
        wrong = STACK.replace('"', "'").replace(old, new)
        assert score(row, wrong) == 0.0, old


@pytest.mark.parametrize(
    "tests",
    [
        "from solution import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
        "import solution\n\ndef test_add():\n    assert solution.add(1, 2) == 3\n",
        "from my.module import add as plus\n\ndef test_add():\n    assert plus(1, 2) == 3\n",
        "from solution import *\n\ndef test_add():\n    assert add(1, 2) == 3\n",
        "def test_add():\n    assert add(1, 2) == 3\n",
        "import unittest\nfrom add import add\n\nclass TestAdd(unittest.TestCase):\n"
        "    def setUp(self):\n        self.x = 1\n"
        "    def test_a(self):\n        self.assertEqual(add(self.x, 2), 3)\n"
        "    def test_b(self):\n        self.assertRaises(TypeError, add, 1, 'a')\n"
        "if __name__ == '__main__':\n    unittest.main()\n",
        "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)\n",
        "import math\nassert add(1, 2) == 3\nx = add(2, 2)\nassert math.isclose(x, 4)\n",
    ],
)
def test_programs_of_tests(tests: str) -> None:
    row = build(tests=tests, function_name="add")
    assert score(row, ADD) == 1.0
    assert score(row, ADD.replace("+", "-")) == 0.0
    assert score(row, "") == score(row, "def plus(a, b): return a + b") == 0.0
    assert build(tests=tests, solution=ADD)["function_name"] == "add"
