"""Which models and adapters the sampler gives the own results of, said before it makes a copy.

``Generator`` calls a model's forward with masks, positions and a cache of its own making, on a copy
with adapters merged. What a class does with these can be read from its config; what cannot is left
to ``Generator.check``, which compares figures. Both must agree before a copy samples in a model's
place: a sampler of another policy is worse than a slow one.

Not covered: code from a model's repository that says one thing in its config and does another; the
check sees that.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from packaging.version import Version
from torch import nn

from mrlm.sampling.masks import FULL, SLIDING
from mrlm.sampling.weights import plain_model

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel

__all__ = ["cache_parameter", "lost_virtual_tokens", "why_not_covered"]

# Adapters that PEFT merges into weights so that the result is the adapted model's: compared, kind
# by kind, in tests/sampling/test_model_matrix.py.
MERGED_ADAPTERS = frozenset(
    {"ADALORA", "IA3", "LN_TUNING", "LOHA", "LOKR", "LORA", "TRAINABLE_TOKENS", "VERA"}
)
_MERGED_LORA_VARIANTS = ("Dora", "_DoraConv")
_ALIBI_FAMILIES = frozenset({"bloom", "mpt"})
# Their attention finds a token's place by its slot, and there is padding between ours.
_SLOT_FAMILIES = frozenset({"gpt_neo"})
_NEEDED = ("position_ids", "attention_mask")
# By the name that transformers gives it since 5.24, and before.
_CACHES = ("cache", "past_key_values")
_LAST_WITHOUT_CACHE = Version("0.21.2")  # PEFT's
# Settings of a generation config that change probabilities, with the values that do not.
_PROCESSORS: dict[str, tuple[Any, ...]] = {
    "suppress_tokens": (None, []),
    "begin_suppress_tokens": (None, []),
    "bad_words_ids": (None, []),
    "sequence_bias": (None, {}),
    "repetition_penalty": (None, 1, 1.0),
    "encoder_repetition_penalty": (None, 1, 1.0),
    "no_repeat_ngram_size": (None, 0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "exponential_decay_length_penalty": (None,),
    "guidance_scale": (None, 1, 1.0),
    "watermarking_config": (None,),
    "num_beams": (None, 0, 1),
    "penalty_alpha": (None,),
    "stop_strings": (None, []),
    "constraints": (None, []),
    "force_words_ids": (None, []),
    "token_healing": (None, False),
    "dola_layers": (None,),
    "prompt_lookup_num_tokens": (None,),
    "remove_invalid_values": (None, False),
}
# What a trainer sets besides temperature and top-p; evaluation sets them off for any model.
_SAMPLING: dict[str, tuple[Any, ...]] = {
    "top_k": (None, 0),
    "top_h": (None,),
    "min_p": (None, 0, 0.0),
    "typical_p": (None, 1, 1.0),
    "epsilon_cutoff": (None, 0, 0.0),
    "eta_cutoff": (None, 0, 0.0),
}


def why_not_covered(
    model: PreTrainedModel, generation_config: GenerationConfig | None = None
) -> str | None:
    """What about a model, its adapter or its generation config ``Generator`` does not cover.

    Args:
        model: With or without PEFT adapters.
        generation_config: As handed to the model's ``generate``: what it leaves open is the
            model's, and all that it says about sampling counts. Default: the model's own, of which
            temperature, top-p, top-k and their like do not count, because the caller sets them.

    Returns:
        One plain sentence, or ``None`` where all is covered.
    """
    base = plain_model(model)
    return (
        _architecture(base)
        or _adapters(model)
        or _generation(getattr(base, "generation_config", None), generation_config)
    )


def _architecture(model: PreTrainedModel) -> str | None:
    config = model.config
    text = config.get_text_config()
    name = f"{config.model_type}: "
    types = {str(t) for t in getattr(text, "layer_types", None) or ()}
    if getattr(config, "is_encoder_decoder", False):
        return name + "an encoder-decoder model"
    if text is not config:
        return name + "a model of more than text"
    if getattr(model, "_is_stateful", False) or getattr(text, "layers_block_type", None):
        return name + "state-space or recurrent layers, which keep a state in place of keys"
    if types - {FULL, SLIDING}:
        return f"{name}layers of the type {', '.join(sorted(types - {FULL, SLIDING}))}"
    if config.model_type in _ALIBI_FAMILIES or getattr(text, "alibi", False):
        return name + "ALiBi, positions that attention adds to its scores"
    if config.model_type in _SLOT_FAMILIES:
        return name + "attention that takes a token's slot for its position"
    if getattr(text, "num_kv_shared_layers", 0):
        return name + "layers that share keys and values"
    if not getattr(text, "is_causal", True) or getattr(text, "use_bidirectional_attention", False):
        return name + "attention that sees later tokens"
    if _rope_types(text) & {"dynamic", "longrope"}:
        return name + "rotary positions that change with the length of the context"
    if getattr(model, "is_quantized", False) or getattr(config, "quantization_config", None):
        return name + "quantised weights, which a plain copy does not have"
    if model.get_output_embeddings() is None:
        return name + "no layer that turns hidden states into logits"
    accepted = inspect.signature(type(model).forward).parameters
    lacking = [argument for argument in _NEEDED if argument not in accepted]
    if cache_parameter(model) is None:
        lacking.append("a cache")
    if lacking:
        return f"{name}a forward pass without {' and '.join(lacking)}"
    return None


def cache_parameter(model: nn.Module) -> str | None:
    """What a model's forward calls the cache of keys and values; ``None`` where it takes none."""
    accepted = inspect.signature(type(model).forward).parameters
    return next((name for name in _CACHES if name in accepted), None)


