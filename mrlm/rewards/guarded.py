"""Reward functions that can neither end a run nor hold it up, nor fail without being seen.

TRL calls a reward with neither a try nor a limit. Here one that raises, takes too long or returns
something of the wrong shape gives ``None`` for its batch, which TRL leaves out of the reward; a
0 would teach that the completions were wrong. Failures are logged, are the metric
``rewards/<name>/failed`` (the share of batches), and stand in the run's notes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mrlm.rewards.calls import call, is_async
from mrlm.rewards.values import NotFiniteError, read_reward, read_values
from mrlm.task import callable_name

__all__ = ["GuardedReward", "guard", "reward_notes"]

logger = logging.getLogger(__name__)

_PAUSE, _MAX_PAUSE = 0.5, 10.0  # seconds before another attempt; the first one doubles
_SHOWN = 200  # characters of an error


class GuardedReward:
    """A reward function with a time limit and retries.

    Args:
        function: With TRL's signature.
        time_limit: Seconds that a call may take; ``None``: as long as it takes.
        retries: Further attempts after a failure.

    Attributes:
        num_calls: Batches so far.
        failures: What went wrong -> the number of batches that got no reward for it.
        num_not_finite: Completions that it gave NaN or an infinity, which count as ``None``.

    Raises:
        ValueError: The limit or the number of retries makes no sense.
    """

    def __init__(
        self, function: Callable[..., Any], time_limit: float | None = None, retries: int = 0
    ) -> None:
        if (time_limit is not None and time_limit <= 0) or retries < 0:
            raise ValueError(
                f"time_limit is {time_limit} and retries {retries}; they must be above 0, and 0 or "
                "more."
            )
        self.function, self.time_limit, self.retries = function, time_limit, retries
        self.__name__ = callable_name(function)
        self.num_calls = 0
        self.failures: Counter[str] = Counter()
        self.num_not_finite = 0

    def __call__(self, **inputs: Any) -> Any:
        """Rewards of a batch; arguments as TRL passes them."""
        return self._rewards(inputs)

    def _rewards(self, inputs: dict[str, Any]) -> list[float | None]:
        count = len(inputs["completions"])
        self.num_calls += 1
        failure: Exception | None = None
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(min(_PAUSE * 2 ** (attempt - 1), _MAX_PAUSE))
            try:
                returned = call(self.function, dict(inputs), self.time_limit)
                rewards, failure = self._read(read_values(returned, count)), None
                break
            except Exception as error:
                rewards, failure = [None] * count, error
        if failure is not None:
            self._note(failure)
        log_metric = inputs.get("log_metric")
        if log_metric is not None:
            log_metric(f"rewards/{self.__name__}/failed", float(failure is not None))
        return rewards

    def _read(self, values: Sequence[Any]) -> list[float | None]:
        rewards: list[float | None] = []
        for value in values:
            try:
                rewards.append(read_reward(value))
            except NotFiniteError:
                self.num_not_finite += 1
                rewards.append(None)
        return rewards

    def _note(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"[:_SHOWN]
        is_new = reason not in self.failures
        self.failures[reason] += 1
        logger.warning(
            "The reward %s gave no reward for a batch (%d of %d so far): %s",
            self.__name__,
            self.failures.total(),
            self.num_calls,
            reason,
            exc_info=error if is_new else None,
        )

    def notes(self) -> list[str]:
        """What a reader of the run's results must know of it, as sentences."""
        found = []
        if self.failures:
            reason, count = self.failures.most_common(1)[0]
            found.append(
                f"The reward {self.__name__} failed on {self.failures.total()} of "
                f"{self.num_calls} batches, which got none from it; most often ({count}): {reason}"
            )
        if self.num_not_finite:
            found.append(
                f"The reward {self.__name__} gave NaN or an infinity {self.num_not_finite} times, "
                "which counted as no reward."
            )
        return found + reward_notes([self.function])


class _AsyncGuardedReward(GuardedReward):
    """Of an asynchronous function: TRL runs those of a batch side by side."""

    async def __call__(self, **inputs: Any) -> Any:
        return await asyncio.to_thread(self._rewards, inputs)


def guard(
    function: Callable[..., Any], time_limit: float | None = None, retries: int = 0
) -> GuardedReward:
    """A reward function that can neither end a run nor hold it up; see ``GuardedReward``."""
    kind = _AsyncGuardedReward if is_async(function) else GuardedReward
    return kind(function, time_limit, retries)


def reward_notes(reward_funcs: Iterable[Any]) -> list[str]:
    """What those of a trainer's rewards have to say that take notes."""
    found: list[str] = []
    for reward in reward_funcs:
        notes = getattr(reward, "notes", None)
        found += notes() if callable(notes) else []
    return found
