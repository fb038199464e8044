"""Stopping and going on: bit-equal resumption, Ctrl-C, and models that plain transformers loads."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM, TrainerCallback

from mrlm.ppo.checkpoint import VALUE_FILE
from mrlm.ppo.value import without_value_function

pytestmark = pytest.mark.integration

Make = Callable[..., Any]

TWO_EPOCHS = {"num_ppo_epochs": 2, "steps_per_generation": 2, "max_steps": 8}


def lora() -> LoraConfig:
    return LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")


def weights(trainer: Any) -> dict[str, Tensor]:
    return {name: x.detach().clone() for name, x in trainer.model.state_dict().items()}


def run_folder(trainer: Any) -> Path:
    return Path(trainer.args.output_dir)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("full", {}),
        ("lora", {}),
        ("critic", {}),
        ("full", TWO_EPOCHS),
        ("lora", {**TWO_EPOCHS, "gradient_accumulation_steps": 2, "max_steps": 4}),
        ("base", {"beta": 0.1, "kl_in_reward": True}),
        ("lora", {"beta": 0.1, "kl_in_reward": True, "num_ppo_epochs": 2}),
        ("shared", {"value_head_detach": False, "value_warmup_steps": 1}),
    ],
)
def test_resume_is_bit_equal(
    kind: str, settings: dict[str, Any], make_trainer: Make, tiny_llama: Make, tmp_path: Path
) -> None:
    tiny_llama().save_pretrained(tmp_path / "base")

    def trainer() -> Any:
        arguments: dict[str, Any] = {}
        if kind == "lora":
            arguments["peft_config"] = lora()
        if kind == "critic":
            arguments["critic"] = tiny_llama(seed=3, hidden_size=16)
        model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
        keep = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4, "lam": 0.9}
        return make_trainer(model, arguments=arguments, **{**keep, **settings})

    straight = trainer()
    start = weights(straight)
    straight.train()
    checkpoints = sorted(
        run_folder(straight).glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1])
    )
    assert len(checkpoints) >= 2
    resumed = trainer()
    resumed.train(resume_from_checkpoint=str(checkpoints[0]))
    assert resumed.state.global_step == straight.state.global_step
    expected, found = weights(straight), weights(resumed)
    assert expected.keys() == found.keys()
    different = [name for name, x in expected.items() if not torch.equal(x, found[name])]
    assert different == []
    assert any(not torch.equal(x, start[name]) for name, x in expected.items())
    assert expected[next(n for n in expected if n.endswith("value_head.weight"))].abs().max() > 0


def test_saves_wait_for_the_end_of_the_rollout(make_trainer: Make) -> None:
    trainer = make_trainer(save_strategy="steps", save_steps=3, **TWO_EPOCHS)
    trainer.train()
    # A rollout lasts 4 steps here: step 3 waits for 4, step 6 for 8, where the run also ends.
    assert sorted(p.name for p in run_folder(trainer).glob("checkpoint-*")) == [
        "checkpoint-4",
        "checkpoint-8",
    ]


class StopAfter(TrainerCallback):
    """Ends the run after a step, as a time limit would, wherever the rollout is."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            control.should_save = control.should_training_stop = True


def test_run_that_ended_inside_a_rollout_finds_its_place(make_trainer: Make) -> None:
    sampled_at: list[int] = []

    def reward(completions: list[str], trainer_state: Any, **kwargs: Any) -> list[float]:
        sampled_at.append(trainer_state.global_step)
        return [float(i) for i in range(len(completions))]

    make_trainer(reward_funcs=reward, arguments={"callbacks": [StopAfter(2)]}, **TWO_EPOCHS).train()
    make_trainer(reward_funcs=reward, **TWO_EPOCHS).train(resume_from_checkpoint=True)
    # The rollout of step 0 is lost and sampled again; the next comes with new prompts at step 4.
    assert sampled_at == [0, 2, 4]


def test_resume_without_a_value_function_is_refused(make_trainer: Make, tiny_llama: Make) -> None:
    settings = {"save_strategy": "steps", "save_steps": 1}
    trainer = make_trainer(**settings)
    trainer.train()
    checkpoint = run_folder(trainer) / "checkpoint-1"
    with pytest.raises(ValueError, match="Resume with the same critic"):
        make_trainer(arguments={"critic": tiny_llama(seed=3)}, **settings).train(
            resume_from_checkpoint=str(checkpoint)
        )
    (checkpoint / VALUE_FILE).unlink()
    with pytest.raises(FileNotFoundError, match="would restart at zero"):
        make_trainer(**settings).train(resume_from_checkpoint=str(checkpoint))


