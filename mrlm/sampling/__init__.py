"""Sample from a model, quickly and in its own distribution, and score what it wrote."""

from __future__ import annotations

from typing import Any

__all__ = ["make_generator"]


def make_generator(model: Any, tokenizer: Any, **options: Any) -> Any:
    """What samples from a model; options as of ``Generator``."""
    from mrlm.sampling.generator import Generator  # imports torch

    return Generator(model, tokenizer, **options)
