"""Modelfiles: what Ollama makes of their TEMPLATE is what the chat template makes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mrlm.models.loading import PLAIN_CHAT_TEMPLATE

Build = Callable[..., Any]
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
DEFAULT = (
    "{% if messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
)
LLAMA_3 = (
    "{% for m in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim "
    "+ '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
DATED = LLAMA_3.replace(
    "{% for m",
    "{% if messages[0]['role'] != 'system' %}{{ bos_token + '<|start_header_id|>"
    "system<|end_header_id|>\n\nToday is 26 Jul 2024<|eot_id|>' }}{% endif %}{% for m",
    1,
).replace("{% if loop.first %}", "{% if loop.first and m['role'] == 'system' %}")
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
)
COUNTING = CHATML.replace("m['role'] + '\n'", "m['role'] ~ loop.index ~ '\n'")
HIDING = CHATML.replace("m['content']", "(m['content'] if loop.last else '...')")

LONG = "{% if messages | length > 4 %}{{ 'a long talk\n' }}{% endif %}" + CHATML


def go(template: str, messages: list[dict[str, str]]) -> str:
    """Go's text/template, as far as ours go: ``if``, ``else if``, ``range``, ``.Content``."""
    parts = re.split(r"(\{\{.*?\}\})", template, flags=re.DOTALL)
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")

    def block(at: int) -> tuple[list[tuple[str, list[Any]]], int]:
        """Branches ``(condition, nodes)`` up to the matching end."""
        branches: list[tuple[str, list[Any]]] = [("", [])]
        while at < len(parts):
            word = parts[at].strip("{} ") if parts[at].startswith("{{") else None
            at += 1
            if word is None:
                branches[-1][1].append(parts[at - 1])
            elif word == "end":
                return branches, at
            elif word.startswith("else "):
                branches.append((word.removeprefix("else "), []))
            elif word.startswith(("if ", "range ")):
                inner, at = block(at)
                inner[0] = (word, inner[0][1])
                branches[-1][1].append(inner)
            else:
                branches[-1][1].append((word,))
        return branches, at

    def holds(condition: str, message: dict[str, str]) -> bool:
        if condition == "if not .System":
            return not system
        found = re.fullmatch(r'if eq \.Role "(\w+)"', condition)
        assert found, condition
        return message["role"] == found[1]

    def run(nodes: list[Any], message: dict[str, str]) -> str:
        text = ""
        for node in nodes:
            if isinstance(node, str):
                text += node
            elif isinstance(node, tuple):
                assert node == (".Content",), node
                text += message["content"]
            elif node[0][0] == "range .Messages":
                text += "".join(run(node[0][1], message) for message in messages)
            else:
                chosen = next((body for test, body in node if holds(test, message)), [])
                text += run(chosen, message)
        return text

    return run(block(0)[0][0][1], {})


def talks() -> list[list[dict[str, str]]]:
    turns = [
        {"role": "user", "content": "2 + 3?"},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "Sure?\nAnd {{ .This }}?"},
    ]
    system = {"role": "system", "content": "Be brief."}
    return [first + turns[:n] for first in ([], [system]) for n in (1, 3)]


@pytest.mark.parametrize(
    "template",
    [CHATML, DEFAULT + CHATML, LLAMA_3, DATED, PLAIN_CHAT_TEMPLATE],
    ids=["ChatML", "ChatML, default system", "Llama 3", "Llama 3.1", "plain"],
)
def test_the_go_template_renders_what_jinja_does(template: str, bpe_tokenizer: Build) -> None:
    from mrlm.export.ollama import read_turn_format

    tokenizer = bpe_tokenizer()
    tokenizer.chat_template = template
    found = read_turn_format(tokenizer)
    assert found is not None
    for talk in talks():
        expected = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        assert go(found.to_go(), talk) == expected == found.render(talk)


def test_a_first_token_that_the_tokenizer_writes_is_left_to_it(bpe_tokenizer: Build) -> None:
    """Ollama would put it there a second time."""
    from tokenizers import processors

    from mrlm.export.ollama import read_turn_format

    tokenizer = bpe_tokenizer()
    tokenizer.chat_template = LLAMA_3
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 256)]
    )
    found = read_turn_format(tokenizer)
    assert found is not None and "<|endoftext|>" not in found.to_go()
    assert found.turns["system"][0].startswith("<|start_header_id|>")


@pytest.mark.parametrize(
    "template",
    [NO_SYSTEM, COUNTING, HIDING, LONG, CHATML.replace("'<|im_end|>\n'", "'{{}}'")],
    ids=[
        "takes no system message",
        "counts turns",
        "hides earlier turns",
        "knows long talks",
        "braces",
    ],
)
def test_a_template_that_does_more_is_left_out(template: str, bpe_tokenizer: Build) -> None:
    from mrlm.export.ollama import modelfile, read_turn_format

    tokenizer = bpe_tokenizer()
    tokenizer.chat_template = template
    assert read_turn_format(tokenizer) is None
    text = modelfile("m.gguf", tokenizer, None)
    assert "TEMPLATE" not in text.replace("# No TEMPLATE", "") and "# No TEMPLATE" in text


def test_the_embedded_models_template_is_covered(bpe_tokenizer: Build) -> None:
    from mrlm.export.ollama import read_turn_format

    tokenizer = bpe_tokenizer()
    tokenizer.chat_template = (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
        "Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    found = read_turn_format(tokenizer)
    assert found is not None
    assert "named SmolLM" in found.default_system
    assert found.turns["user"] == ("<|im_start|>user\n", "<|im_end|>\n")


def test_a_modelfile_samples_and_stops_as_the_model_does(bpe_tokenizer: Build) -> None:
    from transformers import GenerationConfig

    from mrlm.export.ollama import modelfile

    tokenizer = bpe_tokenizer()
    greedy = modelfile("m.gguf", tokenizer, GenerationConfig(eos_token_id=258), 'Say """5""".')
    assert greedy.startswith('FROM ./m.gguf\nTEMPLATE """')
    assert greedy.endswith(
        "SYSTEM \"\"\"Say '''5'''.\"\"\"\nPARAMETER temperature 0\nPARAMETER repeat_penalty 1.0\n"
        'PARAMETER stop "<|im_end|>"\n'
    )
    config = GenerationConfig(
        do_sample=True, temperature=0.7, top_p=0.8, repetition_penalty=1.1, eos_token_id=[258, 256]
    )
    sampled = modelfile("m.gguf", tokenizer, config).splitlines()
    assert "PARAMETER temperature 0.7" in sampled and "PARAMETER top_p 0.8" in sampled
    assert "PARAMETER repeat_penalty 1.1" in sampled
    assert 'PARAMETER stop "<|endoftext|>"' in sampled
