"""Which models and settings ``Generator`` samples as the model itself would.

Not covered: adapters; what a model's forward does that its configuration does not tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel

__all__ = ["why_not_covered"]

_OTHER_VALUES: dict[str, tuple[Any, ...]] = {
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "bad_words_ids": (None, []),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "sequence_bias": (None, {}),
    "no_repeat_ngram_size": (None, 0),
    "min_new_tokens": (None, 0),
    "min_length": (None, 0),
    "repetition_penalty": (None, 1.0),
}


def why_not_covered(
    model: PreTrainedModel, generation_config: GenerationConfig | None = None
) -> str | None:
    """What ``Generator`` would do otherwise than the model's own ``generate``; ``None``: nothing.

    Args:
        model: Causal language model, with or without a PEFT adapter.
        generation_config: How it is sampled; default: the model's own.
    """
    adapters: dict[str, Any] = getattr(model, "peft_config", None) or {}
    for adapter in adapters.values():
        if adapter.is_prompt_learning:
            return f"{adapter.peft_type.value} puts virtual tokens before every prompt"
    base: Any = model.get_base_model() if adapters else model  # type: ignore[operator]
    config = base.config.get_text_config()
    if not getattr(base, "_supports_attention_backend", False) or getattr(
        base, "_is_stateful", False
    ):
        return f"{type(base).__name__} does not keep its past in plain keys and values"
    kinds = set(getattr(config, "layer_types", None) or ()) | set(
        getattr(config, "layers_block_type", None) or ()
    )
    if kinds - {"full_attention"}:
        return f"{type(base).__name__} has layers of {', '.join(sorted(kinds))}"
    if getattr(config, "sliding_window", None) is not None:
        return f"{type(base).__name__} has a sliding window"
    if config._attn_implementation == "eager":
        return "eager attention"
    settings = generation_config or base.generation_config
    for name, plain in _OTHER_VALUES.items():
        value = getattr(settings, name, None)
        if value not in plain:
            return f"the generation config sets {name}={value}"
    return None
