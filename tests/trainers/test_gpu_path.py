"""What ``sampler="mrlm"`` does on a GPU, on a CPU: the same weights as on the CPU path.

Buffers of fixed shapes, a graph's stand-in, groups side by side; and when it is taken at all.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from graph_on_cpu import GraphsOnCPU

from mrlm import PPOConfig, PPOTrainer
from mrlm.sampling import generator as sampling
from mrlm.trainers import GRPOConfig, GRPOTrainer, packable, packing
from mrlm.trainers.packing import ATTENTION, pack

CLASSES: dict[str, tuple[Any, Any]] = {
    "grpo": (GRPOTrainer, GRPOConfig),
    "ppo": (PPOTrainer, PPOConfig),
}


def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def make(kind: str, model: Any, tokenizer: Any, folder: Path, **settings: Any) -> Any:
    trainer_class, config_class = CLASSES[kind]
    config: dict[str, Any] = {
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": "none",
        "disable_tqdm": True,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "num_generations": 4,
        "max_completion_length": 20,
        "max_steps": 3,
        "learning_rate": 1e-2,
        "save_strategy": "no",
        "seed": 3,
    }
    return trainer_class(
        model,
        reward,
        config_class(str(folder), **(config | settings)),
        train_dataset=Dataset.from_dict({"prompt": ["ab", "longer prompt", "c", "de"]}),
        processing_class=tokenizer,
    )


def train(trainer: Any) -> dict[str, torch.Tensor]:
    trainer.train()
    return {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}


@pytest.mark.integration
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("kind", CLASSES)
def test_weights_are_those_of_the_cpu_path(
    kind: str,
    lora: bool,
    checkpointing: bool,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from peft import LoraConfig, get_peft_model

    def build() -> Any:
        model = tiny_llama()
        torch.manual_seed(0)
        return (
            get_peft_model(model, LoraConfig(r=4, target_modules="all-linear")) if lora else model
        )

    expected = train(make(kind, build(), tiny_tokenizer, tmp_path / "cpu"))
    recorder = GraphsOnCPU()
    make_growing = sampling.Generator

    def make_static(*args: Any, **kwargs: Any) -> Any:
        made = make_growing(*args, **kwargs, static_cache=True)
        assert made.decoder is not None
        made.decoder.recorder = recorder
        return made

    monkeypatch.setattr(sampling, "Generator", make_static)
    for module in (packing, packable):
        monkeypatch.setattr(module, "pack", partial(pack, side_by_side=True))
    trainer = make(
        kind,
        build(),
        tiny_tokenizer,
        tmp_path / "gpu",
        activation_checkpointing=checkpointing,
        sampler="mrlm",
    )
    found = train(trainer)
    assert trainer.notes == [] and recorder.replayed > 3 * 4
    before = dict(build().named_parameters())
    assert any((found[name] - weight).abs().max() > 1e-3 for name, weight in before.items())
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, atol=2e-4, rtol=0, msg=name)


@pytest.mark.parametrize(
    ("choice", "device", "used"),
    [
        ("auto", "cpu", True),
        ("auto", "cuda", False),
        ("auto", "mps", False),
        ("mrlm", "cpu", True),
        ("mrlm", "cuda", True),
        ("mrlm", "mps", False),
        ("trl", "cpu", False),
        ("trl", "cuda", False),
    ],
)
def test_what_samples_where(
    choice: str,
    device: str,
    used: bool,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer = make("grpo", tiny_llama(), tiny_tokenizer, tmp_path, sampler=choice)
    assert trainer.model.config._attn_implementation == ("sdpa" if choice == "trl" else ATTENTION)
    monkeypatch.setattr(type(trainer.sampler), "_device", device)
    assert trainer.sampler._can_be_used() is used
    assert [note for note in trainer.notes if "mps" in note] == trainer.notes
    assert len(trainer.notes) == ((choice, device) == ("mrlm", "mps"))
    if used and device == "cuda":
        generator = trainer.sampler._copy(trainer.model)
        assert generator.decoder is not None and generator.max_rows == 16


def test_what_was_asked_for_and_cannot_be_is_said(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make("grpo", tiny_llama(), tiny_tokenizer, tmp_path, sampler="mrlm")
    monkeypatch.setattr(type(trainer.sampler), "_device", "cuda")
    trainer.is_fsdp_enabled = True
    assert trainer.synced_generator() is None
    assert trainer.notes == [
        "TRL's own generate samples, not mrlm's: FSDP and DeepSpeed are not covered"
    ]


@pytest.mark.parametrize("config_class", [GRPOConfig, PPOConfig])
def test_wrong_samplers(config_class: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sampler='vllm': choose one of auto, mrlm, trl"):
        config_class(str(tmp_path), use_cpu=True, bf16=False, sampler="vllm")
    for other in ("use_vllm", "use_transformers_continuous_batching"):
        with pytest.raises(ValueError, match=f"sampler='mrlm' with {other}=True"):
            config_class(str(tmp_path), use_cpu=True, bf16=False, sampler="mrlm", **{other: True})


@pytest.mark.gpu
@pytest.mark.parametrize("kind", CLASSES)
def test_it_trains_on_a_gpu(
    kind: str, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    trainer = make(
        kind, tiny_llama(), tiny_tokenizer, tmp_path, use_cpu=False, bf16=True, sampler="mrlm"
    )
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    found = train(trainer)
    assert trainer.notes == []
    assert any((found[name] != weight.to(found[name])).any() for name, weight in before.items())
