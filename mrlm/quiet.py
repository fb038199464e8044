"""Warnings of libraries that nobody who runs a program of ours can do anything about: one list.

Each is named by the module that it is laid to, or the logger that it comes through, and by its
words, with the reason why it is none of the user's business. What a user has set or can change
keeps its warnings. ``python -W default`` shows all of them.

Not covered: scripts that import mrlm as a library; their warnings are their own.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings
from dataclasses import dataclass

__all__ = ["LOGGED", "WARNED", "Noise", "silence_libraries"]


@dataclass(frozen=True)
class Noise:
    """One warning.

    Attributes:
        source: Of the module's name, as a regular expression; of a logger the whole name.
        words: How it begins, as a regular expression.
        reason: Why the user has nothing to do with it.
    """

    source: str
    words: str
    reason: str


# Given by ``warnings.warn``.
WARNED = (
    Noise(
        r"transformers\.modeling_utils",
        r"`(gradient_checkpointing_(en|dis)able|is_gradient_checkpointing)` is deprecated",
        "TRL calls transformers' functions by their former names, anew in every rollout",
    ),
    Noise(
        r"mrlm\.trainers\.",
        "You are using 'environment_factory', which is an experimental feature",
        "it is mrlm that uses it, for the tasks with tools, and that follows its changes",
    ),
)
# Said through a logger.
LOGGED = (
    Noise(
        "transformers.trainer_utils",
        "The tokenizer has new PAD/BOS/EOS tokens that differ from the model config",
        "a chat model ends its turns with a token of its own; the trainer has made both agree",
    ),
    Noise(
        "transformers.generation.configuration_utils",
        "The following generation flags are not valid and may be ignored",
        "a model's own settings for sampling mean nothing where the evaluation is greedy",
    ),
    Noise(
        "accelerate.commands.launch",
        # Unless it took several GPUs, which the user may not have meant.
        r"(?s)The following values were not passed to `accelerate launch`(?!.*More than one GPU)",
        "without settings of Accelerate's the recipe chooses what fits the machine",
    ),
)


def silence_libraries() -> None:
    """For programs: leave these warnings out from now on; safe to call twice.

    Where the user chose warnings with ``-W`` or ``PYTHONWARNINGS``, nothing changes.
    """
    if sys.warnoptions:
        return
    for noise in WARNED:
        warnings.filterwarnings("ignore", message=noise.words, module=noise.source)
    for noise in LOGGED:
        logger = logging.getLogger(noise.source)
        logger.addFilter(_Without(noise.words))


@dataclass(frozen=True)
class _Without:
    """Of a logger: lets everything through that does not begin with these words."""

    words: str

    def filter(self, record: logging.LogRecord) -> bool:
        return re.match(self.words, record.getMessage()) is None
