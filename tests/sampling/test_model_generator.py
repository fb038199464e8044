"""The model's own generate behind the sampler's interface, and when it is taken."""

from __future__ import annotations

from typing import Any

import model_zoo
import pytest
import torch

from mrlm.sampling import make_generator
from mrlm.sampling.coverage import why_not_covered
from mrlm.sampling.model_generator import ModelGenerator
from mrlm.sampling.types import SamplingParams

PROMPTS = model_zoo.prompts()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("suppress_tokens", [7, 8]),
        ("begin_suppress_tokens", [7]),
        ("repetition_penalty", 1.05),
        ("no_repeat_ngram_size", 2),
        ("forced_eos_token_id", 1),
        ("min_new_tokens", 3),
        ("bad_words_ids", [[7]]),
    ],
)
def test_a_generation_config_holds_or_is_named(setting: str, value: Any) -> None:
    model = model_zoo.build("Llama")
    assert why_not_covered(model) is None
    setattr(model.generation_config, setting, value)
    assert setting in str(why_not_covered(model))
    generator = make_generator(model, model_zoo.TOKENIZER)
    assert setting in str(generator.fallback_reason)
    greedy = generator.generate(PROMPTS, SamplingParams(8, temperature=0.0))
    for prompt, completion in zip(PROMPTS, greedy, strict=True):
        ids = torch.tensor([prompt])
        own = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8
        )
        assert completion.token_ids == own[0, len(prompt) :].tolist()


def test_settings_of_sampling_count_where_they_are_handed_over() -> None:
    from transformers import GenerationConfig

    model = model_zoo.build("Llama")
    model.generation_config.top_k = 20
    assert why_not_covered(model) is None  # evaluation sets its own
    assert "top_k" in str(why_not_covered(model, GenerationConfig(temperature=1.0)))
    assert why_not_covered(model, GenerationConfig(top_k=0, repetition_penalty=1.0)) is None
    model.generation_config.repetition_penalty = 1.1
    assert why_not_covered(model, GenerationConfig(top_k=0, repetition_penalty=1.0)) is None
    assert "repetition_penalty" in str(why_not_covered(model, GenerationConfig(top_k=0)))


@pytest.mark.parametrize("family", ["Llama", "Mamba"])
def test_log_probabilities_are_of_the_temperature_and_before_top_p(family: str) -> None:
    model = model_zoo.build(family)
    generator = ModelGenerator(model, model_zoo.TOKENIZER, max_rows=3)
    done: list[int] = []
    params = SamplingParams(6, num_generations=2, temperature=0.7, top_p=0.8, seed=3)
    said = generator.generate(PROMPTS, params, progress=done.append)
    assert len(said) == sum(done) == 2 * len(PROMPTS)
    for i, completion in enumerate(said):
        prompt, ids = PROMPTS[i // 2], completion.token_ids
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        expected = (logits / 0.7).log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=0)
        assert completion.finished == (ids[-1] == 1) and len(ids) <= 6


def test_a_seed_repeats_and_the_global_noise_is_left_alone() -> None:
    generator = ModelGenerator(model_zoo.build("Llama"), model_zoo.TOKENIZER)
    state = torch.random.get_rng_state()
    one, again, other = (
        [c.token_ids for c in generator.generate(PROMPTS, SamplingParams(8, seed=seed))]
        for seed in (1, 1, 2)
    )
    assert one == again != other
    assert torch.equal(torch.random.get_rng_state(), state)
    assert generator.generate([], SamplingParams(3)) == []
    with pytest.raises(ValueError, match="Prompt 1 has no tokens"):
        generator.generate([[1], []], SamplingParams(3))


def test_several_tokens_end_a_completion() -> None:
    model = model_zoo.build("Llama")
    [first] = ModelGenerator(model, model_zoo.TOKENIZER).generate(
        PROMPTS[2:3], SamplingParams(6, temperature=0.0)
    )
    model.generation_config.eos_token_id = [1, first.token_ids[2]]
    end = first.token_ids.index(first.token_ids[2]) + 1
    for generator in (
        ModelGenerator(model, model_zoo.TOKENIZER),
        make_generator(model, model_zoo.TOKENIZER, dtype=torch.float32),
    ):
        [said] = generator.generate(PROMPTS[2:3], SamplingParams(6, temperature=0.0))
        assert said.token_ids == first.token_ids[:end] and said.finished


def test_sync_takes_the_model_and_its_mode_is_kept() -> None:
    model, other = model_zoo.build("Llama"), model_zoo.build("Llama, untied").train()
    generator = ModelGenerator(model, model_zoo.TOKENIZER)
    generator.sync(other)
    said = generator.generate(PROMPTS, SamplingParams(5, temperature=0.0))
    expected = ModelGenerator(other, model_zoo.TOKENIZER).generate(
        PROMPTS, SamplingParams(5, temperature=0.0)
    )
    assert other.training and [c.token_ids for c in said] == [c.token_ids for c in expected]
