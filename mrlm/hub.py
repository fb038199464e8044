"""The Hub: whether it can be reached, and a folder pushed to it.

All of a folder goes in one commit, so that nothing is ever half-written.

Files that are there already with the same content are not sent again, so a push that was cut off,
or whose answer was lost, is simply repeated. In the same commit, files that an earlier push left
and this folder no longer has are deleted; other files of the repository stay.

``HfApi.upload_folder`` is not enough for that: in its patterns ``*`` crosses folders, so it would
delete files of others, and the list of files that it looks at need not be that of the commit on top
of which it puts its own.

The token is one that the caller was given, else the one that ``hf auth login`` keeps or
``HF_TOKEN`` holds. It is never written anywhere. Not covered: pull requests, branches, folders too
large for one commit.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from mrlm.errors import HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = [
    "HUB_SECONDS",
    "check_repo_id",
    "push_folder",
    "why_no_dataset",
    "why_unreachable",
    "writing_account",
]

logger = logging.getLogger(__name__)

HUB_SECONDS = 4.0  # that the Hub has to answer
_WAITS = (1, 4, 15, 30)  # seconds before each further try
_PASSING = (408, 409, 412, 429, 500, 502, 503, 504)

T = TypeVar("T")


def why_unreachable(seconds: float = HUB_SECONDS) -> str:
    """Why nothing can be had from the Hub; empty where it answers, if only with a refusal.

    The libraries' own tries take a minute before they say so.
    """
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    answers: list[str] = []
    # In a thread: looking up a name knows no timeout of its own.
    thread = threading.Thread(
        target=lambda: answers.append(_ask(constants.ENDPOINT, seconds)), daemon=True
    )
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else f"no answer within {seconds:g} s"


def _ask(endpoint: str, seconds: float) -> str:
    try:
        with urllib.request.urlopen(f"{endpoint}/api/models?limit=1", timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code < 500 else f"HTTP {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def check_repo_id(repo_id: str, option: str, *, needs_owner: bool) -> None:
    """Raise ``ValueError`` unless this can be a name on the Hub.

    Args:
        repo_id: ``user/name`` or ``name``.
        option: Where it comes from, for the message.
        needs_owner: Whether ``name`` alone is refused.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"{option} is {repo_id!r}: {error}") from error
    if needs_owner and "/" not in repo_id:
        raise ValueError(f"{option} is {repo_id!r}; write your name, too: me/{repo_id}.")


def writing_account(token: str | None, failed: str, then: str) -> str:
    """The name of the account that the token belongs to.

    Args:
        token: ``None`` for the machine's.
        failed: What does not happen without it, for the message.
        then: What to do, for the end of the message.

    Raises:
        HubError: There is no token, it is wrong or may only read, or the Hub cannot be reached.
    """
    api = _client(token, failed, then)
    account = _tried(api.whoami, api, failed, then, _WAITS[:2])
    # Tokens with fine-grained rights have a role of their own: only a push shows what they may.
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise HubError(f"{failed}: the token may only read. Use one with write access. {then}")
    return str(account["name"])


