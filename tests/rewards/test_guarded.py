"""A reward that raises, hangs or returns nonsense gives ``None``, is counted, and ends nothing."""

from __future__ import annotations

import asyncio
import pickle
import re
import signal
import threading
import time
from typing import Any

import pytest

from mrlm.rewards import calls
from mrlm.rewards.guarded import GuardedReward, guard, reward_notes

BATCH = {"completions": ["a", "b"]}


def fine(completions: list[str], **kwargs: Any) -> list[float | None]:
    return [1, None]


async def awaited(completions: list[str], **kwargs: Any) -> list[float]:
    await asyncio.sleep(0.001)
    return [0.5 for _ in completions]


class Callable_:
    async def __call__(self, completions: list[str], **kwargs: Any) -> list[float]:
        return [0.25 for _ in completions]


def raising(completions: list[str], **kwargs: Any) -> list[float]:
    raise KeyError("answer")


def spinning(completions: list[str], **kwargs: Any) -> list[float]:
    while True:
        pass


def swallowing(completions: list[str], **kwargs: Any) -> list[float]:
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


def backtracking(completions: list[str], **kwargs: Any) -> list[float]:
    """Holds the interpreter's lock for years."""
    return [float(bool(re.match(r"(a+)+$", "a" * 60 + "b"))) for _ in completions]


async def sleeping(completions: list[str], **kwargs: Any) -> list[float]:
    await asyncio.sleep(600)
    return []


async def stuck(completions: list[str], **kwargs: Any) -> list[float]:
    STUCK.wait(60)  # never awaits, and so holds its loop up
    return []


STUCK = threading.Event()


def short(completions: list[str], **kwargs: Any) -> list[float]:
    return [1.0]


def worded(completions: list[str], **kwargs: Any) -> list[Any]:
    return ["good", "bad"]


def infinite(completions: list[str], **kwargs: Any) -> list[float]:
    return [float("inf"), 1.0]


def rewards_of(reward: Any, **inputs: Any) -> list[float | None]:
    given = reward(**BATCH, **inputs)
    found: list[float | None] = asyncio.run(given) if asyncio.iscoroutine(given) else given
    return found


@pytest.mark.parametrize(
    ("function", "rewards"),
    [(fine, [1.0, None]), (awaited, [0.5, 0.5]), (Callable_(), [0.25, 0.25])],
)
def test_what_works_is_passed_on(function: Any, rewards: list[float | None]) -> None:
    reward = guard(function, time_limit=60)
    logged: dict[str, float] = {}
    assert rewards_of(reward, log_metric=logged.__setitem__) == rewards
    assert logged == {f"rewards/{reward.__name__}/failed": 0.0}
    assert reward.num_calls == 1 and not reward.failures and not reward.notes()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (raising, "KeyError: 'answer'"),
        (spinning, "no answer within"),
        (swallowing, "no answer within"),
        (backtracking, "no answer within"),
        (sleeping, "no answer within"),
        (stuck, "no answer within"),
        (short, "returned 1 values for 2 completions"),
        (worded, "'good'"),
    ],
)
def test_what_fails_gives_none_and_is_counted(
    function: Any, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    STUCK.clear()
    monkeypatch.setattr(calls, "_GRACE", 0.2)
    reward = guard(function, time_limit=0.3)
    logged: dict[str, float] = {}
    assert rewards_of(reward, log_metric=logged.__setitem__) == [None, None]
    STUCK.set()
    assert logged == {f"rewards/{function.__name__}/failed": 1.0}
    [(told, count)] = reward.failures.items()
    assert reason in told and count == 1
    [note] = reward_notes([fine, reward])
    assert f"{function.__name__} failed on 1 of 1 batches" in note and reason in note
    assert function.__name__ in caplog.text
    # The next one is called as if nothing had been.
    assert rewards_of(guard(awaited, time_limit=60)) == [0.5, 0.5]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_infinity_costs_one_completion() -> None:
    reward = guard(infinite)
    assert rewards_of(reward) == [None, 1.0]
    assert "NaN or an infinity 1 times" in reward.notes()[0] and not reward.failures


class Flaky:
    """Fails so many times."""

    def __init__(self, failures: int) -> None:
        self.failures, self.num_calls = failures, 0

    def __call__(self, completions: list[str], **kwargs: Any) -> list[float]:
        self.num_calls += 1
        if self.num_calls <= self.failures:
            raise ConnectionError("busy")
        return [1.0, 1.0]


@pytest.mark.parametrize(("retries", "rewards"), [(2, [1.0, 1.0]), (1, [None, None])])
def test_it_is_tried_again(
    retries: int, rewards: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrlm.rewards.guarded._PAUSE", 0)
    function = Flaky(2)
    reward = guard(function, retries=retries)
    assert rewards_of(reward) == rewards
    assert function.num_calls == retries + 1 and reward.failures.total() == (retries < 2)


def test_a_client_that_is_kept_stays_on_its_loop() -> None:
    loops = []

    async def remember(completions: list[str], **kwargs: Any) -> list[float]:
        loops.append(asyncio.get_running_loop())
        return [1.0, 1.0]

    reward = guard(remember, time_limit=60)
    assert rewards_of(reward) == rewards_of(reward) == [1.0, 1.0]
    assert loops[0] is loops[1]


def test_ctrl_c_is_not_a_failure_of_the_reward() -> None:
    def interrupted(completions: list[str], **kwargs: Any) -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rewards_of(guard(interrupted, time_limit=60))


def test_it_is_named_and_can_be_pickled() -> None:
    for function in (fine, awaited):
        again = pickle.loads(pickle.dumps(guard(function, 60, 1)))
        assert again.__name__ == function.__name__ and rewards_of(again)


@pytest.mark.parametrize("wrong", [{"time_limit": 0}, {"retries": -1}])
def test_limits_must_make_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="time_limit is"):
        GuardedReward(fine, **wrong)
