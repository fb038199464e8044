"""What a rollout becomes: rewards in place, advantages per token, nothing learned from no score."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig
from torch import Tensor

from mrlm.ppo.gae import compute_gae

Make = Callable[..., Any]
# Nothing between a completion's own reward and its advantages but the values.
PLAIN = {"whiten_advantages": False, "sibling_baseline": False, "gate_values": False}
LORA = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")


def last_metric(trainer: Any, name: str) -> float:
    """What the trainer logged last under this name, or would log now."""
    trainer.log({})
    return float(next(logs[name] for logs in trainer.state.log_history[::-1] if name in logs))


def completion_values(model: Any, batch: dict[str, Any]) -> Tensor:
    """The value head on the states in which the completion tokens were chosen, (B, T)."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    hidden = model.model(input_ids=ids, attention_mask=attention).last_hidden_state
    values: Tensor = model.value_head(hidden[:, -batch["completion_ids"].size(1) - 1 : -1])
    return values * batch["completion_mask"]


def scores(batch: dict[str, Any]) -> Tensor:
    """What ``low_byte_reward`` gives each completion, (B,)."""
    low = (batch["completion_ids"] < 128) * batch["completion_mask"]
    return low.sum(1) / batch["completion_mask"].sum(1)


def test_advantages_are_gae_of_the_rewards(make_trainer: Make, rollout: Make) -> None:
    trainer = make_trainer(gamma=0.9, lam=0.8, lam_critic=0.95, **PLAIN)
    torch.nn.init.normal_(trainer.model.value_head.weight, std=0.3)
    batch = rollout(trainer)
    mask, values = batch["completion_mask"], batch["old_values"]
    assert values.abs().max() > 0
    rewards = torch.zeros_like(values)
    for row, score in enumerate(scores(batch)):
        rewards[row, int(mask[row].sum()) - 1] = score
    torch.testing.assert_close(batch["advantages"], compute_gae(rewards, values, mask, 0.9, 0.8))
    returns = (compute_gae(rewards, values, mask, 0.9, 0.95) + values) * mask
    torch.testing.assert_close(batch["returns"], returns)


def test_reward_reaches_the_last_model_token_when_the_mask_ends_in_a_tools(
    make_trainer: Make, rollout: Make, tiny_tokenizer: Any
) -> None:
    def tool_at_the_end(prompts: list[Any], trainer: Any) -> dict[str, Any]:
        prompt_ids = tiny_tokenizer(prompts)["input_ids"]
        return {
            "prompt_ids": prompt_ids,
            "completion_ids": [[5, 6, 7, 8, 9] for _ in prompts],
            "logprobs": [[0.0] * 5 for _ in prompts],
            "env_mask": [[1, 0, 1, 0, 0] for _ in prompts],
        }

    trainer = make_trainer(gamma=0.5, arguments={"rollout_func": tool_at_the_end}, **PLAIN)
    batch = rollout(trainer)
    # One model token before the last: discounted once, however many tool tokens lie between.
    assert batch["advantages"].tolist() == [[0.5, 0.0, 1.0, 0.0, 0.0]] * 4
    assert batch["value_mask"].tolist() == [[1, 0, 1, 0, 0]] * 4


def test_peft_reference_pass_is_not_mistaken_for_the_policy(
    make_trainer: Make, rollout: Make
) -> None:
    """The reference is the same model with its adapter off, and its values differ."""
    for settings in ({}, {"num_ppo_epochs": 2}):  # TRL runs the policy itself only in the second
        trainer = make_trainer(arguments={"peft_config": LORA}, beta=0.1, **settings)
        causal = trainer.model.get_base_model()
        torch.nn.init.normal_(causal.value_head.weight, std=0.5)
        for name, parameter in causal.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.5)
        batch = rollout(trainer)
        assert (batch.get("old_per_token_logps") is not None) == bool(settings)
        with torch.no_grad():
            ours = completion_values(causal, batch)
            with trainer.model.disable_adapter():
                reference = completion_values(causal, batch)
        torch.testing.assert_close(batch["old_values"], ours, rtol=0, atol=1e-5)
        assert (ours - reference).abs().max() > 1e-2


