"""Write a model as a GGUF file, which llama.cpp, Ollama and LM Studio read.

Names and metadata are those of llama.cpp's ``convert_hf_to_gguf.py``; the package ``gguf``, which
its authors keep, has the tensors' names, the quantisation and the file's format. Only architectures
that were read back with the same answers are written (tests/export/test_gguf.py). Of the model one
tensor at a time is converted, and the file appears under its name when it is complete.

Not covered: experts, sliding windows, rotary scaling other than Llama 3's; files in several parts.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from mrlm.errors import ModelError
from mrlm.export.source import ties_embeddings
from mrlm.export.tokenizer import GgufTokenizer, read_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["ARCHITECTURES", "OUTTYPES", "require_gguf", "write_gguf"]

OUTTYPES = ("f16", "q8_0")
# transformers' model type: llama.cpp's name, and whether its rotary embedding takes pairs of
# neighbours, for which the rows of queries and keys change places.
ARCHITECTURES = {
    "llama": ("llama", True),
    "mistral": ("llama", True),
    "qwen2": ("qwen2", False),
    "qwen3": ("qwen3", False),
}


def require_gguf() -> None:
    """Refuse to go on without the package that writes the format.

    Raises:
        ModelError: It is not installed.
    """
    if importlib.util.find_spec("gguf") is None:
        raise ModelError("GGUF files need the package gguf: pip install 'mrlm[embedded]'.")


def write_gguf(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    path: Path,
    *,
    outtype: str = "f16",
    name: str | None = None,
) -> None:
    """Write a model and its tokenizer into one GGUF file, all or nothing.

    Args:
        model: A plain causal language model of one of ``ARCHITECTURES``, in any precision.
        tokenizer: Byte-level BPE, with the chat template.
        path: The file; one that is there is replaced.
        outtype: ``"f16"``, or ``"q8_0"`` (8 bits in blocks of 32, half the size). Vectors, such as
            norms and biases, stay float32, as llama.cpp has them.
        name: For ``general.name``; default: the file's.

    Raises:
        ModelError: The writer does not cover the model or its tokenizer, or a weight is not finite
            in float16.
        ValueError: There is no such ``outtype``.
    """
    require_gguf()
    import gguf

    if outtype not in OUTTYPES:
        raise ValueError(f"outtype must be one of {', '.join(OUTTYPES)}, got {outtype!r}")
    _check_architecture(model)
    architecture, _ = ARCHITECTURES[model.config.model_type]
    vocabulary = read_tokenizer(tokenizer, _vocabulary_size(model))
    tensors = list(_tensors(model, gguf, outtype))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        writer = gguf.GGUFWriter(partial, architecture)
        file_types = gguf.LlamaFileType
        _add_general(writer, model, name or path.stem)
        writer.add_file_type(file_types.MOSTLY_F16 if outtype == "f16" else file_types.MOSTLY_Q8_0)
        _add_hyperparameters(writer, model)
        _add_tokenizer(writer, vocabulary, _end_ids(model))
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for tensor in tensors:
            tensor.announce(writer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors:
            writer.write_tensor_data(tensor.array())
        writer.close()
        umask = os.umask(0)  # mkstemp makes a private file; give it an ordinary one's permissions
        os.umask(umask)
        os.chmod(partial, 0o666 & ~umask)
        os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)


def _check_architecture(model: PreTrainedModel) -> None:
    """Refuse a model that a file would hold only in part, or as another model.

    Raises:
        ModelError: What about it is not covered, and what to do.
    """
    config: Any = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    reason = None
    if config.model_type not in ARCHITECTURES:
        reason = f"its architecture is {config.model_type}"
    elif getattr(config, "quantization_config", None):
        reason = "its weights are quantised already"
    elif config.hidden_act != "silu":
        reason = f"its activation is {config.hidden_act}"
    elif config.model_type != "qwen2" and getattr(config, "attention_bias", False):
        reason = "its attention has biases"
    elif getattr(config, "mlp_bias", False):
        reason = "its feed-forward layers have biases"
    elif _slides(config):
        reason = "its attention has sliding windows"
    elif rope.get("rope_type", "default") not in ("default", "llama3"):
        reason = f"its rotary embedding is scaled ({rope['rope_type']})"
    elif rope.get("partial_rotary_factor", 1.0) != 1.0:
        reason = "its rotary embedding covers a part of each head"
    if reason is not None:
        raise ModelError(
            f"{model.name_or_path!r} cannot be written as GGUF here: {reason}. Covered are "
            f"{', '.join(ARCHITECTURES)} without these. For others: `--format merged`, then "
            "llama.cpp's convert_hf_to_gguf.py on that folder."
        )


def _slides(config: Any) -> bool:
    if config.model_type in ("qwen2", "qwen3"):
        return "sliding_attention" in (getattr(config, "layer_types", None) or ())
    return getattr(config, "sliding_window", None) is not None


def _add_general(writer: Any, model: PreTrainedModel, name: str) -> None:
    writer.add_type("model")
    writer.add_name(name)
    count = sum(p.numel() for p in model.parameters())  # tied ones once
    unit, scale = next(
        (u, s) for u, s in (("B", 1e9), ("M", 1e6), ("K", 1e3), ("", 1)) if count >= s
    )
    writer.add_size_label(f"{count / scale:.3g}{unit}")


def _add_hyperparameters(writer: Any, model: PreTrainedModel) -> None:
    config: Any = model.config
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(_head_dim(config))
    writer.add_key_length(_head_dim(config))
    writer.add_value_length(_head_dim(config))
    writer.add_vocab_size(_vocabulary_size(model))


def _vocabulary_size(model: PreTrainedModel) -> int:
    embeddings: Any = model.get_input_embeddings()
    return int(embeddings.num_embeddings)


def _head_dim(config: Any) -> int:
    head_dim = getattr(config, "head_dim", None)
    return int(head_dim or config.hidden_size // config.num_attention_heads)


def _add_tokenizer(writer: Any, tokenizer: GgufTokenizer, end_ids: list[int]) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(tokenizer.pre)
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types(tokenizer.types)
    writer.add_token_merges(tokenizer.merges)
    for name, token_id in tokenizer.special_ids.items():
        getattr(writer, f"add_{name}_token_id")(token_id)
    more = [end for end in end_ids if end != tokenizer.special_ids.get("eos")]
    if more:  # where generation stops besides; llama.cpp has a place for one
        writer.add_eot_token_id(more[0])
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(tokenizer.adds_bos)
    if tokenizer.adds_eos:
        writer.add_add_eos_token(True)
    if tokenizer.chat_template is not None:
        writer.add_chat_template(tokenizer.chat_template)


def _end_ids(model: PreTrainedModel) -> list[int]:
    """Tokens that end the model's generation."""
    ends: Any = getattr(model.generation_config, "eos_token_id", None)
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


