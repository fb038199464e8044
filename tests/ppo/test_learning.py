"""PPO learns: a bandit with a known optimum, a value that becomes the return, a still policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig

pytestmark = pytest.mark.integration

Make = Callable[..., Any]

BEST, GOOD = 65, 66  # token ids


def bandit(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    """One token, one reward: 1 for the best arm, 0.5 for the second, 0 for the rest."""
    return [{BEST: 1.0, GOOD: 0.5}.get(ids[0], 0.0) for ids in completion_ids]


@pytest.mark.parametrize("epochs", [1, 2])
def test_bandit_reaches_its_best_arm(epochs: int, make_trainer: Make, tiny_llama: Make) -> None:
    trainer = make_trainer(
        tiny_llama(tie_word_embeddings=False),
        reward_funcs=bandit,
        max_completion_length=1,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        lr_scheduler_type="constant",
        num_ppo_epochs=epochs,
        max_steps=40 * epochs,
        # Four arms: one arm among 259 pays too rarely to learn from in seconds.
        generation_kwargs={"suppress_tokens": [i for i in range(259) if i not in range(64, 68)]},
    )
    trainer.train()
    rewards = [log["reward"] for log in trainer.state.log_history if "reward" in log]
    assert sum(rewards[:3]) / 3 < 0.6
    assert sum(rewards[-5:]) / 5 > 0.9


def starts_with_x(prompts: list[str], **kwargs: Any) -> list[float]:
    return [float(prompt.startswith("x")) for prompt in prompts]


@pytest.mark.parametrize("with_critic", [False, True])
def test_values_learn_what_the_prompt_decides(
    with_critic: bool, make_trainer: Make, tiny_llama: Make
) -> None:
    from datasets import Dataset

    prompts = [f"{'x' if i % 2 else 'o'}{i}" for i in range(64)]
    trainer = make_trainer(
        reward_funcs=starts_with_x,
        dataset=Dataset.from_dict({"prompt": prompts}),
        arguments={"critic": tiny_llama(seed=3)} if with_critic else {},
        per_device_train_batch_size=32,
        learning_rate=0.0,
        value_learning_rate=3e-2,
        critic_learning_rate=1e-3,
        lr_scheduler_type="constant",
        max_steps=30,
        max_completion_length=2,
    )
    trainer.train()
    logs = [log for log in trainer.state.log_history if "value/explained_variance" in log]
    assert logs[0]["value/explained_variance"] == 0.0  # the head starts at zero
    assert logs[-1]["value/explained_variance"] > 0.8
    assert logs[-1]["value/loss"] < 0.05 < logs[0]["value/loss"]


@pytest.mark.parametrize("with_lora", [False, True])
def test_warm_up_leaves_the_policy_and_its_optimizer_state_alone(
    with_lora: bool, make_trainer: Make
) -> None:
    lora = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    arguments = {"peft_config": lora} if with_lora else {}
    settings = {"value_warmup_steps": 2, "weight_decay": 0.1, "arguments": arguments}
    trainer = make_trainer(max_steps=2, **settings)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    moved = [n for n, p in trainer.model.named_parameters() if not torch.equal(before[n], p)]
    assert moved
    assert all("value_head." in name for name in moved)

    trainer = make_trainer(max_steps=3, **settings)
    trainer.train()
    steps = {
        name: int(trainer.optimizer.state[p]["step"])
        for name, p in trainer.model.named_parameters()
        if p in trainer.optimizer.state
    }
    # A policy weight has seen one step, so Adam's bias correction treats it as its first.
    assert {s for name, s in steps.items() if "value_head." in name} == {3}
    assert {s for name, s in steps.items() if "value_head." not in name} == {1}


def test_value_function_has_its_own_rates_and_clip(make_trainer: Make, tiny_llama: Make) -> None:
    lora = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM")
    trainer = make_trainer(
        arguments={"peft_config": lora, "critic": tiny_llama(seed=3)},
        value_learning_rate=0.5,
        critic_learning_rate=0.25,
        max_grad_norm=1.0,
    )
    groups = trainer.create_optimizer().param_groups
    assert [group["lr"] for group in groups] == [1e-3, 0.5, 0.25]
    assert all(group["params"] for group in groups)
    trainable = [p for p in trainer.model.parameters() if p.requires_grad]
    assert sum(len(group["params"]) for group in groups) == len(trainable)

    for parameter in trainable:
        parameter.grad = torch.zeros_like(parameter)
    head, policy = groups[1]["params"], groups[0]["params"]
    head[0].grad += 100.0
    policy[0].grad += 0.001
    norm = trainer._clip_grad_norm(trainer.model)
    assert head[0].grad.norm() == pytest.approx(1.0, abs=1e-3)
    assert policy[0].grad.flatten()[0] == pytest.approx(0.001)  # not shrunk along with the head
    assert float(norm) == pytest.approx(policy[0].grad.norm().item())
