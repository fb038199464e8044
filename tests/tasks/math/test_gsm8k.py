from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mrlm.errors import DatasetError
from mrlm.tasks.math import TASK
from mrlm.tasks.math.gsm8k import load_gsm8k

ROWS = [
    {
        "question": "Mira packs 6 bags with 7 nuts each. How many nuts is that? ",
        "answer": "Mira packs 6*7=<<6*7=42>>42 nuts.\n#### 42",
    },
    {
        "question": "A mill makes $500 a day. How much in 3 days?",
        "answer": "It makes 3*500=$<<3*500=1500>>1,500.\n#### 1,500",
    },
    {"question": "How cold\u2028is it?", "answer": "#### 0.5"},
    {"question": "It was 2 degrees and fell by 5.", "answer": "2-5=<<2-5=-3>>-3\n#### -3"},
]
REAL = Path(
    os.environ.get("MRLM_GSM8K", Path(__file__).parents[3].parent / "shared" / "data" / "gsm8k")
)


def _write(path: Path, *lines: object) -> Path:
    path.write_text(
        "".join(
            f"{line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)}\n"
            for line in lines
        )
    )
    return path


def test_rows_of_the_schema(tmp_path: Path) -> None:
    _write(tmp_path / "test.jsonl", *ROWS)
    dataset = load_gsm8k("test", tmp_path)
    assert dataset["answer"] == ["42", "1500", "0.5", "-3"]
    first = dataset[0]
    assert first["solution"] == "Mira packs 6*7=42 nuts.\n#### 42"
    assert first["question"] == ROWS[0]["question"].strip()
    assert first["prompt"][0]["content"].startswith(first["question"])
    assert first["id"] == "gsm8k-test-0"
    assert all(TASK.score(row["solution"], row) == 1.0 for row in dataset)
    assert dataset.features == TASK.build_dataset(0, 0, "train").features
    assert load_gsm8k("test", tmp_path / "test.jsonl", answer_format="boxed")[3][
        "solution"
    ].endswith("\\boxed{-3}")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"question": "How many?"}, "row 1, column 'answer': expected text"),
        ({"question": " ", "answer": "#### 1"}, "row 1, column 'question'"),
        ({"question": "How many?", "answer": 3}, "row 1, column 'answer'"),
        ({"question": "How many?", "answer": "3"}, "expected '#### ' and a number"),
        ({"question": "How many?", "answer": "#### several"}, "got '#### several'"),
        (["How many?", "#### 1"], "row 1, column 'question'"),
        ("{broken", "row 1: not a JSON object"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, bad: object, message: str) -> None:
    file = _write(tmp_path / "train.jsonl", ROWS[0], bad)
    with pytest.raises(DatasetError, match=message) as caught:
        load_gsm8k("train", file)
    assert str(file) in str(caught.value)


def test_empty_and_missing_files(tmp_path: Path) -> None:
    assert len(load_gsm8k("train", _write(tmp_path / "train.jsonl"))) == 0
    with pytest.raises(FileNotFoundError, match=r"test\.jsonl"):
        load_gsm8k("test", tmp_path)
    with pytest.raises(ValueError, match="split is 'validation'"):
        load_gsm8k("validation", tmp_path)


def test_without_network_the_error_tells_what_to_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setattr("datasets.load_dataset", unreachable)
    with pytest.raises(DatasetError, match="pass path= to JSON lines"):
        load_gsm8k("test")


@pytest.mark.skipif(not REAL.is_dir(), reason="set MRLM_GSM8K to a folder with GSM8K's two files")
@pytest.mark.parametrize(("split", "size"), [("train", 7473), ("test", 1319)])
def test_every_row_of_the_real_data(split: str, size: int) -> None:
    dataset = load_gsm8k(split, REAL)
    assert len(dataset) == size
    rewards = TASK.reward_funcs[0](dataset["solution"], answer=dataset["answer"])
    assert rewards == [1.0] * size
    assert not any("<<" in solution for solution in dataset["solution"])
