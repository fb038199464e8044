"""The parser of data jobs: flags from dataclasses, mistakes in one message."""

from __future__ import annotations

from typing import Any

from transformers import HfArgumentParser

from mrlm.flags import ShortErrors

__all__ = ["JobParser"]


class JobParser(ShortErrors, HfArgumentParser):
    """transformers' parser of dataclasses, which ends the program where they refuse a value."""

    def parse_args_into_dataclasses(self, *words: Any, **options: Any) -> tuple[Any, ...]:
        """As transformers', with its options; flags that do not exist are a mistake, too."""
        try:
            *parsed, unknown = super().parse_args_into_dataclasses(
                *words, **(options | {"return_remaining_strings": True})
            )
        except ValueError as error:
            self.error(str(error))
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return tuple(parsed)
