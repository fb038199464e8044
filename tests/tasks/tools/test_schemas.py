"""Schemas equal transformers', and arguments are checked against them."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from processor_time import processor_time
from transformers.utils import get_json_schema

from mrlm.tasks.tools import builtin
from mrlm.tasks.tools.environment import TOOL_NAMES, make_environment
from mrlm.tasks.tools.schemas import check_arguments, json_schema


def sample(
    name: str,
    count: int,
    share: float,
    yes: bool,
    mode: Literal["a", "b"],
    numbers: list[int],
    table: dict[str, float],
    extra: str = "",
) -> str:
    """Do something.

    It takes two paragraphs to say what.

    Args:
        name: A name.
        count: A count
            that goes on.
        share: A share.
        yes: Whether.
        mode: How.
        numbers: Some numbers.
        table: A table.
        extra: More: with a colon.

    Returns:
        A text.

    Raises:
        ValueError: Never.
    """
    return name


SCHEMA = json_schema(sample)
RIGHT: dict[str, Any] = {
    "name": "n",
    "count": 1,
    "share": 0.5,
    "yes": True,
    "mode": "a",
    "numbers": [1, 2],
    "table": {"x": 1, "y": 2.5},
}


@pytest.mark.parametrize("name", TOOL_NAMES)
def test_the_tools_schemas_are_transformers(name: str) -> None:
    function = getattr(builtin, name)
    assert json_schema(function) == get_json_schema(function)
    assert get_json_schema(getattr(make_environment(), name)) == get_json_schema(function)


def test_a_rich_schema_is_transformers() -> None:
    assert json_schema(sample) == get_json_schema(sample)


def test_what_the_model_could_not_read_is_refused() -> None:
    def bare(x: int) -> int:
        """No arguments described."""
        return x

    def odd(x: set) -> int:  # type: ignore[type-arg]
        """Odd.

        Args:
            x: A set.
        """
        return len(x)

    with pytest.raises(ValueError, match="'x' needs a type hint"):
        json_schema(bare)
    with pytest.raises(ValueError, match="not covered"):
        json_schema(odd)


def test_right_arguments_pass() -> None:
    assert check_arguments(RIGHT, SCHEMA) == []
    assert check_arguments(RIGHT | {"share": 1, "extra": "e"}, SCHEMA) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": True}, "count must be integer, got True"),
        ({"count": 1.0}, "count must be integer, got 1.0"),
        ({"count": "1"}, "count must be integer, got '1'"),
        ({"count": None}, "count must be integer, got None"),
        ({"count": [1]}, "got an array of 1"),
        ({"share": float("nan")}, "share must be number, got nan"),
        ({"share": float("inf")}, "share must be number, got inf"),
        ({"share": True}, "share must be number, got True"),
        ({"yes": 1}, "yes must be boolean, got 1"),
        ({"yes": "true"}, "yes must be boolean"),
        ({"mode": "c"}, "mode must be one of 'a', 'b', got 'c'"),
        ({"mode": ["a"]}, "mode must be one of 'a', 'b'"),
        ({"name": {"a": 1}}, "name must be string, got an object of 1"),
        ({"numbers": [1, "2"]}, "numbers[1] must be integer, got '2'"),
        ({"numbers": "12"}, "numbers must be array"),
        ({"table": {"x": "y"}}, "table['x'] must be number, got 'y'"),
        ({"more": 1}, "unknown argument 'more'; allowed: name, count"),
        ({"self": 1}, "unknown argument 'self'"),
    ],
)
def test_wrong_arguments_are_told(change: dict[str, Any], message: str) -> None:
    problems = check_arguments(RIGHT | change, SCHEMA)
    assert len(problems) == 1 and message in problems[0]


def test_missing_arguments_are_told() -> None:
    (problem,) = check_arguments({k: v for k, v in RIGHT.items() if k != "mode"}, SCHEMA)
    assert problem == "missing argument 'mode' (one of 'a', 'b')"


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        5,
        "x",
        [],
        [["a"]],
        True,
        float("nan"),
        {"name": "x" * 1_000_000},
        {"count": 10**5000},
        {"x" * 1_000_000: 1},
        {"numbers": _deep(900)},
        {"table": {"x" * 10**6: "y" * 10**6}},
        {"numbers": ["x"] * 1_000_000},
        {str(i): i for i in range(1000)},
        {"\ud800": "\ud800"},
        json.loads('{"count": NaN, "share": -Infinity}'),
    ],
)
def test_nothing_hangs_or_breaks_the_check(hostile: Any) -> None:
    with processor_time(at_most=0.5):
        problems = check_arguments(hostile, SCHEMA)
    assert problems
    assert all(len(problem) < 400 for problem in problems)


def test_what_transformers_may_write_is_understood() -> None:
    def wide(x: int | str, y: list[int] | None = None, z: int | list[int] = 1) -> str:
        """Wide.

        Args:
            x: One or the other.
            y: Or nothing.
            z: One or many.
        """
        return str(x)

    schema = get_json_schema(wide)
    assert check_arguments({"x": 1}, schema) == check_arguments({"x": "a"}, schema) == []
    assert check_arguments({"x": 1, "y": None, "z": [1]}, schema) == []
    assert check_arguments({"x": 1.5}, schema) and check_arguments({"x": 1, "z": "a"}, schema)
