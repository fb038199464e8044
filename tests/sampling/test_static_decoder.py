"""Decoding in fixed buffers gives what decoding in growing ones gives, recorded or not."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import model_zoo
import pytest
import torch
from graph_on_cpu import GraphsOnCPU

from mrlm.sampling.coverage import why_not_covered
from mrlm.sampling.generator import Generator
from mrlm.sampling.static_decoder import row_bucket
from mrlm.sampling.types import Completion, SamplingParams

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14], [8, 9], [100], [5, 6, 7, 8]]
SAMPLED = SamplingParams(45, num_generations=3, temperature=0.8, seed=3)


def make(model: Any, static: bool = True, recorder: Any = None, **more: Any) -> Generator:
    made = Generator(model, model_zoo.TOKENIZER, dtype=torch.float32, static_cache=static, **more)
    if made.decoder is not None:
        made.decoder.recorder = recorder
    # So many that rows end all the time.
    made.eos_token_ids = set(range(0, 250, 25))
    return made


def assert_same(found: list[Completion], expected: list[Completion]) -> None:
    assert [c.token_ids for c in found] == [c.token_ids for c in expected]
    assert [c.finished for c in found] == [c.finished for c in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("logprobs", "values"):
            a, b = getattr(one, name), getattr(other, name)
            assert (a is None) == (b is None)
            if a is not None:
                assert a == pytest.approx(b, abs=1e-4)


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("top_p", [1.0, 0.8])
@pytest.mark.parametrize("family", ["tiny_llama", "tiny_gpt2", "tiny_qwen2"])
def test_draws_are_those_of_growing_buffers(
    family: str, top_p: float, recorded: bool, request: pytest.FixtureRequest
) -> None:
    """Rows end one by one over several chunks, and half of the buffer's rows more than once."""
    model = request.getfixturevalue(family)()
    head = torch.nn.Linear(32, 1)
    recorder = GraphsOnCPU() if recorded else None
    static, growing = make(model, recorder=recorder), make(model, static=False)
    for seed in (3, 4):
        params = replace(SAMPLED, top_p=top_p, seed=seed)
        found, expected = (
            g.generate(PROMPTS, params, value_head=lambda x: head(x).squeeze(-1))
            for g in (static, growing)
        )
        assert_same(found, expected)
        lengths = sorted(len(c.token_ids) for c in expected)
        assert lengths[0] < 5 and lengths[-1] > 17
    if recorder is not None:
        assert 2 <= recorder.recorded <= 3  # of 32, 16 and 8 rows: once, not for each call
        assert recorder.replayed > 40


@pytest.mark.parametrize("recorded", [False, True])
def test_greedy_tokens_are_the_model_s(tiny_llama: Any, recorded: bool) -> None:
    model = tiny_llama()
    static = make(model, recorder=GraphsOnCPU() if recorded else None)
    static.eos_token_ids = set()
    said = static.generate(PROMPTS, SamplingParams(40, temperature=0.0))
    for prompt, completion in zip(PROMPTS, said, strict=True):
        ids = torch.tensor([prompt])
        own = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=40,
            eos_token_id=-1,
        )
        assert completion.token_ids == own[0, len(prompt) :].tolist()


@pytest.mark.parametrize("family", model_zoo.FAMILIES)
def test_every_family_that_is_covered(family: str) -> None:
    """Windows, soft caps, experts, eager attention: past a window and over chunks."""
    model = model_zoo.build(family)
    if why_not_covered(model) is not None:
        pytest.skip("falls back to the model's own generate")
    prompts = model_zoo.prompts()
    params = SamplingParams(20, num_generations=2, temperature=0.9, seed=1)
    recorder = GraphsOnCPU()
    static, growing = make(model, recorder=recorder), make(model, static=False)
    assert_same(static.generate(prompts, params), growing.generate(prompts, params))
    assert static.check(model) is None
    assert static.decoder is not None
    assert static.decoder.failure is None and recorder.replayed


def test_one_step_and_one_row(tiny_llama: Any) -> None:
    model = tiny_llama()
    for steps in (1, 2, 16, 17, 18):
        params = SamplingParams(steps, seed=steps)
        found, expected = (
            make(model, static=static).generate([[5, 6]], params) for static in (True, False)
        )
        assert_same(found, expected)


def test_a_conversation_goes_on_from_what_is_kept(tiny_llama: Any) -> None:
    model = tiny_llama()
    static, growing = make(model, recorder=GraphsOnCPU()), make(model, static=False)
    prompts = list(PROMPTS)
    for turn in range(3):
        params = SamplingParams(21, temperature=0.8, seed=turn)
        found, expected = (g.generate(prompts, params, keep_cache=True) for g in (static, growing))
        assert_same(found, expected)
        assert static._cached_prefixes.keys() == growing._cached_prefixes.keys()
        for ids, layers in growing._cached_prefixes.items():
            for mine, theirs in zip(static._cached_prefixes[ids], layers, strict=True):
                for a, b in zip(mine, theirs, strict=True):
                    torch.testing.assert_close(a, b, atol=1e-4, rtol=0)
        prompts = [
            [*prompt, *c.token_ids, *[20 + i] * (1 + 4 * i)]
            for i, (prompt, c) in enumerate(zip(prompts, found, strict=True))
        ]
    assert growing._cached_prefixes


