"""Where the model of a recipe goes on the Hub, with the real client against ``hub_server.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainingArguments

from mrlm import hub as hub_code
from mrlm.errors import HubError
from mrlm.experiment.push import ModelRepository, pop_hub_settings


@pytest.fixture
def token(hub_module: Any, online: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", hub_module.TOKEN)
    monkeypatch.setattr(hub_code, "_WAITS", (0, 0))
    return hub_module.TOKEN


def wanted(folder: Path, **flags: Any) -> TrainingArguments:
    return TrainingArguments(str(folder), push_to_hub=True, use_cpu=True, **flags)


@pytest.mark.parametrize(
    ("given", "repo_id"), [(None, "me/my_run"), ("mine", "me/mine"), ("team/mine", "team/mine")]
)
def test_names_are_resolved_as_the_client_does(
    given: str | None, repo_id: str, token: str, hub: Any, tmp_path: Path
) -> None:
    found = pop_hub_settings(wanted(tmp_path / "my_run", hub_model_id=given))
    assert found == ModelRepository(repo_id, None, None)
    assert not hub.repositories


def test_the_trainer_learns_of_nothing(
    online: Any, hub_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is one given as a flag; a trainer saves its arguments with the model."""
    secret = hub_module.TOKEN
    config = wanted(tmp_path / "run", hub_token=secret, hub_private_repo=True)
    found = pop_hub_settings(config)
    assert found == ModelRepository("me/run", True, secret) and secret not in repr(found)
    assert not config.push_to_hub
    torch.save(config, tmp_path / "training_args.bin")
    assert secret.encode() not in (tmp_path / "training_args.bin").read_bytes()
    assert pop_hub_settings(config) is None
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    found.push(tmp_path / "model")
    assert online.repositories["me/run"].private


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "There is no Hub token"),
        ("hf_wrongtoken0123456789", "does not accept the token"),
        ("READ_TOKEN", "may only read"),
    ],
)
def test_a_token_that_cannot_push_is_told_before_the_training(
    given: str | None, told: str, online: Any, hub_module: Any, tmp_path: Path
) -> None:
    secret = getattr(hub_module, given or "", given)
    with pytest.raises(HubError, match=told) as error:
        pop_hub_settings(wanted(tmp_path / "run", hub_token=secret, hub_private_repo=True))
    assert str(error.value).endswith(f"push later: hf upload run {tmp_path}/run/model --private")
    assert secret is None or secret not in str(error.value)
    assert not online.repositories


def test_a_hub_out_of_reach_is_told_before_the_training(
    token: str, hub: Any, tmp_path: Path
) -> None:
    hub.break_next("whoami", times=2)
    assert pop_hub_settings(wanted(tmp_path / "run")) is not None
    hub.break_next("whoami", times=99)
    with pytest.raises(HubError, match="me/x could not be pushed at the end"):
        pop_hub_settings(wanted(tmp_path / "run", hub_model_id="me/x"))


def folder_with(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{folder.name} {name}")
    return folder


def test_weights_of_an_earlier_push_do_not_stay(token: str, hub: Any, tmp_path: Path) -> None:
    """An adapter beside whole weights, or one file beside shards, would load the wrong ones."""
    repository = ModelRepository("me/x", None, None)
    sharded = folder_with(
        tmp_path / "sharded",
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "value_head.safetensors",
    )
    repository.push(sharded)
    hub.repositories["me/x"].files["notes.md"] = b"mine"
    adapter = folder_with(tmp_path / "adapter", "adapter_config.json", "adapter_model.safetensors")
    url = repository.push(adapter)
    pushed = hub.repositories["me/x"]
    assert url.endswith(pushed.sha) and len(pushed.commits) == 3
    assert set(pushed.files) == {
        ".gitattributes",
        "config.json",
        "notes.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_a_push_that_fails_names_the_command(token: str, hub: Any, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "my model", "config.json", "model.safetensors")
    repository = ModelRepository("me/x", True, None)
    hub.break_next("POST /api/models/me/x/commit", times=99)
    with pytest.raises(HubError) as error:
        repository.push(folder)
    assert str(error.value).endswith(f"Push them with: hf upload me/x '{folder}' --private")
    assert set(hub.repositories["me/x"].files) == {".gitattributes"}
    hub.mend()
    repository.push(folder)
    assert hub.repositories["me/x"].files["model.safetensors"] == b"my model model.safetensors"
