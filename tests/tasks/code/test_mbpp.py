from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data import load_user_dataset
from mrlm.errors import DatasetError
from mrlm.tasks.code import TASK
from mrlm.tasks.code.mbpp import load_mbpp
from mrlm.tasks.code.reward import code_reward

FULL = {
    "task_id": 2,
    "text": "Write a function to find the shared elements of two lists.",
    "code": "import re\r\ndef shared(a, b):\r\n\treturn tuple(sorted(set(a) & set(b)))",
    "test_list": [
        "assert shared((3, 4, 5),(5, 7, 4)) == (4, 5)",
        "assert set(shared([1], [1])) == set([1])",
    ],
    "test_setup_code": "",
    "challenge_test_list": ["assert shared((), ()) == ()"],
}
SANITIZED = {
    "task_id": 3,
    "prompt": "Write a python function to identify non-prime numbers.",
    "code": "import math\ndef is_not_prime(n):\n    return any(n % i == 0 for i in range(2, n))",
    "test_imports": ["import math"],
    "test_list": ["assert is_not_prime(2) == False", "assert is_not_prime(int(math.sqrt(100)))"],
}


def _write(path: Path, *lines: object) -> Path:
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{line}\n" for line in text))
    return path


def test_rows_of_both_schemas(tmp_path: Path) -> None:
    _write(tmp_path / "test.jsonl", FULL, SANITIZED)
    dataset = load_mbpp("test", tmp_path)
    assert dataset.features == TASK.build_dataset(0, 0, "train").features
    assert dataset["function_name"] == ["shared", "is_not_prime"]
    assert dataset["family"] == ["MBPP/2", "MBPP/3"]
    assert dataset[0]["signature"] == "def shared(a, b):"
    assert dataset[0]["test_cases"] == [{"input": "(3, 4, 5), (5, 7, 4)", "output": "(4, 5)"}]
    content = dataset[0]["prompt"][0]["content"]
    assert FULL["test_list"][0] in content and "set([1])" not in content
    columns = {n: dataset[n] for n in ("function_name", "hidden_tests", "suite", "setup")}
    assert code_reward(list(dataset["solution"]), **columns) == [1.0, 1.0]
    wrong = ["def shared(a, b):\n    return (4, 5)", "def is_not_prime(n):\n    return False"]
    assert code_reward(wrong, **columns) == [0.0, 0.0]
    assert TASK.score(dataset[1]["solution"], dataset[1]) == 1.0


# In the form of the published ``sanitized-mbpp.json``: the kinds of solutions and tests in it.
KINDS: list[tuple[str, list[str], list[str]]] = [
    ("def f(x):\n    return x + 1", ["assert f(1) == 2", "assert f(2) == 3"], []),
    (
        "import re\ndef f(s):\n    return re.match('a', s)",
        ["assert f('ab')", "assert not f('b')"],
        [],
    ),
    (
        "import math\ndef f(r):\n    return math.pi * r",
        ["assert math.isclose(f(1), 3.141592653589793, rel_tol=0.001)"],
        ["import math"],
    ),
    ("def f(xs):\n    return [*map(abs, xs)]", ["assert list(f([-1])) == [1]"], []),
    ("def f(xs):\n    return map(abs, xs)", ["assert list(f([-1])) == [1]"], []),
    (
        "def f(xs):\n    return set(xs)",
        ["assert f([1, 1]) == set([1])", "assert set(f([2])) == {2}"],
        [],
    ),
    ("def f(x):\n    return x / 2", ["assert f(12) == 6", "assert f(1)==0.5"], []),
    ("def f(x):\n    return x % 2 == 0 and 1 or 0", ["assert f(2) == True"], []),
    ("def check(n):\n    return n == 70", ["assert check(70) == True"], []),
    ("def candidate(n):\n    return n", ["assert candidate(7) == 7"], []),
    ("def g(x):\n    return x\ndef f(x):\n    return g(x) * 2", ["assert f(1) == 2"], []),
    ("f = lambda x: x * 2", ["assert f(1) == 2", "assert (f(2)) == 4"], []),
    (
        "class Pair(object):\n    def __init__(self, a, b):\n        self.a, self.b = a, b\n"
        "def longest(arr, n):\n    return len([p for p in arr if p.a < p.b]) + n",
        ["assert longest([Pair(5, 24), Pair(50, 4)], 2) == 3"],
        [],
    ),
    (
        "from collections import defaultdict\ndef f(xs):\n    d = defaultdict(list)\n"
        "    for k, v in xs: d[k].append(v)\n    return d",
        ["assert f([('a', 1)]) == {'a': [1]}"],
        [],
    ),
    (
        "from collections import Counter\ndef f(s):\n    return Counter(s)",
        ["assert f('aab') == {'a': 2, 'b': 1}", "assert f('aab')['a'] == 2"],
        ["from collections import Counter"],
    ),
    ("def f(x):\n    return 2 ** x", ["assert f(20000) == 2 ** 20000"], []),
    ("import sys\ndef f(x):\n    return sys.getsizeof(x) > 0", ["assert f((1, 2)) == True"], []),
    ("def f(s):\n    return s.split('\\n')", ["assert f('a\\nb') == ['a', 'b']"], []),
    ("def f(x):\n\treturn x", ["assert f('\\t') == '\\t'", 'assert f(1)==1 , "message"'], []),
    ("def f(x):\n    return (x,)", ["assert f(1)==(1,)", "assert f(f(1)) == ((1,),)"], []),
]


