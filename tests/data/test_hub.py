"""Pushes with the real client, against a server of the Hub's protocol in ``hub_server.py``."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mrlm import hub as hub_code
from mrlm.data.job import main

NAME = "me/mrlm-math"
COMMIT = "POST /api/datasets/me/mrlm-math/commit"


@pytest.fixture
def token(hub_module: Any, online: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", hub_module.TOKEN)
    monkeypatch.setattr(hub_code, "_WAITS", (0, 0))
    return hub_module.TOKEN


def _push(out: Path, *flags: str, size: int = 20) -> int:
    return main(
        [
            "--task",
            "math",
            "--size",
            str(size),
            "--out",
            str(out),
            "--push_to_hub",
            NAME,
            "--preview",
            "0",
            *flags,
        ]
    )


def _files(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


def _pushed(hub: Any) -> dict[str, bytes]:
    files = dict(hub.repositories[NAME].files)
    files.pop(".gitattributes")
    return files


def test_creates_and_uploads_in_one_commit(
    token: str, hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _push(tmp_path / "data", "--private") == 0
    assert _pushed(hub) == _files(tmp_path / "data")
    assert hub.repositories[NAME].private
    assert len(hub.repositories[NAME].commits) == 2
    shown = capsys.readouterr()
    assert hub.repositories[NAME].sha in shown.out
    assert token not in shown.out + shown.err
    assert not any(token.encode() in content for content in _pushed(hub).values())


def test_a_repeated_push_changes_nothing(token: str, hub: Any, tmp_path: Path) -> None:
    assert _push(tmp_path / "data") == 0
    before = (list(hub.repositories[NAME].commits), _pushed(hub))
    hub.requests.clear()
    assert _push(tmp_path / "data") == 0
    assert (hub.repositories[NAME].commits, _pushed(hub)) == before
    assert not any("PUT" in request or "commit" in request for request in hub.requests)
    assert not hub.repositories[NAME].private


def test_another_push_replaces_what_the_first_one_wrote(
    token: str, hub: Any, tmp_path: Path
) -> None:
    assert _push(tmp_path / "first", "--split", "train", "test", "--format", "hf") == 0
    theirs = {
        "notes.md": b"mine",
        "math/plot-1.png": b"mine",
        "other/train-00000-of-00001.json": b"x",
    }
    hub.repositories[NAME].files.update(theirs)
    assert _push(tmp_path / "second", "--format", "jsonl") == 0
    assert _pushed(hub) == _files(tmp_path / "second") | theirs
    assert len(hub.repositories[NAME].commits) == 3


@pytest.mark.parametrize("when", ["before", "after", "busy"])
@pytest.mark.parametrize(
    "request_pattern", ["POST /api/repos/create", "revision/main", "POST /api/validate", COMMIT]
)
def test_tries_again_after_a_broken_connection(
    token: str, hub: Any, tmp_path: Path, when: str, request_pattern: str
) -> None:
    hub.break_next(request_pattern, when=when)
    assert _push(tmp_path / "data") == 0
    assert _pushed(hub) == _files(tmp_path / "data")
    assert len(hub.repositories[NAME].commits) == 2  # a lost answer makes no second commit


def test_an_upload_that_breaks_off_is_sent_again(token: str, hub: Any, tmp_path: Path) -> None:
    hub.break_next("PUT /blobs")  # the client itself waits a second for this one
    assert _push(tmp_path / "data") == 0
    assert _pushed(hub) == _files(tmp_path / "data")


def test_a_push_at_the_same_moment_is_not_overwritten(token: str, hub: Any, tmp_path: Path) -> None:
    assert _push(tmp_path / "data") == 0
    repository = hub.repositories[NAME]

    def meanwhile() -> None:
        repository.files["theirs.txt"] = b"new"
        repository.commits.append(hashlib.sha1(b"theirs").hexdigest())

    hub.before_next(COMMIT, meanwhile)
    assert _push(tmp_path / "data", size=30) == 0
    assert _pushed(hub) == _files(tmp_path / "data") | {"theirs.txt": b"new"}
    assert len([request for request in hub.requests if request.startswith(COMMIT)]) == 3


def test_a_push_that_never_gets_through_leaves_nothing_half_written(
    token: str, hub: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _push(tmp_path / "data") == 0
    before = _pushed(hub)
    hub.break_next(COMMIT, times=99)
    assert _push(tmp_path / "data", size=30) == 2
    assert _pushed(hub) == before
    message = capsys.readouterr().err
    assert "was not pushed" in message and str(tmp_path / "data") in message
    assert len(_files(tmp_path / "data")) == 3
    hub.mend()
    assert _push(tmp_path / "data", size=30) == 0
    assert _pushed(hub) == _files(tmp_path / "data")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "There is no Hub token"),
        ("hf_wrongtoken0123456789", "does not accept the token"),
        ("READ_TOKEN", "may not write there"),
    ],
)
def test_a_missing_or_wrong_token_is_told_and_the_files_stay(
    given: str | None,
    told: str,
    online: Any,
    hub_module: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = getattr(hub_module, given or "", given)
    if secret:
        monkeypatch.setenv("HF_TOKEN", secret)
    caplog.set_level(logging.DEBUG)
    assert _push(tmp_path / "data") == 2
    shown = capsys.readouterr()
    assert told in shown.err and str(tmp_path / "data") in shown.err
    assert secret is None or secret not in shown.out + shown.err + caplog.text
    assert not online.repositories
    assert json.loads((tmp_path / "data" / "statistics.json").read_text())["tasks"]["math"]


def test_offline_is_told(
    token: str,
    hub: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from huggingface_hub import close_session, constants

    close_session()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert _push(tmp_path / "data") == 2
    assert "HF_HUB_OFFLINE" in capsys.readouterr().err
    assert not hub.requests


@pytest.mark.parametrize("name", ["mrlm-math", "me/", "a/b/c", "me/x y", "../x"])
def test_an_impossible_name_is_refused_before_the_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "data"), "--push_to_hub", name]) == 2
    assert "push_to_hub" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


SCRIPT = """
import sys
from datasets import load_dataset
from mrlm.data.job import main
from mrlm.tasks import TASKS
assert main(["--task", "tools", "math", "--size", "20", "--out", sys.argv[1], "--preview", "0",
             "--push_to_hub", "me/mrlm-two", "--private"]) == 0
