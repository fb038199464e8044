"""Teachers: the same tokens, the same vocabulary, frozen."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from trl import ModelConfig

from mrlm import ModelError
from mrlm.models.teacher import load_teacher

IDS = torch.tensor([[72, 101, 108, 108, 111]])


@pytest.fixture
def load(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> Any:
    """``load(model, tokenizer, student, **config)``: saved, then loaded as a teacher."""

    def load_saved(
        model: Any, tokenizer: Any = tiny_tokenizer, student: Any = None, **config: Any
    ) -> Any:
        model.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        settings = {
            "teacher_model_name_or_path": str(tmp_path),
            "teacher_model_revision": None,
            "teacher_model_init_kwargs": None,
            "trust_remote_code": False,
            "bf16": False,
            "device": torch.device("cpu"),
        }
        return load_teacher(
            ModelConfig(),
            SimpleNamespace(**settings | config),
            student or tiny_llama(),
            tiny_tokenizer,
        )

    return load_saved


def test_a_teacher_is_frozen_and_of_any_size(load: Any, tiny_llama: Any) -> None:
    model = tiny_llama(seed=3, num_hidden_layers=1)
    teacher = load(model)
    assert not any(weight.requires_grad for weight in teacher.parameters())
    assert not teacher.training
    torch.testing.assert_close(teacher(IDS).logits, model.eval()(IDS).logits)
    assert load(model, bf16=True).dtype == torch.float32  # on a CPU


def test_what_only_pads_the_vocabulary_is_cut_off(load: Any, tiny_llama: Any) -> None:
    """As Qwen2.5's 7B has 152,064 numbers for the tokens of the 0.5B's 151,936."""
    size = tiny_llama().config.vocab_size
    model = tiny_llama(vocab_size=size + 5)
    teacher = load(model)
    assert teacher.config.vocab_size == size
    expected = model.eval()(IDS).logits[..., :size]
    torch.testing.assert_close(teacher(IDS).logits, expected)


def test_an_adapter_teaches_as_the_model_that_it_makes(
    load: Any, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    tiny_llama().save_pretrained(tmp_path / "base")
    tiny_tokenizer.save_pretrained(tmp_path / "base")
    base = type(tiny_llama()).from_pretrained(tmp_path / "base")
    adapted = get_peft_model(base, LoraConfig(r=4, init_lora_weights=False))
    teacher = load(adapted)
    assert not hasattr(teacher, "peft_config") or not teacher.peft_config
    torch.testing.assert_close(
        teacher(IDS).logits, adapted.eval()(IDS).logits, atol=1e-5, rtol=1e-5
    )


def test_another_tokenizer_of_the_same_size_is_refused(
    load: Any, tiny_llama: Any, tiny_tokenizer: Any
) -> None:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    text = json.loads(tiny_tokenizer.backend_tokenizer.to_str())
    vocab = text["model"]["vocab"]
    vocab["a"], vocab["b"] = vocab["b"], vocab["a"]
    other = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(text)),
        pad_token=tiny_tokenizer.pad_token,
        eos_token=tiny_tokenizer.eos_token,
    )
    assert len(other) == len(tiny_tokenizer)
    with pytest.raises(ModelError, match="another tokenizer: 2 of the student's 259 tokens"):
        load(tiny_llama(), other)


def test_a_teacher_with_too_few_tokens_is_refused(load: Any, tiny_llama: Any) -> None:
    student = tiny_llama(vocab_size=tiny_llama().config.vocab_size + 1)
    with pytest.raises(ModelError, match="at least as many"):
        load(tiny_llama(), student=student)


def test_a_folder_that_is_none_is_refused(load: Any, tiny_llama: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        load(tiny_llama(), teacher_model_name_or_path=str(tmp_path / "nothing"))
    with pytest.raises(ModelError, match="leave the option out"):
        load(tiny_llama(), teacher_model_init_kwargs={"dtype": "float16"})
