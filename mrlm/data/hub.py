"""A dataset's folder to the Hub: all of it in one commit, so that nothing is ever half-written.

Files that are there already with the same content are not sent again, so a push that was cut off,
or whose answer was lost, is simply repeated. In the same commit, data files that an earlier push
left and this dataset no longer has are deleted; other files of the repository stay.

The token is the one that ``hf auth login`` keeps or ``HF_TOKEN`` holds. It is never written
anywhere. Not covered: pull requests, branches, folders too large for one commit.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mrlm.errors import HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["check_repo_id", "push_folder"]

logger = logging.getLogger(__name__)

_WAITS = (1, 4, 15, 30)  # seconds before each further try
_PASSING = (408, 409, 412, 429, 500, 502, 503, 504)
_DATA_FILE = r"(?:.*-\d{5}-of-\d{5}\.(?:json|jsonl|parquet|arrow)|state\.json|dataset_\w+\.json)"


def check_repo_id(repo_id: str) -> None:
    """Raise ``ValueError`` unless this can be the name of a dataset on the Hub."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"push_to_hub is {repo_id!r}: {error}") from error
    if "/" not in repo_id:
        raise ValueError(f"push_to_hub is {repo_id!r}; write your name, too: me/{repo_id}.")


def push_folder(
    folder: Path, repo_id: str, files: Sequence[str], replaced: Sequence[str], *, private: bool
) -> str:
    """Make the dataset on the Hub what the folder holds; create it where there is none.

    Args:
        folder: Of the dataset.
        repo_id: ``user/name``.
        files: What to push, as paths below ``folder``.
        replaced: The folders in which data files that are not in ``files`` are deleted.
        private: Whether a dataset that is created is private; one that exists stays as it is.

    Returns:
        The address of the commit.

    Raises:
        HubError: There is no token, it is wrong, or the Hub cannot be reached; says what to do. The
            dataset on the Hub is as before, and the folder is not touched.
    """
    import httpx2
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    token = get_token()
    if token is None:
        raise HubError(
            f"There is no Hub token, so {repo_id} was not pushed. Run `hf auth login`, or set "
            f"HF_TOKEN to a token with write access. {_kept(folder)}"
        )
    api = HfApi(token=token, library_name="mrlm")
    for wait in (*_WAITS, None):
        try:
            return _push(api, folder, repo_id, files, replaced, private)
        except OfflineModeIsEnabled as error:
            raise HubError(
                f"HF_HUB_OFFLINE is set, so {repo_id} was not pushed; unset it. {_kept(folder)}"
            ) from error
        except (httpx2.TransportError, HfHubHTTPError, OSError, RuntimeError) as error:
            # Uploads wrap what went wrong in a RuntimeError of their own.
            cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ else error
            status = cause.response.status_code if isinstance(cause, HfHubHTTPError) else None
            if wait is None or (status is not None and status not in _PASSING):
                raise HubError(_failure(cause, status, folder, repo_id, token)) from None
            logger.warning(
                "%s was not pushed yet (%s); next try in %d s.",
                repo_id, type(cause).__name__, wait,
            )  # fmt: skip
        time.sleep(wait)
    raise AssertionError("unreachable: the last try returns or raises")


def _push(
    api: HfApi,
    folder: Path,
    repo_id: str,
    files: Sequence[str],
    replaced: Sequence[str],
    private: bool,
) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
    info = api.dataset_info(repo_id, revision="main")
    there = [sibling.rfilename for sibling in info.siblings or ()]
    stale = _stale(there, files, replaced)
    commit = api.create_commit(
        repo_id,
        [
            *(CommitOperationDelete(path, is_folder=False) for path in stale),
            *(CommitOperationAdd(path, folder / path) for path in files),
        ],
        commit_message="Dataset made with mrlm",
        repo_type="dataset",
        # Whoever pushes at the same moment makes this fail, and it is tried again on top of theirs.
        parent_commit=info.sha,
    )
    return str(commit.commit_url)


def _stale(there: Sequence[str], files: Sequence[str], replaced: Sequence[str]) -> list[str]:
    """Data files in these folders on the Hub that this dataset does not have."""
    ours = re.compile(rf"(?:{'|'.join(map(re.escape, replaced))})/(?:[^/]+/)?{_DATA_FILE}")
    return [path for path in there if path not in files and ours.fullmatch(path)]


def _failure(
    error: BaseException, status: int | None, folder: Path, repo_id: str, token: str
) -> str:
    if status == 401:
        reason = "the Hub does not accept the token. Run `hf auth login`, or set HF_TOKEN anew"
    elif status in (403, 404):
        reason = (
            f"the token may not write to {repo_id}. Use one with write access, and a name of yours"
        )
    else:
        said = str(error).replace(token, "***").strip().rstrip(".")
        reason = f"{type(error).__name__}: {said}. Run the same command again"
    return f"{repo_id} was not pushed: {reason}. {_kept(folder)}"


def _kept(folder: Path) -> str:
    return f"The files are in {folder}."
