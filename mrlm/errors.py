"""Errors that mrlm raises on purpose; everything else is a ``ValueError`` or ``FileNotFoundError``.

MrlmError
├── ModelError     a model or tokenizer cannot be found, loaded or used
├── DatasetError   a row or column does not fit; says dataset, index and column
│   └── ColumnError    the same, from who knows the column and what it must hold alone
├── HubError       a dataset or model cannot be pushed to the Hub; its files stay on disk
└── SandboxError   code cannot be isolated here, or the sandbox itself broke
"""


class MrlmError(Exception):
    """Base of the errors that mrlm raises on purpose."""


class ModelError(MrlmError):
    """A model or tokenizer cannot be found, loaded or used."""


class DatasetError(MrlmError, ValueError):
    """A row or column does not fit what a task needs."""


class ColumnError(DatasetError):
    """A value is not what its column must hold; the reader of the dataset adds name and row."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(f"column {column!r}: expected {expected}.")
        self.column = column
        self.expected = expected


class HubError(MrlmError):
    """A dataset or model cannot be pushed to the Hub; its files stay where they are."""


class SandboxError(MrlmError):
    """Code cannot be isolated on this system, or the sandbox itself broke; not the code's fault."""
