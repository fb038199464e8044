"""The CPU path: taken where it should be, and equal to TRL's own path."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import trl
from trl import GRPOConfig

from mrlm.trainers import grpo
from mrlm.trainers.batches import grouped_order, rows_with_gradient
from mrlm.trainers.grpo import GRPOTrainer
from mrlm.trainers.packing import ATTENTION


def reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def make(trainer_class: Any, model: Any, tokenizer: Any, folder: Path, **settings: Any) -> Any:
    from datasets import Dataset

    config = {
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": "none",
        "per_device_train_batch_size": 4,
        "num_generations": 2,
        "max_completion_length": 5,
        "max_steps": 2,
        "learning_rate": 1e-3,
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    return trainer_class(
        model,
        reward,
        GRPOConfig(str(folder), **(config | settings)),
        train_dataset=Dataset.from_dict({"prompt": ["ab", "longer prompt", "c", "de"] * 2}),
        processing_class=tokenizer,
    )


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (
            "_generate_single_turn",
            [
                "self",
                "prompt_ids",
                "images",
                "multimodal_fields",
                "num_generations",
                "has_tool_images",
            ],
        ),
        ("_prepare_inputs", ["self", "generation_batch"]),
        (
            "_get_per_token_logps_and_entropies",
            [
                "self",
                "model",
                "input_ids",
                "attention_mask",
                "logits_to_keep",
                "batch_size",
                "compute_entropy",
                "compute_aux_loss",
            ],
        ),
    ],
)
def test_canary_signatures(method: str, parameters: list[str]) -> None:
    found = list(inspect.signature(getattr(trl.GRPOTrainer, method)).parameters)
    assert found[: len(parameters)] == parameters, f"TRL changed GRPOTrainer.{method}: {found}"


@pytest.mark.parametrize("accumulation", [1, 2])
def test_grpo_trains_and_logs_as_trl_does(
    accumulation: int, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    settings = {"gradient_accumulation_steps": accumulation}
    ours = make(GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path / "ours", **settings)
    theirs = make(trl.GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path / "theirs", **settings)
    assert ours.model.config._attn_implementation == ATTENTION
    ours.train()
    theirs.train()
    assert ours.notes == []  # the CPU path, whole and to the end
    more = {"frac_all_correct", "frac_none_correct"}
    assert ours.state.log_history[-1].keys() == theirs.state.log_history[-1].keys() | more
    assert any(
        not torch.equal(p, q)
        for p, q in zip(ours.model.parameters(), tiny_llama().parameters(), strict=True)
    )


def test_same_batch_same_loss_and_gradient(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    ours = make(GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path / "ours")
    theirs = make(trl.GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path / "theirs")
    losses = []
    theirs.model.train()
    batch = theirs._generate_and_score_completions([{"prompt": "ab"}] * 2 + [{"prompt": "cde"}] * 2)
    batch["advantages"] = torch.tensor([0.5, -0.5, 1.0, -1.0])
    for trainer in (ours, theirs):
        trainer.model.train()
        trainer.current_gradient_accumulation_steps = 1
        loss = trainer.compute_loss(trainer.model, dict(batch))
        loss.backward()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    grads = [dict(t.model.named_parameters()) for t in (ours, theirs)]
    assert max(p.grad.abs().max().item() for p in grads[1].values()) > 1e-2
    for name, parameter in grads[1].items():
        torch.testing.assert_close(grads[0][name].grad, parameter.grad, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "settings", [{"generation_kwargs": {"num_beams": 1}}, {"top_k": 5}, {"repetition_penalty": 1.1}]
)
def test_what_is_not_covered_stays_trl_s(
    settings: dict[str, Any], tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    trainer = make(GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path, **settings)
    assert trainer.model.config._attn_implementation != ATTENTION
    trainer.train()
    assert trainer.sampler.generator is None


def test_completions_of_a_prompt_share_a_micro_batch() -> None:
    prompts = torch.tensor([[1, 2], [3, 4], [1, 2], [5, 6], [3, 4], [5, 6]])
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        order = grouped_order(prompts)
        assert sorted(order.tolist()) == list(range(6))
        pairs = prompts[order].view(3, 2, 2)
        assert torch.equal(pairs[:, 0], pairs[:, 1])
        seen.add(tuple(order.tolist()))
    assert len(seen) > 1  # the groups are shuffled


@pytest.mark.parametrize(
    ("advantages", "micro_batches", "least", "rows"),
    [
        ([0, 1, -1, 0, 0, 2], 1, 0, [1, 2, 5]),
        ([0, 1, -1, 0, 0, 2], 2, 0, [0, 1, 2, 5]),
        ([0, 1, -1, 0, 0, 2], 1, 5, [0, 1, 2, 3, 5]),
        ([0, 1, -1, 0, 0, 2], 2, 5, [0, 1, 2, 3, 4, 5]),
        ([0, 0, 0, 0], 1, 0, [0]),
        ([0, 0, 0, 0], 2, 0, [0, 1]),
        ([1, -1], 2, 0, [0, 1]),
    ],
)
def testrows_with_gradient(
    advantages: list[int], micro_batches: int, least: int, rows: list[int]
) -> None:
    found = rows_with_gradient(torch.tensor(advantages).float(), micro_batches, least)
    assert found.tolist() == rows


@pytest.mark.integration
@pytest.mark.distributed
def test_processes_that_have_different_numbers_of_rows_to_learn_from(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    """Real ``torchrun``: the prompts of one process teach, those of the other do not, in turn."""
    folder = str(tmp_path / "model")
    tiny_llama().save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    script = tmp_path / "tied.py"
    script.write_text(
        f"""
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig
from mrlm.trainers.grpo import GRPOTrainer

