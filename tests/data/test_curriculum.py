from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset

from mrlm.data.curriculum import easy_first, rows_seen
from mrlm.trainers.dynamic_sampling import group_outcomes, outcome_notes

NAN = float("nan")


def test_easy_rows_come_first_in_their_own_order() -> None:
    levels = ["hard", "easy", "medium", "easy", "hard", "medium", "easy"]
    rows = Dataset.from_list([{"difficulty": d, "i": i} for i, d in enumerate(levels)])
    assert easy_first(rows)["i"][:] == [1, 3, 6, 2, 5, 0, 4]
    # A run that sees four rows gets the hard one among them, not four easy ones.
    assert easy_first(rows, 4)["i"][:] == [1, 3, 2, 0]
    numbers = Dataset.from_list([{"difficulty": d} for d in (3, 1.5, 2)])
    assert easy_first(numbers)["difficulty"][:] == [1.5, 2, 3]
    with pytest.raises(ValueError, match="'tough'"):
        easy_first(Dataset.from_list([{"difficulty": "tough"}]))


def test_rows_seen() -> None:
    sft = SimpleNamespace(
        max_steps=3, gradient_accumulation_steps=2, per_device_train_batch_size=5, world_size=2
    )
    assert rows_seen(sft) == 60
    online = SimpleNamespace(
        max_steps=4,
        gradient_accumulation_steps=2,
        steps_per_generation=2,
        num_iterations=1,
        generation_batch_size=24,
        num_generations=4,
    )
    assert rows_seen(online) == 24
    online.num_iterations = 2
    assert rows_seen(online) == 12
    online.max_steps = -1
    assert rows_seen(online) is None


def test_outcomes_of_each_prompt() -> None:
    rewards = torch.tensor(
        [
            [1.0, NAN],
            [1.0, NAN],  # right by the only reward that applies
            [1.0, 1.0],
            [1.0, 0.0],  # partly right
            [0.0, 0.0],
            [0.0, NAN],  # wrong
            [0.3, NAN],
            [0.3, NAN],  # equal, neither right nor wrong
            [NAN, NAN],
            [1.0, 1.0],  # one could not be scored
            [NAN, NAN],
            [NAN, NAN],
        ]
    )
    outcomes = group_outcomes(rewards, torch.tensor([1.0, 0.5]), 2)
    assert outcomes.all_correct.tolist() == [True, False, False, False, True, False]
    assert outcomes.none_correct.tolist() == [False, False, True, False, False, False]
    assert outcomes.uninformative.tolist() == [True, False, True, True, True, True]


def test_notes_tell_what_was_counted() -> None:
    assert outcome_notes([{"loss": 1.0}]) == []
    logs = [{"frac_all_correct": 0.5, "frac_none_correct": 0.25}, {"loss": 1}]
    [note] = outcome_notes(logs)
    assert "correct on 50%" in note and "on 25%" in note and "replaced" not in note
    [note] = outcome_notes([logs[0] | {"frac_resampled": 0.75}])
    assert "75% of the prompts were replaced" in note


def good_prompt_reward(completions: list[Any], good: list[bool], **kwargs: Any) -> list[float]:
    """Differs among the rollouts of good prompts; the others teach nothing."""
    return [float(g and i % 2) for i, g in enumerate(good)]


def _train(kind: str, model: Any, tokenizer: Any, folder: Path, **more: Any) -> Any:
    from mrlm import PPOConfig, PPOTrainer
    from mrlm.trainers import GRPOConfig, GRPOTrainer

    common = {
        "max_steps": 2,
        "per_device_train_batch_size": 8,
        "num_generations": 2,
        "use_cpu": True,
        "bf16": False,
        "max_completion_length": 4,
        "report_to": "none",
        "save_steps": 1,
        "logging_steps": 1,
        "learning_rate": 1e-3,
        "gradient_checkpointing": False,
        "resample_rounds": more.pop("resample_rounds", 0),
    }
    rows = Dataset.from_list(
        [
            {"prompt": [{"role": "user", "content": f"{i:03d}"}], "good": i % 4 == 0}
            for i in range(64)
        ]
    )
    config = {"ppo": PPOConfig, "grpo": GRPOConfig}[kind](str(folder), **common)
    trainer = {"ppo": PPOTrainer, "grpo": GRPOTrainer}[kind](
        model, [good_prompt_reward], config, train_dataset=rows, processing_class=tokenizer
    )
    seen: list[list[bool]] = []
    score = trainer._calculate_rewards

    def watch(inputs: Any, prompts: Any, completions: Any, ids: Any) -> Any:
        seen.append([row["good"] for row in inputs])
        assert [row["prompt"] for row in inputs] == prompts
        return score(inputs, prompts, completions, ids)

    trainer._calculate_rewards = watch
    trainer.train(**more)
    trainer.seen = seen
    return trainer


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["ppo", "grpo"])
def test_uninformative_prompts_are_counted_and_replaced(
    kind: str, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    plain = _train(kind, tiny_llama(), tiny_tokenizer, tmp_path / "plain")
    logs = [log for log in plain.state.log_history if "frac_none_correct" in log]
    first = [sum(not good for good in batch) / len(batch) for batch in plain.seen]
    assert [log["frac_none_correct"] for log in logs] == first and max(first) > 0
    assert "frac_resampled" not in logs[0]

    again = _train(kind, tiny_llama(), tiny_tokenizer, tmp_path / "again", resample_rounds=40)
    assert all(all(batch) for batch in again.seen)  # every prompt that was trained on teaches
    logs = [log for log in again.state.log_history if "frac_none_correct" in log]
    assert logs[0]["frac_none_correct"] == first[0]  # as first sampled
    assert logs[0]["frac_resampled"] == first[0]


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["ppo", "grpo"])
def test_resampling_resumes_bit_for_bit(
    kind: str, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    whole = _train(kind, tiny_llama(), tiny_tokenizer, tmp_path / "run", resample_rounds=2)
    resumed = _train(
        kind,
        tiny_llama(seed=5),
        tiny_tokenizer,
        tmp_path / "run",
        resample_rounds=2,
        resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-1"),
    )
    assert len(resumed.seen) == 1
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)
