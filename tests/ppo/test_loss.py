"""The loss and its gradients against closed forms computed from the model's raw logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

Make = Callable[..., Any]


def gradients(model: Any) -> dict[str, Tensor]:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def completion_logps(model: Any, batch: dict[str, Any], temperature: float) -> Tensor:
    """Log-probabilities of the completion tokens (B, T) by way of full logits."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    # Counted from the first real token, as in generation; GPT-2 would see padding otherwise.
    positions = (attention.cumsum(1) - 1).clamp(min=0)
    output = model(input_ids=ids, attention_mask=attention, position_ids=positions)
    logits = output.logits[:, :-1] / temperature
    logps = logits.log_softmax(-1).gather(2, ids[:, 1:, None]).squeeze(2)
    return logps[:, -batch["completion_ids"].size(1) :]


def spread_completions(batch: dict[str, Any]) -> None:
    """Cut the completions of a batch to different lengths, as end-of-text tokens would."""
    for row in range(batch["completion_mask"].size(0)):
        batch["completion_mask"][row, 2 + row :] = 0


@pytest.mark.parametrize("family", ["tiny_llama", "tiny_gpt2", "tiny_qwen2"])
def test_policy_gradient_is_that_of_advantage_times_log_probability(
    family: str, make_trainer: Make, rollout: Make, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(family)()
    trainer = make_trainer(model, vf_coef=0.0, temperature=0.7)
    batch = rollout(trainer)
    spread_completions(batch)
    mask = batch["completion_mask"]
    torch.manual_seed(0)
    batch["advantages"] = torch.randn(mask.shape) * mask
    batch["num_items_in_batch"] = mask.sum()
    trainer.compute_loss(model, batch).backward()
    ours = gradients(model)
    logps = completion_logps(model, batch, 0.7)
    (-(batch["advantages"] * logps * mask).sum() / mask.sum()).backward()
    theirs = gradients(model)
    assert max(grad.abs().max().item() for grad in theirs.values()) > 1e-2
    worst = max((ours[name] - grad).abs().max().item() for name, grad in theirs.items())
    assert worst < 1e-6, worst


def test_value_gradient_is_that_of_the_squared_error(make_trainer: Make, rollout: Make) -> None:
    trainer = make_trainer(vf_coef=1.0, lam=0.9, lam_critic=0.8)
    model = trainer.model
    torch.nn.init.normal_(model.value_head.weight, std=0.3, generator=torch.manual_seed(0))
    batch = rollout(trainer)
    batch["advantages"] = torch.zeros_like(batch["advantages"])
    trainer.compute_loss(model, batch).backward()
    ours = gradients(model)

    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    steps = batch["completion_ids"].size(1)
    with torch.no_grad():
        hidden = model.model(input_ids=ids, attention_mask=attention).last_hidden_state
        states = hidden[:, -steps - 1 : -1]  # token t is chosen in the state before it
        values = model.value_head(states)
        error = (values - batch["returns"]) * batch["completion_mask"]
        count = batch["completion_mask"].sum()
    torch.testing.assert_close(values, batch["old_values"], rtol=0, atol=1e-6)
    directions = torch.nn.functional.normalize(states, dim=-1)  # the head reads no lengths
    expected = torch.einsum("bt,bth->h", error, directions) / count
    assert expected.abs().max() > 1e-2
    worst = (ours["value_head.weight"][0] - expected).abs().max().item()
    assert worst < 1e-6, worst
    assert abs(ours["value_head.bias"].item() - (error.sum() / count).item()) < 1e-6
    backbone = [grad for name, grad in ours.items() if not name.startswith("value_head.")]
    assert all((grad == 0).all() for grad in backbone)  # the head is detached


def test_shared_backbone_learns_from_the_value_loss(make_trainer: Make, rollout: Make) -> None:
    trainer = make_trainer(value_head_detach=False)
    torch.nn.init.normal_(trainer.model.value_head.weight, std=0.3)
    batch = rollout(trainer)
    batch["advantages"] = torch.zeros_like(batch["advantages"])
    trainer.compute_loss(trainer.model, batch).backward()
    assert trainer.model.model.layers[0].self_attn.q_proj.weight.grad.abs().max() > 0


def test_separate_critic_learns_and_leaves_the_policy_alone(
    make_trainer: Make, rollout: Make, tiny_llama: Make
) -> None:
    critic = tiny_llama(seed=5, hidden_size=16)
    trainer = make_trainer(arguments={"critic": critic})
    model = trainer.model
    torch.nn.init.normal_(model.value_head.weight, std=0.3)
    batch = rollout(trainer)
    assert model.critic is critic.model
    batch["advantages"] = torch.zeros_like(batch["advantages"])
    trainer.compute_loss(model, batch).backward()
    found = gradients(model)
    assert found["critic.layers.0.self_attn.q_proj.weight"].abs().max() > 0
    policy = [g for name, g in found.items() if not name.startswith(("critic.", "value_head."))]
    assert all((grad == 0).all() for grad in policy)


def test_equals_grpo_without_a_value_loss(
    make_trainer: Make, make_grpo_trainer: Make, rollout: Make
) -> None:
    """With group advantages broadcast over tokens, loss and gradient are GRPO's."""
    trainer = make_trainer(vf_coef=0.0, num_generations=2, beta=0.0, epsilon=0.1)
    batch = rollout(trainer)
    grpo = make_grpo_trainer(num_generations=2, epsilon=0.1)
    grpo.model.train()
    grpo.current_gradient_accumulation_steps = 1
    advantages = torch.tensor([0.5, -0.5, 1.0, -1.0])
    grpo_loss = grpo.compute_loss(grpo.model, {**batch, "advantages": advantages})
    batch["advantages"] = advantages[:, None].expand_as(batch["returns"]).clone()
    ppo_loss = trainer.compute_loss(trainer.model, batch)
    assert ppo_loss.item() == pytest.approx(grpo_loss.item(), abs=1e-6)
    grpo_loss.backward()
    ppo_loss.backward()
    ours, theirs = gradients(trainer.model), gradients(grpo.model)
    assert max(grad.abs().max().item() for grad in theirs.values()) > 1e-2
    worst = max((ours[name] - grad).abs().max().item() for name, grad in theirs.items())
    assert worst < 1e-6  # TRL runs the padded batch, PPOTrainer the packed one


@pytest.mark.parametrize(("accumulation", "times"), [(2, 1), (1, 2)])
def test_micro_batches_add_up_to_the_whole(
    accumulation: int, times: int, make_trainer: Make, rollout: Make
) -> None:
    """Two halves of unequal length, accumulated, give the gradient of one batch.

    As two optimizer steps, each is normalised by half of the rollout's tokens, so together they
    give twice that gradient.
    """
    whole = make_trainer(lam=0.9)
    torch.nn.init.normal_(whole.model.value_head.weight, std=0.3, generator=torch.manual_seed(0))
    halves = make_trainer(
        lam=0.9,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=accumulation,
        steps_per_generation=2,
    )
    halves.model.load_state_dict(whole.model.state_dict())
    batch = rollout(whole)
    spread_completions(batch)
    batch["advantages"] = torch.randn_like(batch["advantages"])
    for name in ("advantages", "value_mask"):
        batch[name] = batch[name] * batch["completion_mask"]
    batch["num_items_in_batch"] = batch["completion_mask"].sum()
    halves.model.train()
    halves.current_gradient_accumulation_steps = accumulation
    whole.compute_loss(whole.model, batch).backward()
    for half in (slice(0, 2), slice(2, 4)):
        part = {name: x[half] if x.ndim else x for name, x in batch.items()}
        halves.compute_loss(halves.model, part).backward()
    ours, theirs = gradients(halves.model), gradients(whole.model)
    assert theirs["value_head.weight"].abs().max() > 1e-2
    worst = max((ours[name] - times * grad).abs().max().item() for name, grad in theirs.items())
    assert worst < 1e-6, worst
