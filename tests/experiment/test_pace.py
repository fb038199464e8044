"""What is timed before a run, and that the run does not notice."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from mrlm import PPOConfig
from mrlm.experiment.pace import Pace, measure_pace
from mrlm.sampling.generator import Generator

PROMPTS = [[5, 6, 7], [8, 9], [9, 10, 11, 12], [8], [100, 101], [102], [103], [104]]


def config(folder: Path, **settings: Any) -> PPOConfig:
    return PPOConfig(
        str(folder),
        report_to="none",
        bf16=False,
        max_completion_length=6,
        num_generations=2,
        per_device_train_batch_size=8,
        **settings,
    )


@pytest.mark.parametrize(
    ("settings", "prompts", "passes"),
    [
        ({}, 4, 1),
        ({"update_fraction": 0.5}, 4, 1),
        ({"gradient_accumulation_steps": 2}, 8, 2),
    ],
)
def test_a_step_is_rehearsed_and_leaves_nothing(
    settings: dict[str, Any],
    prompts: int,
    passes: int,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
) -> None:
    """As many prompts as a rollout has, as many tokens as its update, and nothing is changed."""
    model = tiny_llama()
    before = copy.deepcopy(model.state_dict())
    generator = Generator(model, tiny_tokenizer, dtype=torch.float32)
    asked: list[Any] = []
    generate = generator.generate

    def noted(prompt_ids: Any, params: Any) -> Any:
        asked.append((len(prompt_ids), params.num_generations, params.max_new_tokens))
        return generate(prompt_ids, params)

    generator.generate = noted  # type: ignore[method-assign]
    read: list[int] = []
    model.base_model.register_forward_hook(
        lambda module, args, kwargs, output: read.append(kwargs["input_ids"].shape[0]),
        with_kwargs=True,
    )
    random = torch.get_rng_state()
    pace = measure_pace(model, generator, PROMPTS, config(tmp_path, **settings))
    assert pace.sampling > 0 and pace.update > 0
    assert asked == [(prompts, 2, 6)]
    assert len(read) == passes and sum(read) == prompts * settings.get("update_fraction", 1)
    assert torch.equal(random, torch.get_rng_state())
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(before[name], x) for name, x in model.state_dict().items())


def test_rollouts_that_serve_several_steps_cost_each_a_part(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_llama()
    generator = Generator(model, tiny_tokenizer, dtype=torch.float32)
    clock = iter([0.0, 8.0, 20.0] * 2)
    monkeypatch.setattr("mrlm.experiment.pace.time.perf_counter", lambda: next(clock))
    once = measure_pace(model, generator, PROMPTS, config(tmp_path))
    assert (once.sampling, once.update, once.step) == (8, 12, 20)
    # A rollout of two micro-batches, each a step, all of it twice: four steps.
    settings = config(tmp_path, steps_per_generation=2, num_ppo_epochs=2)
    shared = measure_pace(model, generator, PROMPTS, settings)
    assert (shared.sampling, shared.update) == (2, 6)


@pytest.mark.parametrize(
    ("seconds", "steps"), [(-5, 1), (0, 1), (19, 1), (40, 2), (59, 2), (1e6, 56)]
)
def test_steps_within(seconds: float, steps: int) -> None:
    assert Pace(5.0, 15.0).steps_within(seconds, 56) == steps
