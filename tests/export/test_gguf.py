"""GGUF files, read back by transformers' own loader and by the package gguf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mrlm import ModelError

Build = Callable[..., Any]
gguf = pytest.importorskip("gguf")

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.15,
    "pad_token_id": 256,
    "bos_token_id": 256,
    "eos_token_id": 258,
    "tie_word_embeddings": True,
}
# What transformers' loader does not read of the file is the class's default.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama, untied": ("Llama", {"tie_word_embeddings": False}),
    "llama, wide heads": ("Llama", {"head_dim": 32}),
    "llama, one key head": ("Llama", {"num_key_value_heads": 1}),
    "mistral": ("Mistral", {"sliding_window": None}),
    "qwen2": ("Qwen2", {}),
    "qwen2, untied": ("Qwen2", {"tie_word_embeddings": False}),
    "qwen3": ("Qwen3", {"head_dim": 128}),
}


def build(family: str, vocab_size: int, **more: Any) -> Any:
    """A random model whose norms and biases are not those that a fresh one has."""
    import torch
    import transformers

    prefix, settings = FAMILIES[family]
    config = getattr(transformers, f"{prefix}Config")(
        **(SIZES | {"vocab_size": vocab_size} | settings | more)
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = getattr(transformers, f"{prefix}ForCausalLM")(config)
        for weight in model.parameters():
            if weight.dim() < 2:
                weight += 0.2 * torch.randn_like(weight)
    model.generation_config.eos_token_id = 258
    return model.eval()


def rounded(model: Any) -> Any:
    """The same model with the weights that float16 has."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.copy_(weight.half().float())
    return model


def logits(model: Any) -> Any:
    import torch

    ids = torch.arange(3, 40)[None] * 7 % 290
    with torch.no_grad():
        return model(input_ids=ids).logits


def read(path: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name).eval()


def fields(path: Path) -> dict[str, Any]:
    found = gguf.GGUFReader(path).fields
    return {name: field.contents() for name, field in found.items()}


def tensors(path: Path) -> dict[str, Any]:
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_read_back_has_the_same_logits(
    family: str, bpe_tokenizer: Build, tmp_path: Path
) -> None:
    import torch

    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    model, path = build(family, len(tokenizer)), tmp_path / "m.gguf"
    write_gguf(model, tokenizer, path)

    again = read(path)

    expected = logits(rounded(model))
    assert torch.allclose(logits(again), expected, atol=1e-4)
    assert float(expected.std()) > 0.3, "a model that says nothing would hide a mistake"
    assert [p.name for p in tmp_path.iterdir()] == ["m.gguf"]


@pytest.mark.parametrize("family", ["llama", "qwen2, untied", "qwen3"])
def test_eight_bits_are_near(family: str, bpe_tokenizer: Build, tmp_path: Path) -> None:
    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    model, path = build(family, len(tokenizer)), tmp_path / "m.gguf"
    write_gguf(model, tokenizer, path, outtype="q8_0")

    own = logits(model)
    distance = (logits(read(path)) - own).std() / own.std()
    assert 0 < distance < 0.05
    kinds = {name: tensor.tensor_type.name for name, tensor in tensors(path).items()}
    assert {kind for name, kind in kinds.items() if "norm" in name or "bias" in name} == {"F32"}
    assert {kind for name, kind in kinds.items() if "norm" not in name and "bias" not in name} == {
        "Q8_0"
    }
    assert fields(path)["general.file_type"] == gguf.LlamaFileType.MOSTLY_Q8_0


def test_rows_that_blocks_of_32_do_not_fit_stay_float16(
    bpe_tokenizer: Build, tmp_path: Path
) -> None:
    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    model = build("llama", len(tokenizer), intermediate_size=80)
    write_gguf(model, tokenizer, tmp_path / "m.gguf", outtype="q8_0")
    kinds = {name: t.tensor_type.name for name, t in tensors(tmp_path / "m.gguf").items()}
    assert kinds["blk.0.ffn_down.weight"] == "F16" and kinds["blk.0.ffn_up.weight"] == "Q8_0"


