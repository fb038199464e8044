"""Reward functions of any task: guarded against failure, and a judge by an endpoint.

The names are loaded when they are first used.
"""

from mrlm.lazy import lazy_names

_EXPORTS = {
    "GuardedReward": "mrlm.rewards.guarded",
    "JudgeReward": "mrlm.rewards.judge",
    "guard": "mrlm.rewards.guarded",
}

__all__ = sorted(_EXPORTS)
__getattr__ = lazy_names(__name__, _EXPORTS)
