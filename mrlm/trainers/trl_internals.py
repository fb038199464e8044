"""Every private name of other libraries that mrlm uses, in one table, each checked once.

Private names move: TRL 1.14, 1.15 and 1.16 each moved some of these. Here stands what each is used
for, and what happens without it. Where it makes training faster, or logs more, training goes on as
TRL's own with one warning; where results would be wrong, it is refused with one. A function counts
as gone when its parameters are no longer those that it is overridden or called with.

Not covered: what a name means. ``tests/trainers/test_trl_internals.py`` reads the sources for that.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import transformers
import trl

logger = logging.getLogger(__name__)

__all__ = [
    "GOES_ON",
    "INTERNALS",
    "REFUSED",
    "USES",
    "Internal",
    "find",
    "missing",
    "require",
    "usable",
]

_GRPO = "trl.trainer.grpo_trainer:GRPOTrainer"
_TRAINER = "transformers.trainer:Trainer"
_UTILS = "trl.trainer.utils"

# What the names are used for, and what is the case without one of them. Training goes on...
GOES_ON = {
    "cpu_lm_head": "the output head of a CPU is TRL's own, which takes about twice the time",
    "policy_sampler": "TRL's own generate samples, which takes several times as long on a CPU",
    "distillation_sampler": "in distillation TRL's own generate samples, which takes several times "
    "as long on a CPU",
    "packing": "models run over the padding, and over a prompt once for each of its completions",
    "grouping": "completions of a prompt may lie in different micro-batches, which repeats it",
    "fewer_rows": "the update also runs over completions without an advantage",
    "outcomes": "frac_all_correct and frac_none_correct are not logged",
    "metrics": "what mrlm adds to TRL's metrics is not logged",
    "samples": "sampled completions are neither shown nor kept",
    "value_clip": "one gradient clip serves policy and value function, so the policy moves less",
}
# ... or is refused, where the results would be wrong.
REFUSED = {
    "dynamic_sampling": "prompts cannot be replaced by others",
    "resumption": "a resumed run would not go on where it stopped",
    "ppo": "PPO cannot be computed",
    "value_checkpoint": "the value function would be lost from checkpoints",
    "sharded_export": "a model that is sharded cannot be exported",
    "vllm": "the value function would be sent to vLLM, which knows no such weights",
    "row_tools": "the model would not be shown the tools that its row describes",
    "second_trainer": "under DeepSpeed a second trainer would go on with the first one's settings",
}
USES = GOES_ON | REFUSED


@dataclass(frozen=True)
class Internal:
    """One private name.

    Attributes:
        name: As the code spells it.
        home: ``"module"`` or ``"module:Class"`` that holds it; empty where it is an attribute of a
            trainer, which is looked for on the trainer.
        uses: Keys of ``USES``.
        parameters: The first parameters of the function, which ours take or pass on.
        exact: Whether a further parameter is one too many.
    """

    name: str
    home: str
    uses: tuple[str, ...]
    parameters: str = ""
    exact: bool = False


INTERNALS = (
    Internal("_ChunkedLogProbFunction", _UTILS, ("cpu_lm_head",)),
    Internal(
        "forward",
        f"{_UTILS}:_ChunkedLogProbFunction",
        ("cpu_lm_head",),
        "ctx, hidden, weight, bias, targets, temperature, chunk_size, final_logit_softcapping, "
        "logit_scale, outputs",
        exact=True,
    ),
    Internal("_use_triton", _UTILS, ("cpu_lm_head",), "device"),
    Internal("_tokenizer", "", ("policy_sampler",)),
    Internal("_is_vlm", "", ("policy_sampler", "packing")),
    Internal(
        "_generate_single_turn",
        _GRPO,
        ("policy_sampler",),
        "self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images",
    ),
    Internal(
        "_generate_single_turn",
        "trl.trainer.distillation_trainer:DistillationTrainer",
        ("distillation_sampler",),
        "self, prompt_ids, images, multimodal_fields, has_tool_images",
    ),
    Internal("no_init_weights", "transformers.initialization", ("policy_sampler",)),
    Internal("local_torch_dtype", "transformers.modeling_utils", ("policy_sampler",), "dtype"),
    Internal("CacheLayerMixin", "transformers.cache_utils", ("policy_sampler",)),
    Internal("AttentionInterface", "transformers.modeling_utils", ("policy_sampler", "packing")),
    Internal("AttentionMaskInterface", "transformers.masking_utils", ("policy_sampler", "packing")),
    Internal("sdpa_mask", "transformers.masking_utils", ("policy_sampler", "packing")),
    Internal(
        "sdpa_attention_forward",
        "transformers.integrations.sdpa_attention",
        ("policy_sampler", "packing"),
        "module, query, key, value, attention_mask",
    ),
    Internal(
        "_supports_attention_backend", "transformers.modeling_utils:PreTrainedModel", ("packing",)
    ),
    Internal(
        "_get_per_token_logps_and_entropies",
        _GRPO,
        ("packing", "ppo"),
        "self, model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, "
        "compute_aux_loss",
    ),
    Internal("_prepare_inputs", _GRPO, ("grouping",), "self, generation_batch"),
    Internal("_buffered_inputs", "", ("grouping",)),
    Internal("split_tensor_dict", _UTILS, ("grouping",), "tensor_dict, num_chunks"),
    Internal("_step", "", ("grouping", "resumption")),
    Internal("_get_train_sampler", _GRPO, ("resumption",), "self, dataset"),
    Internal(
        "_generate_and_score_completions",
        _GRPO,
        ("fewer_rows", "dynamic_sampling", "ppo"),
        "self, inputs",
    ),
    Internal("_entropy_bonus_enabled", "", ("fewer_rows",)),
    Internal("_generate", _GRPO, ("dynamic_sampling",), "self, prompts"),
    Internal(
        "_calculate_rewards",
        _GRPO,
        ("outcomes", "dynamic_sampling", "ppo"),
        "self, inputs, prompts, completions, completion_ids_list",
    ),
    Internal("_env_tools", "", ("row_tools",)),
    Internal("_batch_environments", "", ("row_tools",)),
    Internal(
        "_tool_call_loop",
        _GRPO,
        ("row_tools",),
        "self, prompts, prompt_ids, completion_ids, completions, logprobs, images, "
        "multimodal_fields",
    ),
    Internal("_metrics", "", ("outcomes", "metrics")),
    Internal("_logs", "", ("samples",)),
    Internal("_compute_loss", _GRPO, ("ppo",), "self, model, inputs"),
    Internal("FusedCausalLMOutput", _UTILS, ("ppo",)),
    Internal("disable_gradient_checkpointing", "trl.models.utils", ("ppo",), "model"),
    Internal("disable_dropout_in_model", _UTILS, ("ppo",), "model"),
    Internal("pad", _UTILS, ("ppo",), "tensors, padding_value"),
    Internal("_clip_grad_norm", _TRAINER, ("value_clip",), "self, model"),
    Internal(
        "_load_from_checkpoint",
        _TRAINER,
        ("value_checkpoint",),
        "self, resume_from_checkpoint, model",
    ),
    Internal("_load_best_model", _TRAINER, ("value_checkpoint",), "self"),
    Internal(
        "_keys_to_ignore_on_save",
        "transformers.modeling_utils:PreTrainedModel",
        ("value_checkpoint",),
    ),
    Internal("_save", _TRAINER, ("sharded_export",), "self, output_dir, state_dict"),
    Internal("_reset_state", "accelerate.state:AcceleratorState", ("second_trainer",)),
    Internal("_iter_named_params", "trl.generation.vllm_generation:VLLMGeneration", ("vllm",)),
)


def find(name: str, home: str) -> Any:
    """What stands at ``home`` under this name now; ``None`` where there is no such thing."""
    module, _, owner = home.partition(":")
    try:
        holder: Any = import_module(module)
    except ImportError:
        return None
    if owner:
        holder = getattr(holder, owner, None)
    return getattr(holder, name, None)


def _what_changed(internal: Internal) -> str | None:
    where = internal.home.replace(":", ".")
    module, _, owner = internal.home.partition(":")
    holder: Any = find(owner, module) if owner else None
    # Declared with ``None`` as its value, some names exist all the same.
    found = find(internal.name, internal.home)
    if found is None and not (holder is not None and hasattr(holder, internal.name)):
        return f"{where} has no {internal.name}"
    if internal.parameters:
        expected = internal.parameters.split(", ")
        parameters = list(inspect.signature(inspect.unwrap(found)).parameters)
        if parameters[: None if internal.exact else len(expected)] != expected:
            return f"{where}.{internal.name} takes ({', '.join(parameters)})"
    return None


def missing(use: str, trainer: Any = None) -> tuple[str, ...]:
    """What a use needs and the installed libraries do not have, in words; empty where all is there.

    Args:
        use: A key of ``USES``.
        trainer: On which attributes are looked for, once it is made.
    """
    if use not in USES:
        raise KeyError(f"{use!r} is not in USES: {', '.join(USES)}.")
    gone = (
        f"the trainer has no {internal.name}"
        for internal in INTERNALS
        if trainer is not None and use in internal.uses and not internal.home
        if not hasattr(trainer, internal.name)
    )
    return (*changed_libraries(use), *gone)


@cache
def changed_libraries(use: str) -> tuple[str, ...]:
    """Of ``missing``, what does not depend on a trainer; looked for once."""
    changes = (_what_changed(i) for i in INTERNALS if use in i.uses and i.home)
    return tuple(change for change in changes if change is not None)


def _message(use: str, changes: tuple[str, ...]) -> str:
    return (
        f"trl {trl.__version__} or transformers {transformers.__version__} has changed: "
        f"{'; '.join(changes)}. So {USES[use]}."
    )


@cache
def warn_once(use: str, changes: tuple[str, ...]) -> None:
    logger.warning("%s", _message(use, changes))


def usable(use: str, trainer: Any = None) -> bool:
    """Whether all that a use needs is there; if not, it is said once in the log."""
    changes = missing(use, trainer)
    if changes:
        warn_once(use, changes)
    return not changes


def require(use: str, trainer: Any = None) -> None:
    """Refuse what would be wrong.

    Raises:
        RuntimeError: Something that this use needs has changed.
    """
    changes = missing(use, trainer)
    if changes:
        raise RuntimeError(
            f"{_message(use, changes)} Install the versions that mrlm's pyproject.toml names."
        )
