"""Which checkpoint a run resumes from, and what it makes of those of an earlier run."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mrlm.trainers.resumption import delete_checkpoints, resume_path, start_path


def checkpoint(folder: Path, step: int, state: str | None = '{"global_step": 1}') -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir()
    if state is not None:
        (made / "trainer_state.json").write_text(state)
    return made


@pytest.mark.parametrize("value", [None, False, "", "false", "False"])
def test_fresh_start(value: str | bool | None, tmp_path: Path) -> None:
    checkpoint(tmp_path, 3)
    assert resume_path(value, tmp_path) is None


@pytest.mark.parametrize("value", [True, "true", "True", "last"])
def test_newest_whole_checkpoint(value: str | bool, tmp_path: Path) -> None:
    checkpoint(tmp_path, 3)
    newest = checkpoint(tmp_path, 20)
    # Killed before the trainer's state was written, and while it was.
    checkpoint(tmp_path, 100, state=None)
    checkpoint(tmp_path, 101, state='{"global_st')
    (tmp_path / "checkpoint-best").mkdir()
    assert resume_path(value, tmp_path) == str(newest)


def test_named_checkpoint(tmp_path: Path) -> None:
    named = checkpoint(tmp_path, 3)
    checkpoint(tmp_path, 20)
    assert resume_path(str(named), tmp_path) == str(named)


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no whole checkpoint\. Leave the option out"):
        resume_path(True, tmp_path / "nowhere")
    broken = checkpoint(tmp_path, 5, state=None)
    with pytest.raises(
        FileNotFoundError, match=r"not a whole checkpoint.*or 'true' for the newest"
    ):
        resume_path(str(broken), tmp_path)


def config(folder: Path, resume: str | None = None, max_steps: int = 56) -> Any:
    return SimpleNamespace(
        output_dir=str(folder), resume_from_checkpoint=resume, max_steps=max_steps
    )


def state(step: int, max_steps: int = 56) -> str:
    return f'{{"global_step": {step}, "max_steps": {max_steps}}}'


def written(folder: Path, seconds_later: int) -> None:
    """The results, that much later than the folder's checkpoints."""
    results = folder / "results.json"
    results.touch()
    last = max(path.stat().st_mtime for path in folder.glob("checkpoint-*/*"))
    os.utime(results, (last + seconds_later, last + seconds_later))


def test_a_new_run_leaves_alone_what_can_be_resumed(tmp_path: Path) -> None:
    assert start_path(config(tmp_path / "new"), "results.json") is None
    stopped = checkpoint(tmp_path, 20, state(20))
    checkpoint(tmp_path, 30, state=None)
    for _ in range(2):
        with pytest.raises(FileExistsError, match=r"--resume_from_checkpoint true.*--output_dir"):
            start_path(config(tmp_path), "results.json")
        written(tmp_path, 60)  # the second time: Ctrl-C, after which the results are written
    assert start_path(config(tmp_path, "true"), "results.json") == str(stopped)


@pytest.mark.parametrize("results", [None, -60], ids=["none", "of an earlier run"])
def test_a_run_that_was_killed_after_its_training(results: int | None, tmp_path: Path) -> None:
    checkpoint(tmp_path, 56, state(56))
    if results:
        written(tmp_path, results)
    with pytest.raises(FileExistsError, match="stopped before its end"):
        start_path(config(tmp_path), "results.json")


def test_a_log_that_grew_after_the_checkpoint_does_not_make_a_run_finished(tmp_path: Path) -> None:
    checkpoint(tmp_path, 56, state(56))
    written(tmp_path, 60)
    with pytest.raises(FileExistsError, match="stopped before its end"):
        start_path(config(tmp_path), "results.json", lambda folder: folder == tmp_path)
    assert start_path(config(tmp_path), "results.json", lambda folder: False) is None


def test_the_checkpoints_of_a_finished_run_make_room(tmp_path: Path) -> None:
    for step in (50, 56):
        checkpoint(tmp_path, step, state(step))
    (tmp_path / "checkpoint-best").mkdir()
    written(tmp_path, 60)
    assert start_path(config(tmp_path, max_steps=20), "results.json") is None
    said: list[str] = []
    delete_checkpoints(tmp_path, said.append)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-best"]
    assert len(said) == 2 and "checkpoint-50" in said[0]


def test_a_run_is_not_resumed_beyond_its_end(tmp_path: Path) -> None:
    newest = checkpoint(tmp_path, 56, state(56))
    for resume in ("true", str(newest)):
        with pytest.raises(ValueError, match="of step 56, and max_steps is 20"):
            start_path(config(tmp_path, resume, max_steps=20), "results.json")
        for max_steps in (-1, 56, 80):
            assert start_path(config(tmp_path, resume, max_steps), "results.json") == str(newest)
