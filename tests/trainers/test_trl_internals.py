"""Names what changed in TRL or transformers, when something changed under the hooks we override.

A failure here means: read the new source of the named method and compare it with
``mrlm/ppo/rollout.py`` and ``trainer.py`` before changing the expectation.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
import trl
from transformers import Trainer
from trl import GRPOTrainer
from trl.generation.vllm_generation import VLLMGeneration
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import FusedCausalLMOutput, add_fused_lm_head, split_tensor_dict

LOGPS = (
    "self, model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, "
    "compute_aux_loss, pixel_values, image_grid_thw, num_images, pixel_attention_mask, "
    "spatial_shapes, num_tiles, image_sizes, token_type_ids, mm_token_type_ids, image_position_ids"
)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (GRPOTrainer._get_per_token_logps_and_entropies, LOGPS),
        (
            GRPOTrainer._calculate_rewards,
            "self, inputs, prompts, completions, completion_ids_list",
        ),
        (GRPOTrainer._generate_and_score_completions, "self, inputs"),
        (GRPOTrainer._compute_loss, "self, model, inputs"),
        (GRPOTrainer.log, "self, logs, start_time"),
        (Trainer.create_optimizer, "self, model"),
        (Trainer._clip_grad_norm, "self, model"),
        (Trainer.save_model, "self, output_dir, _internal_call"),
        (Trainer._load_from_checkpoint, "self, resume_from_checkpoint, model"),
        (Trainer._load_best_model, "self"),
        (VLLMGeneration._iter_named_params, "self"),
        (disable_gradient_checkpointing, "model, gradient_checkpointing_kwargs"),
        (add_fused_lm_head, "model, temperature, cast_lm_head_to_fp32, outputs"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_signature_is_the_one_overridden(function: Any, parameters: str) -> None:
    found = ", ".join(inspect.signature(inspect.unwrap(function)).parameters)
    assert found == parameters, (
        f"trl {trl.__version__}: {function.__qualname__} now takes ({found}); "
        "PPOTrainer was written against the other."
    )


@pytest.mark.parametrize(
    ("function", "needed"),
    [
        # One forward for policy and value: called with keywords only, output sliced from the end.
        (
            GRPOTrainer._get_per_token_logps_and_entropies,
            "model(**model_inputs, labels=labels, fused_lm_head=True)",
        ),
        # Advantages per token.
        (GRPOTrainer._compute_loss, "if advantages.dim() == 1:"),
        # The KL in the loss is switched off by `beta`.
        (GRPOTrainer._compute_loss, "if self.beta != 0.0:"),
        # The normaliser that the value loss copies.
        (
            GRPOTrainer._compute_loss,
            "normalizer * self.current_gradient_accumulation_steps / "
            "self.args.steps_per_generation",
        ),
        # Rewards come back gathered, ours start at process_index * len(prompts).
        (GRPOTrainer._calculate_rewards, "rewards_per_func = gather(rewards_per_func)"),
        # The policy's forward is asked for before the reference's.
        (GRPOTrainer._generate_and_score_completions, "old_per_token_logps, _, _ = "),
        # Rollouts are counted by `_step`, which a resumed run must set.
        (GRPOTrainer._prepare_inputs, "self._step % generate_every == 0"),
        # The backbone is called as `base_model`, where its states are recorded.
        (add_fused_lm_head, 'backbone_attr = "base_model"'),
        (add_fused_lm_head, "backbone_outputs.last_hidden_state[:, :-1]"),
        # Nothing is exported where checkpoints are sharded.
        (
            Trainer.save_model,
            'if "FULL_STATE_DICT" in str(self.accelerator.state.fsdp_plugin.state_dict_type):\n'
            "                state_dict = self.accelerator.get_state_dict(self.model)",
        ),
        # Tensors that we add to the batch are cut with it.
        (split_tensor_dict, "tensor.ndim > 0"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_source_still_does_what_is_relied_on(function: Any, needed: str) -> None:
    assert needed in inspect.getsource(inspect.unwrap(function)), (
        f"trl {trl.__version__}: {function.__qualname__} no longer contains {needed!r}."
    )


def test_output_has_the_fields_that_are_copied() -> None:
    fields = {field.name for field in dataclasses.fields(FusedCausalLMOutput)}
    assert {"log_probs", "entropy", "aux_loss", "loss"} <= fields
