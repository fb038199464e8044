"""Folders, saved datasets and names of the Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import Dataset, DatasetDict

from mrlm import hub as hub_code
from mrlm.data import load_user_dataset
from mrlm.data.job import main
from mrlm.data.sources import open_source
from mrlm.data.user import UserDataset
from mrlm.errors import DatasetError
from mrlm.tasks import TASKS

MATH = TASKS["math"]
ROWS = [{"question": f"{i} + 1?", "answer": i + 1} for i in range(6)]


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _answers(name: Path, **options: Any) -> list[str]:
    return list(load_user_dataset(str(name), MATH, **options)["answer"])


def test_files_of_a_folder_with_unlike_columns(tmp_path: Path) -> None:
    """``datasets`` refuses them; a column that only a later file has can be mapped, too."""
    _lines(tmp_path / "a.jsonl", ROWS[:3])
    _lines(tmp_path / "b.jsonl", [row | {"Level": "hard", "note": [1]} for row in ROWS[3:]])
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / "notes.txt").write_text("hi")
    rows = load_user_dataset(str(tmp_path), MATH, ["difficulty=Level"])
    assert rows["answer"] == ["1", "2", "3", "4", "5", "6"]
    assert rows["difficulty"] == ["unknown"] * 3 + ["hard"] * 3
    _lines(tmp_path / "c.jsonl", [{"question": "?", "answer": "many"}])
    with pytest.raises(DatasetError, match=r"c\.jsonl, row 0, column 'answer'"):
        _answers(tmp_path)


def test_splits_of_a_folder_are_those_of_its_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _lines(tmp_path / "train" / "part.jsonl", ROWS[:2])
    _lines(tmp_path / "test" / "part.jsonl", ROWS[2:])
    assert len(_answers(tmp_path)) == 2 and len(_answers(tmp_path, split="test")) == 4
    with pytest.raises(DatasetError, match="no split 'dev'; choose one of train, test"):
        _answers(tmp_path, split="dev")
    assert not caplog.messages
    _lines(tmp_path / "more.jsonl", ROWS)
    _answers(tmp_path)
    assert "in no split: more.jsonl" in caplog.text


def test_a_folder_of_several_kinds_is_an_error(tmp_path: Path) -> None:
    _lines(tmp_path / "a.jsonl", ROWS)
    (tmp_path / "b.csv").write_text("question,answer\n1+1?,2\n")
    with pytest.raises(DatasetError, match=r"files of several kinds \(b\.csv, a\.jsonl\)"):
        _answers(tmp_path)
    (tmp_path / "b.csv").rename(tmp_path / "b.xlsx")
    with pytest.raises(DatasetError, match=r"of a kind that cannot be read \(b\.xlsx\)"):
        _answers(tmp_path)
    assert main(["--dataset_name", str(tmp_path), "--out", str(tmp_path / "out")]) == 2


@pytest.mark.parametrize("name", ["empty", "text"])
def test_a_folder_without_data_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    if name == "text":
        (tmp_path / "LICENSE").write_text("free")
    with pytest.raises(DatasetError, match=r"data files|cannot be read"):
        _answers(tmp_path)


def test_saved_datasets(tmp_path: Path) -> None:
    rows = Dataset.from_list(ROWS)
    rows.save_to_disk(tmp_path / "one")
    DatasetDict({"train": rows, "dev": rows.select([])}).save_to_disk(tmp_path / "two")
    for split in ("train", "dev"):
        rows.select(range(4)).save_to_disk(tmp_path / "three" / split)
    assert len(_answers(tmp_path / "one")) == len(_answers(tmp_path / "two")) == 6
    assert len(_answers(tmp_path / "three", split="dev")) == 4
    with pytest.raises(DatasetError, match=r"two, split 'dev', is empty: it holds no rows"):
        _answers(tmp_path / "two", split="dev")
    with pytest.raises(DatasetError, match="no split 'test'; choose one of train, dev"):
        _answers(tmp_path / "two", split="test")


def test_a_split_without_rows_is_told(tmp_path: Path) -> None:
    Dataset.from_dict({"question": [], "answer": []}).to_parquet(tmp_path / "train.parquet")
    for name in (tmp_path, tmp_path / "train.parquet"):
        with pytest.raises(DatasetError, match="is empty: it holds no rows"):
            _answers(name)


def test_only_the_rows_that_are_asked_for_are_read(tmp_path: Path) -> None:
    """So a file may be larger than memory: nothing behind them is looked at."""
    lines = "".join(json.dumps(row) + "\n" for row in ROWS * 100)
    (tmp_path / "d.jsonl").write_text(lines + "broken")
    assert len(_answers(tmp_path / "d.jsonl", size=550)) == 550
    user = UserDataset(str(tmp_path / "d.jsonl"), MATH, {})
    assert len(list(islice(user.rows(), 599))) == 599
    with pytest.raises(DatasetError, match="line 601"):
        _answers(tmp_path / "d.jsonl")


def test_names_that_can_be_nothing_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_code, "why_unreachable", lambda seconds: pytest.fail("asked"))
    for name in ("./mine", "../data/mine", "/no/such", "a/b/c", "mine.csv", "d.jsonl.gz", "x y"):
        with pytest.raises(FileNotFoundError, match="does not exist"):
            open_source(name, "train")


def test_a_folder_that_is_not_there_is_told_with_both_readings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []
    monkeypatch.setattr(hub_code, "why_unreachable", lambda s: asked.append(s) or "no network")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: pytest.fail("tried the Hub"))
    for name in ("data/mine", "mine"):
        with pytest.raises(
            DatasetError, match=rf"{name} is no file or folder here.*reached \(no network\)"
        ):
            load_user_dataset(name, MATH)
    assert len(asked) == 2


def test_a_dataset_of_the_hub_is_streamed(
    online: Any, hub_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def load_dataset(*args: Any, **options: Any) -> Any:
        seen.append(options)
        return Dataset.from_list(ROWS).to_iterable_dataset()

    online.repositories["me/sums"] = hub_module.Repository("datasets", False)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert len(load_user_dataset("me/sums", MATH, size=2)) == 2
    assert seen and all(options == {"split": "train", "streaming": True} for options in seen)


STREAMED = """
import sys
from datasets import Dataset
from mrlm.data import load_user_dataset
from mrlm.data.user import UserDataset
from mrlm.errors import DatasetError
from mrlm.tasks import TASKS
from mrlm.data.job import main
assert main(["--task", "math", "--size", "20", "--out", sys.argv[1], "--preview", "0",
             "--push_to_hub", "me/sums"]) == 0
expected = TASKS["math"].build_dataset(20, 0, "train").to_list()
assert load_user_dataset("me/sums", TASKS["math"]).to_list() == expected
assert load_user_dataset("me/sums", TASKS["math"], size=3).to_list() == expected[:3]
for name, split in (("me/sums", "dev"), ("me/none", "train")):
    try:
        load_user_dataset(name, TASKS["math"], split=split)
    except DatasetError as error:
        print(error)
"""


@pytest.mark.integration
def test_what_was_pushed_streams_back(hub: Any, hub_module: Any, tmp_path: Path) -> None:
    """In a process of its own, set up by environment variables as a user does."""
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub_module.TOKEN,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-c", STREAMED, str(tmp_path / "data")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "me/sums, split 'dev'" in done.stdout and "train" in done.stdout
    assert "me/none is no file or folder here" in done.stdout
    assert not list((tmp_path / "home").rglob("*.arrow"))
