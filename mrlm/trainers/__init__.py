"""What this project adds to TRL's trainers."""

from mrlm.lazy import lazy_names

_EXPORTS = {"GRPOConfig": "mrlm.trainers.grpo", "GRPOTrainer": "mrlm.trainers.grpo"}

__all__ = sorted(_EXPORTS)
__getattr__ = lazy_names(__name__, _EXPORTS)