def _rope_types(config: Any) -> set[str]:
    """Kinds of rotary positions, which a config gives once or for each type of layers."""
    found: set[str] = set()
    pending: list[Any] = [
        getattr(config, "rope_parameters", None),
        getattr(config, "rope_scaling", None),
    ]
    while pending:
        settings = pending.pop()
        if isinstance(settings, dict):
            kind = settings.get("rope_type", settings.get("type"))
            found |= {kind} if isinstance(kind, str) else set()
            pending += settings.values()
    return found


def lost_virtual_tokens(model: nn.Module) -> str | None:
    """Why even the model's own ``generate`` would not be this model's; ``None`` where it is.

    PEFT up to 0.21.2 hands an adapter's virtual tokens over in ``past_key_values``, a name that
    transformers overrules by its new one: what is sampled is then the model without them.
    """
    if not any(getattr(config, "is_prompt_learning", False) for config in _active(model)):
        return None
    peft = version("peft")
    if Version(peft) > _LAST_WITHOUT_CACHE or cache_parameter(plain_model(model)) != _CACHES[0]:
        return None
    return (
        f"PEFT {peft} loses the adapter's virtual tokens with transformers "
        f"{version('transformers')}: install 'transformers<5.24' or a newer PEFT, or take LoRA."
    )


def _active(model: nn.Module) -> list[Any]:
    """The configs of PEFT's adapters that are active."""
    configs: dict[str, Any] = getattr(model, "peft_config", None) or {}
    active = getattr(model, "active_adapters", None) if configs else None
    names: Iterable[str] = active() if callable(active) else active or ()
    return [configs[name] for name in names]


def _adapters(model: nn.Module) -> str | None:
    from peft.tuners.tuners_utils import BaseTunerLayer

    for config in _active(model):
        kind = str(getattr(config.peft_type, "value", config.peft_type))
        if getattr(config, "is_prompt_learning", False):
            return f"{kind}: an adapter that adds virtual tokens, which no weight can hold"
        if kind not in MERGED_ADAPTERS:
            return f"{kind}: an adapter that is not known to merge into plain weights exactly"
        if getattr(config, "layer_replication", None):
            return f"{kind} with layer_replication: more layers than the model's config has"
    layers = (layer for layer in model.modules() if isinstance(layer, BaseTunerLayer))
    variants = {
        type(variant).__name__
        for layer in layers
        for variant in getattr(layer, "lora_variant", {}).values()
    }
    unknown = sorted(name for name in variants if not name.startswith(_MERGED_LORA_VARIANTS))
    if unknown:
        return f"LORA as {', '.join(unknown)}: not known to merge into plain weights exactly"
    return None


def _generation(own: GenerationConfig | None, given: GenerationConfig | None) -> str | None:
    neutral = _PROCESSORS if given is None else _PROCESSORS | _SAMPLING
    for setting, values in neutral.items():
        value = getattr(given, setting, None)
        if value is None:
            value = getattr(own, setting, None)
        if not any(value is v or (v is not None and value == v) for v in values):
            return f"generation config: {setting} = {_short(value)}"
    return None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
