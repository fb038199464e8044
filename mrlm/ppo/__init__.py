"""Proximal policy optimisation with a value function, on top of TRL's ``GRPOTrainer``."""

from mrlm.ppo.config import PPOConfig
from mrlm.ppo.trainer import PPOTrainer

__all__ = ["PPOConfig", "PPOTrainer"]
