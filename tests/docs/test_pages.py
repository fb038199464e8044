"""The Python of quickstart.md, coming_from.md and data.md runs, smaller and on a tiny model.

Blocks marked ``py`` or ``diff`` are other projects' code, and are not run.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import benchmark_files
import pages
import pytest

from mrlm.benchmarks import BENCHMARKS

DOCS = Path(__file__).parents[2] / "docs"
SMALLER = {"max_steps=20": "max_steps=2", "length=48": "length=6", "(512,": "(16,"}
SUMS = 'prompt_text,target\n"What is 3 + 4?",7\n"What is 20 - 3?",17\n'


def _scripts(page: str) -> list[str]:
    return [block.text for block in pages.blocks(DOCS / page) if block.language == "python"]


@pytest.mark.parametrize("page", ["quickstart.md", "coming_from.md"])
def test_it_trains(
    page: str, tiny_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = _scripts(page)
    assert "load_model()" in script and "max_steps=20" in script and "length=48" in script
    script = script.replace("load_model()", f"load_model({tiny_folder!r})")
    for old, new in SMALLER.items():
        script = script.replace(old, new)
    monkeypatch.chdir(tmp_path)
    Path("sums.csv").write_text(SUMS, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(script, page, "exec"), names)
    history = names["trainer"].state.log_history
    assert names["trainer"].state.global_step == 2
    assert math.isfinite(history[-1]["train_loss"])


def test_rows_of_the_user_s_are_measured(
    tiny_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "".join(_scripts("data.md"))
    assert "load_model()" in script
    monkeypatch.chdir(tmp_path)
    Path("sums.csv").write_text(SUMS, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(script.replace("load_model()", f"load_model({tiny_folder!r})"), names)
    records = names["found"].records
    assert [record.reference["answer"] for record in records] == ["7", "17"]


def test_the_ported_reward_reads_columns_by_name() -> None:
    (script,) = _scripts("coming_from.md")
    names: dict[str, Any] = {}
    exec(script[script.index("def answer_reward") : script.index("model, tokenizer")], names)
    said = [[{"role": "assistant", "content": text}] for text in ("It is 12 ", "13", "112")]
    assert names["answer_reward"](said, ["12"] * 3, question=["?"] * 3) == [1.0, 0.0, 1.0]


def test_a_benchmark_is_measured(
    tiny_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = _scripts("benchmarks.md")
    assert "load_model()" in script and "loaded.benchmark.max_new_tokens" in script
    monkeypatch.chdir(tmp_path)
    benchmark_files.write(Path("gsm8k") / "test.jsonl", benchmark_files.GSM8K)
    script = script.replace("load_model()", f"load_model({tiny_folder!r})")
    names: dict[str, Any] = {}
    exec(script.replace("loaded.benchmark.max_new_tokens", "4"), names)
    assert len(names["found"].records) == 2


def test_the_table_of_benchmarks_is_the_code_s() -> None:
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == [
        name for name in BENCHMARKS if not name.startswith("bfcl_")
    ]
    for name, _, _, _, room, source in rows:
        benchmark = BENCHMARKS[name.strip("`")]
        assert int(room.replace(",", "")) == benchmark.max_new_tokens
        assert all(hub.repo_id in source for hub in benchmark.hub)
    names = [name for name in BENCHMARKS if name.startswith("bfcl_")]
    assert all(f"`{name}`" in text for name in names)
