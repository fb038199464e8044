from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def hub_module() -> Any:
    """``hub_server.py``; tests are no package, so it is loaded from its file."""
    spec = importlib.util.spec_from_file_location(
        "hub_server", Path(__file__).with_name("hub_server.py")
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hub(hub_module: Any) -> Iterator[Any]:
    """A running server of the Hub's protocol."""
    with hub_module.HubServer().running() as server:
        yield server


@pytest.fixture
def online(hub: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """This process's ``huggingface_hub`` talks to ``hub``, with no token of the machine's."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token here"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return hub
