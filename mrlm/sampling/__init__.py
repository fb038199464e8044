"""Sample from a model, quickly and in its own distribution, and score what it wrote.

``make_generator`` is loaded when it is first used, so that ``import mrlm.sampling`` does not import
torch.
"""

from typing import TYPE_CHECKING

from mrlm.lazy import lazy_names

if TYPE_CHECKING:
    from mrlm.sampling.make import make_generator

__all__ = ["make_generator"]
__getattr__ = lazy_names(__name__, {"make_generator": "mrlm.sampling.make"})
