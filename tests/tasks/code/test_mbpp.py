from __future__ import annotations

import json
from pathlib import Path

import pytest

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
