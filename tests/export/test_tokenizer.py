"""Tokenizers in GGUF: the right pre-tokenizer's name, or none at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mrlm import ModelError

Build = Callable[..., Any]


def splits(name: str) -> Any:
    """Pre-tokenizers as their tokenizer.json have them."""
    from tokenizers import Regex
    from tokenizers import pre_tokenizers as pre

    from mrlm.export import tokenizer as known

    def by(pattern: str) -> Any:
        raw = pre.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre.Sequence([pre.Split(Regex(pattern), "isolated"), raw])

    bytes_ = pre.ByteLevel(add_prefix_space=False)
    return {
        "gpt-2": lambda: bytes_,
        "smollm": lambda: pre.Sequence([pre.Digits(individual_digits=True), bytes_]),
        "qwen2": lambda: by(known._QWEN2),
        "llama-bpe": lambda: by(known._LLAMA3),
        "tekken": lambda: by(known._TEKKEN),
        "digits in groups": lambda: pre.Sequence([pre.Digits(individual_digits=False), bytes_]),
        "a space first": lambda: pre.ByteLevel(add_prefix_space=True),
        "another pattern": lambda: by(r"\w+|\W+"),
        "white space": lambda: pre.Sequence([pre.Whitespace(), bytes_]),
    }[name]()


@pytest.mark.parametrize(
    ("name", "ignore_merges"),
    [
        ("gpt-2", False),
        ("smollm", False),
        ("qwen2", False),
        ("llama-bpe", True),
        ("tekken", True),
    ],
)
def test_a_known_split_has_llama_cpps_name(
    name: str, ignore_merges: bool, bpe_tokenizer: Build
) -> None:
    from mrlm.export.tokenizer import read_tokenizer

    tokenizer = bpe_tokenizer(splits(name), ignore_merges=ignore_merges)
    assert read_tokenizer(tokenizer, len(tokenizer)).pre == name


@pytest.mark.parametrize("name", ["qwen2", "llama-bpe"])
def test_our_patterns_are_those_of_the_models(name: str) -> None:
    """transformers has them, too, in what it reads GGUF files with."""
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    from mrlm.export import tokenizer as known

    own = {"qwen2": known._QWEN2, "llama-bpe": known._LLAMA3, "tekken": known._TEKKEN}
    assert own[name] == GGUF_PRE_TOKENIZER_SPLITS[name]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("digits in groups", {}),
        ("a space first", {}),
        ("another pattern", {}),
        ("white space", {}),
        ("qwen2", {"ignore_merges": True}),
        ("gpt-2", {"end_of_word_suffix": "</w>"}),
    ],
)
def test_others_are_refused(name: str, settings: dict[str, Any], bpe_tokenizer: Build) -> None:
    from mrlm.export.tokenizer import read_tokenizer

    tokenizer = bpe_tokenizer(splits(name), **settings)
    with pytest.raises(ModelError, match="cannot be written as GGUF"):
        read_tokenizer(tokenizer, len(tokenizer))


def test_sentencepiece_is_refused() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from mrlm.export.tokenizer import read_tokenizer

    backend = Tokenizer(models.BPE({"▁": 0, "a": 1, "▁a": 2}, [("▁", "a")], byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    with pytest.raises(ModelError, match="SentencePiece"):
        read_tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend), 3)


def test_a_tokenizer_that_never_merges_is_refused(tiny_tokenizer: Any) -> None:
    from mrlm.export.tokenizer import read_tokenizer

    with pytest.raises(ModelError, match="no merges"):
        read_tokenizer(tiny_tokenizer, len(tiny_tokenizer))


def test_tokens_have_their_types(bpe_tokenizer: Build) -> None:
    from tokenizers import AddedToken

    from mrlm.export.tokenizer import read_tokenizer

    tokenizer = bpe_tokenizer()
    tokenizer.add_tokens([AddedToken("<tool_call>"), AddedToken("<|fim|>")])
    size = len(tokenizer)

    found = read_tokenizer(tokenizer, size + 2)

    types = dict(zip(found.tokens, found.types, strict=True))
    assert len(found.tokens) == size + 2 and types["<|im_start|>"] == 3 and types["Ġ"] == 1
    assert types["<tool_call>"] == 4 and types["<|fim|>"] == 3
    assert found.tokens[-1] == f"[PAD{size + 1}]" and found.types[-1] == 5
    assert found.special_ids == {"bos": 256, "eos": 258, "pad": 256}
    assert found.merges and all(merge.count(" ") == 1 for merge in found.merges)
    assert not found.adds_bos and not found.adds_eos


def test_the_token_before_plain_text_is_told(bpe_tokenizer: Build) -> None:
    from tokenizers import processors

    from mrlm.export.tokenizer import read_tokenizer

    tokenizer = bpe_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A <|im_end|>",
        special_tokens=[("<|endoftext|>", 256), ("<|im_end|>", 258)],
    )
    found = read_tokenizer(tokenizer, len(tokenizer))
    assert found.adds_bos and found.adds_eos


@pytest.mark.parametrize("name", ["gpt-2", "qwen2"])
def test_transformers_reads_the_same_tokens(
    name: str, bpe_tokenizer: Build, texts: tuple[str, ...], tiny_llama: Build, tmp_path: Path
) -> None:
    """Of those splits that its reader knows."""
    pytest.importorskip("gguf")
    from transformers import AutoTokenizer

    from mrlm.export.gguf_file import write_gguf

    tokenizer = bpe_tokenizer(splits(name))
    write_gguf(tiny_llama(vocab_size=len(tokenizer)), tokenizer, tmp_path / "m.gguf")

    again = AutoTokenizer.from_pretrained(tmp_path, gguf_file="m.gguf")

    for text in texts:
        assert again.encode(text) == tokenizer.encode(text)
    assert again.eos_token_id == tokenizer.eos_token_id
    talk = [{"role": "user", "content": "2 + 3?"}]
    assert again.apply_chat_template(talk, tokenize=False) == tokenizer.apply_chat_template(
        talk, tokenize=False
    )