def why_no_dataset(repo_id: str, seconds: float = HUB_SECONDS) -> str:
    """Why the Hub does not give a dataset of that name, asked once; empty where it does.

    Args:
        repo_id: ``user/name`` or ``name``.
        seconds: To wait for an answer.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils import httpx

    if why := why_unreachable(seconds):
        return f"the Hub cannot be reached ({why})"
    try:
        HfApi(library_name="mrlm").dataset_info(repo_id, timeout=seconds)
    except RepositoryNotFoundError:
        return "the Hub has none, or it is private (`hf auth login`)"
    except (httpx.TransportError, HfHubHTTPError, HFValidationError, OSError) as error:
        return f"the Hub does not say ({type(error).__name__}: {str(error).strip()})"
    return ""


def push_folder(
    folder: Path,
    repo_id: str,
    files: Sequence[str],
    ours: re.Pattern[str],
    *,
    repo_type: Literal["dataset", "model"],
    private: bool | None,
    again: str,
    token: str | None = None,
) -> str:
    """Make the repository on the Hub what the folder holds; create it where there is none.

    Args:
        folder: Where the files are.
        repo_id: ``user/name``.
        files: What to push, as paths below ``folder``.
        ours: Matches the files on the Hub that are deleted when they are not in ``files``.
        repo_type: What the repository holds.
        private: Whether a repository that is created is private, ``None`` for its owner's default;
            one that exists stays as it is.
        again: How to repeat the push, a sentence for the message.
        token: ``None`` for the machine's.

    Returns:
        The address of the commit.

    Raises:
        HubError: There is no token, it is wrong, or the Hub cannot be reached; says what to do. The
            repository on the Hub is as before, and the folder is not touched.
    """
    failed, then = f"{repo_id} was not pushed", f"The files are in {folder}. {again}"
    api = _client(token, failed, then)

    def push() -> str:
        return _push(api, folder, repo_id, files, ours, repo_type, private)

    return _tried(push, api, failed, then, _WAITS)


def _client(token: str | None, failed: str, then: str) -> HfApi:
    from huggingface_hub import HfApi, get_token

    token = token or get_token()
    if token is None:
        raise HubError(
            f"There is no Hub token, so {failed}. Run `hf auth login`, or set HF_TOKEN to a token "
            f"with write access. {then}"
        )
    return HfApi(token=token, library_name="mrlm")


def _tried(call: Callable[[], T], api: HfApi, failed: str, then: str, waits: Sequence[int]) -> T:
    """What ``call`` returns, after further tries where what went wrong may pass."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    for wait in (*waits, None):
        try:
            return call()
        except OfflineModeIsEnabled as error:
            raise HubError(f"HF_HUB_OFFLINE is set, so {failed}; unset it. {then}") from error
        except (httpx.TransportError, HfHubHTTPError, OSError, RuntimeError) as error:
            # Uploads wrap what went wrong in a RuntimeError of their own.
            cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ else error
            status = cause.response.status_code if isinstance(cause, HfHubHTTPError) else None
            if wait is None or (status is not None and status not in _PASSING):
                reason = _reason(cause, status, str(api.token))
                raise HubError(f"{failed}: {reason}. {then}") from None
            logger.warning("%s yet (%s); next try in %d s.", failed, type(cause).__name__, wait)
        time.sleep(wait)
    raise AssertionError("unreachable: the last try returns or raises")


def _push(
    api: HfApi,
    folder: Path,
    repo_id: str,
    files: Sequence[str],
    ours: re.Pattern[str],
    repo_type: str,
    private: bool | None,
) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    api.create_repo(repo_id, repo_type=repo_type, private=private, exist_ok=True)
    look = api.dataset_info if repo_type == "dataset" else api.model_info
    info = look(repo_id, revision="main")
    there = [sibling.rfilename for sibling in info.siblings or ()]
    commit = api.create_commit(
        repo_id,
        [
            *(CommitOperationDelete(path, is_folder=False) for path in _stale(there, files, ours)),
            *(CommitOperationAdd(path, folder / path) for path in files),
        ],
        commit_message=f"{repo_type.capitalize()} made with mrlm",
        repo_type=repo_type,
        # Whoever pushes at the same moment makes this fail, and it is tried again on top of theirs.
        parent_commit=info.sha,
    )
    return str(commit.commit_url)


def _stale(there: Sequence[str], files: Sequence[str], ours: re.Pattern[str]) -> list[str]:
    """What an earlier push left on the Hub and this folder does not have."""
    return [path for path in there if path not in files and ours.fullmatch(path)]


def _reason(error: BaseException, status: int | None, token: str) -> str:
    if status == 401:
        return "the Hub does not accept the token. Run `hf auth login`, or set HF_TOKEN anew"
    if status in (403, 404):
        return "the token may not write there. Use one with write access, and a name of yours"
    return f"{type(error).__name__}: {str(error).replace(token, '***').strip().rstrip('.')}"
