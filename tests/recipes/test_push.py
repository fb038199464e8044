"""A recipe's second run into a folder, and its push, with the real client against a local Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm import hub as hub_code
from mrlm.errors import HubError

pytestmark = pytest.mark.integration

SAVING = ("--save_strategy", "steps", "--save_steps", "1")
PUSH = ("--push_to_hub", "--hub_model_id", "tiny-sums")


@pytest.fixture
def token(hub_module: Any, online: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", hub_module.TOKEN)
    monkeypatch.setattr(hub_code, "_WAITS", (0, 0))
    return hub_module.TOKEN


def files_below(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_model_and_its_card_are_pushed_once(
    run: Any, token: str, hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sft = run("sft_tools")
    sft("--task", "math", *SAVING, *PUSH)
    pushed = hub.repositories["me/tiny-sums"]
    assert "The model will be pushed to me/tiny-sums" in capsys.readouterr().out
    assert {"checkpoint-1", "checkpoint-2"} <= {path.name for path in sft.folder.iterdir()}
    model = files_below(sft.folder / "model")
    assert {"README.md", "model.safetensors", "tokenizer.json"} <= model.keys()
    assert pushed.files == model | {".gitattributes": b""}
    assert model["README.md"].decode().count("# SFT on the task math") == 1
    # The trainer would have asked for the repository when it was made.
    assert len(pushed.commits) == 2 and hub.requests.count("POST /api/repos/create") == 1
    assert sft.json("config.json")["push_to_hub"] is True

    # Again into the same folder, with fewer steps; the Hub breaks down at the end.
    results = (sft.folder / "results.json").read_bytes()
    hub.break_next("POST /api/models/me/tiny-sums/commit", times=99)
    with pytest.raises(HubError, match=f"hf upload me/tiny-sums {sft.folder}/model$"):
        sft("--task", "math", *SAVING, *PUSH, max_steps="1")
    assert [path.name for path in sft.folder.glob("checkpoint-*")] == ["checkpoint-1"]
    assert (sft.folder / "results.json").read_bytes() != results
    assert (sft.folder / "report.html").is_file()
    assert pushed.files == model | {".gitattributes": b""}


def test_a_run_that_stopped_is_not_written_over(run: Any) -> None:
    ppo = run("ppo_math")
    folder = ppo.folder / "checkpoint-3"
    folder.mkdir(parents=True)
    state = {"global_step": 3, "max_steps": 5}
    (folder / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(SystemExit, match="checkpoint-3 is of a run that stopped before its end"):
        ppo()
    with pytest.raises(SystemExit, match="of step 3, and max_steps is 2"):
        ppo("--resume_from_checkpoint", "true")
    assert list(ppo.folder.iterdir()) == [folder]


def test_no_token_stops_the_run_before_it_begins(run: Any, online: Any) -> None:
    ppo = run("ppo_math")
    with pytest.raises(SystemExit, match="There is no Hub token, so me/x could not be pushed"):
        ppo("--push_to_hub", "--hub_model_id", "me/x")
    assert not ppo.folder.exists()


def test_the_other_recipes_say_that_they_do_not_push(
    recipe: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--push_to_hub", "--output_dir", str(tmp_path / "run")]
    with pytest.raises(SystemExit, match="neither pushes nor resumes"):
        recipe("demo").main(flags)
    with pytest.raises(SystemExit):
        recipe("grpo_multitask").main(flags)
    told = capsys.readouterr().err
    assert "writes no model card" in told and len(told.splitlines()) == 2
