"""Sample from a model, quickly and in its own distribution, and score what it wrote.

``make_generator`` is loaded when it is first used, so that ``import mrlm.sampling`` does not import
torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrlm.sampling.make import make_generator

__all__ = ["make_generator"]


def __getattr__(name: str) -> Any:
    if name == "make_generator":
        return import_module("mrlm.sampling.make").make_generator
    raise AttributeError(f"module 'mrlm.sampling' has no attribute {name!r}")