def test_kl_in_the_reward_is_spent_per_token_and_not_in_the_loss(
    make_trainer: Make, rollout: Make, tiny_llama: Make, tmp_path: Any
) -> None:
    tiny_llama().save_pretrained(tmp_path / "base")
    model = type(tiny_llama()).from_pretrained(tmp_path / "base")
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight.mul_(1.5)  # drifted away from the reference
    settings = {"beta": 0.2, "vf_coef": 0.0, **PLAIN}
    trainer = make_trainer(model, kl_in_reward=True, num_ppo_epochs=2, **settings)
    batch = rollout(trainer)
    kl = batch["old_per_token_logps"] - batch["ref_per_token_logps"]
    mask = batch["completion_mask"]
    rewards = -0.2 * kl * mask
    for row, score in enumerate(scores(batch)):
        rewards[row, int(mask[row].sum()) - 1] += score
    expected = rewards.flip(1).cumsum(1).flip(1) * mask
    torch.testing.assert_close(batch["advantages"], expected, rtol=0, atol=1e-5)
    assert last_metric(trainer, "kl") == pytest.approx(
        ((kl * mask).sum() / mask.sum()).item(), abs=1e-5
    )
    loss = trainer.compute_loss(trainer.model, batch)
    trainer.beta = 0.0
    assert trainer.compute_loss(trainer.model, batch).item() == loss.item()


def test_unscored_rows_teach_nothing(make_trainer: Make, rollout: Make) -> None:
    def some(completions: list[str], **kwargs: Any) -> list[float | None]:
        return [None if i % 2 else float(i) for i in range(len(completions))]

    trainer = make_trainer(reward_funcs=some, vf_coef=1.0)
    batch = rollout(trainer)
    assert last_metric(trainer, "frac_unscorable") == 0.5
    assert batch["value_mask"][1::2].sum() == 0
    assert (batch["advantages"][1::2] == 0).all()
    scored = batch["advantages"][::2]
    assert scored.mean().abs() < 1e-5  # whitened over the scored rows alone
    assert scored.std(unbiased=False) == pytest.approx(1.0, abs=1e-3)
    assert last_metric(trainer, "value/return") == pytest.approx(1.0)  # rewards 0 and 2


def test_none_rewards_and_truncation_stay_finite(make_trainer: Make) -> None:
    def nothing(completions: list[str], **kwargs: Any) -> list[float | None]:
        return [None] * len(completions)

    trainer = make_trainer(reward_funcs=nothing, mask_truncated_completions=True, max_steps=3)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    assert all(torch.equal(before[n], p) for n, p in trainer.model.named_parameters())
    for logs in trainer.state.log_history:
        assert all(v is None or math.isfinite(v) for v in logs.values()), logs


def test_weights_add_rewards_up(make_trainer: Make, rollout: Make) -> None:
    def ones(completions: list[str], **kwargs: Any) -> list[float | None]:
        return [1.0] * len(completions)

    def maybe(completions: list[str], **kwargs: Any) -> list[float | None]:
        return [10.0, None, 10.0, None]

    trainer = make_trainer(reward_funcs=[ones, maybe], reward_weights=[2.0, 0.5])
    returns = rollout(trainer)["returns"][:, 0]  # gamma is 1: the score
    assert returns.tolist() == pytest.approx([7.0, 2.0, 7.0, 2.0])


def test_logged_advantages_are_the_true_ones(make_trainer: Make, rollout: Make) -> None:
    trainer = make_trainer(whiten_advantages=False)
    batch = rollout(trainer)
    means = batch["advantages"].sum(1) / batch["completion_mask"].sum(1)
    assert list(trainer._logs["advantages"]) == pytest.approx(means.tolist())
    trainer.log({})
    assert "frac_reward_zero_std" not in trainer.state.log_history[-1]


