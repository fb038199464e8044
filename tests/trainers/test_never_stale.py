"""What is sampled is sampled from the weights that the policy has now, whatever changed them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import TrainerCallback

from mrlm import PPOConfig, PPOTrainer
from mrlm.sampling.types import SamplingParams
from mrlm.trainers import GRPOConfig, GRPOTrainer

pytestmark = pytest.mark.integration

CLASSES: dict[str, tuple[Any, Any]] = {
    "grpo": (GRPOTrainer, GRPOConfig),
    "ppo": (PPOTrainer, PPOConfig),
}
Observe = Callable[[Any], None]


def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def logps_now(trainer: Any, prompt: list[int], completion: list[int]) -> list[float]:
    """Under the policy itself, of a completion of its own."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
    model.train(training)
    chances = logits.log_softmax(-1)
    return [float(chances[i, token]) for i, token in enumerate(completion)]


def assert_fresh(trainer: Any) -> None:
    """The sampler's log-probabilities, at temperature 1, are the policy's."""
    generator = trainer.synced_generator()
    [completion] = generator.generate([[5, 6, 7]], SamplingParams(6, seed=1))
    expected = logps_now(trainer, [5, 6, 7], completion.token_ids)
    assert completion.logprobs == pytest.approx(expected, abs=1e-4)


@pytest.fixture(params=["grpo", "ppo"])
def make(request: Any, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> Any:
    """``make(callbacks=(), **settings)``: a trainer that takes the CPU path, in large steps."""
    trainer_class, config_class = CLASSES[request.param]

    def build(callbacks: Any = (), seed: int = 0, **settings: Any) -> Any:
        common: dict[str, Any] = {
            "use_cpu": True,
            "bf16": False,
            "activation_checkpointing": False,
            "report_to": "none",
            "disable_tqdm": True,
            "per_device_train_batch_size": 4,
            "num_generations": 2,
            "max_completion_length": 5,
            "max_steps": 2,
            "learning_rate": 0.05,
            "save_strategy": "no",
        }
        rows = Dataset.from_dict({"prompt": ["ab", "longer prompt", "c", "de"] * 4})
        return trainer_class(
            tiny_llama(seed),
            reward,
            config_class(str(tmp_path / "run"), **(common | settings)),
            train_dataset=rows,
            eval_dataset=rows.select(range(2)),
            processing_class=tiny_tokenizer,
            callbacks=list(callbacks),
        )

    return build


def watch_rollouts(trainer: Any) -> list[float]:
    """From now on, by how much each rollout's log-probabilities miss the policy's at that time."""
    worst: list[float] = []
    generate = trainer.sampler.generate

    def watched(generator: Any, prompt_ids: list[list[int]], head: Any) -> Any:
        completions = generate(generator, prompt_ids, head)
        errors = [
            abs(x - y)
            for prompt, completion in zip(prompt_ids, completions, strict=True)
            for x, y in zip(
                completion.logprobs,
                logps_now(trainer, prompt, completion.token_ids),
                strict=True,
            )
        ]
        worst.append(max(errors))
        return completions

    trainer.sampler.generate = watched
    return worst


class ByHand(TrainerCallback):
    """Changes the weights behind the optimizer's back, where no counter and no version tells."""

    def __init__(self, event: str) -> None:
        setattr(self, event, self._change)

    def _change(self, *args: Any, model: Any = None, **kwargs: Any) -> None:
        for parameter in model.parameters():
            parameter.data = parameter.data * 1.5


def test_a_step_and_a_second_train(make: Any) -> None:
    trainer = make()
    worst = watch_rollouts(trainer)
    trainer.train()
    assert_fresh(trainer)
    trainer.train()  # counts its steps from 0 again
    assert_fresh(trainer)
    assert len(worst) >= 4 and max(worst) < 1e-4


@pytest.mark.parametrize("event", ["on_step_begin", "on_substep_end", "on_step_end"])
def test_a_callback_that_changes_weights_by_hand(event: str, make: Any) -> None:
    trainer = make([ByHand(event)], gradient_accumulation_steps=2, steps_per_generation=1)
    worst = watch_rollouts(trainer)
    trainer.train()
    assert len(worst) == 4 and max(worst) < 1e-4
    assert_fresh(trainer)


def test_the_best_model_is_what_is_sampled_after_it_was_loaded(make: Any) -> None:
    trainer = make(
        max_steps=3,
        eval_strategy="steps",
        eval_steps=1,
        per_device_eval_batch_size=2,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="reward",
    )
    trainer.train()
    assert_fresh(trainer)


def test_an_evaluation_between_steps(make: Any) -> None:
    trainer = make()
    trainer.train()
    for parameter in trainer.model.parameters():
        parameter.data = parameter.data * 1.5
    worst = watch_rollouts(trainer)
    trainer.evaluate()
    assert worst and max(worst) < 1e-4


def test_a_run_that_is_resumed(make: Any, tmp_path: Path) -> None:
    make(save_strategy="steps", save_steps=1).train()
    resumed = make(seed=5)
    assert_fresh(resumed)  # of the weights that it is made with
    worst = watch_rollouts(resumed)
    resumed.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-1"))
    assert worst and max(worst) < 1e-4
