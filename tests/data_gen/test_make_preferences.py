from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make_preferences
import pytest


@pytest.fixture
def tiny_folder(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> str:
    tiny_llama(max_position_embeddings=4096).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def _length_task(name: str) -> Any:
    """A task that prefers short texts, so that even a random model gives pairs."""
    from dataclasses import replace

    from mrlm.tasks import TASKS

    def score(completion: str, row: Any) -> float | None:
        return None if row["id"].endswith("0") else 1 / (1 + len(completion.encode()))

    return replace(TASKS[name], score=score)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["debate", "math"])
def test_writes_pairs_that_trl_takes(
    name: str,
    tiny_folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    monkeypatch.setattr(make_preferences, "make_task", lambda name, **options: _length_task(name))
    output = tmp_path / "new" / "pairs.jsonl"
    make_preferences.main(
        [
            "--task",
            name,
            "--model_name_or_path",
            tiny_folder,
            "--output",
            str(output),
            "--num_rows",
            "6",
            "--num_generations",
            "4",
            "--max_new_tokens",
            "300",
            "--pairs_per_row",
            "2",
        ]
    )
    pairs = [json.loads(line) for line in output.read_text().splitlines()]
    assert 2 <= len(pairs) <= 12
    for pair in pairs:
        assert pair["margin"] > 0
        assert pair["margin"] == pytest.approx(pair["chosen_score"] - pair["rejected_score"])
        chosen, rejected = pair["chosen"][0]["content"], pair["rejected"][0]["content"]
        assert len(chosen.encode()) < len(rejected.encode())
    told = capsys.readouterr().out
    assert "num pairs" in told and "num tied rows" in told and str(len(pairs)) in told
    assert [file.name for file in output.parent.iterdir()] == ["pairs.jsonl"]

    from mrlm.models.loading import load_model

    model, tokenizer = load_model(tiny_folder)
    columns = ("prompt", "chosen", "rejected")
    trainer = DPOTrainer(
        model,
        args=DPOConfig(
            str(tmp_path / "dpo"),
            max_steps=1,
            use_cpu=True,
            bf16=False,
            report_to="none",
            per_device_train_batch_size=2,
            save_strategy="no",
        ),
        train_dataset=Dataset.from_list([{c: pair[c] for c in columns} for pair in pairs]),
        processing_class=tokenizer,
    )
    assert trainer.train().global_step == 1


def test_a_model_that_always_fails_gives_an_empty_file(tiny_folder: str, tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    make_preferences.main(
        [
            "--task",
            "debate",
            "--model_name_or_path",
            tiny_folder,
            "--output",
            str(output),
            "--num_rows",
            "2",
            "--num_generations",
            "2",
            "--max_new_tokens",
            "4",
        ]
    )
    assert output.read_text() == ""


def test_rows_of_chosen_kinds() -> None:
    words = ["--task", "debate", "--kinds", "closed", "--difficulties", "hard"]
    config = make_preferences.parse(make_preferences.PreferencesConfig, None, words)
    rows = config.build_task().build_dataset(20, 0, "train")
    assert {(row["kind"], row["difficulty"]) for row in rows} == {("closed", "hard")}
    words = ["--task", "math", "--answer_format", "boxed"]
    config = make_preferences.parse(make_preferences.PreferencesConfig, None, words)
    assert "boxed" in config.build_task().build_dataset(1, 0, "train")[0]["solution"]


def test_pairs_of_episodes_are_turns(tool_tokenizer: Any, gold_policy: Any) -> None:
    """Both episodes share calls and results up to the turn in which they part."""
    from mrlm.data.preferences import preference_pairs
    from mrlm.sampling.rollout import rollout
    from mrlm.sampling.types import SamplingParams
    from mrlm.tasks import TASKS

    task = TASKS["tools"]
    rows = [
        row for row in task.build_dataset(40, 0, "train").to_list() if row["kind"] == "sequence"
    ][:3]
    good = rollout(
        gold_policy(tool_tokenizer, rows), tool_tokenizer, rows, task, SamplingParams(2000)
    )

    def silent_at_the_end(text: str, row: Any, turn: int) -> str:
        return "Answer: no idea" if text.startswith("Answer:") else text

    bad = rollout(
        gold_policy(tool_tokenizer, rows, silent_at_the_end),
        tool_tokenizer,
        rows,
        task,
        SamplingParams(2000),
    )
    both = [record for pair in zip(good, bad, strict=True) for record in pair]
    pairs, statistics = preference_pairs(both, task=task)
    assert statistics.num_pairs == 3
    for pair, row in zip(pairs, rows, strict=True):
        shared = pair["prompt"][len(row["prompt"]) :]
        assert [m["role"] for m in shared] == [m["role"] for m in row["solution"][:-1]]
        assert shared[-1]["role"] == "tool" and pair["chosen"][0]["role"] == "assistant"
        assert pair["chosen"][0]["content"] == row["solution"][-1]["content"]
        assert pair["rejected"][0]["content"] == "Answer: no idea"
        names = {tool["function"]["name"] for tool in pair["tools"]}
        assert {c["name"] for step in row["calls"] for c in step} <= names

    # An episode that stops where the other goes on says nothing different: no pair.
    cut = [
        record.__class__(**{**vars(record), "messages": record.messages[:-1], "score": 0.0})
        for record in good
    ]
    both = [record for pair in zip(good, cut, strict=True) for record in pair]
    pairs, statistics = preference_pairs(both, task=task)
    assert pairs == [] and statistics.num_narrow_rows == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"task": "chess"}, "chess"),
        ({"num_generations": 1}, "two samples"),
        ({"num_rows": 0}, "one"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_preferences.PreferencesConfig(**{"task": "math"} | setting)
