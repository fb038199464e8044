"""From a real, tiny model on disk to a compared and reported evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mrlm
from mrlm import cli
from mrlm.task import Task


def test_greedy_evaluations_of_one_model_agree(
    tiny_llama: Any, tiny_tokenizer: Any, toy_task: Task
) -> None:
    first, second = (
        mrlm.evaluate(
            tiny_llama(),
            tiny_tokenizer,
            toy_task,
            mrlm.SamplingParams(6, temperature=0.0),
            num_rows=5,
            progress=False,
        )
        for _ in range(2)
    )

    assert [record.completion for record in first.records] == [
        record.completion for record in second.records
    ]
    assert all(0 < record.num_tokens <= 6 for record in first.records)
    assert mrlm.compare(first, second).p_value == 1.0


def test_samples_repeat_with_their_seed_and_differ_without(
    tiny_llama: Any, tiny_tokenizer: Any, toy_task: Task
) -> None:
    def texts(seed: int) -> list[str]:
        result = mrlm.evaluate(
            tiny_llama(),
            tiny_tokenizer,
            toy_task,
            mrlm.SamplingParams(8, num_generations=4),
            num_rows=3,
            seed=seed,
            progress=False,
        )
        return [record.completion for record in result.records]

    assert texts(0) == texts(0) != texts(1)
    assert len(set(texts(0))) > 3


def test_from_a_saved_model_to_a_report(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        tiny_llama(seed=seed).save_pretrained(tmp_path / name)
        tiny_tokenizer.save_pretrained(tmp_path / name)
        command = ["eval", "--task", "math", "--model_name_or_path", str(tmp_path / name)]
        command += ["--num_rows", "4", "--max_new_tokens", "5", "--json"]

        assert cli.main([*command, "--output_dir", str(tmp_path / f"eval_{name}")]) == 0

        results = json.loads(capsys.readouterr().out)
        assert results["summary"]["num_samples"] == 4
        assert results["settings"]["model"] == str(tmp_path / name)

    command = ["compare", str(tmp_path / "eval_a"), str(tmp_path / "eval_b")]
    assert cli.main([*command, "--output_dir", str(tmp_path / "run")]) == 0
    assert "on 4 rows" in capsys.readouterr().out
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_model_that_is_not_there_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["eval", "--task", "math", "--model_name_or_path", str(tmp_path / "none")])

    assert code == 2
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_a_place_that_cannot_be_written_to_is_told_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for place, said in (("file", "there is a file of this name"), ("file/x", "is a file")):
        place = str(tmp_path / place)
        flags = ["--model", str(tmp_path / "none"), "--output_dir", place]
        assert cli.main(["eval", "--task", "math", *flags]) == 2
        message = capsys.readouterr().err
        assert message.startswith(f"mrlm eval: --output_dir {place}: ") and said in message


@pytest.mark.parametrize("command", ["eval", "sample"])
def test_wrong_sampling_settings_are_told_before_a_model_is_loaded(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, message in (
        (["--num_generations", "2"], "2 greedy samples of a row are the same"),
        (["--max_new_tokens", "0"], "max_new_tokens must be at least 1"),
        (["--num_rows", "0"], "num_rows must be at least 1"),
    ):
        assert cli.main([command, "--task", "math", "--model", "no/such/model", *flags]) == 2
        assert message in capsys.readouterr().err
