"""A reward that rises alone is called by its name, and one that rises with accuracy is not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from mrlm.trainers.diagnostics import MIN_ROLLOUTS, DiagnosticsCallback
from mrlm.trainers.reward_hacking import against_accuracy, against_length, reward_rise

Make = Callable[..., Any]


def history(
    reward: tuple[float, float],
    cut: tuple[float, float] = (0.3, 0.3),
    accuracy: tuple[float, float] | None = None,
    p_value: float = 1.0,
    steps: int = 20,
) -> list[dict[str, float]]:
    """A log whose figures go from their first to their last value, with noise on the reward."""
    noise = random.Random(0)
    logs = []
    for step in range(steps):
        share = step / (steps - 1)
        log = {
            "reward": reward[0] + share * (reward[1] - reward[0]) + noise.gauss(0, 0.03),
            "completions/clipped_ratio": cut[0] + share * (cut[1] - cut[0]),
        }
        if accuracy is not None and step % 2:
            log["held_out_accuracy"] = accuracy[0] + share * (accuracy[1] - accuracy[0])
            log["held_out_p_value"] = p_value
        logs.append(log)
        logs.append({"eval_reward": 0.0})  # what other logs of a run hold
    return logs


def test_a_rise_must_be_more_than_noise() -> None:
    assert reward_rise(history((0.3, 0.3))) is None
    assert reward_rise(history((0.6, 0.3))) is None
    assert reward_rise(history((0.2, 0.6), steps=9)) is None  # too short to say
    start, end = reward_rise(history((0.2, 0.6))) or (math.nan, math.nan)
    assert start == pytest.approx(0.24, abs=0.05) and end == pytest.approx(0.56, abs=0.05)
    assert reward_rise([{"reward": math.nan}] * 5 + [{"reward": None}] * 20) is None


@pytest.mark.parametrize(
    ("reward", "cut", "is_found"),
    [
        ((0.2, 0.6), (0.1, 0.9), True),
        ((0.2, 0.6), (0.95, 0.05), False),  # it learns to stop
        ((0.2, 0.6), (0.9, 0.95), False),  # cut from the start: ``all_truncated`` says that
        ((0.2, 0.6), (0.0, 0.3), False),
        ((0.3, 0.3), (0.1, 0.9), False),
    ],
)
def test_answers_that_run_into_the_limit(reward: Any, cut: Any, is_found: bool) -> None:
    found = against_length(history(reward, cut))
    assert (found is not None) == is_found
    if found is not None:
        assert "zero_truncated_rewards" in found and "`mrlm reward`" in found


@pytest.mark.parametrize(
    ("reward", "accuracy", "p_value", "is_found"),
    [
        ((0.2, 0.6), (0.4, 0.1), 0.001, True),
        ((0.2, 0.6), (0.4, 0.35), 0.3, False),  # a fall that may be chance
        ((0.2, 0.6), (0.2, 0.5), 0.001, False),
        ((0.6, 0.2), (0.4, 0.1), 0.001, False),  # it unlearns, and the reward says so
        ((0.2, 0.6), None, 0.001, False),
    ],
)
def test_accuracy_that_falls(reward: Any, accuracy: Any, p_value: float, is_found: bool) -> None:
    found = against_accuracy(history(reward, accuracy=accuracy, p_value=p_value))
    assert (found is not None) == is_found
    if found is not None:
        assert "p = 0.001" in found and "earlier checkpoint" in found


def findings(logs: Sequence[dict[str, float]], **settings: Any) -> list[str]:
    """What the callback finds in a run that logs these."""
    callback = DiagnosticsCallback()
    state = TrainerState(is_world_process_zero=False)
    for log in logs:
        state.log_history.append(log)
        callback.on_log(None, state, TrainerControl(), logs=log)
    callback.on_train_end(type("Args", (), settings), state, TrainerControl())
    return [f"{finding.name}: {finding.message}" for finding in callback.findings]


def test_each_is_found_once_while_the_run_goes() -> None:
    [found] = findings(history((0.2, 0.6), cut=(0.1, 0.9)))
    assert found.startswith("reward_against_length")
    [found] = findings(history((0.2, 0.6), accuracy=(0.4, 0.1), p_value=0.001))
    assert found.startswith("reward_against_accuracy")
    assert findings(history((0.2, 0.6), cut=(0.9, 0.1), accuracy=(0.2, 0.5))) == []


@pytest.mark.parametrize(
    ("prompts", "within", "told"),
    [
        (-0.2, 0.1, "which prompts are easy (-0.20); above"),
        (0.1, -0.2, "how an answer is getting on (-0.20); above"),
        (-0.2, -0.3, "which prompts are easy (-0.20) and how an answer is getting on (-0.30)"),
        (0.3, 0.1, None),
        (0.0, 0.0, None),  # a head that has not learned anything is not wrong
    ],
)
def test_a_value_function_that_is_worse_than_a_constant(
    prompts: float, within: float, told: str | None
) -> None:
    log = {
        "value/explained_variance_prompts": prompts,
        "value/explained_variance_within": within,
    }
    found = findings([log] * MIN_ROLLOUTS, gate_values=True)
    assert len(found) == (told is not None)
    if told is not None:
        assert told in found[0] and "done no harm" in found[0]
        [loud] = findings([log] * MIN_ROLLOUTS, gate_values=False)
        assert "set gate_values=True" in loud
    assert findings([log] * (MIN_ROLLOUTS - 1)) == []


LONG = 65


@pytest.mark.integration
@pytest.mark.parametrize("pays_length", [True, False])
def test_a_policy_that_is_paid_for_length(
    pays_length: bool, make_trainer: Make, tiny_llama: Make
) -> None:
    """Two tokens, to stop and to go on: paid for going on it is found, paid for stopping not."""
    model = tiny_llama(tie_word_embeddings=False)
    end = model.config.eos_token_id

    def reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
        shares = [sum(i == LONG for i in ids) / 4 for ids in completion_ids]
        return [share if pays_length else 1 - share for share in shares]

    trainer = make_trainer(
        model,
        reward_funcs=reward,
        max_completion_length=4,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        lr_scheduler_type="constant",
        max_steps=25,
        generation_kwargs={"suppress_tokens": [i for i in range(259) if i not in (end, LONG)]},
    )
    trainer.train()
    names = {finding.name for finding in trainer.diagnostics}
    rewards = [log["reward"] for log in trainer.state.log_history if "reward" in log]
    assert rewards[-1] > rewards[0] + 0.1
    assert ("reward_against_length" in names) == pays_length
    assert "reward_against_accuracy" not in names  # nothing was held out
