"""The model's card as the Hub reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.report import write_model_card
from mrlm.runs.folder import RunFolder

Make = Callable[..., Evaluation]


def make_run(folder: Path, evaluation: Make, **config: Any) -> RunFolder:
    run = RunFolder(folder)
    run.model.mkdir(parents=True)
    (run.model / "README.md").write_text("a draft of another library")
    run.write_config({"train_rows": 64, "seed": 3, "learning_rate": 1e-5} | config)
    comparison = compare(evaluation([0.0] * 8), evaluation([1.0] * 6 + [0.0] * 2))
    run.write_results(comparison, title="PPO on toys", warnings=["The <b>reward</b>\n# is flat."])
    return run


def test_the_card_says_data_algorithm_results_and_limits(evaluation: Make, tmp_path: Path) -> None:
    run = make_run(tmp_path, evaluation, model="someone/base-1B")

    card = ModelCard.load(write_model_card(run.path))

    assert card.data.base_model == "someone/base-1B"
    assert (card.data.library_name, card.data.pipeline_tag) == ("transformers", "text-generation")
    [result] = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.75)
    for expected in (
        "| **all** | 8 | 0.0% | **75.0%** | +75.0 |",
        "64 rows of the task `toy`",
        "seed 3",
        "| `learning_rate` | 1e-05 |",
        "exact McNemar",
        "AutoModelForCausalLM.from_pretrained",
        "vllm serve FOLDER\n",
        "mrlm export FOLDER",
        "llama-server -m ",
        "ollama create ",
        "- The &lt;b&gt;reward&lt;/b&gt; # is flat.",
        "One run with one seed",
    ):
        assert expected in card.text, expected
    assert "draft" not in card.text


@pytest.mark.parametrize(
    ("model", "base"), [(None, "HuggingFaceTB/SmolLM2-135M-Instruct"), ("/a/b/c", None)]
)
def test_a_base_model_is_named_only_by_an_id(
    model: str | None, base: str | None, evaluation: Make, tmp_path: Path
) -> None:
    run = make_run(tmp_path, evaluation, model=model)
    (run.model / "adapter_config.json").write_text("{}")

    card = ModelCard.load(write_model_card(run.path))

    assert card.data.base_model == base
    assert card.data.library_name == "peft"
    assert "AutoPeftModelForCausalLM.from_pretrained" in card.text
    assert "--enable-lora --lora-modules mine=FOLDER" in card.text
    assert "/a/b/c" not in card.text


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="finished run"):
        write_model_card(tmp_path)
