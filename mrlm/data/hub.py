"""A dataset's folder to the Hub; what all pushes have in common is ``mrlm.hub``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mrlm.hub import push_folder

__all__ = ["push_dataset"]

_DATA_FILE = r"(?:.*-\d{5}-of-\d{5}\.(?:json|jsonl|parquet|arrow)|state\.json|dataset_\w+\.json)"


def push_dataset(
    folder: Path, repo_id: str, files: Sequence[str], replaced: Sequence[str], *, private: bool
) -> str:
    """Push a dataset; returns the commit's address, errors as in ``push_folder``.

    Args:
        folder: Of the dataset.
        repo_id: ``user/name``.
        files: What to push, as paths below ``folder``.
        replaced: The folders in which data files that are not in ``files`` are deleted.
        private: Whether a dataset that is created is private; one that exists stays as it is.
    """
    ours = re.compile(rf"(?:{'|'.join(map(re.escape, replaced))})/(?:[^/]+/)?{_DATA_FILE}")
    return push_folder(
        folder,
        repo_id,
        files,
        ours,
        repo_type="dataset",
        private=private,
        again="Run the same command again.",
    )
