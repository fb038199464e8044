"""Models, adapters and settings that the CPU path does not cover train through TRL's own path."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from datasets import Dataset
from trained_architectures import build
from transformers import GenerationMixin

from mrlm import PPOConfig, PPOTrainer
from mrlm.sampling import generator as sampling
from mrlm.trainers import GRPOConfig, GRPOTrainer, packable

pytestmark = pytest.mark.integration

CLASSES: dict[str, tuple[Any, Any]] = {
    "grpo": (GRPOTrainer, GRPOConfig),
    "ppo": (PPOTrainer, PPOConfig),
}


def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def make(kind: str, model: Any, tokenizer: Any, folder: Path, **more: Any) -> Any:
    trainer_class, config_class = CLASSES[kind]
    config: dict[str, Any] = {
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": "none",
        "disable_tqdm": True,
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 5,
        "max_steps": 1,
        "learning_rate": 1e-2,
        "save_strategy": "no",
    }
    return trainer_class(
        model,
        more.pop("reward_funcs", reward),
        config_class(str(folder), **(config | more.pop("settings", {}))),
        train_dataset=Dataset.from_dict({"prompt": ["ab", "longer prompt", "c", "de"]}),
        processing_class=tokenizer,
        **more,
    )


def assert_trains(trainer: Any) -> dict[str, Any]:
    """One step changes what is trained; gives what was logged."""
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters() if p.requires_grad}
    trainer.train()
    moved = [
        n for n, p in trainer.model.named_parameters() if n in before and (p != before[n]).any()
    ]
    assert [name for name in moved if "value_head" not in name]
    logs: dict[str, Any] = trainer.state.log_history[0]
    return logs


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("name", ["bloom", "mamba", "lfm2", "nemotron-h", "qwen3-moe"])
def test_models(
    name: str, kind: str, tiny_tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        trainer = make(kind, build(name, tiny_tokenizer), tiny_tokenizer, tmp_path)
        logs = assert_trains(trainer)
    assert trainer.notes and all("slower" in n or "as long" in n for n in trainer.notes)
    for note in trainer.notes:  # each is warned about once
        assert caplog.messages.count(note) == 1
    assert ("aux_loss" in logs) == (name == "qwen3-moe")


ADAPTERS = {
    "prompt tuning": peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
    "prefix tuning": peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3),
    "p-tuning": peft.PromptEncoderConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=3, encoder_hidden_size=8
    ),
}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_with_virtual_tokens(
    adapter: str, kind: str, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    model = peft.get_peft_model(tiny_llama(), ADAPTERS[adapter])
    trainer = make(kind, model, tiny_tokenizer, tmp_path)
    assert_trains(trainer)
    [note] = trainer.notes
    assert "virtual tokens" in note or "prompt" in note.lower()


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("late", [False, True])
def test_the_models_generation_config_holds(
    late: bool, kind: str, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    """Also where it is changed when the trainer is made already."""
    sampled: list[int] = []

    def watched(completion_ids: list[list[int]], **_: Any) -> list[float]:
        sampled.extend(i for ids in completion_ids for i in ids)
        return reward(completion_ids)

    allowed = {5, 6, tiny_tokenizer.eos_token_id}
    suppressed = [i for i in range(len(tiny_tokenizer)) if i not in allowed]
    model = tiny_llama()
    if not late:
        model.generation_config.suppress_tokens = suppressed
    trainer = make(kind, model, tiny_tokenizer, tmp_path, reward_funcs=watched)
    model.generation_config.suppress_tokens = suppressed
    trainer.train()
    assert sampled and set(sampled) <= allowed
    assert any("suppress_tokens" in note for note in trainer.notes)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("step", [0, 1, 8])
def test_a_copy_that_fails_its_check_is_not_used(
    step: int,
    kind: str,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When it is made, or when the policy has learned what the copy does not take over."""
    checked: list[int] = []
    used: list[int] = []
    generate = sampling.Generator.generate

    def check(self: Any, model: Any) -> str | None:
        checked.append(trainer.state.global_step)
        return "its log-probabilities differ by 0.5" if checked[-1] >= step else None

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        used.append(trainer.state.global_step)
        return generate(self, *args, **kwargs)

    monkeypatch.setattr(sampling.Generator, "check", check)
    monkeypatch.setattr(sampling.Generator, "generate", counted)
    trainer = make(kind, tiny_llama(), tiny_tokenizer, tmp_path, settings={"max_steps": 10})
    assert_trains(trainer)
    assert trainer.state.global_step == 10
    assert used == list(range(step))
    assert checked == [s for s in (0, 1, 8) if s <= step]  # not at every rollout
    assert [note for note in trainer.notes if "differ by 0.5" in note]
    assert trainer.synced_generator() is None


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("where", ["instance", "class", "transformers"])
def test_a_generate_of_the_models_own_is_what_samples(
    where: str,
    kind: str,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guided decoding, say, or a test's stand-in: whenever it was put there."""
    model = tiny_llama()
    trainer = make(kind, model, tiny_tokenizer, tmp_path)
    owner = {"instance": model, "class": type(model), "transformers": GenerationMixin}[where]

    def generate(*args: Any, input_ids: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return torch.cat([input_ids, torch.full((len(input_ids), 3), 77)], dim=1)

    monkeypatch.setattr(owner, "generate", generate)
    seen: list[list[int]] = []

    def watched(completion_ids: list[list[int]], **_: Any) -> list[float]:
        seen.extend(completion_ids)
        return reward(completion_ids)

    trainer.reward_funcs = [watched]
    trainer.train()
    assert seen and all(ids == [77, 77, 77] for ids in seen)


def test_a_wrong_copy_is_found_out(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check itself, on a copy whose weights are not the policy's."""
    sync = sampling.Generator.sync

    def wrong(self: Any, model: Any) -> None:
        sync(self, model)
        with torch.no_grad():
            next(iter(self._model.parameters())).mul_(1.1)

    monkeypatch.setattr(sampling.Generator, "sync", wrong)
    trainer = make("ppo", tiny_llama(), tiny_tokenizer, tmp_path)
    assert_trains(trainer)
    assert trainer.notes and trainer.synced_generator() is None


def test_the_probe_finds_layers_that_mix_tokens_otherwise(
    tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if nothing in its config told of this model's convolutions."""
    monkeypatch.setattr(packable, "why_not_packed", lambda model: None)
    for name in ("lfm2", "gpt-oss"):
        model = build(name, tiny_tokenizer)
        before = model.config._attn_implementation
        assert packable.allow_packing(model) is not None
        assert model.config._attn_implementation == before
    assert packable.allow_packing(build("qwen2", tiny_tokenizer)) is None


def test_a_model_that_cannot_be_packed_is_left_as_it_was(
    tiny_tokenizer: Any, tmp_path: Path
) -> None:
    model = build("gemma3", tiny_tokenizer)
    before = model.config._attn_implementation
    trainer = make("grpo", model, tiny_tokenizer, tmp_path)
    assert model.config._attn_implementation == before
    assert any("sliding" in note for note in trainer.notes)
    assert model.training is False  # the probe, too, leaves it as it was


@pytest.mark.parametrize(
    "settings",
    [
        {"loss_type": "grpo"},
        {"beta": 0.1},
        {"entropy_coef": 0.1},
        {"top_entropy_quantile": 0.5},
        {"moe": True},
    ],
)
def test_all_rows_stay_where_something_else_depends_on_them(
    settings: dict[str, Any], tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    """Every completion is worth the same, so none has an advantage."""
    settings = dict(settings)
    if settings.pop("moe", False):
        model = build("qwen3-moe", tiny_tokenizer)
    else:
        tiny_llama().save_pretrained(tmp_path / "base")  # where the reference model is read from
        model = type(tiny_llama()).from_pretrained(tmp_path / "base")
    counts = []
    for changed in (settings, {}):
        trainer = make(
            "grpo",
            model if changed or not settings else tiny_llama(),
            tiny_tokenizer,
            tmp_path,
            settings=changed | {"num_generations": 2, "per_device_train_batch_size": 4},
            reward_funcs=lambda prompts, **_: [1.0] * len(prompts),
        )
        trainer.model.train()
        batch = trainer._prepare_inputs([{"prompt": "ab"}] * 2 + [{"prompt": "c"}] * 2)
        counts.append(len(batch["advantages"]))
    assert counts == ([4, 1] if settings else [4, 4])
    assert torch.equal(batch["advantages"], torch.zeros(counts[1]))
