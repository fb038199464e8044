"""Tiny random models of many families, and adapters with disturbed weights, on CPU in fp32.

What a family or an adapter does is what counts here, so windows are 8 tokens, layers two, and
initial weights large: a wrong mask or a lost update changes greedy tokens. Nothing is downloaded.
"""

from __future__ import annotations

import sys
import zlib
from types import SimpleNamespace
from typing import Any

import torch

VOCABULARY, WINDOW = 96, 8
_UNSET = object()  # for classes that compute a size
TOKENIZER: Any = SimpleNamespace(eos_token_id=1, pad_token_id=0)

_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "initializer_range": 0.15,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "tie_word_embeddings": True,
}
_GPT2: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
_QUIET = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
_MIXED = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
_ALL = {"sliding_window": WINDOW}
_EXPERTS: dict[str, Any] = {
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "shared_expert_intermediate_size": 24,
    "decoder_sparse_step": 1,
}
_MLA: dict[str, Any] = {
    "num_key_value_heads": 4,
    "head_dim": 4,
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4,
    "v_head_dim": 6,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "n_shared_experts": 1,
}
_LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [2.0] * 4,
    "original_max_position_embeddings": 16,
}

# Name in the table: prefix of the classes, settings. ``model_class`` and ``config_class`` where
# they are not ``<prefix>ForCausalLM`` and ``<prefix>Config``.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("Llama", {}),
    "Llama, untied": ("Llama", {"tie_word_embeddings": False}),
    "Llama, eager attention": ("Llama", {"attn_implementation": "eager"}),
    "Llama, YaRN": (
        "Llama",
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}},
    ),
    "Llama, dynamic rope": (
        "Llama",
        {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
    ),
    "Mistral": ("Mistral", {"sliding_window": None}),
    "Mistral, window": ("Mistral", _ALL),
    "Mistral, window, eager": ("Mistral", _ALL | {"attn_implementation": "eager"}),
    "Mixtral, window": ("Mixtral", _ALL | _EXPERTS),
    "Ministral, window": ("Ministral", _MIXED),
    "Qwen2": ("Qwen2", {}),
    "Qwen2, window": ("Qwen2", {"use_sliding_window": True, "max_window_layers": 1} | _ALL),
    "Qwen2-MoE": ("Qwen2Moe", _EXPERTS),
    "Qwen3": ("Qwen3", {}),
    "Qwen3, window": ("Qwen3", {"use_sliding_window": True, "max_window_layers": 1} | _ALL),
    "Qwen3, eager attention": ("Qwen3", {"attn_implementation": "eager"}),
    "Qwen3-MoE": ("Qwen3Moe", _EXPERTS),
    "Qwen3-Next": (
        "Qwen3Next",
        _EXPERTS
        | {"layer_types": ["linear_attention", "full_attention"]}
        | {"linear_num_value_heads": 4, "linear_num_key_heads": 2}
        | {"linear_key_head_dim": 8, "linear_value_head_dim": 8},
    ),
    "Gemma": ("Gemma", {}),
    "Gemma 2": ("Gemma2", _MIXED | {"query_pre_attn_scalar": 8}),
    "Gemma 2, soft caps": (
        "Gemma2",
        _MIXED
        | {"attn_logit_softcapping": 1.0, "final_logit_softcapping": 2.0}
        | {"attn_implementation": "eager"},
    ),
    "Gemma 3": (
        "Gemma3",
        _MIXED | {"config_class": "Gemma3TextConfig", "query_pre_attn_scalar": 8},
    ),
    "Cohere": ("Cohere", {}),
    "Cohere 2": ("Cohere2", _MIXED),
    "OLMo": ("Olmo", {}),
    "OLMo 2": ("Olmo2", {}),
    "OLMo 3": ("Olmo3", _MIXED),
    "OLMoE": ("Olmoe", _EXPERTS),
    "Phi": ("Phi", {}),
    "Phi-3, window": ("Phi3", _ALL),
    "Phi-3, LongRoPE": ("Phi3", {"rope_parameters": _LONGROPE}),
    "PhiMoE, window": ("Phimoe", _ALL | _EXPERTS),
    "StarCoder 2, window": ("Starcoder2", _ALL),
    "GPT-2": ("GPT2", _GPT2 | _QUIET | {"model_class": "GPT2LMHeadModel"}),
    "GPT-Neo": (
        "GPTNeo",
        {"num_layers": 2, "num_heads": 4, "window_size": WINDOW}
        | {"attention_types": [[["global", "local"], 1]]},
    ),
    "GPT-J": ("GPTJ", _GPT2 | _QUIET | {"rotary_dim": 4}),
    "GPT-NeoX": ("GPTNeoX", {}),
    "GPT-BigCode": ("GPTBigCode", _GPT2 | _QUIET),
    "CodeGen": ("CodeGen", _GPT2 | _QUIET | {"rotary_dim": 4}),
    "GPT-OSS": ("GptOss", _MIXED | _EXPERTS),
    "OPT": ("OPT", {"word_embed_proj_dim": 32, "ffn_dim": 48, "dropout": 0.0}),
    "Granite": ("Granite", {}),
    "GraniteMoE": ("GraniteMoe", _EXPERTS),
    "GLM": ("Glm", {}),
    "GLM-4": ("Glm4", {}),
    "GLM-4-MoE": ("Glm4Moe", _EXPERTS | {"n_routed_experts": 4, "first_k_dense_replace": 0}),
    "StableLM": ("StableLm", {}),
    "SmolLM3": ("SmolLM3", {}),
    "EXAONE 4, window": ("Exaone4", _MIXED),
    "Helium": ("Helium", {}),
    "Nemotron": ("Nemotron", {}),
    "DeepSeek-V3": ("DeepseekV3", _EXPERTS | _MLA),
    "Llama 4": (
        "Llama4",
        _EXPERTS
        | {"attention_chunk_size": WINDOW, "config_class": "Llama4TextConfig"}
        | {"layer_types": ["chunked_attention", "full_attention"], "intermediate_size_mlp": 48},
    ),
    "Gemma 3n": (
        "Gemma3n",
        {"num_hidden_layers": 4, "num_kv_shared_layers": 2, "sliding_window": WINDOW}
        | {"layer_types": ["sliding_attention", "full_attention"] * 2}
        | {"config_class": "Gemma3nTextConfig", "laurel_rank": 4}
        | {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": VOCABULARY}
        | {"activation_sparsity_pattern": [0.0] * 4},
    ),
    "Falcon": ("Falcon", {"alibi": False, "head_dim": _UNSET}),
    "Falcon, ALiBi": ("Falcon", {"alibi": True, "head_dim": _UNSET}),
    "BLOOM": ("Bloom", {"n_layer": 2, "n_head": 4}),
    "MPT": ("Mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128}),
    "Mamba": ("Mamba", {"state_size": 8}),
    "Mamba 2": ("Mamba2", {"state_size": 8, "num_heads": 8, "n_groups": 2, "chunk_size": 8}),
    "RWKV": ("Rwkv", {"attention_hidden_size": 32}),
    "LFM2": ("Lfm2", {"layer_types": ["conv", "full_attention"]}),
    "Falcon-H1": (
        "FalconH1",
        {"mamba_d_state": 8, "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8}
        | {"mamba_n_groups": 1, "mamba_chunk_size": 8},
    ),
    "RecurrentGemma": (
        "RecurrentGemma",
        {"lru_width": 32, "attention_window_size": WINDOW}
        | {"block_types": ["recurrent", "attention"]},
    ),
    "Nemotron-H": (
        "NemotronH",
        {"layers_block_type": ["mamba", "attention"], "mamba_num_heads": 4, "mamba_head_dim": 8}
        | {"ssm_state_size": 8, "n_groups": 1, "chunk_size": 8},
    ),
}


def build(family: str) -> Any:
    """A model of a family, in evaluation mode, the same at every call."""
    import transformers

    prefix, settings = FAMILIES[family]
    settings = dict(settings)
    config_class = settings.pop("config_class", f"{prefix}Config")
    model_class = settings.pop("model_class", f"{prefix}ForCausalLM")
    implementation = settings.pop("attn_implementation", None)
    sizes = {name: value for name, value in (_SIZES | settings).items() if value is not _UNSET}
    config = getattr(transformers, config_class)(**sizes)
    if implementation is not None:
        config._attn_implementation = implementation
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(family.encode()))
        model = getattr(transformers, model_class)(config)
        _disturb(model, 0.05)
    model.generation_config = transformers.GenerationConfig(
        pad_token_id=0, bos_token_id=2, eos_token_id=1
    )
    return model.eval()


def prompts() -> list[list[int]]:
    """Four, of 2 to 49 tokens: one below the window, three past it, two that begin alike."""
    noise = torch.Generator().manual_seed(3)
    rows = [torch.randint(3, VOCABULARY, (n,), generator=noise).tolist() for n in (2, 13, 30, 49)]
    return [rows[0], rows[2][:9] + rows[1], rows[2], rows[3]]


def _disturb(model: Any, scale: float) -> None:
    """Zeros and ones of a fresh model (biases, norms, routers) hide what is lost of them."""
    with torch.no_grad():
        for weight in [*model.parameters(), *model.buffers()]:
            is_constant = weight.is_floating_point() and weight.numel() > 1
            if is_constant and weight.dim() < 2 and float(weight.float().std()) == 0:
                weight += scale * torch.randn_like(weight)


# Name in the table: family, class of ``peft``'s config, its settings.
_LINEAR = ["q_proj", "v_proj", "down_proj"]
_LORA: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": _LINEAR}
_ROTATED: dict[str, Any] = {"target_modules": _LINEAR}
_VIRTUAL: dict[str, Any] = {"task_type": "CAUSAL_LM", "num_virtual_tokens": 3}
_UNTIED = "Llama, untied"
ADAPTERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "LoRA": (_UNTIED, "LoraConfig", _LORA),
    "LoRA, all linear layers": (_UNTIED, "LoraConfig", _LORA | {"target_modules": "all-linear"}),
    "LoRA on GPT-2": ("GPT-2", "LoraConfig", {"r": 4, "target_modules": ["c_attn", "c_proj"]}),
    "LoRA, windows": ("Gemma 3", "LoraConfig", _LORA),
    "LoRA, several ranks": (_UNTIED, "LoraConfig", _LORA | {"rank_pattern": {"q_proj": 2}}),
    "rsLoRA": (_UNTIED, "LoraConfig", _LORA | {"use_rslora": True}),
    "DoRA": (_UNTIED, "LoraConfig", _LORA | {"use_dora": True}),
    "DoRA on GPT-2": (
        "GPT-2",
        "LoraConfig",
        {"r": 4, "target_modules": ["c_attn"], "use_dora": True},
    ),
    "DoRA on embeddings": (
        _UNTIED,
        "LoraConfig",
        {"r": 4, "target_modules": ["embed_tokens"], "use_dora": True},
    ),
    "PiSSA": (_UNTIED, "LoraConfig", _LORA | {"init_lora_weights": "pissa"}),
    "LoRA, bias all": ("Qwen2", "LoraConfig", _LORA | {"bias": "all"}),
    "LoRA, bias lora_only": ("Qwen2", "LoraConfig", _LORA | {"bias": "lora_only"}),
    "LoRA, lora_bias": (
        "Qwen2",
        "LoraConfig",
        {"r": 4, "target_modules": ["q_proj", "v_proj"]} | {"lora_bias": True},
    ),
    "LoRA on embeddings": (_UNTIED, "LoraConfig", {"r": 4, "target_modules": ["embed_tokens"]}),
    "LoRA on tied embeddings": (
        "Llama",
        "LoraConfig",
        {"r": 4, "target_modules": ["embed_tokens"]},
    ),
    "LoRA on lm_head, tied": ("Llama", "LoraConfig", {"r": 4, "target_modules": ["lm_head"]}),
    "LoRA on tied embeddings, kept tied": (
        "Llama",
        "LoraConfig",
        {"r": 4, "target_modules": ["embed_tokens"], "ensure_weight_tying": True},
    ),
    "modules_to_save lm_head": (_UNTIED, "LoraConfig", _LORA | {"modules_to_save": ["lm_head"]}),
    "modules_to_save lm_head, tied": (
        "Llama",
        "LoraConfig",
        _LORA | {"modules_to_save": ["lm_head"]},
    ),
    "modules_to_save embed_tokens, tied": (
        "Llama",
        "LoraConfig",
        _LORA | {"modules_to_save": ["embed_tokens"]},
    ),
    "modules_to_save norm": (_UNTIED, "LoraConfig", _LORA | {"modules_to_save": ["norm"]}),
    "LoRA, trainable tokens": (
        _UNTIED,
        "LoraConfig",
        _LORA | {"trainable_token_indices": [5, 9, 20]},
    ),
    "LoRA, trainable tokens, tied": (
        "Llama",
        "LoraConfig",
        _LORA | {"trainable_token_indices": [5, 9, 20]},
    ),
    "LoRA on experts (target_parameters)": (
        "Qwen3-MoE",
        "LoraConfig",
        {"r": 2, "target_modules": ["q_proj"]}
        | {"target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]},
    ),
    "AdaLoRA": (_UNTIED, "AdaLoraConfig", {"total_step": 10, "target_modules": _LINEAR}),
    "LoHa": (_UNTIED, "LoHaConfig", {"r": 4, "target_modules": _LINEAR}),
    "LoKr": (_UNTIED, "LoKrConfig", {"r": 4, "target_modules": _LINEAR}),
    "VeRA": (_UNTIED, "VeraConfig", {"r": 8, "target_modules": ["q_proj", "v_proj"]}),
    "IA3": (
        _UNTIED,
        "IA3Config",
        {"target_modules": ["k_proj", "v_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
    ),
    "LN tuning": (
        _UNTIED,
        "LNTuningConfig",
        {"target_modules": ["input_layernorm", "post_attention_layernorm", "norm"]},
    ),
    "Trainable tokens": (
        _UNTIED,
        "TrainableTokensConfig",
        {"target_modules": ["embed_tokens"], "token_indices": [5, 9, 20]},
    ),
    "OFT": (_UNTIED, "OFTConfig", {"oft_block_size": 4} | _ROTATED),
    "BOFT": (_UNTIED, "BOFTConfig", {"boft_block_size": 4} | _ROTATED),
    "HRA": (_UNTIED, "HRAConfig", {"r": 4} | _ROTATED),
    "Activated LoRA": (
        _UNTIED,
        "LoraConfig",
        _LORA | {"task_type": "CAUSAL_LM", "alora_invocation_tokens": [4, 5]},
    ),
    "Prompt tuning": (_UNTIED, "PromptTuningConfig", _VIRTUAL),
    "Prefix tuning": (_UNTIED, "PrefixTuningConfig", _VIRTUAL),
    "P-tuning": (_UNTIED, "PromptEncoderConfig", _VIRTUAL | {"encoder_hidden_size": 16}),
}


def build_adapted(adapter: str) -> Any:
    """A model with an adapter, all that it trains disturbed, in evaluation mode."""
    import peft

    family, config_class, settings = ADAPTERS[adapter]
    model = build(family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(zlib.crc32(adapter.encode()))
        adapted = peft.get_peft_model(model, getattr(peft, config_class)(**settings))
        with torch.no_grad():
            for weight in adapted.parameters():
                if weight.requires_grad:
                    weight += 0.15 * torch.randn_like(weight)
    return adapted.eval()


def table() -> str:
    """The tables of docs/models.md: what samples from each family and with each adapter."""
    from mrlm.sampling.coverage import why_not_covered

    lines: list[str] = []
    for head, names, make in (
        ("Model", FAMILIES, build),
        ("Adapter", ADAPTERS, build_adapted),
    ):
        lines += [f"| {head} | Sampler | Not covered |", "|---|---|---|"]
        for name in names:
            reason = why_not_covered(make(name))
            chosen = "covered" if reason is None else "falls back"
            lines.append(f"| {name} | {chosen} | {reason or ''} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table())
