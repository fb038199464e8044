"""Sampling: the distribution is the model's, and no shortcut changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mrlm.sampling import generator as generator_module
from mrlm.sampling.draw import sample_tokens
from mrlm.sampling.generator import Generator
from mrlm.sampling.prefixes import shared_prefixes
from mrlm.sampling.types import SamplingParams

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14], [8, 9], [100]]
FAMILIES = ["tiny_llama", "tiny_gpt2", "tiny_qwen2"]


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)()


def fp32(model: Any, tokenizer: Any, **kwargs: Any) -> Generator:
    return Generator(model, tokenizer, dtype=torch.float32, **kwargs)


def greedy(max_new_tokens: int) -> SamplingParams:
    return SamplingParams(max_new_tokens, temperature=0.0)


def greedy_one_by_one(model: Any, prompt: list[int], steps: int, eos: int) -> list[int]:
    ids = list(prompt)
    for _ in range(steps):
        with torch.no_grad():
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == eos:
            break
    return ids[len(prompt) :]


def test_greedy_is_what_the_model_says_token_by_token(model: Any, tiny_tokenizer: Any) -> None:
    eos = greedy_one_by_one(model, PROMPTS[0], 3, -1)[1]  # a token that does come up
    generator = fp32(model, tiny_tokenizer)
    generator.eos_token_ids = {eos}
    out = generator.generate(PROMPTS, greedy(8))
    assert [c.token_ids for c in out] == [greedy_one_by_one(model, p, 8, eos) for p in PROMPTS]
    assert [c.finished for c in out] == [c.token_ids[-1] == eos for c in out]
    assert out[0].finished


def test_rows_that_end_make_room_and_the_cache_grows(model: Any, tiny_tokenizer: Any) -> None:
    """Rows end one by one over more tokens than a buffer holds at first; the rest go on rightly."""
    prompts = [[i, i + 1, i + 2] for i in range(5, 10)]
    expected = [greedy_one_by_one(model, p, 40, -1) for p in prompts]
    for eos in sorted({ids[at] for ids in expected for at in (2, 12, 35)})[:3]:
        generator = fp32(model, tiny_tokenizer)
        generator.eos_token_ids = {eos}
        out = generator.generate(prompts, greedy(40))
        for ids, completion in zip(expected, out, strict=True):
            end = ids.index(eos) + 1 if eos in ids else len(ids)
            assert completion.token_ids == ids[:end]


def test_logprobs_and_values_are_the_model_s(model: Any, tiny_tokenizer: Any) -> None:
    head = torch.nn.Linear(32, 1)
    out = fp32(model, tiny_tokenizer).generate(
        PROMPTS,
        SamplingParams(6, num_generations=3, temperature=0.7, seed=3),
        value_head=lambda hidden: head(hidden).squeeze(-1),
    )
    assert len(out) == 15
    for i, completion in enumerate(out):
        prompt, ids = PROMPTS[i // 3], completion.token_ids
        with torch.no_grad():
            seen = model(input_ids=torch.tensor([prompt + ids]), output_hidden_states=True)
            logps = (seen.logits[0, len(prompt) - 1 : -1] / 0.7).log_softmax(-1)
            values = head(seen.hidden_states[-1][0, len(prompt) - 1 : -1]).squeeze(-1)
        expected = logps.gather(1, torch.tensor(ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(torch.tensor(completion.values), values, atol=1e-4, rtol=0)


def test_rows_do_not_depend_on_their_batch(tiny_llama: Any, tiny_tokenizer: Any) -> None:
    params = SamplingParams(7, num_generations=2, seed=11)
    model = tiny_llama()
    whole = fp32(model, tiny_tokenizer).generate(PROMPTS, params)
    split = fp32(model, tiny_tokenizer, max_rows=2).generate(PROMPTS, params)
    assert [c.token_ids for c in whole] == [c.token_ids for c in split]
    other = fp32(model, tiny_tokenizer).generate(PROMPTS, replace(params, seed=12))
    assert [c.token_ids for c in whole] != [c.token_ids for c in other]


def test_the_cache_is_bounded(
    tiny_llama: Any, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer rows side by side where they are long, the same completions."""
    model, params = tiny_llama(), SamplingParams(7, num_generations=2, seed=11)
    generator = fp32(model, tiny_tokenizer)
    whole = generator.generate(PROMPTS, params)
    config = model.config
    token = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4
    longest = max(map(len, PROMPTS)) + 7
    batches: list[tuple[int, int]] = []  # prompts, and slots of the longest
    batch = generator_module.Batch

    def noted(model: Any, prompts: list[list[int]], *args: Any) -> Any:
        batches.append((len(prompts), max(map(len, prompts)) + 7))
        return batch(model, prompts, *args)

    monkeypatch.setattr(generator_module, "Batch", noted)
    for rows, expected in ((0, 5), (5, 2), (2 * len(PROMPTS), 1)):
        batches.clear()
        monkeypatch.setattr(generator_module, "MAX_CACHE_BYTES", token * longest * rows)
        bounded = generator.generate(PROMPTS, params)
        assert [c.token_ids for c in whole] == [c.token_ids for c in bounded]
        assert len(batches) == expected and sum(prompts for prompts, _ in batches) == len(PROMPTS)
        assert all(n == 1 or 2 * n * slots <= rows * longest for n, slots in batches)


