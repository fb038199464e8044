"""Code problems in the shapes of public data sets, and what their tests mean."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from mrlm.data import load_user_dataset
from mrlm.errors import ColumnError
from mrlm.tasks import TASKS
from mrlm.tasks.code.reward import code_reward
from mrlm.tasks.code.user_rows import USER_ROWS

ADD = "def add(a, b):\n    return a + b\n"


def build(**row: Any) -> dict[str, Any]:
    return USER_ROWS.build({"description": "Do it."} | row)


def score(row: dict[str, Any], code: str) -> float | None:
    return code_reward.score(f"```python\n{code}\n```", row)


# Each: the solution, what is called, and an assert that Python finds true.
TRUE_ASSERTS = [
    ("def f(x): return 6.0", "assert f(1) == 6"),
    ("def f(x): return 1", "assert f(1) == True"),
    ("def f(x): return True", "assert f(1) == 1"),
    ("import re\ndef f(x): return re.search('a', x)", "assert f('cat')"),
    ("import re\ndef f(x): return re.search('a', x)", "assert not f('dog')"),
    ("import re\ndef f(x): return re.search('a', x)", "assert f('cat').group() == 'a'"),
    ("import re\ndef f(x): return re.search('a', x)", "assert f('cat') is not None"),
    ("def f(x):\n    yield from range(x)", "assert list(f(3)) == [0, 1, 2]"),
    ("def f(x):\n    while True: yield x", "assert next(f(3)) == 3"),
    ("def f(x): return map(str, range(x))", "assert list(f(2)) == ['0', '1']"),
    ("def f(x): return (c for c in x)", "assert tuple(f('ab')) == ('a', 'b')"),
    ("def f(x): return zip(x, x)", "assert dict(f('ab')) == {'a': 'a', 'b': 'b'}"),
    ("def f(x): return range(x)", "assert f(3) == range(3)"),
    ("def f(x): return range(x)", "assert list(f(3)) == [0, 1, 2] and len(f(3)) == 3"),
    ("def f(x): return {x: 1}.keys()", "assert f(3) == {3}"),
    ("def f(x): return {x: 1}.values()", "assert list(f(3)) == [1] and 1 in f(3)"),
    ("def f(x): return {x: 1}.items()", "assert sorted(f(3)) == [(3, 1)]"),
    ("from collections import deque\ndef f(x): return deque([x])", "assert list(f(3)) == [3]"),
    (
        "from collections import deque\ndef f(x): return deque([x], 2)",
        "from collections import deque\nassert f(3) == deque([3]) and f(3).maxlen == 2",
    ),
    (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(x): return P(x, 2)",
        "assert f(1) == (1, 2) and f(1).y == 2 and f(1)[0] == 1",
    ),
    ("from fractions import Fraction\ndef f(x): return Fraction(x, 4)", "assert f(2) == 0.5"),
    (
        "from fractions import Fraction\ndef f(x): return Fraction(x, 3)",
        "from fractions import Fraction\nassert f(2) == Fraction(2, 3) and f(2).numerator == 2",
    ),
    (
        "from decimal import Decimal\ndef f(x): return Decimal(x) / 10",
        "from decimal import Decimal\nassert f(3) == Decimal('0.3')",
    ),
    ("import datetime\ndef f(x): return datetime.date(x, 1, 2)", "assert f(2020).day == 2"),
    ("import datetime\ndef f(x): return datetime.datetime(x, 1, 2)", "assert f(2020).hour == 0"),
    ("def f(x): return bytearray(x)", "assert f(b'a') == bytearray(b'a')"),
    ("def f(x): return 10 ** x", f"assert f(5000) == 1{'0' * 5000}"),
    ("def f(x): return str(10 ** x)", "assert len(f(5000)) == 5001"),
    ("import enum\nclass E(enum.IntEnum):\n    A = 3\ndef f(x): return E(x)", "assert f(3) == 3"),
    ("class L(list): pass\ndef f(x): return L(x)", "assert f([1]) == [1]"),
    ("def f(x): return lambda y: x + y", "assert f(2)(3) == 5"),
    (
        "class P:\n    def __init__(self, x): self.x = x\ndef f(x): return P(x)",
        "p = f(3)\np.x += 1\nassert p.x == 4",
    ),
    (
        "def f(x): raise KeyError(x)",
        "try:\n    f(1)\nexcept KeyError as e:\n    a = e.args\nassert a == (1,)",
    ),
    ("def f(x): return float('nan')", "assert f(1) != f(1)"),
    ("def f(*xs, k=0): return [*xs, k]", "assert f(*[1, 2], k=3) == [1, 2, 3]"),
    ("f = lambda x: x", "assert f('a\\n') == '''a\n'''"),
]


@pytest.mark.parametrize(("code", "test"), TRUE_ASSERTS)
def test_asserts_mean_what_python_means(code: str, test: str) -> None:
    namespace: dict[str, Any] = {}
    if "5000" not in test:  # which needs Python's limit on digits off
        exec(f"{code}\n{test}", namespace)  # the test is right itself
    row = build(tests=[test], function_name="f")
    assert score(row, code) == 1.0
    assert score(row, "def f(*args, **kwargs): raise OSError") == 0.0


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    def __eq__(self, other): return True\ndef f(x): return A()",
        "class A:\n    def __contains__(self, other): return True\ndef f(x): return A()",
        "class A:\n    __sub__ = __rsub__ = __abs__ = lambda *a: 0\ndef f(x): return A()",
        "class A:\n    __lt__ = __gt__ = __le__ = __ge__ = lambda *a: True\ndef f(x): return A()",
        "class A:\n    def __getattr__(self, name): return lambda *a: True\ndef f(x): return A()",
        "class A(int):\n    def __eq__(self, other): return True\ndef f(x): return A(1)",
        "class A(list):\n    def __iter__(self): return iter([4])\ndef f(x): return A([1])",
        "class A:\n    __float__ = __index__ = __int__ = lambda s: 4\ndef f(x): return A()",
        "def f(x):\n    while True: yield 1",
        "def f(x):\n    yield 1\n    raise StopIteration",
        "class A:\n    def __iter__(self): raise StopIteration\ndef f(x): return A()",
        "def f(x): return iter(lambda: 1, 2)",
    ],
)
@pytest.mark.parametrize(
    "test",
    [
        "assert f(2) == 4",
        "assert 4 in f(2) and len(f(2)) == 1",
        "assert abs(f(2) - 4) < 1e-9",
        "assert 3 < f(2) < 5",
        "assert f(2) in (4, 4.0)",
        "import math\nassert math.isclose(f(2), 4)",
        "assert [*zip(f(2), range(9))] == [(4, 0)]",
    ],
)
def test_an_object_that_claims_to_be_right_is_not(code: str, test: str) -> None:
    row = build(tests=[test], function_name="f")
    reward = code_reward.score(f"```python\n{code}\n```", row)
    assert reward == 0.0


def test_setup_reaches_the_tests() -> None:
    tests = ["assert math.isclose(add(0.1, 0.2), 0.3)"]
    for setup in ("import math", ["import math", "import sys"]):
        row = build(tests=tests, solution=ADD, setup=setup)
        assert score(row, ADD) == 1.0
        assert score(row, "def add(a, b): return a") == 0.0
        assert score(row, "def add(a, b): return math.fsum([a, b])") == 1.0


@pytest.mark.parametrize("name", ["check", "candidate", "test_it", "solve", "test", "main", "ask"])
def test_any_name_can_be_asked_for(name: str) -> None:
    code = f"def {name}(x):\n    return x + 1\n"
    tests = [f"assert {name}(1) == 2", f"assert {name}(2) == 3"]
    text = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 6\n"
    pairs = [{"input": "1", "output": "2"}, {"input": "4", "output": "5"}]
    for given in (tests, text, pairs):
        row = build(tests=given, solution=code)
        if given is text:
            row = build(tests=given, function_name=name)
        assert row["function_name"] == name
        assert score(row, code) == 1.0
        assert score(row, f"def {name}(x):\n    return 2\n") == 0.0


@pytest.mark.parametrize(
    ("output", "returned", "lenient", "exact"),
    [
        ("6", "6.0", 1.0, 0.0),
        ("True", "1", 1.0, 0.0),
        ("[1, 2]", "(x for x in [1, 2])", 1.0, 0.0),
        ("[1, 2]", "(1, 2)", 0.0, 0.0),
        ("[0, 1]", "range(2)", 1.0, 0.0),
        ("(1, 2)", "(1, 2)", 1.0, 1.0),
        ("0.5", "__import__('fractions').Fraction(1, 2)", 1.0, 0.0),
        ("3", "3", 1.0, 1.0),
        ("3", "4", 0.0, 0.0),
        ("[1]", "iter([1, 2])", 0.0, 0.0),
        ("{1: [2.0]}", "{1: [2]}", 1.0, 0.0),
        ("'3'", "3", 0.0, 0.0),
        ("nan", "float('nan')", 1.0, 1.0),
        ("1" + "0" * 5000, "10 ** 5000", 1.0, 1.0),
    ],
)
def test_exact_types_only_where_rows_ask(
    output: str, returned: str, lenient: float, exact: float
) -> None:
    tests = [{"input": "1", "output": output}]
    code = f"def f(x):\n    return {returned}"
    assert score(build(tests=tests, function_name="f"), code) == lenient
    assert score(build(tests=tests, function_name="f", exact_types=True), code) == exact


def test_tolerance_of_returned_floats() -> None:
    tests = [{"input": "1", "output": "0.3333"}]
    code = "def f(x):\n    return [1 / 3][0]"
    assert score(build(tests=tests, function_name="f"), code) == 0.0
    assert score(build(tests=tests, function_name="f", tolerance=1e-3), code) == 1.0
    assert (
        score(build(tests=tests, function_name="f", tolerance="1e-3", exact_types=True), code)
        == 1.0
    )


SQUARE = "print(int(input()) ** 2)"
APPS = {"inputs": ["3\n", "4\n"], "outputs": ["9\n", "16\n"]}


@pytest.mark.parametrize(
    "tests",
    [
        [{"input": "3", "output": "9"}, {"input": "4", "output": "16"}],
        APPS,
        json.dumps(APPS),
        {"inputs": [["3"], ["4"]], "outputs": [["9"], ["16"]]},
        {"ground_truth": json.dumps(APPS)},
        json.dumps(
            [{"input": n, "output": s, "testtype": "stdin"} for n, s in ("39", ("4", "16"))]
        ),
    ],
)
def test_programs(tests: Any) -> None:
    row = build(tests=tests, solution=SQUARE)
    assert row["comparison"] == "output" and row["function_name"] == ""
    assert "reads standard input" in row["prompt"][0]["content"]
    assert "Input:\n3\n\nOutput:\n9" in row["prompt"][0]["content"]
    assert code_reward.score(row["solution"], row) == 1.0
    assert score(row, f"{SQUARE}\n```\nOutput:\n```\n9") == 1.0
    assert score(row, "print(9)") == score(row, "def f(x): return 9") == 0.0
    assert TASKS["code"].score(row["solution"], row) == 1.0


def test_what_is_a_program_and_what_is_a_call() -> None:
    numbers = [{"input": "3", "output": "9"}]
    assert build(tests=numbers)["comparison"] == "output"
    assert (
        build(tests=numbers, solution="def main():\n    print(int(input())**2)\nmain()")[
            "comparison"
        ]
        == "output"
    )
    assert build(tests=numbers, solution="def sq(x): return x * x")["function_name"] == "sq"
    assert build(tests=numbers, function_name="sq")["comparison"] == "equal"
    words = [{"input": "3 4\nab", "output": "ok"}]
    assert build(tests=words)["comparison"] == "output"
    with pytest.raises(ColumnError):
        build(tests=words, function_name="f")


@pytest.mark.parametrize(
    ("printed", "expected", "tolerance", "paid"),
    [
        ("0.33333334", "0.33333333", None, 1.0),
        ("0.33", "0.33333333", None, 0.0),
        ("0.33", "0.33333333", 0.02, 1.0),
        ("0.33333334", "0.33333333", 0, 0.0),
        ("2", "2.0", None, 1.0),
        ("2.0", "2", None, 0.0),
        ("1000001", "1000000", None, 0.0),
        ("1e3 x", "1000.0 x", None, 1.0),
        ("nan", "1.5", None, 0.0),
        ("inf", "1e999", None, 0.0),
        ("YES 1.0000001", "YES 1.0", None, 1.0),
        ("NO 1.0", "YES 1.0", None, 0.0),
        ("1.0 2.0", "1.0", None, 0.0),
        ("1_0.0", "10.0", None, 0.0),
    ],
)
def test_printed_floats(printed: str, expected: str, tolerance: Any, paid: float) -> None:
    row = build(tests=[{"input": "1", "output": expected}], solution=SQUARE, tolerance=tolerance)
    assert score(row, f"input()\nprint('{printed}')") == paid


FUNCTIONAL = {"inputs": [[[2, 7], 9], [[3, 3], 6]], "outputs": [[0, 1], [1, 0]], "fn_name": "two"}
METHOD = "class Solution:\n    def two(self, xs: List[int], t: int) -> List[int]:\n        "
TWO = METHOD + "return [0, 1] if t == 9 else [1, 0]"


def _packed(tests: list[dict[str, str]]) -> str:
    text = json.dumps(tests)
    return base64.b64encode(zlib.compress(pickle.dumps(text))).decode()


@pytest.mark.parametrize("as_json", [False, True])
def test_named_functions_with_inputs_and_outputs(as_json: bool) -> None:
    given: Any = json.dumps(FUNCTIONAL) if as_json else FUNCTIONAL
    row = build(tests=given)
    assert row["function_name"] == "two" and row["comparison"] == "json"
    assert score(row, TWO) == 1.0  # with List, which LeetCode has imported
    assert score(row, "def two(xs, t):\n    return (0, 1) if t == 9 else (1, 0)") == 1.0
    assert score(row, "def two(xs, t):\n    return [0, 1]") == 0.0
    assert score(row, "def other(xs, t):\n    return [0, 1]") == 0.0


def test_lines_of_json_as_verl_and_live_code_bench_have_them() -> None:
    inputs, outputs = ["[2, 7]\n9", "[3, 3]\n6"], ["[0, 1]", "[1, 0]"]
    row = build(tests={"inputs": inputs, "outputs": outputs, "fn_name": "two"})
    assert score(row, TWO) == 1.0
    tests = [
        {"input": i, "output": o, "testtype": "functional"}
        for i, o in zip(inputs, outputs, strict=True)
    ]
    row = build(
        tests=json.dumps(tests[:1]),
        hidden_tests=_packed(tests[1:]),
        function_name=json.dumps({"func_name": "two"}),
        signature="class Solution:\n    def two(self, xs: List[int], t: int) -> List[int]:",
    )
    assert (
        len(row["hidden_tests"]) == 1 and "two([2, 7], 9) == [0, 1]" in row["prompt"][0]["content"]
    )
    assert score(row, TWO) == 1.0
    assert score(row, METHOD + "return [0, 1]") == 0.0


def test_a_pickle_that_runs_code_is_refused() -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (print, ("ran",))

    packed = base64.b64encode(zlib.compress(pickle.dumps(Bomb()))).decode()
    with pytest.raises(ColumnError):
        build(tests=packed, function_name="f")


def test_results_in_a_list_of_one_as_apps_has_them() -> None:
    row = build(tests={"inputs": [[1], [2]], "outputs": [[2], [3]], "fn_name": "inc"})
    assert score(row, "def inc(x): return x + 1") == 1.0
    assert score(row, "def inc(x): return [x + 1]") == 1.0
    assert score(row, "def inc(x): return [[x + 1]]") == 0.0


def test_apps_row() -> None:
    row = USER_ROWS.build(
        {
            "description": "Square it.",
            "tests": json.dumps(APPS),
            "solution": json.dumps([SQUARE, "x"]),
            "signature": "",
        }
    )
    assert code_reward.score(row["solution"], row) == 1.0


@pytest.mark.parametrize("entry", ["Solution().f", "Solution.f", "f"])
def test_entry_points(entry: str) -> None:
    static = "    @staticmethod\n" if entry == "Solution.f" else ""
    arguments = "x" if static else "self, x"
    code = f"class Solution:\n{static}    def f({arguments}):\n        return x + 1\n"
    tests = [{"input": "1", "output": "2"}]
    row = build(tests=tests, function_name=entry, solution=code)
    assert "class Solution:" in row["prompt"][0]["content"]
    assert score(row, code) == 1.0
    assert score(row, code.replace("+", "-")) == 0.0
    assert score(row, "class Solution: pass") == 0.0
    if entry == "Solution().f":
        row = build(tests=["assert Solution().f(1) == 2"], function_name=entry)
        assert score(row, code) == 1.0
        row = build(tests=["assert Solution().f(1) == 2"], solution=code)
        assert row["function_name"] == "Solution" and score(row, code) == 1.0


def test_each_call_has_an_instance_of_its_own() -> None:
    code = (
        "class Solution:\n    n = 0\n    def f(self):\n        self.n += 1\n        return self.n"
    )
    tests = [{"input": "", "output": "1"}] * 3
    assert score(build(tests=tests, function_name="Solution().f"), code) == 1.0


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"tests": []}, "tests"),
        ({"tests": "no tests"}, "tests"),
        ({"tests": "x = 1"}, "tests"),
        ({"tests": ["print(1)"]}, "tests"),
        ({"tests": {"inputs": ["1"], "outputs": []}}, "tests"),
        ({"tests": {"inputs": "1", "outputs": "1"}}, "tests"),
        ({"tests": {"inputs": ["{"], "outputs": ["1"], "fn_name": "f"}}, "tests"),
        ({"tests": [{"input": "1"}]}, "tests"),
        ({"tests": [{"input": 1, "output": 2}], "function_name": "f"}, "tests"),
        ({"tests": ["assert f(1) == 2"]}, "function_name"),
        ({"tests": ["assert f(1) == 2"], "function_name": "f(1)"}, "function_name"),
        ({"tests": ["assert f(1) == 2"], "function_name": "f", "setup": 7}, "setup"),
        (
            {"tests": ["assert f(1) == 2"], "function_name": "f", "solution": "def g(): 0"},
            "solution",
        ),
        ({"tests": [{"input": "1", "output": "2"}], "tolerance": "wide"}, "tolerance"),
        (
            {"tests": [{"input": "1", "output": "2"}], "function_name": "f", "exact_types": 3},
            "exact_types",
        ),
        ({"tests": ["assert 1"], "function_name": "f", "description": ""}, "description"),
    ],
)
def test_what_is_refused(row: dict[str, Any], column: str) -> None:
    with pytest.raises(ColumnError) as caught:
        build(**row)
    assert caught.value.column == column


def test_a_file_of_verls_through_the_loader(tmp_path: Path) -> None:
    truth = json.dumps(APPS)
    row = {
        "prompt": [{"role": "user", "content": "Square."}],
        "reward_model": {"ground_truth": truth},
    }
    file = tmp_path / "verl.jsonl"
    file.write_text(json.dumps(row) + "\n")
    columns = ["description=prompt", "tests=reward_model"]
    (built,) = load_user_dataset(str(file), TASKS["code"], columns)
    assert score(built, SQUARE) == 1.0
    assert built["tolerance"] == 1e-6
