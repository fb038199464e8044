"""The data job: what it writes, and that ``load_dataset`` gives back the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mrlm.data import export, shards
from mrlm.data.job import main
from mrlm.data.shards import FORMATS
from mrlm.data.statistics import SplitStatistics, shared_prompts
from mrlm.tasks import TASKS
from mrlm.tasks.math import math_task

JOB = Path(__file__).parents[2] / "data_gen" / "make_datasets.py"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "data"


def _load(out: Path, task: str, split: str = "train") -> Any:
    from datasets import load_dataset

    return load_dataset(str(out), task, split=split, cache_dir=str(out.parent / "cache"))


def _statistics(out: Path) -> Any:
    return json.loads((out / "statistics.json").read_text())


@pytest.mark.parametrize("form", FORMATS)
def test_load_dataset_gives_back_the_same_rows(
    form: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 4)
    monkeypatch.setattr(shards, "BATCH", 2)
    flags = ["--task", "all", "--size", "9", "--split", "train", "test", "--seed", "3"]
    assert main([*flags, "--format", form, "--out", str(out)]) == 0
    for name, task in TASKS.items():
        for split in ("train", "test"):
            expected, loaded = task.build_dataset(9, 3, split), _load(out, name, split)
            assert loaded.features == expected.features
            assert loaded.to_list() == expected.to_list()
        files = [path for path in (out / name).rglob("*-of-*") if "train" in str(path)]
        assert len(files) == 3 and all("-of-00003." in path.name for path in files)
    listed = set(_statistics(out)["files"])
    assert listed == {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    if form == "hf":
        from datasets import load_from_disk

        saved = load_from_disk(str(out / "tools"))
        assert saved["test"].to_list() == TASKS["tools"].build_dataset(9, 3, "test").to_list()


def test_the_snippet_of_the_card_works(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(out.parent))
    assert main(["--task", "debate", "--size", "5", "--format", "json", "--out", str(out)]) == 0
    card = (out / "README.md").read_text()
    snippet = card.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert names["rows"].to_list() == TASKS["debate"].build_dataset(5, 0, "train").to_list()
    for told in ("license: apache-2.0", "mrlm 0.", "seed: `0`", "| facts | list of string |"):
        assert told in card
    assert str(Path.home()) not in card.replace(str(out), "")


def test_statistics_count_kinds_difficulties_and_repeats(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--size", "400", "--difficulty", "easy", "--split", "test", "train", "--json"]
    assert main([*flags, "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {k: v for k, v in printed.items() if k != "out"} == _statistics(out)
    task = math_task(difficulties=["easy"])
    for split, counted in printed["tasks"]["math"]["splits"].items():
        rows = task.build_dataset(400, 0, split).to_list()
        prompts = [row["prompt"][0]["content"] for row in rows]
        assert counted["num_repeated_prompts"] == 400 - len(set(prompts))
        assert counted["difficulties"] == {"easy": 400}
        kinds = [row["kind"] for row in rows]
        assert counted["kinds"] == {kind: kinds.count(kind) for kind in sorted(set(kinds))}
    (check,) = printed["tasks"]["math"]["split_checks"]
    assert check["num_shared"] == 0 and check["splits"] == ["test", "train"]


def test_the_split_check_sees_a_prompt_in_both() -> None:
    def counted(*texts: str) -> SplitStatistics:
        statistics = SplitStatistics()
        rows = [{"kind": "a", "difficulty": "b", "prompt": [{"content": text}]} for text in texts]
        assert len(list(statistics.count(rows))) == len(texts)
        return statistics

    first, second = counted("one", "two", "two", "three"), counted("two", "three", "three", "four")
    assert (first.num_repeated, shared_prompts(first, second)) == (1, 2)


def test_one_split_is_checked_against_rows_of_the_other(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--size", "30", "--out", str(out)]) == 0
    assert "of 30 rows of test" in " ".join(capsys.readouterr().out.split())
    # A generator that leaks: both splits from one stream.
    real = export.generated_rows
    monkeypatch.setattr(export, "generated_rows", lambda *a: real(*a[:3], "train", *a[4:]))
    assert main(["--size", "30", "--out", str(out)]) == 0
    (check,) = _statistics(out)["tasks"]["math"]["split_checks"]
    assert check["num_shared"] == 30


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for seed in ("0", "0", "1"):
        assert main(["--size", "20", "--out", str(tmp_path / "data"), "--seed", seed]) == 0
        found.append((tmp_path / "data/math/train-00000-of-00001.parquet").read_bytes())
    assert found[0] == found[1] != found[2]


def test_an_earlier_dataset_is_replaced_whole(out: Path) -> None:
    assert main(["--task", "math", "debate", "--size", "5", "--out", str(out)]) == 0
    assert main(["--task", "math", "--size", "7", "--format", "jsonl", "--out", str(out)]) == 0
    assert len(_load(out, "math")) == 7
    assert not (out / "debate").exists()
    assert [path.name for path in out.parent.iterdir() if path.name != "cache"] == ["data"]


def test_load_dataset_does_not_take_another_export_from_its_cache(out: Path) -> None:
    for seed in (1, 2):
        assert main(["--size", "5", "--seed", str(seed), "--out", str(out)]) == 0
        expected = TASKS["math"].build_dataset(5, seed, "train").to_list()
        assert _load(out, "math").to_list() == expected


def test_other_files_are_not_replaced(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--size", "5", "--out", str(out)]) == 0
    (out / "math" / "notes.txt").write_text("mine")
    assert main(["--size", "6", "--out", str(out)]) == 2
    assert "math/notes.txt" in capsys.readouterr().err
    assert len(_load(out, "math")) == 5
    assert main(["--size", "6", "--out", str(out / "math" / "notes.txt")]) == 2


def test_a_run_that_breaks_leaves_what_was_there(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--size", "5", "--out", str(out)]) == 0
    before = (out / "README.md").read_text()

    def breaks(self: Any, rows: Any) -> Any:
        yield from list(rows)[:3]
        raise KeyboardInterrupt

    monkeypatch.setattr(SplitStatistics, "count", breaks)
    with pytest.raises(KeyboardInterrupt):
        main(["--size", "50", "--out", str(out)])
    assert (out / "README.md").read_text() == before
    assert len(_load(out, "math")) == 5
    assert sorted(path.name for path in out.parent.iterdir()) == ["cache", "data"]


def test_no_rows_are_a_dataset_too(out: Path) -> None:
    for form in FORMATS:
        assert main(["--size", "0", "--format", form, "--out", str(out)]) == 0
        assert _statistics(out)["tasks"]["math"]["splits"]["train"]["num_rows"] == 0
        assert len(list((out / "math").rglob("*-of-00001.*"))) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--task", "chess"], "no task 'chess'; choose one of code, debate, math, tools"),
        (["--task", "math", "mrlm.tasks.math:TASK"], "called the same: math, math"),
        (["--prompt_template", "{query}"], "names query, and the columns are id"),
        (["--size", "-1"], "size is -1"),
        (["--split", "dev"], "split is 'dev'"),
        (["--split", "../x"], "split is"),
        (["--difficulty", "simple"], "simple"),
        (["--private"], "push_to_hub"),
        (["--columns", "question=q"], "dataset_name"),
        (["--dataset_name", "x.csv", "--task", "math", "code"], "one task"),
        (["--dataset_name", "x.csv", "--difficulty", "easy"], "difficulty"),
        (["--dataset_name", "x.csv", "--columns", "question"], "TASK_COLUMN=YOUR_COLUMN"),
    ],
)
def test_a_wrong_request_is_told(
    flags: list[str], message: str, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*flags, "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.integration
def test_the_script_runs_the_job(out: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(JOB), "--size", "4", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "rows a second" in result.stdout and "math-train-0-0" in result.stdout
    assert len(_load(out, "math")) == 4


MEMORY = """
import re, sys
from mrlm.data.job import main
assert main(["--size", sys.argv[1], "--out", sys.argv[2], "--format", sys.argv[3]]) == 0
print("KIB", re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads Linux's /proc")
@pytest.mark.parametrize("form", FORMATS)
def test_memory_does_not_grow_with_the_rows(form: str, tmp_path: Path) -> None:
    peaks = []
    for size in (20_000, 200_000):
        result = subprocess.run(
            [sys.executable, "-c", MEMORY, str(size), str(tmp_path / f"{form}{size}"), form],
            capture_output=True,
            text=True,
            timeout=900,
            check=True,
        )
        peaks.append(int(result.stdout.rpartition("KIB")[2]))
    # 180,000 rows more are about 100 MB as text, and 1.4 MB of digests.
    assert peaks[1] - peaks[0] < 40_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "x"], "argument --size: invalid int value: 'x'"),
        (["--size", "3", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["--size", "-1"], "size is -1; no."),
    ],
)
def test_a_job_s_mistake_is_one_message(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from mrlm.data.job_parser import JobParser

    with pytest.raises(SystemExit) as end:
        JobParser(SizeConfig, prog="job").parse_args_into_dataclasses(words)
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"job: error: {message}",
        "job --help lists all options.",
    ]


@dataclass
class SizeConfig:
    size: int = 1

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size is {self.size}; no.")
