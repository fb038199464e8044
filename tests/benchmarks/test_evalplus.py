"""EvalPlus's tests judge as its own evaluator does, in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import benchmark_files as files
import pytest

from mrlm.benchmarks import load_benchmark
from mrlm.benchmarks.benchmark import UncheckableError
from mrlm.benchmarks.evalplus import input_suite, mbpp_inputs, program_suite
from mrlm.sandbox import Sandbox, SuiteJob


@pytest.fixture(scope="module")
def sandbox() -> Any:
    with Sandbox(1) as sandbox:
        yield sandbox


def passes(sandbox: Sandbox, code: str, suite: str, name: str) -> bool:
    verdict = sandbox.check_many([SuiteJob(code, suite, name)])[0]
    assert verdict.status != "invalid", verdict.message
    return bool(verdict.status == "passed")


def suite(source: str, name: str, *inputs: Any, atol: float = 0, dataset: str = "mbpp") -> str:
    return input_suite(source, name, list(inputs), atol, dataset)


@pytest.mark.parametrize(
    ("wrong", "rows", "name"),
    [
        ("def total(xs):\n    return max(0, sum(xs[:2]))", files.HUMANEVAL_PLUS, "humaneval_plus"),
        (
            "def total(xs):\n    return max(0, sum(xs[:2]))",
            files.HUMANEVAL_PLUS_FILE,
            "humaneval_plus",
        ),
        ("def similar_elements(a, b):\n    return (4,)", files.MBPP_PLUS, "mbpp_plus"),
        ("def similar_elements(a, b):\n    return (4,)", files.MBPP_PLUS_FILE, "mbpp_plus"),
    ],
)
def test_what_the_first_tests_miss_is_found(
    wrong: str, rows: list[dict[str, Any]], name: str, tmp_path: Path
) -> None:
    loaded = load_benchmark(name, files.write(tmp_path / "rows.jsonl", rows))
    assert loaded.task.score(f"```python\n{wrong}\n```", loaded.rows[0]) == 0.0


def test_floats_may_be_off_and_nothing_else(sandbox: Sandbox) -> None:
    third = suite("def f(x):\n    return x / 3", "f", [1.0], [2])
    assert passes(sandbox, "def f(x):\n    return x * (1 / 3)", third, "f")
    assert passes(sandbox, "def f(x):\n    return x / 3 + 1e-7", third, "f")
    assert not passes(sandbox, "def f(x):\n    return x / 3 + 1e-4", third, "f")
    assert not passes(sandbox, "def f(x):\n    return str(x / 3)", third, "f")
    count = suite("def f(x):\n    return x + 1", "f", [1], [2])
    assert not passes(sandbox, "def f(x):\n    return x + 1.0000001", count, "f")
    pair = suite("def f(x):\n    return [x / 3, x]", "f", [1.0])
    assert passes(sandbox, "def f(x):\n    return [x * (1 / 3), x]", pair, "f")
    assert not passes(sandbox, "def f(x):\n    return [x / 3]", pair, "f")
    assert not passes(sandbox, "def f(x):\n    return (x / 3 + 1e-7, x)", pair, "f")


def test_a_reference_that_works_in_place_gets_copies(sandbox: Sandbox) -> None:
    ordered = suite("def f(xs):\n    xs.sort()\n    return xs", "f", [[3, 1, 2]], [[]])
    assert passes(sandbox, "def f(xs):\n    return sorted(xs)", ordered, "f")
    assert not passes(sandbox, "def f(xs):\n    return xs", ordered, "f")


@pytest.mark.parametrize(
    ("name", "reference", "arguments", "right", "wrong"),
    [
        ("find_char_long", "return ['ab', 'cd']", ["x"], "return ['cd', 'ab']", "return ['ab']"),
        ("sum_div", "return 6", [12], "return 0", "return 5"),
        ("check_str", "return True", ["a"], "return 'match'", "return None"),
        ("check_str", "return False", ["a"], "return None", "return True"),
        ("check_str", "import re; return re.match('a', 'ab')", ["a"], "return True", "return None"),
        ("are_equivalent", "return True", [1, 2], "return False", None),
        ("digit_distance_nums", "return 9", [123, 56], "return 1 + 3 + 3", "return 8"),
        ("surface_Area", "return 33", [3, 4], "return 35", "return 36"),
        ("other", "return [1, 2]", [0], "return [1, 2]", "return [2, 1]"),
    ],
)
def test_problems_with_several_right_answers(
    name: str, reference: str, arguments: list[Any], right: str, wrong: str | None, sandbox: Sandbox
) -> None:
    test = suite(f"def {name}(*a):\n    {reference}", name, arguments)
    assert passes(sandbox, f"def {name}(*a):\n    {right}", test, name)
    if wrong is not None:
        assert not passes(sandbox, f"def {name}(*a):\n    {wrong}", test, name)


def test_a_root_is_held_against_the_polynomial(sandbox: Sandbox) -> None:
    """x^2 - 1 has two roots, and any will do."""
    test = suite(
        "def find_zero(xs):\n    return 1.0",
        "find_zero",
        [[-1, 0, 1]],
        atol=1e-4,
        dataset="humaneval",
    )
    assert passes(sandbox, "def find_zero(xs):\n    return -1.0", test, "find_zero")
    assert not passes(sandbox, "def find_zero(xs):\n    return 1.0001", test, "find_zero")


@pytest.mark.parametrize(
    ("source", "seconds"),
    [("def f(x):\n    return 1 / x", 60.0), ("def f(x):\n    return x", -1.0)],
)
def test_a_reference_that_breaks_says_nothing_about_the_code(source: str, seconds: float) -> None:
    from mrlm.tasks.code.reward import code_reward

    test = input_suite(source, "f", [[1], [0]], 0, "mbpp", seconds)
    rewards = code_reward(
        ["```python\ndef f(x):\n    return 0\n```"],
        function_name=["f"],
        hidden_tests=[[]],
        suite=[test],
    )
    assert rewards == [None]


@pytest.mark.parametrize(
    ("number", "given", "meant"),
    [
        ("Mbpp/2", [[1, 2], [2]], [(1, 2), (2,)]),
        ("63", [[[1, 2], [3, 4]]], [[(1, 2), (3, 4)]]),
        ("75", [[[1, 2]], 3], [[(1, 2)], 3]),
        ("106", [[1], [2, 3]], [[1], (2, 3)]),
        ("115", [[[1], [], {}]], [[{1}, {}, {}]]),
        ("124", ["1.5", "2j"], [1.5, 2j]),
        ("252", ["(1+2j)"], [1 + 2j]),
        ("259", [[[1, 2]], [[3, 4]]], [((1, 2),), ((3, 4),)]),
        ("278", [[1, [2, 3]]], [(1, (2, 3))]),
        ("307", [[1, 2], 3, 4], [(1, 2), 3, 4]),
        ("580", [[1, [2, [3]]]], [(1, (2, (3,)))]),
        ("722", [{"a": [1, 2]}, 3], [{"a": (1, 2)}, 3]),
        ("808", [[1, 2], 3], [(1, 2), 3]),
        ("3", [[1, 2]], [[1, 2]]),
        ("", [[1, 2]], [[1, 2]]),
    ],
)
def test_tuples_that_json_made_lists_of_are_tuples_again(
    number: str, given: list[Any], meant: Any
) -> None:
    assert mbpp_inputs(number, [given]) == [meant]


def test_what_cannot_be_a_test_is_told() -> None:
    with pytest.raises(UncheckableError, match="no lists of arguments"):
        input_suite("def f(): pass", "f", [], 0, "mbpp")
    with pytest.raises(UncheckableError, match="not those of MBPP/75"):
        mbpp_inputs("75", [[1]])
    with pytest.raises(UncheckableError, match="characters, over 8,388,608"):
        program_suite(f"{files.MBPP_PLUS[0]['test']}{' ' * (8 << 20)}")
    with pytest.raises(UncheckableError, match="neither check"):
        program_suite("x = 1\n")
