"""The fixtures that every other test relies on."""

from __future__ import annotations

from typing import Any

import pytest


def test_tokenizer_round_trips_any_text(tiny_tokenizer: Any) -> None:
    text = "2 + 2 = 4\nπ naïve 🙂"
    assert tiny_tokenizer.decode(tiny_tokenizer(text)["input_ids"]) == text


def test_chat_template_marks_turns(tiny_tokenizer: Any) -> None:
    chat = [{"role": "user", "content": "hi"}]
    rendered = tiny_tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert rendered == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    ids = tiny_tokenizer(rendered)["input_ids"]
    assert ids.count(tiny_tokenizer.eos_token_id) == 1


@pytest.mark.parametrize("factory", ["tiny_llama", "tiny_gpt2", "tiny_qwen2"])
def test_models_are_seeded_and_generate(
    factory: str, request: pytest.FixtureRequest, tiny_tokenizer: Any
) -> None:
    build = request.getfixturevalue(factory)
    first, again, other = build(0), build(0), build(1)
    weight, same, different = (m.get_input_embeddings().weight for m in (first, again, other))
    assert weight.equal(same)
    assert not weight.equal(different)
    batch = tiny_tokenizer(["a", "bcd"], return_tensors="pt", padding=True)
    out = first.generate(**batch, max_new_tokens=3, min_new_tokens=3, do_sample=False)
    assert out.shape == (2, 6)
