"""BFCL's rules: simple, multiple, parallel and irrelevance, and hostile calls."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mrlm.tasks.tools.bfcl import check_calls, match


def function(name: str, required: list[str], **properties: Any) -> dict[str, Any]:
    """A schema as BFCL writes it."""
    return {
        "name": name,
        "description": name,
        "parameters": {"type": "dict", "properties": properties, "required": required},
    }


AREA = function(
    "area",
    ["base", "height"],
    base={"type": "integer"},
    height={"type": "integer"},
    unit={"type": "string"},
)
TRUTH = [{"area": {"base": [10], "height": [5], "unit": ["cm", ""]}}]
WEATHER = function(
    "get.weather",
    ["city"],
    city={"type": "string"},
    days={"type": "integer"},
    exact={"type": "boolean"},
    factor={"type": "float"},
    places={"type": "array", "items": {"type": "string"}},
    point={"type": "tuple", "items": {"type": "float"}},
    filter={"type": "dict"},
    rules={"type": "array", "items": {"type": "dict"}},
    anything={"type": "any"},
)


def test_simple() -> None:
    assert check_calls([{"area": {"base": 10, "height": 5}}], [AREA], TRUTH)
    assert check_calls([{"area": {"base": 10, "height": 5, "unit": "CM"}}], [AREA], TRUTH)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ({"areas": {"base": 10, "height": 5}}, "wrong_function"),
        ({"area": {"base": 10}}, "missing_required"),
        ({"area": {"base": 10, "height": 6}}, "value_error"),
        ({"area": {"base": 10, "height": 5, "unit": "m"}}, "value_error"),
        ({"area": {"base": "10", "height": 5}}, "type_error"),
        ({"area": {"base": 10.0, "height": 5}}, "type_error"),
        ({"area": {"base": True, "height": 5}}, "type_error"),
        ({"area": {"base": 10, "height": 5, "color": "red"}}, "unexpected_parameter"),
        ({"area": [10, 5]}, "wrong_arguments"),
        ({"area": {"base": 10, "height": 5}, "other": {}}, "wrong_function"),
        ("area(base=10, height=5)", "wrong_function"),
        (None, "wrong_function"),
        ({}, "wrong_function"),
        ({"name": ["area"], "arguments": {}}, "wrong_function"),
        ({"name": "area", "arguments": "{'base': 10, 'height': 5}"}, "wrong_arguments"),
        ({"name": "area", "arguments": "[" * 100_000}, "wrong_arguments"),
        ({"area": {"base": float("nan"), "height": 5}}, "type_error"),
        ({"area": {"base": 10**5000, "height": 5}}, "value_error"),
    ],
)
def test_wrong_calls(call: Any, error: str) -> None:
    verdict = check_calls([call], [AREA], TRUTH)
    assert not verdict and verdict.error == error and verdict.message


def test_every_form_of_a_call_is_read() -> None:
    arguments = {"base": 10, "height": 5}
    for call in (
        {"area": arguments},
        {"name": "area", "arguments": arguments},
        {"type": "function", "id": "x", "function": {"name": "area", "arguments": arguments}},
        {"function": {"name": "area", "arguments": '{"base": 10, "height": 5}'}},
    ):
        assert check_calls([call], [AREA], TRUTH)
        assert check_calls([call], [{"type": "function", "function": AREA}], TRUTH)


@pytest.mark.parametrize("arguments", [{}, None, "", " ", "null", "{}"])
def test_functions_without_parameters(arguments: Any) -> None:
    for now in (function("now", []), {"name": "now"}, {"name": "now", "parameters": None}):
        assert check_calls([{"name": "now", "arguments": arguments}], [now], [{"now": {}}])
        assert check_calls([{"now": arguments}], [now], [{"now": {}}])
    needed = check_calls([{"name": "area", "arguments": arguments}], [AREA], TRUTH)
    assert not needed


def test_an_optional_parameter_may_only_be_left_out_where_the_truth_says_so() -> None:
    strict = [{"area": {"base": [10], "height": [5], "unit": ["cm"]}}]
    verdict = check_calls([{"area": {"base": 10, "height": 5}}], [AREA], strict)
    assert verdict.error == "missing_optional"
    unknown = [{"area": {"base": [10], "height": [5]}}]
    call = {"area": {"base": 10, "height": 5, "unit": "cm"}}
    assert check_calls([call], [AREA], unknown).error == "unexpected_parameter"


def weather(value: Any, allowed: list[Any], parameter: str) -> bool:
    truth = [{"get.weather": {"city": ["Rome"], parameter: allowed}}]
    return bool(
        check_calls([{"get.weather": {"city": "Rome", parameter: value}}], [WEATHER], truth)
    )


@pytest.mark.parametrize(
    ("parameter", "value", "allowed", "right"),
    [
        ("city", "Rome", ["Rome"], True),
        ("city", "new york, ny", ["New York NY"], True),
        ("city", "New-York", ["New York"], True),
        ("city", "it's", ['it"s'], True),
        ("city", "-", [""], True),  # as in the reference: both are empty once standardised
        ("city", "Romee", ["Rome"], False),
        ("factor", 2, [2.0], True),
        ("factor", 2.0, [2], True),
        ("factor", True, [1.0], False),
        ("factor", float("nan"), [float("nan")], False),
        ("days", 2.0, [2], False),
        ("exact", True, [True], True),
        ("exact", 1, [True], False),
        ("exact", "true", [True], False),
        ("places", ["a", "B"], [["A", "b"]], True),
        ("places", ["b", "a"], [["a", "b"]], False),
        ("places", ["a"], [["a", "b"]], False),
        ("places", ["a", 1], [["a", "1"]], False),
        ("places", "a", [["a"]], False),
        ("point", [1.0, 2.5], [[1.0, 2.5]], True),
        ("point", [1, 2.5], [[1.0, 2.5]], False),  # an integer is a float at the top only
        ("point", [12, 15], [[12.0, 15.0]], False),
        ("point", [12, 15], [[12, 15]], True),
        ("point", [], [""], True),
        ("places", ["a-B"], [["ab"]], True),
        ("places", [["a"]], [[["a"]]], True),
        ("places", [["A"]], [[["a"]]], False),  # texts are standardised one level deep
        ("filter", {"a": {"b": [1]}}, [{"a": [{"b": [1]}]}], True),
        ("filter", {"a": {"b": 1}}, [{"a": [{"b": [1]}]}], False),
        ("filter", {"a": [1, 2]}, [{"a": [[1, 2]]}], True),
        ("filter", {"a": [1, 2]}, [{"a": [1, 2]}], False),
        ("rules", [{"a": "X"}], [[{"a": ["x"]}]], True),
        ("rules", [{"a": "X"}, {}], [[{"a": ["x"]}]], False),
        ("rules", ["x"], [[{"a": ["x"]}]], False),
        ("anything", "A", ["a"], True),
        ("anything", 5.0, [5], False),
        ("point", (1.0, 2.5), [[1.0, 2.5]], True),
        ("filter", {"kind": "Sun"}, [{"kind": ["sun", "rain"]}], True),
        ("filter", {"kind": "snow"}, [{"kind": ["sun", "rain"]}], False),
        ("filter", {}, [{"kind": ["sun", ""]}], True),
        ("filter", {}, [{"kind": ["sun"]}], False),
        ("filter", {"kind": "sun", "x": 1}, [{"kind": ["sun"]}], False),
        ("anything", 5, [5], True),
        ("days", "today_count", ["today_count"], True),  # a variable in the truth
        ("days", "other", ["today_count"], False),
    ],
)
def test_values(parameter: str, value: Any, allowed: list[Any], right: bool) -> None:
    if parameter == "city":
        truth = [{"get.weather": {"city": allowed}}]
        found = bool(check_calls([{"get.weather": {"city": value}}], [WEATHER], truth))
    else:
        found = weather(value, allowed, parameter)
    assert found is right


def test_dots_in_names_may_be_underscores() -> None:
    assert check_calls(
        [{"get_weather": {"city": "Rome"}}], [WEATHER], [{"get.weather": {"city": ["Rome"]}}]
    )


def test_multiple_functions_on_offer() -> None:
    functions = [WEATHER, AREA]
    assert check_calls([{"area": {"base": 10, "height": 5}}], functions, TRUTH)
    assert not check_calls([{"get.weather": {"city": "Rome"}}], functions, TRUTH)


def test_parallel_calls_come_in_any_order_and_none_twice() -> None:
    truth = [
        {"area": {"base": [1], "height": [1]}},
        {"area": {"base": [2], "height": [2]}},
        {"get.weather": {"city": ["Rome"]}},
    ]
    calls: list[Any] = [
        {"area": {"base": 1, "height": 1}},
        {"area": {"base": 2, "height": 2}},
        {"get.weather": {"city": "Rome"}},
    ]
    functions = [AREA, WEATHER]
    for order in itertools.permutations(calls):
        assert check_calls(list(order), functions, truth)
    assert check_calls(calls[:2], functions, truth).error == "wrong_count"
    assert check_calls([*calls, calls[0]], functions, truth).error == "wrong_count"
    assert check_calls([calls[0], *calls[::2]], functions, truth).error == "cannot_match_calls"


def test_matching_is_perfect_where_greed_would_fail() -> None:
    truth = [
        {"area": {"base": [1, 2], "height": [1]}},
        {"area": {"base": [1], "height": [1]}},
    ]
    calls = [{"area": {"base": 1, "height": 1}}, {"area": {"base": 2, "height": 1}}]
    assert check_calls(calls, [AREA], truth)


def test_irrelevance() -> None:
    assert check_calls([], [AREA], [])
    assert check_calls([{"area": {"base": 1, "height": 1}}], [AREA], []).error == "wrong_count"


def test_a_truth_about_another_function_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="'volume', which is not among"):
        check_calls([{"area": {}}], [AREA], [{"volume": {}}])


def test_match_against_brute_force() -> None:
    for size in (1, 2, 3):
        for bits in itertools.product([False, True], repeat=size * (size + 1)):
            table = [list(bits[i * (size + 1) : (i + 1) * (size + 1)]) for i in range(size)]
            possible = any(
                all(table[i][column] for i, column in enumerate(columns))
                for columns in itertools.permutations(range(size + 1), size)
            )
            found = match(table)
            assert (found is not None) == possible
            if found is not None:
                assert len(set(found)) == size
                assert all(table[i][column] for i, column in enumerate(found))


def test_deep_and_long_values_are_quick() -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    call = {"get.weather": {"city": "Rome", "places": deep, "filter": {"a": deep}}}
    truth = [{"get.weather": {"city": ["Rome"], "places": [["a"]], "filter": [{"a": [deep]}]}}]
    assert not check_calls([call], [WEATHER], truth)
    assert not check_calls(
        [{"get.weather": {"city": "x" * 10**6}}], [WEATHER], [{"get.weather": {"city": ["Rome"]}}]
    )