def _sanitized() -> list[dict[str, Any]]:
    return [
        {
            "source_file": "Benchmark Questions Verification V2.ipynb",
            "task_id": index,
            "prompt": f"Write function {index}.",
            "code": code,
            "test_imports": imports,
            "test_list": tests,
        }
        for index, (code, tests, imports) in enumerate(KINDS)
    ]


def test_the_published_file_of_the_sanitized_version(tmp_path: Path) -> None:
    """It is one JSON list; every kind of its rows is judged as Python judges it."""
    file = tmp_path / "sanitized-mbpp.json"
    file.write_text(json.dumps(_sanitized(), indent=2))
    columns = ["description=prompt", "solution=code", "tests=test_list", "setup=test_imports"]
    for dataset in (load_mbpp("test", file), load_user_dataset(str(file), TASK, columns)):
        kept = {n: dataset[n] for n in ("function_name", "hidden_tests", "suite", "setup")}
        rewards = code_reward(list(dataset["solution"]), **kept)
        wrong = [
            row["code"] for row, paid in zip(_sanitized(), rewards, strict=True) if paid != 1.0
        ]
        assert wrong == []
        stubs = [f"def {name}(*_): return b'?'" for name in dataset["function_name"]]
        rewards = code_reward(stubs, **kept)
        assert rewards == [0.0] * len(KINDS)
    (tmp_path / "test.json").write_text(file.read_text())
    assert len(load_mbpp("test", tmp_path)) == len(KINDS)


def test_a_configuration_of_the_hub_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
        asked.append((*arguments, options["split"]))
        return _sanitized()

    monkeypatch.setattr("datasets.load_dataset", load)
    assert len(load_mbpp("train", config="sanitized")) == len(KINDS)
    load_mbpp("train")
    name = "google-research-datasets/mbpp"
    assert asked == [(name, "sanitized", "train"), (name, "full", "train")]
    with pytest.raises(ValueError, match="config is 'small'; choose one of full, sanitized"):
        load_mbpp("train", config="small")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"text": "Add.", "test_list": []}, "row 1, column 'code': expected text"),
        (FULL | {"text": " "}, "row 1, column 'text'"),
        (FULL | {"test_list": [], "challenge_test_list": []}, "row 1, column 'test_list'"),
        (FULL | {"test_list": ["assert other(1) == 2"]}, "a function that the column 'code'"),
        (FULL | {"test_list": ["assert ("]}, "row 1, column 'test_list'"),
        (FULL | {"test_list": [3]}, "row 1, column 'test_list'"),
        (FULL | {"code": "def shared(:"}, "row 1, column 'test_list'"),
        (["text"], "row 1, column 'text'"),
        ("{broken", "row 1: not a JSON object"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, bad: object, message: str) -> None:
    file = _write(tmp_path / "train.jsonl", FULL, bad)
    with pytest.raises(DatasetError, match=message) as caught:
        load_mbpp("train", file)
    assert str(file) in str(caught.value)


def test_missing_files_and_splits(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"test\.jsonl"):
        load_mbpp("test", tmp_path)
    with pytest.raises(ValueError, match="split is 'dev'; choose one of train, validation"):
        load_mbpp("dev", tmp_path)


def test_without_network_the_error_tells_what_to_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setattr("datasets.load_dataset", unreachable)
    with pytest.raises(DatasetError, match="pass path= to JSON lines"):
        load_mbpp("test")