def test_llama_3_scales_its_rotary_frequencies(bpe_tokenizer: Build, tmp_path: Path) -> None:
    """llama.cpp divides each frequency by its factor; transformers' loader knows no such tensor."""
    import torch

    from mrlm.export.gguf_file import write_gguf

    rope = {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    tokenizer = bpe_tokenizer()
    model = build("llama", len(tokenizer), rope_parameters=rope)
    write_gguf(model, tokenizer, tmp_path / "m.gguf")

    factors = torch.tensor(tensors(tmp_path / "m.gguf")["rope_freqs.weight"].data)
    plain = 10000.0 ** (-torch.arange(0, 16, 2) / 16)
    assert torch.allclose(plain / factors, model.model.rotary_emb.inv_freq)
    assert factors[0] == 1 and float(factors[-1]) == pytest.approx(8)
    assert 1 < float(factors.median()) < 8, "some are in between"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "linear"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"attention_bias": True}, "attention has biases"),
        ({"mlp_bias": True}, "feed-forward"),
    ],
)
def test_variants_that_a_file_would_not_hold_are_refused(
    settings: dict[str, Any], said: str, bpe_tokenizer: Build, tmp_path: Path
) -> None:
    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    with pytest.raises(ModelError, match=said) as error:
        write_gguf(build("llama", len(tokenizer), **settings), tokenizer, tmp_path / "m.gguf")
    assert "convert_hf_to_gguf.py" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_sliding_windows_are_refused(bpe_tokenizer: Build, tmp_path: Path) -> None:
    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    for family, settings in (
        ("mistral", {"sliding_window": 16}),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}),
    ):
        with pytest.raises(ModelError, match="sliding windows"):
            model = build(family, len(tokenizer), **settings)
            write_gguf(model, tokenizer, tmp_path / "m.gguf")


def test_other_architectures_are_refused(
    tiny_gpt2: Build, bpe_tokenizer: Build, tmp_path: Path
) -> None:
    from mrlm.export.gguf_file import write_gguf

    with pytest.raises(ModelError, match=r"architecture is gpt2.*convert_hf_to_gguf\.py"):
        write_gguf(tiny_gpt2(vocab_size=300), bpe_tokenizer(), tmp_path / "m.gguf")


def test_a_tensor_without_a_place_is_refused(bpe_tokenizer: Build, tmp_path: Path) -> None:
    import torch

    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    model = build("llama", len(tokenizer))
    model.score_head = torch.nn.Linear(64, 1)
    with pytest.raises(ModelError, match="score_head"):
        write_gguf(model, tokenizer, tmp_path / "m.gguf")


def test_what_float16_cannot_hold_leaves_the_old_file(bpe_tokenizer: Build, tmp_path: Path) -> None:
    import torch

    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    model, path = build("llama", len(tokenizer)), tmp_path / "m.gguf"
    path.write_text("the old file")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] = 1e6
    with pytest.raises(ModelError, match=r"blk\.1\.ffn_down\.weight.*1e\+06"):
        write_gguf(model, tokenizer, path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["the old file"]


def test_metadata_says_what_the_model_is(bpe_tokenizer: Build, tmp_path: Path) -> None:
    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer()
    model, path = build("qwen3", len(tokenizer)), tmp_path / "m.gguf"
    model.generation_config.eos_token_id = [258, 256]
    write_gguf(model, tokenizer, path, name="mine")
    found = fields(path)
    assert found["general.architecture"] == "qwen3" and found["general.name"] == "mine"
    assert found["qwen3.attention.key_length"] == 128 and found["qwen3.block_count"] == 2
    assert found["qwen3.attention.head_count_kv"] == 2
    assert found["qwen3.rope.freq_base"] == 10000.0
    assert found["tokenizer.ggml.eos_token_id"] == 258
    assert found["tokenizer.ggml.eot_token_id"] == 256
    assert found["tokenizer.chat_template"] == tokenizer.chat_template
