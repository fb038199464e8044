"""TRL's parser of flags and YAML files, with messages that say what is wrong and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from trl.scripts.utils import TrlParser

from mrlm.deprecation import with_current_names
from mrlm.errors import MrlmError
from mrlm.flags import ShortErrors

__all__ = ["RecipeParser"]


class RecipeParser(ShortErrors, TrlParser):
    """TRL's parser of dataclasses and YAML files."""

    @contextmanager
    def mistakes_told(self) -> Iterator[None]:
        """End the program with a message for a mistake on the command line or in its YAML file."""
        try:
            yield
        except (ValueError, OSError, yaml.YAMLError, MrlmError) as error:
            self.error(str(error))

    def set_defaults_with_config(self, **settings: Any) -> list[str]:
        unknown: list[str] = super().set_defaults_with_config(**with_current_names(settings))
        return unknown
