"""A tokenizer as llama.cpp wants it: tokens, types, merges, and the name of its pre-tokenizer.

llama.cpp knows how a tokenizer splits text only by name (``tokenizer.ggml.pre``), and a wrong name
tokenizes almost right. Its own converter knows tokenizers by a hash of what they make of one text;
here the splits themselves are compared with those that llama.cpp's source has under each name
(``src/llama-vocab.cpp``), and what is not among them is refused.

Not covered: SentencePiece and Unigram vocabularies (Llama 2, Mistral 7B, Gemma); normalizers, which
llama.cpp leaves out for all of these tokenizers, as Qwen's NFC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrlm.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["GgufTokenizer", "read_tokenizer"]

_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2_BYTES, _BYTES = ("ByteLevel", True), ("ByteLevel", False)
# Splits in their order, and whether a word that is a token is never put together from merges.
_PRE_TOKENIZERS: dict[tuple[tuple[Any, ...], bool], str] = {
    ((_GPT2_BYTES,), False): "gpt-2",
    ((("Digits", True), _GPT2_BYTES), False): "smollm",
    ((("Split", _QWEN2), _BYTES), False): "qwen2",
    ((("Split", _LLAMA3), _BYTES), True): "llama-bpe",
    ((("Split", _LLAMA3), _BYTES), False): "smaug-bpe",
    ((("Split", _TEKKEN), _BYTES), True): "tekken",
}
# As llama.cpp numbers them (gguf.TokenType).
_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
_SPECIAL = ("bos", "eos", "unk", "pad")


@dataclass(frozen=True)
class GgufTokenizer:
    """The entries ``tokenizer.*`` of a GGUF file.

    Attributes:
        pre: llama.cpp's name of the pre-tokenizer.
        tokens: By id, as many as the model has embeddings.
        types: Of each token.
        merges: Pairs, joined by a space, the earliest first.
        special_ids: By llama.cpp's word: ``bos``, ``eos``, ``unk``, ``pad``.
        adds_bos: Plain text begins with the token ``bos``.
        adds_eos: Plain text ends with the token ``eos``.
        chat_template: Jinja, or several by name.
    """

    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]
    special_ids: dict[str, int]
    adds_bos: bool
    adds_eos: bool
    chat_template: str | list[dict[str, str]] | None


def read_tokenizer(tokenizer: PreTrainedTokenizerBase, num_tokens: int) -> GgufTokenizer:
    """What llama.cpp needs to know about a tokenizer.

    Args:
        tokenizer: A fast one, byte-level BPE.
        num_tokens: Rows of the model's embeddings; ids without a token become unused ones.

    Raises:
        ModelError: llama.cpp would tokenize otherwise, or it is not known to do the same.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise _refusal(tokenizer, "it is no fast tokenizer")
    spec = json.loads(backend.to_str())
    pre = _pre_tokenizer(tokenizer, spec)
    tokens, types = _vocabulary(tokenizer, num_tokens)
    merges = [m if isinstance(m, str) else " ".join(m) for m in spec["model"]["merges"]]
    if not merges:
        raise _refusal(tokenizer, "it has no merges, which llama.cpp does not load")
    if any(merge.count(" ") != 1 for merge in merges):
        raise _refusal(tokenizer, "there are spaces within its merges")
    ids = {name: getattr(tokenizer, f"{name}_token_id") for name in _SPECIAL}
    ids = {name: token_id for name, token_id in ids.items() if token_id is not None}
    text = list(tokenizer("a")["input_ids"])
    template: Any = tokenizer.chat_template
    if isinstance(template, dict):
        template = [{"name": name, "template": text} for name, text in template.items()]
    return GgufTokenizer(
        pre=pre,
        tokens=tokens,
        types=types,
        merges=merges,
        special_ids=ids,
        adds_bos="bos" in ids and text[0] == ids["bos"],
        adds_eos="eos" in ids and text[-1] == ids["eos"],
        chat_template=template,
    )


def _pre_tokenizer(tokenizer: PreTrainedTokenizerBase, spec: dict[str, Any]) -> str:
    """llama.cpp's name for the way in which text is split before merges apply."""
    model, whole = spec["model"], spec["pre_tokenizer"] or {}
    parts = whole.get("pretokenizers", [whole])
    if model["type"] != "BPE" or "ByteLevel" not in [part.get("type") for part in parts]:
        kind = "SentencePiece" if model.get("byte_fallback") else model["type"]
        raise _refusal(tokenizer, f"it is no byte-level BPE ({kind})")
    steps = tuple(_step(part) for part in parts)
    name = _PRE_TOKENIZERS.get((steps, bool(model.get("ignore_merges"))))
    affixes = [model.get("continuing_subword_prefix"), model.get("end_of_word_suffix")]
    if name is None or any(affixes):
        raise _refusal(tokenizer, "its pre-tokenizer is not among those that are known to be equal")
    return name


def _step(part: dict[str, Any]) -> tuple[Any, ...]:
    """A split, without what changes no token."""
    kind = part.get("type")
    if kind == "ByteLevel" and not part["add_prefix_space"]:
        return kind, part["use_regex"]
    if kind == "Digits":
        return kind, part["individual_digits"]
    if kind == "Split" and part["behavior"] == "Isolated" and not part["invert"]:
        return kind, part["pattern"].get("Regex")
    return (json.dumps(part, sort_keys=True),)


def _vocabulary(tokenizer: PreTrainedTokenizerBase, num_tokens: int) -> tuple[list[str], list[int]]:
    """Tokens by id and their types; added ones as text, the rest in the byte alphabet."""
    tokens = [f"[PAD{i}]" for i in range(num_tokens)]
    types = [_UNUSED] * num_tokens
    added: Any = tokenizer.added_tokens_decoder
    for token, i in tokenizer.get_vocab().items():
        tokens[i] = token
        if i not in added:
            types[i] = _NORMAL
        elif added[i].special or (token.startswith("<|") and token.endswith("|>")):
            types[i] = _CONTROL  # as llama.cpp's converter takes those that only look special
        else:
            types[i] = _USER_DEFINED
    return tokens, types


def _refusal(tokenizer: PreTrainedTokenizerBase, why: str) -> ModelError:
    names = ", ".join(sorted(_PRE_TOKENIZERS.values()))
    return ModelError(
        f"The tokenizer of {tokenizer.name_or_path!r} cannot be written as GGUF: {why}. Covered "
        f"are byte-level BPE tokenizers that split text as llama.cpp's {names}. For others use "
        "llama.cpp's convert_hf_to_gguf.py on what `--format merged` writes."
    )