def note_reading(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens of each forward pass, of models of this class, that reads more than one of a row."""
    found: list[int] = []
    forward = type(model).forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs["input_ids"].shape[1] > 1:
            found.append(kwargs["input_ids"].numel())
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", counted)
    return found


@pytest.mark.parametrize("max_rows", [256, 4])
def test_a_conversation_goes_on_from_what_is_kept(
    model: Any, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch, max_rows: int
) -> None:
    """Turn after turn the tokens, log-probabilities and values are those of reading it all again,
    and less is read; with ``max_rows`` below the number of rows, some are not kept."""
    head = torch.nn.Linear(32, 1)
    read = note_reading(model, monkeypatch)
    keeping, fresh = (fp32(model, tiny_tokenizer, max_rows=max_rows) for _ in range(2))
    # So many that most rows end by themselves.
    keeping.eos_token_ids = fresh.eos_token_ids = set(range(0, len(tiny_tokenizer), 3))
    prompts = [*PROMPTS, PROMPTS[0]]
    for turn in range(3):
        outputs, num_read = [], []
        for generator in (keeping, fresh):
            read.clear()
            outputs.append(
                generator.generate(
                    prompts,
                    SamplingParams(9, temperature=0.8, seed=turn),
                    value_head=lambda x: head(x).squeeze(-1),
                    keep_cache=generator is keeping,
                )
            )
            num_read.append(sum(read))
        kept, again = outputs
        assert [c.token_ids for c in kept] == [c.token_ids for c in again]
        for one, other in zip(kept, again, strict=True):
            for name in ("logprobs", "values"):
                torch.testing.assert_close(
                    torch.tensor(getattr(one, name)),
                    torch.tensor(getattr(other, name)),
                    atol=1e-4,
                    rtol=0,
                )
        if turn and max_rows > len(prompts):
            assert num_read[0] < 0.7 * num_read[1]
        # Results of very different length, and a row whose conversation does not go on.
        ends = [[20 + i] * (2 + 11 * (i % 3)) for i in range(len(prompts))]
        prompts = [
            [*prompt, *c.token_ids, *end] if i else [50] * 30
            for i, (prompt, c, end) in enumerate(zip(prompts, kept, ends, strict=True))
        ]
    assert any(c.finished for c in kept)


def test_nothing_is_kept_of_other_weights(
    tiny_llama: Any, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, changed = tiny_llama(), tiny_llama()
    with torch.no_grad():
        for weight in changed.parameters():
            weight += 0.2 * torch.randn_like(weight)
    eos = greedy_one_by_one(model, PROMPTS[0], 3, -1)[1]
    generator = fp32(model, tiny_tokenizer)
    generator.eos_token_ids = {eos}
    read, num_read = note_reading(model, monkeypatch), []
    for weights in (model, changed):
        generator.sync(model)
        out = generator.generate(PROMPTS, greedy(8), keep_cache=True)
        prompts = [[*p, *c.token_ids, 7, 8] for p, c in zip(PROMPTS, out, strict=True)]
        if weights is changed:
            generator.sync(changed)
        read.clear()
        out = generator.generate(prompts, greedy(4))
        num_read.append(sum(read))
    assert num_read[0] < num_read[1]
    assert [c.token_ids for c in out] == [greedy_one_by_one(changed, p, 4, eos) for p in prompts]


SIBLINGS = [
    [1, 2, 3, 4, 5, 6, 7],
    [1, 2, 3, 4, 5, 8],
    [1, 2, 3, 4, 5, 8, 9, 9],
    [9, 8, 7, 6, 5, 4, 3, 2],
    [9, 8, 7, 6, 5, 4, 3, 1, 1],
    [9, 8, 7, 6, 5, 4, 3],
]


@pytest.mark.parametrize(
    ("prompts", "prefixes", "prefix_of"),
    [
        (SIBLINGS, [[1, 2, 3, 4, 5], [9, 8, 7, 6, 5, 4]], [0, 0, 0, 1, 1, 1]),
        (SIBLINGS[:3], [[1, 2, 3, 4, 5]], [0, 0, 0]),
        ([[1, 2, 3], [1, 2, 3]], [[1, 2]], [0, 0]),
        ([[1, 2, 3], [4, 5, 6]], [[]], [0, 0]),
        ([[1, 2, 3]], [[]], [0]),
        ([[1], [1, 2]], [[]], [0, 0]),
    ],
)
def test_prefixes_are_shared_where_that_saves_tokens(
    prompts: list[list[int]], prefixes: list[list[int]], prefix_of: list[int]
) -> None:
    assert shared_prefixes(prompts) == (prefixes, prefix_of)


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), min_size=1, max_size=12))
def test_a_prefix_begins_each_of_its_prompts_and_ends_before_their_last_token(
    prompts: list[list[int]],
) -> None:
    prefixes, prefix_of = shared_prefixes(prompts)
    for prompt, index in zip(prompts, prefix_of, strict=True):
        size = len(prefixes[index])
        assert prompt[:size] == prefixes[index] and size < len(prompt)
    rests = [len(p) - len(prefixes[i]) for p, i in zip(prompts, prefix_of, strict=True)]
    work = len(prefixes) * max(map(len, prefixes)) + len(prompts) * max(rests)
    assert work <= len(prompts) * max(map(len, prompts))


def test_rows_with_several_prefixes_are_what_they_are_alone(
    model: Any, tiny_tokenizer: Any
) -> None:
    generator = fp32(model, tiny_tokenizer)
    generator.eos_token_ids = set()
    # A nucleus of one token: the most likely.
    params = SamplingParams(5, num_generations=2, top_p=1e-9)
    together = generator.generate(SIBLINGS, params)
    for i, prompt in enumerate(SIBLINGS):
        alone = generator.generate([prompt], replace(params, num_generations=1))[0]
        for completion in together[2 * i : 2 * i + 2]:
            assert completion.token_ids == alone.token_ids
            assert completion.logprobs == pytest.approx(alone.logprobs, abs=1e-5)


def test_sampled_frequencies_are_the_probabilities() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -30.0, 0.5])
    rows = 40_000
    uniform = (torch.arange(rows) + 0.5) / rows
    tokens, logprobs = sample_tokens(logits.expand(rows, 5), uniform, 0.8, 1.0)
    probs = (logits / 0.8).softmax(-1)
    torch.testing.assert_close(tokens.bincount(minlength=5) / rows, probs, atol=1e-3, rtol=0)
    torch.testing.assert_close(logprobs, probs.log()[tokens])


def test_top_p_keeps_the_smallest_sufficient_set() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    uniform = torch.linspace(0, 0.9999, 1000)
    tokens, _ = sample_tokens(logits.expand(1000, 4), uniform, 1.0, 0.7)
    assert set(tokens.tolist()) == {0, 1}
    assert (tokens == 0).float().mean().item() == pytest.approx(0.5 / 0.8, abs=2e-3)


@pytest.mark.parametrize("edge", [0.0, 1.0 - 2**-24])
def test_extreme_noise_draws_no_impossible_token(edge: float) -> None:
    logits = torch.tensor([[float("-inf"), 0.0, 0.0, float("-inf")]])
    token, _ = sample_tokens(logits, torch.tensor([edge]), 1.0, 1.0)
    assert token.item() in (1, 2)


def test_sync_follows_training_and_merges_lora(tiny_llama: Any, tiny_tokenizer: Any) -> None:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(tiny_llama(), LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
    generator = fp32(model, tiny_tokenizer)
    before = {n: p.clone() for n, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    after = {n: p.clone() for n, p in model.named_parameters()}
    generator.sync(model)
    out = generator.generate(PROMPTS, greedy(5))
    model.eval()
    eos = tiny_tokenizer.eos_token_id
    assert [c.token_ids for c in out] == [greedy_one_by_one(model, p, 5, eos) for p in PROMPTS]
    assert any(not torch.equal(before[n], after[n]) for n in before)
    assert all(torch.equal(p, after[n]) for n, p in model.named_parameters())


@pytest.mark.parametrize("lora", [False, True])
def test_weights_that_fsdp2_split_are_put_together(
    lora: bool, tiny_llama: Any, tiny_tokenizer: Any
) -> None:
    """One process, which holds them all; ``tests/recipes/test_several_processes.py`` has two."""
    from peft import LoraConfig, get_peft_model
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model = tiny_llama(seed=3)
    if lora:
        model = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "down_proj"]))
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.3)
    whole = fp32(model, tiny_tokenizer).generate(PROMPTS, SamplingParams(5, seed=1))
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        split = fp32(model, tiny_tokenizer).generate(PROMPTS, SamplingParams(5, seed=1))
    finally:
        torch.distributed.destroy_process_group()
    assert [c.token_ids for c in split] == [c.token_ids for c in whole]


def test_refuses_empty_prompts(tiny_llama: Any, tiny_tokenizer: Any) -> None:
    generator = fp32(tiny_llama(), tiny_tokenizer)
    assert generator.generate([], SamplingParams(3)) == []
    with pytest.raises(ValueError, match="Prompt 1 has no tokens"):
        generator.generate([[1], []], SamplingParams(3))