class InterruptAt(TrainerCallback):
    """Presses Ctrl-C while the given step is being computed, ``times`` times."""

    def __init__(self, step: int, times: int = 1) -> None:
        self.step, self.times = step, times

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_leaves_a_checkpoint_to_resume_from(
    make_trainer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    before = signal.getsignal(signal.SIGINT)
    straight = make_trainer(max_steps=4)
    straight.train()
    trainer = make_trainer(max_steps=4, arguments={"callbacks": [InterruptAt(1)]})
    with caplog.at_level(logging.WARNING, logger="mrlm"):
        trainer.train()
    assert trainer.state.global_step == 2
    assert "saving a checkpoint and stopping. Press Ctrl-C again to abort" in caplog.text
    assert "Stopped by Ctrl-C after step 2" in caplog.text
    assert signal.getsignal(signal.SIGINT) is before
    resumed = make_trainer(max_steps=4)
    resumed.train(resume_from_checkpoint=True)
    found = weights(resumed)
    assert all(torch.equal(x, found[name]) for name, x in weights(straight).items())


def test_second_ctrl_c_aborts(make_trainer: Make) -> None:
    before = signal.getsignal(signal.SIGINT)
    trainer = make_trainer(max_steps=4, arguments={"callbacks": [InterruptAt(1, times=2)]})
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert trainer.state.global_step == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_means_what_it_did_after_a_failed_run(make_trainer: Make) -> None:
    def broken(completions: list[str], **kwargs: Any) -> list[float]:
        raise OSError("the judge is down")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(OSError, match="the judge is down"):
        make_trainer(reward_funcs=broken).train()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("family", ["tiny_llama", "tiny_gpt2", "tiny_qwen2"])
@pytest.mark.parametrize("with_critic", [False, True])
def test_exported_model_is_plain(
    family: str, with_critic: bool, make_trainer: Make, request: pytest.FixtureRequest
) -> None:
    build = request.getfixturevalue(family)
    arguments = {"critic": build(seed=9)} if with_critic else {}
    trainer = make_trainer(build(), arguments=arguments)
    trainer.train()
    trainer.save_model()
    loaded, report = AutoModelForCausalLM.from_pretrained(
        run_folder(trainer), output_loading_info=True
    )
    assert not any(report.values()), report
    ids = torch.arange(12).reshape(2, 6)
    with torch.no_grad():
        trainer.model.eval()
        torch.testing.assert_close(loaded(ids).logits, trainer.model(ids).logits, rtol=0, atol=0)
    stored = load_file(run_folder(trainer) / VALUE_FILE)
    assert stored["value_head.weight"].dtype == torch.float32
    assert any(name.startswith("critic.") for name in stored) == with_critic


def test_model_saved_without_the_trainer_is_plain_too(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer().model.save_pretrained(tmp_path / "direct")
    names = load_file(tmp_path / "direct" / "model.safetensors")
    assert not [name for name in names if "value" in name and "v_proj" not in name]


def test_exported_adapter_is_plain(make_trainer: Make, tiny_llama: Make) -> None:
    trainer = make_trainer(arguments={"peft_config": lora()})
    trainer.train()
    trainer.save_model()
    stored = load_file(run_folder(trainer) / "adapter_model.safetensors")
    assert all("lora_" in name for name in stored)
    loaded = PeftModel.from_pretrained(tiny_llama(), run_folder(trainer))
    merged = trainer.model.merge_and_unload()
    ids = torch.arange(12).reshape(2, 6)
    with torch.no_grad():
        expected = merged.eval()(ids).logits
        torch.testing.assert_close(loaded.eval()(ids).logits, expected, rtol=0, atol=1e-5)


def test_best_model_comes_with_its_value_function(make_trainer: Make) -> None:
    trainer = make_trainer(
        max_steps=3,
        eval_strategy="steps",
        eval_steps=1,
        per_device_eval_batch_size=4,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="completions/mean_length",
        arguments={"eval_dataset": make_trainer().train_dataset.select(range(4))},
    )
    trainer.train()
    best = load_file(Path(trainer.state.best_model_checkpoint) / VALUE_FILE)
    assert torch.equal(best["value_head.weight"], trainer.model.value_head.weight)
    assert "eval_value/explained_variance" in trainer.state.log_history[1]


@pytest.mark.parametrize("with_lora", [False, True])
def test_sampling_engine_gets_the_policy_alone(
    with_lora: bool, make_trainer: Make, tiny_llama: Make
) -> None:
    """vLLM itself is not installed here: this walks the parameters as its weight sync does."""
    names = {name for name, _ in tiny_llama().named_parameters()}
    arguments: dict[str, Any] = {"critic": tiny_llama(seed=3)}
    if with_lora:
        arguments["peft_config"] = lora()
    model = make_trainer(arguments=arguments).model
    walked = (
        (n.removeprefix("base_model.model.").replace(".base_layer", ""), p)
        for n, p in model.named_parameters()
        if "lora_" not in n
    )
    assert {name for name, _ in without_value_function(walked)} == names
