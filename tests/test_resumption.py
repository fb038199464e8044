"""Which checkpoint a run resumes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrlm.resumption import resume_path


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