def test_a_record_follows_the_weights(tiny_llama: Any) -> None:
    model, changed = tiny_llama(), tiny_llama(seed=5)
    recorder = GraphsOnCPU()
    static, growing = make(model, recorder=recorder), make(changed, static=False)
    static.eos_token_ids = growing.eos_token_ids = set()
    before = static.generate(PROMPTS, SAMPLED)
    recorded, replayed = recorder.recorded, recorder.replayed
    static.sync(changed)
    after = static.generate(PROMPTS, SAMPLED)
    assert recorder.recorded == recorded == 1
    assert recorder.replayed == replayed + SAMPLED.max_new_tokens - 1
    assert_same(after, growing.generate(PROMPTS, SAMPLED))
    assert [c.token_ids for c in before] != [c.token_ids for c in after]


def test_buffers_are_made_anew_where_they_do_not_fit(tiny_llama: Any) -> None:
    """Longer, more, and then so short that most of the slots would be read for nothing."""
    model = tiny_llama(max_position_embeddings=2048)
    recorder = GraphsOnCPU()
    static, growing = make(model, recorder=recorder), make(model, static=False)
    sizes = []
    for length, rows in ((3, 2), (700, 2), (600, 20), (3, 2), (5, 20)):
        prompts = [list(range(i, i + length)) for i in range(rows)]
        prompts = [[token % 250 for token in prompt] for prompt in prompts]
        params = SamplingParams(20, seed=1)
        assert_same(static.generate(prompts, params), growing.generate(prompts, params))
        assert static.decoder is not None and static.decoder._buffers is not None
        sizes.append(tuple(static.decoder._buffers.visible.shape[::3]))
    assert sizes == [(8, 128), (8, 768), (32, 640), (32, 128), (32, 128)]


def test_nothing_is_left_of_a_batch_before(tiny_llama: Any) -> None:
    """Of a policy that had diverged, say: what is masked is still multiplied."""
    model = tiny_llama()
    static, growing = make(model), make(model, static=False)
    static.generate(PROMPTS, SAMPLED)
    assert static.decoder is not None and static.decoder._buffers is not None
    for buffer in (*static.decoder._buffers.keys, *static.decoder._buffers.values):
        buffer.fill_(torch.nan)
    assert_same(static.generate(PROMPTS, SAMPLED), growing.generate(PROMPTS, SAMPLED))


def test_rows_that_ended_stay_within_the_models_positions(tiny_gpt2: Any) -> None:
    """Learned positions end: a row that ended at the last one is carried on with the others."""
    model = tiny_gpt2(n_positions=12)
    static, growing = make(model), make(model, static=False)
    prompts, params = [[1] * 11, [2, 3, 4]], SamplingParams(8, temperature=0.0)
    growing.eos_token_ids = set()
    [first] = growing.generate(prompts[:1], replace(params, max_new_tokens=1))
    static.eos_token_ids = growing.eos_token_ids = set(first.token_ids)
    found, expected = (g.generate(prompts, params) for g in (static, growing))
    assert_same(found, expected)
    assert len(found[0].token_ids) == 1 and len(found[1].token_ids) > 2


class _Waits(torch.nn.Module):
    """A layer that looks at a value, as some mixtures of experts do."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.sum()) > 1e9:
            return -x
        return x


def test_what_cannot_be_recorded_runs_as_it_is(
    tiny_llama: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = tiny_llama()
    expected = make(model, static=False).generate(PROMPTS, SAMPLED)
    recorder = GraphsOnCPU()
    static = make(model, recorder=recorder)
    static._model.model.layers[1].mlp.act_fn = torch.nn.Sequential(
        static._model.model.layers[1].mlp.act_fn, _Waits()
    )
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        assert_same(static.generate(PROMPTS, SAMPLED), expected)
    assert recorder.recorded == recorder.replayed == 0
    assert static.decoder is not None and static.decoder.failure is not None
    assert "_local_scalar_dense" in static.decoder.failure
    assert [message for message in caplog.messages if "without a CUDA graph" in message] == [
        f"Tokens are decoded without a CUDA graph, several times slower: {static.decoder.failure}"
    ]


def test_buckets() -> None:
    assert [row_bucket(n) for n in (1, 8, 9, 64, 65)] == [8, 8, 16, 64, 128]


@pytest.mark.gpu
@pytest.mark.parametrize("family", ["Llama", "Mistral, window", "Gemma 3", "Qwen3-MoE", "GPT-2"])
def test_graphs_on_a_gpu(family: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    model = model_zoo.build(family).cuda()
    recorded, plain = make(model), make(model, recorder=None)
    from mrlm.sampling.cuda_graph import CUDAGraphs

    assert recorded.decoder is not None and plain.decoder is not None
    recorded.decoder.recorder = CUDAGraphs()
    params = SamplingParams(40, num_generations=4, seed=2)
    prompts = model_zoo.prompts()
    assert_same(recorded.generate(prompts, params), plain.generate(prompts, params))
    assert recorded.check(model) is None
    assert family == "Qwen3-MoE" or recorded.decoder.failure is None