if len(sys.argv) > 2:
    sys.exit()
card = open(sys.argv[1] + "/README.md").read()
exec(card.split("```python\\n")[1].split("```")[0])
expected = TASKS["tools"].build_dataset(20, 0, "train")
assert rows.features == expected.features
assert rows.to_list() == expected.to_list()
math = load_dataset("me/mrlm-two", "math", split="train")
assert math.to_list() == TASKS["math"].build_dataset(20, 0, "train").to_list()
"""


def _run(hub: Any, tmp_path: Path, token: str, xet: bool, *flags: str) -> None:
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": str(int(not xet)),
        "HF_HOME": str(tmp_path / "home"),
    }
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "data"), *flags],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert token not in result.stdout + result.stderr


@pytest.mark.integration
def test_the_snippet_of_the_card_loads_what_was_pushed(
    hub: Any, hub_module: Any, tmp_path: Path
) -> None:
    """In a process of its own, set up by environment variables as a user does."""
    _run(hub, tmp_path, hub_module.TOKEN, False)


@pytest.mark.slow
def test_pushes_through_xet_storage(hub: Any, hub_module: Any, tmp_path: Path) -> None:
    """What the client does on the Hub itself; the storage service is a folder here."""
    hub.xet_folder = tmp_path / "cas"
    _run(hub, tmp_path, hub_module.TOKEN, True, "push only")
    repository = hub.repositories["me/mrlm-two"]
    for path in ("math/train-00000-of-00001.parquet", "tools/train-00000-of-00001.parquet"):
        digest = hashlib.sha256((tmp_path / "data" / path).read_bytes()).hexdigest()
        assert repository.files[path] == f"xet {digest}".encode()
    assert not any(request.startswith("PUT") for request in hub.requests)
    assert list(hub.xet_folder.rglob("*.mdb"))
