"""Errors that mrlm raises on purpose; everything else is a ``ValueError`` or ``FileNotFoundError``.

MrlmError
├── ModelError     a model or tokenizer cannot be found, loaded or used
├── DatasetError   a row or column does not fit; says dataset, index and column
└── SandboxError   code cannot be isolated here, or the sandbox itself broke
"""


class MrlmError(Exception):
    """Base of the errors that mrlm raises on purpose."""


class ModelError(MrlmError):
    """A model or tokenizer cannot be found, loaded or used."""


class DatasetError(MrlmError, ValueError):
    """A row or column does not fit what a task needs."""


class SandboxError(MrlmError):
    """Code cannot be isolated on this system, or the sandbox itself broke; not the code's fault."""
