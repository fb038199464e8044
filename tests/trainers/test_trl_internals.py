"""Names what changed in TRL or transformers, and what becomes of training where something did.

A failure of the first tests means: read the new source of what is named and compare it with
``mrlm/trainers`` and ``mrlm/ppo`` before changing the expectation.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trl
from transformers import Trainer
from trl import GRPOTrainer
from trl.trainer.utils import FusedCausalLMOutput, add_fused_lm_head, split_tensor_dict

import mrlm
from mrlm.trainers import trl_internals
from mrlm.trainers.lm_head import cpu_lm_head
from mrlm.trainers.trl_internals import GOES_ON, INTERNALS, REFUSED, USES, Internal, missing


@pytest.mark.parametrize("use", USES)
def test_nothing_that_is_used_has_changed(use: str) -> None:
    assert missing(use) == ()


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (GRPOTrainer.log, "self, logs, start_time"),
        (Trainer.create_optimizer, "self, model"),
        (Trainer.save_model, "self, output_dir, _internal_call"),
        (add_fused_lm_head, "model, temperature, cast_lm_head_to_fp32, outputs"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_signature_is_the_one_overridden(function: Any, parameters: str) -> None:
    """Public functions; private ones have their parameters in ``INTERNALS``."""
    found = ", ".join(inspect.signature(inspect.unwrap(function)).parameters)
    assert found == parameters, f"trl {trl.__version__}: {function.__qualname__} takes ({found})"


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
        # TRL's own head, in whose place that of CPUs stands.
        (add_fused_lm_head, "_ChunkedLogProbFunction.apply("),
        (add_fused_lm_head, "compact = _use_triton(hidden_states.device)"),
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


# ---------------------------------------------------------------------- the table is whole


def _private_names(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Names with one underscore that a module reads from others, and those that it defines."""
    read, defined = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            (defined if isinstance(node.ctx, ast.Store) else read).add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("mrlm"):
            read |= {alias.name for alias in node.names}
    return (
        {name for name in read if name.startswith("_") and not name.startswith("__")},
        {name for name in defined if name.startswith("_")},
    )


# Of other libraries than TRL's and transformers', or set on objects of ours.
OTHERS = {
    "_exit": "os",
    "_fields": "named tuples",
    "_attn_implementation": "transformers: a property of a config that its own models read",
}


def test_the_table_names_every_private_name_that_is_used() -> None:
    package = Path(mrlm.__file__).parent
    files = [
        file
        for room in ("trainers", "ppo", "experiment", "models", "evaluation", "sampling")
        for file in sorted((package / room).rglob("*.py"))
    ]
    found = [_private_names(ast.parse(file.read_text(encoding="utf-8"))) for file in files]
    defined = set().union(*(names for _, names in found))
    ours = defined - {internal.name for internal in INTERNALS}
    read = set().union(*(names for names, _ in found))
    assert read - ours - OTHERS.keys() <= {internal.name for internal in INTERNALS}


# ---------------------------------------------------------------------- without a name


@pytest.fixture
def looked_for_again() -> Iterator[None]:
    """Nothing is known of what other tests found, and said, nor later of what this one did."""
    for memory in (trl_internals.changed_libraries, trl_internals.warn_once):
        memory.cache_clear()
    yield
    for memory in (trl_internals.changed_libraries, trl_internals.warn_once):
        memory.cache_clear()


def test_a_function_with_other_parameters_counts_as_gone(
    looked_for_again: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _generate(self: Any, prompts: Any, tools: Any) -> None: ...
    def _calculate_rewards(self: Any, rows: Any) -> None: ...

    monkeypatch.setattr(GRPOTrainer, "_generate", _generate)  # takes one more, which is passed on
    monkeypatch.setattr(GRPOTrainer, "_calculate_rewards", _calculate_rewards)
    assert missing("dynamic_sampling") == (
        "trl.trainer.grpo_trainer.GRPOTrainer._calculate_rewards takes (self, rows)",
    )
    with pytest.raises(RuntimeError, match=r"takes \(self, rows\)\. So prompts cannot be replaced"):
        trl_internals.require("dynamic_sampling")


def test_it_is_said_once(
    looked_for_again: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr("trl.trainer.utils._use_triton")
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        for _ in range(3):
            with cpu_lm_head():
                pass
    [message] = caplog.messages
    assert "trl.trainer.utils has no _use_triton. So the output head" in message


# ``forward`` is every module's: its parameters are checked above. Accelerate's is for DeepSpeed.
RENAMED = [i for i in INTERNALS if i.name != "forward" and not i.home.startswith("accelerate")]


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, tiny_llama: Any, tiny_tokenizer: Any
) -> dict[str, dict[str, Any]]:
    """What ``renamed_internals.py`` found, by name."""
    folder = tmp_path_factory.mktemp("model")
    tiny_llama().save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    # What TRL overrides of transformers' trainer would be renamed there, too.
    libraries = {}
    for internal in RENAMED:
        is_trls = not internal.home.startswith("transformers")
        is_trls &= not hasattr(Trainer, internal.name)
        libraries[internal.name] = "trl" if is_trls else "transformers"
    script = Path(__file__).parent.parent / "renamed_internals.py"
    found: dict[str, dict[str, Any]] = {}
    # What takes long is to import: as much as can be before a name changes, once for all.
    model = "transformers.models.llama.modeling_llama"
    for preload in (f"transformers.trainer,{model},peft", model, ""):
        done = subprocess.run(
            [
                *(sys.executable, str(script), str(folder), preload),
                *(f"{name}={libraries[name]}" for name in libraries if name not in found),
            ],
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        results = [json.loads(line) for line in done.stdout.splitlines()]
        found |= {result["name"]: result for result in results if "too_late" not in result}
    return found


@pytest.mark.integration
@pytest.mark.xdist_group("renamed internals")
@pytest.mark.parametrize("internal", RENAMED, ids=lambda internal: internal.name)
def test_training_goes_on_without_it_or_says_why_not(
    internal: Internal, outcomes: dict[str, dict[str, Any]]
) -> None:
    found = outcomes[internal.name]
    uses = set(internal.uses)
    # GRPO always trains; what is refused is refused with the name.
    expected = {
        "grpo": set(),
        "ppo": {"ppo", "value_checkpoint"},
        "dynamic_sampling": {"dynamic_sampling"},
        "resumption": {"resumption"},
    }
    for run, refused in expected.items():
        if uses & refused:
            assert found[run].startswith("RuntimeError"), found[run]
            assert internal.name in found[run] and "has changed" in found[run]
        else:
            assert found[run] == "done", f"{run}: {found[run]}"
    if uses & GOES_ON.keys() and not uses & REFUSED.keys():
        assert found["warnings"]
