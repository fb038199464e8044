from __future__ import annotations

import pickle
from typing import Any

import pytest

from mrlm.data.mixture import build_mixture, mixture_rewards, parse_quotas
from mrlm.tasks import TASKS

QUOTAS = {"math": 2, "debate": 1}


def test_quotas() -> None:
    assert parse_quotas(["math=2", "code=1"]) == {"math": 2, "code": 1}
    for wrong in (["math"], ["math=0"], ["=1"], ["math=1", "math=2"], ["math=x"], ["math=-1"]):
        with pytest.raises(ValueError, match="math=2 code=1"):
            parse_quotas(wrong)


def test_every_round_has_its_shares() -> None:
    mixture = build_mixture(TASKS, QUOTAS, 10, 0)
    assert mixture["task"][:] == ["math", "math", "debate"] * 3
    assert mixture[0]["prompt"] == TASKS["math"].build_dataset(1, 0, "train")[0]["prompt"]
    with pytest.raises(ValueError, match="one round of 3"):
        build_mixture(TASKS, QUOTAS, 2, 0)
    with pytest.raises(ValueError, match="'tools' cannot be mixed"):
        build_mixture(TASKS, {"tools": 1}, 2, 0)


def test_each_row_is_scored_by_its_own_task_alone() -> None:
    tasks = {name: TASKS[name] for name in QUOTAS}
    mixture = build_mixture(tasks, QUOTAS, 6, 0)
    solutions: dict[str, list[str]] = {
        name: list(TASKS[name].build_dataset(4, 0, "train")["solution"]) for name in QUOTAS
    }
    completions: list[Any] = [
        [{"role": "assistant", "content": solutions[name].pop(0)}] for name in mixture["task"]
    ]
    logged: dict[str, float] = {}
    for reward in pickle.loads(pickle.dumps(mixture_rewards(tasks))):
        found = reward(
            prompts=mixture["prompt"][:],
            completions=completions,
            task=mixture["task"][:],
            row=mixture["row"][:],
            log_metric=logged.__setitem__,
        )
        own = reward.__name__.split("_")[0]
        assert found == [1.0 if name == own else None for name in mixture["task"]]
    assert any(name.startswith("debate_reward/") for name in logged)