@dataclass(frozen=True)
class _Tensor:
    """A tensor on its way into the file: ``weight`` as the model has it, converted when asked."""

    name: str
    weight: Tensor
    kind: Any  # gguf.GGMLQuantizationType
    num_heads: int | None  # where rows change places

    def announce(self, writer: Any) -> None:
        """Tell the writer what will come."""
        from gguf.quants import quant_shape_to_byte_shape

        if self.kind.name == "Q8_0":
            shape = quant_shape_to_byte_shape(self.weight.shape, self.kind)
            writer.add_tensor_info(
                self.name, shape, np.dtype(np.uint8), int(np.prod(shape)), raw_dtype=self.kind
            )
        else:
            dtype = np.dtype(np.float16 if self.kind.name == "F16" else np.float32)
            size = self.weight.numel() * dtype.itemsize
            writer.add_tensor_info(self.name, self.weight.shape, dtype, size)

    def array(self) -> Any:
        """The bytes of the file.

        Raises:
            ModelError: A value is not finite in this precision.
        """
        from gguf import quants

        weight = self.weight.detach().to("cpu", torch.float32)
        if self.num_heads is not None:
            weight = _interleave(weight, self.num_heads)
        values = weight.contiguous().numpy()
        with np.errstate(over="ignore"):
            half = values.astype(np.float16) if self.kind.name != "F32" else values
        if not np.isfinite(half).all():
            raise ModelError(
                f"{self.name} holds values that are not finite in float16 (largest "
                f"{np.abs(values).max():.3g}). The model is broken, or made for bfloat16 alone: "
                "llama.cpp's convert_hf_to_gguf.py writes --outtype bf16."
            )
        return quants.quantize(values, self.kind) if self.kind.name == "Q8_0" else half


def _interleave(weight: Tensor, num_heads: int) -> Tensor:
    """Rows of each head from two halves (transformers) to pairs of neighbours (llama.cpp).

    ``weight`` is ``(num_heads * head_dim, ...)``, of queries or keys.
    """
    halves = weight.reshape(num_heads, 2, -1, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def _tensors(model: PreTrainedModel, gguf: Any, outtype: str) -> Iterator[_Tensor]:
    """All tensors of the model in the file's names.

    Raises:
        ModelError: The model has one that llama.cpp's architecture does not.
    """
    config: Any = model.config
    architecture, interleaves = ARCHITECTURES[config.model_type]
    kinds = gguf.GGMLQuantizationType
    number = next(n for n, known in gguf.MODEL_ARCH_NAMES.items() if known == architecture)
    names = gguf.get_tensor_name_map(number, config.num_hidden_layers)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    factors = _rope_factors(model)
    if factors is not None:
        yield _Tensor("rope_freqs.weight", factors, kinds.F32, None)
    tied = ties_embeddings(model)
    for own, weight in model.state_dict().items():
        if tied and own == "lm_head.weight":
            continue
        name = names.get_name(own, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ModelError(
                f"{own} of {type(model).__name__} has no place in llama.cpp's {architecture}, so "
                "the file would hold another model."
            )
        kind = kinds.F32
        if weight.dim() > 1:
            fits = outtype == "q8_0" and weight.shape[-1] % 32 == 0
            kind = kinds.Q8_0 if fits else kinds.F16
        part = name.split(".")[-2]
        yield _Tensor(name, weight, kind, heads.get(part) if interleaves else None)


def _rope_factors(model: PreTrainedModel) -> Tensor | None:
    """By how much Llama 3's scaling slows each rotary frequency down, ``(head_dim / 2,)``."""
    config: Any = model.config
    rope = config.rope_parameters
    if rope.get("rope_type", "default") != "llama3":
        return None
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    dim = _head_dim(config)
    plain = rope["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    factors: Tensor = plain / scaled
    return factors