def reward(prompts, completion_ids, **_):
    teaches = trainer.accelerator.process_index == trainer.state.global_step % 2
    return [float(ids[0] % 97) if teaches else 1.0 for ids in completion_ids]

trainer = GRPOTrainer(
    AutoModelForCausalLM.from_pretrained({folder!r}), reward,
    GRPOConfig(
        {str(tmp_path / "run")!r}, use_cpu=True, bf16=False, report_to="none", max_steps=4,
        per_device_train_batch_size=4, num_generations=4, max_completion_length=4,
        save_strategy="no", disable_tqdm=True,
    ),
    train_dataset=Dataset.from_dict({{"prompt": ["ab", "cd", "ef", "gh"] * 4}}),
    processing_class=AutoTokenizer.from_pretrained({folder!r}),
)
seen = []
compute = trainer.compute_loss
trainer.compute_loss = lambda model, inputs, **others: (
    seen.append(len(inputs["advantages"])), compute(model, inputs, **others)
)[1]
trainer.train()
print(f"rows {{seen}}" + chr(10), end="", flush=True)
""",
        encoding="utf-8",
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=2",
            str(script),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (line for line in done.stdout.splitlines() if line.startswith("rows"))
    assert first == second


@pytest.mark.parametrize("accumulation", [1, 2])
def test_rows_without_gradient_change_nothing_but_the_work(
    accumulation: int,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Completions of every prompt but "c" are worth the same: they teach nothing."""

    def partly_tied(prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        scores = reward(completion_ids)
        return [score if p == "c" else 1.0 for p, score in zip(prompts, scores, strict=True)]

    seen: dict[str, int] = {}
    trained = {}
    for name in ("dropped", "all"):
        if name == "all":
            monkeypatch.setattr(grpo, "rows_with_gradient", lambda a, *_: torch.arange(len(a)))
        # One step: the order of the next one's prompts depends on how many were shuffled.
        settings: dict[str, Any] = {"gradient_accumulation_steps": accumulation, "max_steps": 1}
        settings["per_device_train_batch_size"] = 16 // accumulation  # all rows, each twice
        # Adam's first step has the same size for every gradient, rounding included.
        settings |= {"optim": "sgd", "learning_rate": 1.0}
        trainer = make(GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path / name, **settings)
        trainer.reward_funcs = [partly_tied]
        compute = trainer.compute_loss

        def counted(
            model: Any, inputs: Any, name: str = name, compute: Any = compute, **others: Any
        ) -> Any:
            seen[name] = seen.get(name, 0) + len(inputs["advantages"])
            return compute(model, inputs, **others)

        trainer.compute_loss = counted
        trainer.train()
        trained[name] = dict(trainer.model.named_parameters())
    assert seen["dropped"] < seen["all"] == 16
    moved = (p - q for p, q in zip(trained["all"].values(), tiny_llama().parameters(), strict=True))
    assert max(x.abs().max().item() for x in moved) > 1e-4
    torch.testing.assert_close(trained["dropped"], trained["all"], atol=1e-6, rtol=1e-4)


def test_a_batch_without_gradient_leaves_the_weights(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    trainer = make(GRPOTrainer, tiny_llama(), tiny_tokenizer, tmp_path, weight_decay=0.0)
    trainer.reward_funcs = [lambda prompts, **_: [1.0] * len(prompts)]
    trainer.train()
    for p, q in zip(trainer.model.parameters(), tiny_llama().parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=0, rtol=0)
