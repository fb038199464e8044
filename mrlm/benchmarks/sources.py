"""Where the rows of benchmarks come from: a file, a folder, the Hub.

The Hub is asked once, with a short time limit, before anything is loaded: where it cannot be
reached that is said within seconds, with what to do instead. What ``datasets`` has in its cache
serves where ``HF_HUB_OFFLINE`` is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from mrlm.data.sources import read_rows
from mrlm.errors import DatasetError
from mrlm.hub import why_unreachable

__all__ = ["HubSource", "check_hub", "read_file", "read_hub"]


class HubSource(NamedTuple):
    """A split of a dataset on the Hub."""

    repo_id: str
    config: str | None
    split: str


def read_file(path: str, config: str | None, split: str | None) -> tuple[str, Iterable[Any]]:
    """Rows of a file or folder, with its name.

    Raises:
        FileNotFoundError: There is none.
        DatasetError: It cannot be read.
    """
    found = Path(path).expanduser()
    if not found.exists():
        raise FileNotFoundError(f"{path} does not exist; give the benchmark's file or folder.")
    if found.is_dir():
        inside = [file for file in found.glob(f"{split or 'test'}.*") if file.is_file()]
        if len(inside) == 1:
            found = inside[0]
    return str(found), read_rows(str(found), split or "test", config)


def read_hub(sources: Sequence[HubSource], instead: str) -> tuple[str, Iterable[Any]]:
    """Rows of one or more datasets on the Hub, with their names.

    Args:
        sources: What to load.
        instead: What to do where the Hub cannot be reached, a sentence.

    Raises:
        DatasetError: The Hub cannot be reached, or has no such dataset.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetGenerationError

    rows = []
    for source in sources:
        check_hub(source.repo_id, instead)
        try:
            rows.append(load_dataset(source.repo_id, source.config, split=source.split))
        except (OSError, ValueError, RuntimeError, DatasetGenerationError) as error:
            raise DatasetError(
                f"{source.repo_id}, split {source.split!r} could not be loaded from the Hugging "
                f"Face Hub ({type(error).__name__}: {error}). {instead}"
            ) from error
    names = " and ".join(f"{source.repo_id} ({source.split})" for source in sources)
    return names, chain.from_iterable(rows)


def check_hub(repo_id: str, instead: str) -> None:
    """Raise ``DatasetError`` at once where the Hub does not answer.

    Where ``HF_HUB_OFFLINE`` is set nothing is asked: what is cached is loaded without the Hub.
    """
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return
    if why := why_unreachable():
        raise DatasetError(
            f"The Hugging Face Hub, where {repo_id} lies, cannot be reached ({why}). {instead}"
        )
