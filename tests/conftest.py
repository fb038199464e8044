"""Tiny random models and a tiny tokenizer, built in the process: no test downloads anything.

The tokenizer is byte-level without merges: it round-trips any text and knows ChatML. Each model
fixture is a factory, so that a test gets fresh weights and may change the size:
``tiny_llama(seed=1, num_hidden_layers=1)``. The Hub is a server on a local port.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from chat_server import Server

    from mrlm.sampling.types import SamplingParams

# Before torch is imported: tests share the machine's cores, and tiny models gain nothing from many.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Nothing here may reach for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# What tests compare, to the bit or to 1e-5, are runs on a CPU; `-m gpu` asks for more.
if "gpu" not in sys.argv:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
# A job that a shell started in the background ignores Ctrl-C, and so would what it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["online_trainers", "toy_task"]

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

ModelFactory = Callable[..., Any]


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Any:
    """Byte-level tokenizer: 256 bytes and three special tokens; pads on the left."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in (PAD, START, END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        chat_template=CHATML,
    )


@pytest.fixture(scope="session")
def bpe_tokenizer(tiny_tokenizer: Any) -> Callable[..., Any]:
    """``bpe_tokenizer(pre_tokenizer=None, **model) -> tokenizer``: the tiny one, with merges.

    Bytes and special tokens have the same ids; 40 tokens follow that merges make. What does not
    merge is no tokenizer to llama.cpp.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    text = "What is the sum of 12 and 345? It's  the  10th that they ask, and I'll say:\n    1 "

    def build(pre_tokenizer: Any = None, **settings: Any) -> Any:
        split = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
        trained = Tokenizer(models.BPE())
        trained.pre_tokenizer = split
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trained.train_from_iterator(
            [text] * 3,
            trainers.BpeTrainer(
                vocab_size=296, initial_alphabet=alphabet, show_progress=False, min_frequency=1
            ),
        )
        merges = [tuple(m) for m in json.loads(trained.to_str())["model"]["merges"]]
        tokens = [*alphabet, PAD, START, END, *("".join(merge) for merge in merges)]
        vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
        backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, **settings))
        backend.pre_tokenizer = split
        backend.decoder = decoders.ByteLevel()
        backend.add_special_tokens([AddedToken(t, special=True) for t in (PAD, START, END)])
        return PreTrainedTokenizerFast(
            tokenizer_object=backend,
            bos_token=PAD,
            pad_token=PAD,
            eos_token=END,
            padding_side="left",
            chat_template=CHATML,
        )

    return build


def _build(model_class: str, config: Any, tokenizer: Any, seed: int) -> Any:
    import torch
    import transformers

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, model_class)(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model.eval()


def _token_ids(tokenizer: Any) -> dict[str, int]:
    return {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


_DECODER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
    # Larger than the usual 0.02, so that a tiny model's logits differ enough to test with.
    "initializer_range": 0.1,
}


@pytest.fixture(scope="session")
def tiny_llama(tiny_tokenizer: Any) -> ModelFactory:
    """``tiny_llama(seed=0, **config) -> LlamaForCausalLM``: grouped queries, tied embeddings."""

    def build(seed: int = 0, **config: Any) -> Any:
        from transformers import LlamaConfig

        settings = _token_ids(tiny_tokenizer) | _DECODER | config
        return _build("LlamaForCausalLM", LlamaConfig(**settings), tiny_tokenizer, seed)

    return build


@pytest.fixture(scope="session")
def tiny_qwen2(tiny_tokenizer: Any) -> ModelFactory:
    """``tiny_qwen2(seed=0, **config) -> Qwen2ForCausalLM``: attention biases."""

    def build(seed: int = 0, **config: Any) -> Any:
        from transformers import Qwen2Config

        settings = _token_ids(tiny_tokenizer) | _DECODER | config
        return _build("Qwen2ForCausalLM", Qwen2Config(**settings), tiny_tokenizer, seed)

    return build


@pytest.fixture(scope="session")
def tiny_gpt2(tiny_tokenizer: Any) -> ModelFactory:
    """``tiny_gpt2(seed=0, **config) -> GPT2LMHeadModel``: learned positions, dropout off."""

    def build(seed: int = 0, **config: Any) -> Any:
        from transformers import GPT2Config

        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
        quiet = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        settings = _token_ids(tiny_tokenizer) | sizes | quiet | {"initializer_range": 0.1} | config
        return _build("GPT2LMHeadModel", GPT2Config(**settings), tiny_tokenizer, seed)

    return build


class GoldPolicy:
    """A generator that continues each conversation as its worked solution does.

    It knows a prompt by its question, and its turn by the results that stand in the prompt. Every
    turn goes through ``change``, so that a test can make the model say something else.
    """

    def __init__(self, tokenizer: Any, rows: Iterable[Any], change: Any = None) -> None:
        self.tokenizer = tokenizer
        self.rows = list(rows)
        self.change = change or (lambda text, row, turn: text)
        self.prompts: list[str] = []

    def sync(self, model: Any) -> None:
        """A policy that is not learned has nothing to take over."""

    def check(self, model: Any) -> None:
        """Nothing to find: it is no copy of a model."""

    def generate(
        self, prompt_ids: list[list[int]], params: SamplingParams, **options: Any
    ) -> list[Any]:
        from mrlm.sampling.types import Completion

        said = []
        for ids in prompt_ids:
            prompt = self.tokenizer.decode(ids)
            self.prompts.append(prompt)
            row = next(r for r in self.rows if f"{r['prompt'][-1]['content']}{END}" in prompt)
            turn = prompt.count("<|im_start|>assistant") - 1
            turns = [m for m in row["solution"] if m["role"] == "assistant"]
            text = self.change(self.text(turns[turn]), row, turn)
            ended = [*self.tokenizer.encode(text), self.tokenizer.eos_token_id]
            logprobs = [-1.0] * len(ended)
            said += [Completion(list(ended), logprobs, True) for _ in range(params.num_generations)]
        return said

    def text(self, message: Any) -> str:
        """A turn as the tool template writes it."""
        calls = [
            json.dumps({key: call["function"][key] for key in ("name", "arguments")})
            for call in message.get("tool_calls", [])
        ]
        return message["content"] + "".join(f"<tool_call>{call}</tool_call>" for call in calls)


@pytest.fixture(scope="session")
def gold_policy() -> type[GoldPolicy]:
    """``gold_policy(tokenizer, rows, change=None)``: plays worked solutions."""
    return GoldPolicy


@pytest.fixture
def tool_tokenizer(tiny_tokenizer: Any) -> Any:
    """The tiny tokenizer with tool calling."""
    import copy

    from mrlm.models.chat_templates import add_tool_calling

    return add_tool_calling(copy.deepcopy(tiny_tokenizer))


@pytest.fixture(scope="session")
def hub_module() -> Any:
    """``hub_server.py``."""
    import hub_server

    return hub_server


@pytest.fixture
def hub(hub_module: Any) -> Iterator[Any]:
    """A running server of the Hub's protocol."""
    with hub_module.HubServer().running() as server:
        yield server


@pytest.fixture
def online(hub: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """This process's ``huggingface_hub`` talks to ``hub``, with no token of the machine's."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token here"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return hub


@pytest.fixture
def chat_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose ``reply`` the test sets; proxies are out of the way."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    from chat_server import Server

    started = Server()
    yield started
    started.close()
