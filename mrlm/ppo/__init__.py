"""Proximal policy optimisation with a value function, on top of TRL's ``GRPOTrainer``."""

from mrlm.trainers.trl_internals import require

require("ppo")  # before what it imports, so that the error says what has changed

from mrlm.ppo.config import PPOConfig  # noqa: E402
from mrlm.ppo.trainer import PPOTrainer  # noqa: E402

__all__ = ["PPOConfig", "PPOTrainer"]
