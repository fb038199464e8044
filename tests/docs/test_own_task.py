"""The task of docs/own_task.md is taken out of the page, held to the contract, and trained on."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import sys
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pages
import pytest
import torch
from tasks import test_contract as contract

from mrlm.models.loading import load_model
from mrlm.tasks import TASKS

PAGE = pages.ROOT / "docs" / "own_task.md"
LONGEST = 65  # lines; the page promises about sixty
FILE, SCRIPT = (block.text for block in pages.blocks(PAGE) if block.language == "python")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "backwards.py").write_text(FILE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "backwards", raising=False)
    return importlib.import_module("backwards")


def _calls() -> list[Any]:
    """Every check of the contract, with each of its parameters' values."""
    calls = []
    for name, check in vars(contract).items():
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
    module: ModuleType,
    tiny_folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The page's script, smaller: two steps on a tiny model, which change it."""
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
    seen: list[tuple[str, float]] = []

    def reward(completions: Any, answer: Any, **columns: Any) -> list[float]:
        """The page's, which is called and kept, and then something to learn from: a random model
        spells no word, and where all earn nothing the weights stay as they are."""
        paid = module.backwards_reward(completions, answer, **columns)
        seen.extend(zip(answer, paid, strict=True))
        return [float(len(completion[-1]["content"])) for completion in completions]

    names: dict[str, Any] = {"TASK": dataclasses.replace(module.TASK, reward_funcs=(reward,))}
    exec(compile(small, str(PAGE), "exec"), names)

    trainer, before, after = (names[name] for name in ("trainer", "before", "after"))
    assert trainer.state.global_step == 2
    assert math.isfinite(trainer.state.log_history[-1]["train_loss"])
    fresh = load_model(tiny_folder)[0].state_dict()
    trained = names["model"].state_dict()
    assert any(not torch.equal(value, trained[name]) for name, value in fresh.items())
    held_out = module.build_dataset(8, 0, "test")
    for evaluation in (before, after):
        assert [record.id for record in evaluation.records] == list(held_out["id"])
        assert evaluation.summary.accuracy == 0.0 and evaluation.summary.num_unscored == 0
    # Measured, then two steps of two words with four answers each, then measured again.
    words, paid = zip(*seen, strict=True)
    assert len(seen) == 8 + 16 + 8 and set(paid) == {0.0}
    assert words[:8] == words[-8:] == tuple(held_out["answer"])
    assert set(words[8:-8]) <= set(trainer.train_dataset["answer"])
    assert len(set(words[8:-8])) == 4
    assert float(capsys.readouterr().out.splitlines()[-1]) == 1.0  # no row changed
