"""Models by folder and by name, and errors that help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mrlm import ModelError
from mrlm.models.loading import (
    EMBEDDED_MODEL,
    PLAIN_CHAT_TEMPLATE,
    embedded_model_folder,
    encode_prompts,
    load_model,
    load_tokenizer,
    render_prompt,
)

MESSAGES = [{"role": "user", "content": "What is 2 + 3?"}]


def save(model: Any, tokenizer: Any, folder: Path) -> str:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("family", ["tiny_llama", "tiny_gpt2", "tiny_qwen2"])
def test_loads_a_folder(
    family: str, request: pytest.FixtureRequest, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    import torch

    path = save(request.getfixturevalue(family)(), tiny_tokenizer, tmp_path)
    model, tokenizer = load_model(path)
    assert model.dtype == torch.float32
    assert tokenizer.pad_token_id == model.generation_config.pad_token_id
    [ids] = encode_prompts(tokenizer, [MESSAGES])
    assert tokenizer.decode(ids) == render_prompt(tokenizer, MESSAGES)


def test_gpt2_like_tokenizers_get_a_pad_token_and_a_plain_prompt(
    tiny_tokenizer: Any, tmp_path: Path
) -> None:
    import copy

    bare = copy.deepcopy(tiny_tokenizer)
    bare.pad_token = None
    bare.chat_template = None
    bare.save_pretrained(tmp_path)
    tokenizer = load_tokenizer(str(tmp_path))
    assert tokenizer.pad_token == tokenizer.eos_token
    assert tokenizer.chat_template == PLAIN_CHAT_TEMPLATE
    assert render_prompt(tokenizer, MESSAGES) == "User: What is 2 + 3?\nAssistant:"
    talk = [{"role": "system", "content": "Count."}, *MESSAGES]
    talk += [{"role": "assistant", "content": "5"}, {"role": "user", "content": "Sure?"}]
    eos = tokenizer.eos_token
    assert render_prompt(tokenizer, talk) == (
        f"Count.\nUser: What is 2 + 3?\nAssistant: 5{eos}\nUser: Sure?\nAssistant:"
    )


def test_strings_are_prompts_as_they_are(tiny_tokenizer: Any) -> None:
    assert render_prompt(tiny_tokenizer, "2 + 3 =") == "2 + 3 ="
    assert encode_prompts(tiny_tokenizer, ["ab"]) == [tiny_tokenizer("ab")["input_ids"]]


def with_bos(tokenizer: Any) -> Any:
    """One that begins plain text with its token, as Llama's and Gemma's do."""
    import copy

    from tokenizers import processors

    begins = copy.deepcopy(tokenizer)
    begins.bos_token = "<|im_start|>"
    begins._tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", begins.bos_token_id)]
    )
    return begins


@pytest.mark.parametrize("writes_bos", [False, True])
def test_one_way_from_a_conversation_to_token_ids(tiny_tokenizer: Any, writes_bos: bool) -> None:
    """As TRL's trainers tokenize it; a template's own token is not written twice."""
    tokenizer = with_bos(tiny_tokenizer)
    tokenizer.chat_template = "{{ bos_token }}" * writes_bos + PLAIN_CHAT_TEMPLATE
    trained = tokenizer.apply_chat_template(
        [MESSAGES], add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    ids = encode_prompts(tokenizer, [MESSAGES])
    assert ids == trained and ids[0].count(tokenizer.bos_token_id) == writes_bos
    [text] = encode_prompts(tokenizer, [render_prompt(tokenizer, MESSAGES)])
    assert text.count(tokenizer.bos_token_id) == 1
    assert encode_prompts(tokenizer, ["ab"])[0][0] == tokenizer.bos_token_id


def test_a_plain_prompt_begins_as_the_tokenizer_begins_text(
    tiny_tokenizer: Any, tmp_path: Path
) -> None:
    bare = with_bos(tiny_tokenizer)
    bare.chat_template = None
    bare.save_pretrained(tmp_path)
    tokenizer = load_tokenizer(str(tmp_path))
    [ids] = encode_prompts(tokenizer, [MESSAGES])
    assert ids[0] == tokenizer.bos_token_id and ids.count(tokenizer.bos_token_id) == 1


def test_a_conversation_needs_a_template(tiny_tokenizer: Any) -> None:
    import copy

    bare = copy.deepcopy(tiny_tokenizer)
    bare.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        render_prompt(bare, MESSAGES)
    with pytest.raises(ModelError, match="no chat template"):
        encode_prompts(bare, [MESSAGES])


def test_missing_models_say_what_is_allowed(tmp_path: Path) -> None:
    for name in (str(tmp_path / "nowhere"), "someone/no-such-model"):
        with pytest.raises(ModelError, match=EMBEDDED_MODEL) as caught:
            load_model(name)
        assert name in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_asked_once_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("huggingface_hub.constants.is_offline_mode", lambda: False)
    monkeypatch.setenv("no_proxy", "*")
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    with pytest.raises(
        ModelError, match=r"not in the cache, and the Hub cannot be reached .*refused"
    ):
        load_model("someone/no-such-model")
    assert not waits  # the libraries wait between their tries


def test_a_tokenizer_of_another_model_is_refused(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    path = save(
        tiny_llama(vocab_size=200, eos_token_id=1, pad_token_id=0), tiny_tokenizer, tmp_path
    )
    with pytest.raises(ModelError, match="259 tokens and the model only 200"):
        load_model(path)


def test_no_end_token_is_refused(tiny_tokenizer: Any, tmp_path: Path) -> None:
    import copy

    endless = copy.deepcopy(tiny_tokenizer)
    endless.eos_token = None
    endless.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        load_tokenizer(str(tmp_path))


def test_the_embedded_model_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="not installed"):
        embedded_model_folder()


@pytest.mark.slow
def test_the_embedded_model_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRLM_CACHE", str(tmp_path))
    model, tokenizer = load_model()
    assert model.num_parameters() == 134_515_008
    assert model.name_or_path == "smollm2-135m"  # no machine's own path in results
    assert tokenizer.eos_token == "<|im_end|>"
    assert [p.name[:12] for p in tmp_path.iterdir()] == ["smollm2-135m"]  # nothing half-written
