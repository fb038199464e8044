"""``mrlm eval`` on rows of the user's and on benchmarks, from a file to a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import benchmark_files as files
import pytest

from mrlm import cli
from mrlm.evaluation.evaluation import Evaluation

SUMS = "prompt_text,target\nWhat is 3 + 4?,7\nWhat is 2 + 2?,4\nWhat is it?,many\n"


@pytest.fixture
def model(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> str:
    tiny_llama(max_position_embeddings=4096).save_pretrained(tmp_path / "model")
    tiny_tokenizer.save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def results(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert cli.main(["eval", *words, "--max_new_tokens", "4", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_rows_of_one_s_own(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sums = tmp_path / "sums.csv"
    sums.write_text(SUMS, encoding="utf-8")
    words = ["--task", "math", "--model", model, "--dataset_name", str(sums)]
    words += ["--columns", "question=prompt_text", "answer=target"]
    found = results(capsys, *words, "--drop_invalid", "--output_dir", str(tmp_path / "out"))
    assert found["summary"]["num_rows"] == 2
    assert found["settings"]["split"] == "sums.csv" and found["settings"]["protocol"] == {}
    records = Evaluation.load(tmp_path / "out").records
    assert [record.reference["question"] for record in records] == [
        "What is 3 + 4?",
        "What is 2 + 2?",
    ]
    assert results(capsys, *words, "--num_rows", "1")["summary"]["num_rows"] == 1
    assert cli.main(["eval", *words]) == 2  # before a model is loaded
    assert "row 2, column 'target'" in capsys.readouterr().err


def test_a_benchmark_says_how_it_was_asked(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.write(tmp_path / "test.jsonl", files.GSM8K)
    words = ["--benchmark", f"gsm8k={path}", "--model", model]
    found = results(capsys, *words, "--output_dir", str(tmp_path / "out"))
    settings = found["settings"]
    assert (settings["task"], settings["num_rows"], settings["max_new_tokens"]) == ("gsm8k", 2, 4)
    assert settings["protocol"]["prompt"].startswith("{question}\nPlease reason step by step")
    assert settings["protocol"]["shots"] == 0
    assert settings["protocol"]["source"] == f"{tmp_path.name}/test.jsonl"
    assert Evaluation.load(tmp_path / "out").settings.protocol == settings["protocol"]
    assert cli.main(["eval", *words, "--max_new_tokens", "4"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "on gsm8k" in said and "shots: 0" in said
    assert "put your final answer within \\boxed{}" in said
    assert "sampling: greedy, 1 per row, at most 4 tokens" in said
    same = ["--benchmark", "gsm8k", "--dataset_name", path, "--model", model]
    assert results(capsys, *same)["summary"] == found["summary"]


def test_bfcl_has_a_line_for_each_category(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = files.write_bfcl(tmp_path / "bfcl")
    words = ["eval", "--benchmark", f"bfcl={folder}", "--model", model, "--max_new_tokens", "4"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert all(f"kind {name}" in said for name in ("simple", "multiple", "parallel", "irrelevance"))


def test_several_samples_give_pass_at_k(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.write(tmp_path / "test.jsonl", files.HUMANEVAL)
    words = ["--benchmark", f"humaneval={path}", "--model", model]
    found = results(capsys, *words, "--num_generations", "12", "--temperature", "0.8")
    assert list(found["summary"]["pass_at_k"]) == ["1", "2", "4", "8", "10"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give --task NAME (`mrlm tasks` lists them) or --benchmark NAME."),
        (("--benchmark", "gsm9k"), "choose one of gsm8k, math500, aime, humaneval"),
        (("--benchmark", "gsm8k", "--task", "math"), "brings its own task; leave out --task math"),
        (("--benchmark", "gsm8k", "--answer_format", "hash"), "prompt and the scoring of a bench"),
        (("--benchmark", "gsm8k", "--columns", "question=q"), "--columns does not go with"),
        (("--benchmark", "gsm8k=a.jsonl", "--dataset_name", "b.jsonl"), "is given twice: a.jsonl"),
        (("--benchmark", "gsm8k=absent.jsonl"), "absent.jsonl does not exist"),
        (("--benchmark", "math500"), "Give a local copy instead: --benchmark math500=FILE"),
        (("--task", "math", "--dataset_name", "absent.csv"), "absent.csv does not exist"),
        (("--task", "math", "--columns", "question=q"), "--columns goes with --dataset_name"),
        (("--task", "math", "--drop_invalid"), "--drop_invalid goes with --dataset_name"),
        (("--benchmark", "gsm8k", "--num_rows", "0"), "num_rows must be at least 1"),
    ],
)
def test_mistakes_are_told_before_a_model_is_loaded(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["eval", "--model", "no/such/model", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
