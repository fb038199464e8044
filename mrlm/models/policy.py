"""The policy that a recipe trains: what TRL's ``ModelConfig`` asks for, adapters included.

Not covered: adapters other than PEFT's, merging of several.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftConfig, PeftModel
from trl.trainer.utils import get_quantization_config

from mrlm.errors import ModelError
from mrlm.hardware import has_sharded_weights
from mrlm.models.chat_templates import add_tool_calling
from mrlm.models.loading import load_model, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl.trainer.model_config import ModelConfig

__all__ = ["check_quantization", "load_policy", "merge_adapter"]


def load_policy(
    model_config: ModelConfig,
    config: Any,
    *,
    has_tools: bool = False,
    path: str | Path | None = None,
) -> tuple[PreTrainedModel | PeftModel, PreTrainedTokenizerBase]:
    """The model that TRL's ``ModelConfig`` asks for, ready to be evaluated and trained.

    Args:
        model_config: Name, revision, dtype, attention and quantisation.
        config: Of the trainer: its device, on which the model is put unless it is quantised or its
            weights will be sharded, and whether code from the model's repository may run.
        has_tools: Whether the tokenizer needs tool calling.
        path: A folder to load in place of its model. One with a LoRA adapter gives the base model
            with that adapter, which training goes on with.

    Raises:
        ModelError: The model cannot be loaded, or quantisation cannot work here.
    """
    check_quantization(model_config)
    name = str(path) if path is not None else model_config.model_name_or_path
    adapter = name if name and (Path(name) / "adapter_config.json").is_file() else None
    base = PeftConfig.from_pretrained(adapter).base_model_name_or_path if adapter else name
    model, tokenizer = load_model(
        base,
        dtype=model_config.dtype or torch.float32,
        revision=model_config.model_revision,
        trust_remote_code=config.trust_remote_code,
        attn_implementation=model_config.attn_implementation,
        quantization_config=get_quantization_config(model_config),
    )
    if has_tools:
        add_tool_calling(tokenizer)
    policy = PeftModel.from_pretrained(model, adapter, is_trainable=True) if adapter else model
    if not (has_sharded_weights() or model_config.load_in_4bit or model_config.load_in_8bit):
        policy.to(config.device)
    return policy, tokenizer


def check_quantization(model_config: ModelConfig) -> None:
    """Refuse quantisation that cannot work.

    Raises:
        ModelError: Without ``use_peft``, or without the package bitsandbytes.
    """
    if not (model_config.load_in_4bit or model_config.load_in_8bit):
        return
    flag = "load_in_4bit" if model_config.load_in_4bit else "load_in_8bit"
    if not model_config.use_peft:
        raise ModelError(
            f"{flag} without use_peft: quantised weights cannot be trained. Add --use_peft, which "
            "trains an adapter beside them (QLoRA)."
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(
            f"{flag} needs the package bitsandbytes, which is not installed: "
            f"pip install bitsandbytes, or leave {flag} out."
        )


def merge_adapter(adapter: str | Path, folder: str | Path, dtype: str | None = None) -> None:
    """Write the plain model that a LoRA adapter and its base model make together.

    The base model is loaded again, so the weights are right whatever training did to its copy
    (quantised it, spread it over GPUs).

    Args:
        adapter: Folder that a trainer saved.
        folder: Where the model and the tokenizer go.
        dtype: Of the weights; default float32.
    """
    # Not PEFT's own class for that: it does not know the embedded model's name.
    base, _ = load_model(
        PeftConfig.from_pretrained(str(adapter)).base_model_name_or_path,
        dtype=dtype or torch.float32,
    )
    tokenizer = load_tokenizer(str(adapter))
    embeddings: Any = base.get_input_embeddings()
    if len(tokenizer) > embeddings.num_embeddings:
        base.resize_token_embeddings(len(tokenizer))
    merged: Any = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
    merged.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
