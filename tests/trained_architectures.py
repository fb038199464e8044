"""Tiny random models of many kinds, by name, for tests of trainers."""

from __future__ import annotations

from typing import Any

_SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "initializer_range": 0.1,
}
_MOE = _SIZES | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}

# Name: class of the config, and its settings.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", _SIZES | {"tie_word_embeddings": True}),
    "llama-eager": ("LlamaConfig", _SIZES | {"attn_implementation": "eager"}),
    "qwen2": ("Qwen2Config", _SIZES),
    "qwen2-window": (
        "Qwen2Config",
        _SIZES | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    ),
    "qwen3": ("Qwen3Config", _SIZES),
    "mistral": ("MistralConfig", _SIZES | {"sliding_window": None}),
    "mistral-window": ("MistralConfig", _SIZES | {"sliding_window": 4}),
    "gemma2": ("Gemma2Config", _SIZES | {"sliding_window": 4, "query_pre_attn_scalar": 8}),
    "gemma3": (
        "Gemma3TextConfig",
        _SIZES
        | {
            "sliding_window": 4,
            "query_pre_attn_scalar": 8,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "cohere2": ("Cohere2Config", _SIZES | {"sliding_window": 4}),
    "phi3": ("Phi3Config", _SIZES | {"sliding_window": None}),
    "granite": ("GraniteConfig", _SIZES | {"logits_scaling": 2.0}),
    "olmo2": ("Olmo2Config", _SIZES),
    "gpt2": (
        "GPT2Config",
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, **_NO_DROPOUT},
    ),
    "gpt-neox": ("GPTNeoXConfig", _SIZES),
    "opt": (
        "OPTConfig",
        {
            "hidden_size": 32,
            "ffn_dim": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 256,
            "word_embed_proj_dim": 32,
            "dropout": 0.0,
            "init_std": 0.1,
        },
    ),
    "bloom": ("BloomConfig", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "qwen3-moe": ("Qwen3MoeConfig", _MOE),
    "mixtral": ("MixtralConfig", _SIZES | {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "gpt-oss": (
        "GptOssConfig",
        _SIZES | {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 4},
    ),
    "mamba": ("MambaConfig", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
    "lfm2": (
        "Lfm2Config",
        _SIZES | {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    ),
    "nemotron-h": (
        "NemotronHConfig",
        _SIZES
        | {
            "hybrid_override_pattern": "M*",
            "mamba_num_heads": 4,
            "mamba_head_dim": 16,
            "n_groups": 2,
            "ssm_state_size": 8,
        },
    ),
}


def build(name: str, tokenizer: Any, seed: int = 0) -> Any:
    """A model of this architecture with the vocabulary of a tokenizer."""
    import torch
    import transformers

    config_class, settings = ARCHITECTURES[name]
    settings = dict(settings)
    implementation = settings.pop("attn_implementation", None)
    config = getattr(transformers, config_class)(
        **settings,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    more = {} if implementation is None else {"attn_implementation": implementation}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config, **more)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return model.eval()
