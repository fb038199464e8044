from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "data_gen" / "make_preferences.py"


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The job as a module; scripts are no package, so it is loaded from its file."""
    spec = importlib.util.spec_from_file_location("make_preferences", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


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


@pytest.mark.parametrize("name", ["debate", "math"])
def test_writes_pairs_that_trl_takes(
    name: str, job: ModuleType, tiny_folder: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    monkeypatch.setitem(job.TASKS, name, _length_task(name))
    output = tmp_path / "new" / "pairs.jsonl"
    job.main(
        ["--task", name, "--model_name_or_path", tiny_folder, "--output", str(output),
         "--num_rows", "6", "--num_generations", "4", "--max_new_tokens", "300",
         "--pairs_per_row", "2"]
    )  # fmt: skip
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

    from mrlm.models import load_model

    model, tokenizer = load_model(tiny_folder)
    columns = ("prompt", "chosen", "rejected")
    trainer = DPOTrainer(
        model,
        args=DPOConfig(
            str(tmp_path / "dpo"), max_steps=1, use_cpu=True, bf16=False, report_to="none",
            per_device_train_batch_size=2, save_strategy="no",
        ),
        train_dataset=Dataset.from_list([{c: pair[c] for c in columns} for pair in pairs]),
        processing_class=tokenizer,
    )  # fmt: skip
    assert trainer.train().global_step == 1


def test_a_model_that_always_fails_gives_an_empty_file(
    job: ModuleType, tiny_folder: str, tmp_path: Path
) -> None:
    output = tmp_path / "pairs.jsonl"
    job.main(
        ["--task", "debate", "--model_name_or_path", tiny_folder, "--output", str(output),
         "--num_rows", "2", "--num_generations", "2", "--max_new_tokens", "4"]
    )  # fmt: skip
    assert output.read_text() == ""


def test_rows_of_chosen_kinds(job: ModuleType) -> None:
    from mrlm.tasks import TASKS

    config = job.PreferencesConfig(
        task="debate", num_rows=20, kinds=["closed"], difficulties=["hard"]
    )
    rows = job.choose_rows(TASKS["debate"], config)
    assert len(rows) == 20
    assert {(row["kind"], row["difficulty"]) for row in rows} == {("closed", "hard")}
    config.num_rows = 5
    assert job.choose_rows(TASKS["debate"], config) == rows[:5]
    config.kinds = ["no such kind"]
    with pytest.raises(ValueError, match="no such kind"):
        job.choose_rows(TASKS["debate"], config)


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"task": "chess"}, "chess"), ({"num_generations": 1}, "two samples"),
     ({"num_rows": 0}, "one"), ({"temperature": 0.0}, "above 0")],
)  # fmt: skip
def test_wrong_settings_are_refused(setting: dict[str, Any], message: str, job: ModuleType) -> None:
    with pytest.raises(ValueError, match=message):
        job.PreferencesConfig(**{"task": "math"} | setting)
