"""The task that docs/own_task.md begins with keeps the contract; the page's script trains on it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pages
import pytest
import torch

import mrlm
from mrlm.cli import main
from mrlm.models.loading import load_model
from mrlm.task import Task
from mrlm.task_check import check_task
from mrlm.tasks import make_task

PAGE = pages.ROOT / "docs" / "own_task.md"
LONGEST = 80  # lines of the file that the page begins with
*_, SCRIPT = (block.text for block in pages.blocks(PAGE) if block.language == "python")


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my_task.py"]) == 0
    return make_task("my_task.py:TASK")


def test_it_keeps_the_contract(task: Task) -> None:
    check = check_task(task)
    assert check.passed, str(check)
    assert set(check.left_out) == {"the environment keeps TRL's protocol"}


def test_it_is_short(task: Task) -> None:
    assert len(Path("my_task.py").read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_page_names_the_parts_that_a_task_needs() -> None:
    needed = [
        field.name
        for field in dataclasses.fields(Task)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    text = PAGE.read_text(encoding="utf-8")
    assert len(needed) == 5 and all(f"| `{name}" in text for name in needed)


def test_it_trains(
    task: Task,
    tiny_folder: str,
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
    seen: list[tuple[str, float]] = []

    def reward(completions: Any, answer: Any, **columns: Any) -> list[float]:
        """The page's, which is called and kept, and then something to learn from: a random model
        spells no word, and where all earn nothing the weights stay as they are."""
        paid = task.reward_funcs[0](completions, answer, **columns)
        seen.extend(zip(answer, paid, strict=True))
        return [float(len(completion[-1]["content"])) for completion in completions]

    watched = dataclasses.replace(task, reward_funcs=(reward,))
    monkeypatch.setattr(mrlm, "make_task", lambda name: {"my_task.py:TASK": watched}[name])
    names: dict[str, Any] = {}
    exec(compile(small, str(PAGE), "exec"), names)

    trainer, before, after = (names[name] for name in ("trainer", "before", "after"))
    assert trainer.state.global_step == 2
    assert math.isfinite(trainer.state.log_history[-1]["train_loss"])
    fresh = load_model(tiny_folder)[0].state_dict()
    trained = names["model"].state_dict()
    assert any(not torch.equal(value, trained[name]) for name, value in fresh.items())
    held_out = task.build_dataset(8, 0, "test")
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
