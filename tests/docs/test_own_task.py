"""The task of docs/own_task.md is taken out of the page, held to the contract, and trained on."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import sys
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mrlm.tasks import TASKS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "own_task.md"
LONGEST = 65  # lines; the page promises about sixty


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_pages = _load("docs_pages", Path(__file__).with_name("conftest.py"))
CONTRACT = _load("docs_contract", ROOT / "tests" / "tasks" / "test_contract.py")
FILE, SCRIPT = (block.text for block in _pages.blocks(PAGE) if block.language == "python")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "backwards.py").write_text(FILE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "backwards", raising=False)
    return importlib.import_module("backwards")


def _calls() -> list[Any]:
    """Every check of the contract, with each of its parameters' values."""
    calls = []
    for name, check in vars(CONTRACT).items():
        if not (name.startswith("test_") and "task" in inspect.signature(check).parameters):
            continue
        marks = [m.args for m in getattr(check, "pytestmark", []) if m.name == "parametrize"]
        for values in product(*(values for _, values in marks)):
            given = dict(zip((argument for argument, _ in marks), values, strict=True))
            calls.append(pytest.param(check, given, id=f"{name}-{len(calls)}"))
    return calls


@pytest.mark.parametrize(("check", "given"), _calls())
def test_it_keeps_the_contract(
    check: Any, given: dict[str, Any], module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, "backwards", module.TASK)
    check(module.TASK, **given)


def test_it_is_short() -> None:
    assert len(FILE.splitlines()) <= LONGEST
    assert len(_calls()) > 12


def test_it_trains(
    module: ModuleType, tiny_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's script, smaller: two steps on a tiny model."""
    small = SCRIPT.replace("load_model()", f"load_model({tiny_folder!r})")
    for old, new in (
        ("max_steps=20", "max_steps=2"),
        ("batch_size=32", "batch_size=8"),
        ("num_rows=64", "num_rows=8"),
        ("new_tokens=32", "new_tokens=8"),
        ("completion_length=32", "completion_length=8"),
    ):
        assert old in small, f"the page no longer says {old}"
        small = small.replace(old, new)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"TASK": module.TASK}
    exec(compile(small, str(PAGE), "exec"), names)
    assert names["trainer"].state.global_step == 2
    assert names["after"].summary.num_rows == 8 or len(names["after"].records) == 8
    assert all(math.isfinite(log.get("loss", 0.0)) for log in names["trainer"].state.log_history)
