"""The parser of data jobs: flags from a dataclass, mistakes in one message."""

from __future__ import annotations

from transformers import HfArgumentParser

from mrlm.flags import ShortErrors

__all__ = ["JobParser"]


class JobParser(ShortErrors, HfArgumentParser):
    """transformers' parser of dataclasses, with our messages."""