def test_a_sampler_that_recorded_values_saves_the_forward_pass(
    make_trainer: Make, rollout: Make
) -> None:
    """Where log-probabilities are not compared with later ones, what the sampler said serves."""
    for settings, passes in (({}, 0), ({"num_ppo_epochs": 2}, 1)):
        trainer = make_trainer(**settings, whiten_advantages=False)
        torch.nn.init.normal_(trainer.model.value_head.weight, std=0.3)
        rollout(trainer)  # the sampler is made, and checked by forwards of its own
        calls: list[Any] = []
        hook = trainer.model.model.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        batch = rollout(trainer)
        hook.remove()
        assert len(calls) == passes
        expected = completion_values(trainer.model, batch)
        assert expected.abs().max() > 0.01
        torch.testing.assert_close(batch["old_values"], expected, rtol=0, atol=1e-5)
        assert ("old_per_token_logps" in batch) == bool(passes)


def test_replaced_prompts_come_with_the_values_of_their_own_completions(
    make_trainer: Make, rollout: Make
) -> None:
    """What the sampler recorded of the first rollout must not stay in the place of the next."""
    from datasets import Dataset

    def reward(prompts: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
        return [ids[0] * float("new" in p) for p, ids in zip(prompts, completion_ids, strict=True)]

    trainer = make_trainer(
        reward_funcs=reward,
        dataset=Dataset.from_dict({"prompt": ["a new prompt", "new too", "the new one"] * 4}),
        num_generations=2,
        resample_rounds=3,
    )
    torch.nn.init.normal_(trainer.model.value_head.weight, std=0.3)
    batch = rollout(trainer)  # of prompts that all earn nothing
    assert last_metric(trainer, "frac_none_correct") == 1.0
    assert last_metric(trainer, "frac_resampled") == 1.0
    expected = completion_values(trainer.model, batch)
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(batch["old_values"], expected, rtol=0, atol=1e-5)


def test_critic_must_read_the_same_tokens(make_trainer: Make, tiny_llama: Make) -> None:
    with pytest.raises(ValueError, match="The critic knows 300 tokens and the policy 259"):
        make_trainer(arguments={"critic": tiny_llama(vocab_size=300)})
    model = tiny_llama()
    with pytest.raises(ValueError, match="critic is the policy itself"):
        make_trainer(model, arguments={"critic": model})
    with pytest.raises(ValueError, match="not both"):
        make_trainer(arguments={"critic": tiny_llama()}, critic_model_name_or_path="somewhere")


def test_refuses_what_cannot_hold_a_value_function(
    make_trainer: Make, make_grpo_trainer: Make, tiny_llama: Make
) -> None:
    from mrlm import PPOTrainer

    model = tiny_llama()
    optimizer = torch.optim.AdamW(model.parameters())
    with pytest.raises(ValueError, match="cannot know the value function"):
        make_trainer(model, arguments={"optimizers": (optimizer, None)})
    with pytest.raises(ValueError, match="GRPOConfig: PPOTrainer takes a PPOConfig"):
        PPOTrainer(model, args=make_grpo_trainer(num_generations=2).args)


def test_a_completion_that_was_cut_earns_nothing(make_trainer: Make, rollout: Any) -> None:
    free = make_trainer(max_completion_length=3)
    strict = make_trainer(max_completion_length=3, zero_truncated_rewards=True)
    torch.manual_seed(0)
    batch = rollout(free)
    torch.manual_seed(0)
    found = rollout(strict)["returns"][:, 0]  # gamma is 1: the score
    last = batch["completion_mask"].sum(dim=1) - 1
    final = batch["completion_ids"][torch.arange(4), last]
    ended = torch.isin(final, torch.tensor(free.eos_token_ids))
    assert not ended.all() and (scores(batch) > 0).any()
    expected = torch.where(ended, scores(batch), scores(batch).clamp(max=0))
    torch.testing.assert_close(found, expected)
