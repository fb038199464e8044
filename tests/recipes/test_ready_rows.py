"""SFT and DPO on rows that are ready, by ``--dataset_name``; mistakes in them are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def _write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _alpaca(i: int) -> dict[str, str]:
    return {"instruction": "Add.", "input": f"{i} and 1", "output": f"It is {i + 1}."}


def _rated(i: int) -> dict[str, Any]:
    asked = {"role": "user", "content": f"What is {i} + 1?"}
    answers = ({"role": "assistant", "content": text} for text in (f"It is {i + 1}.", "No."))
    chosen, rejected = ([asked, answer] for answer in answers)
    return {"prompt": asked["content"], "chosen": chosen, "rejected": rejected, "messages": chosen}


CALL = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
SCHEMA = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}
WITH_TOOLS = {
    "conversations": [
        {"from": "human", "value": "What is 1 + 2?"},
        {"from": "function_call", "value": CALL},
        {"from": "observation", "value": "3"},
        {"from": "gpt", "value": "It is 3."},
    ],
    "tools": json.dumps([SCHEMA]),
}
TEXTS = {"prompt": "What is 1 + 2? ", "completion": "It is 3."}


@pytest.mark.parametrize(
    ("rows", "flags", "note"),
    [
        (
            [_alpaca(i) for i in range(20)],
            ("--task", "math"),
            "own.jsonl: 16 rows to train on, as they are; it has more: raise train_rows.",
        ),
        (
            [WITH_TOOLS] * 4 + [WITH_TOOLS | {"conversations": None}],
            ("--task", "math", "--drop_invalid"),
            "own.jsonl: 4 rows to train on, as they are, 1 dropped that do not fit.",
        ),
        ([WITH_TOOLS] * 4, ("--task", "tools"), "own.jsonl: 4 rows to train on, as they are."),
        ([_alpaca(i) for i in range(4)], ("--task", "tools"), "own.jsonl: 4 rows to train on"),
        ([TEXTS] * 4, ("--task", "tools"), "own.jsonl: 4 rows to train on, as they are."),
    ],
    ids=["alpaca", "tools for math", "tools", "alpaca for tools", "texts for tools"],
)
def test_sft(rows: list[Any], flags: tuple[str, ...], note: str, run: Any, tmp_path: Path) -> None:
    source = _write(tmp_path / "own.jsonl", rows)
    sft = run("sft_tools")
    results = sft("--dataset_name", source, *flags, "--max_length", "2048")
    assert results["notes"][0].startswith(note)
    assert sft.json("metrics.jsonl")[-1]["step"] == 2


def test_dpo_on_whole_conversations(run: Any, tmp_path: Path) -> None:
    source = _write(tmp_path / "own.jsonl", [_rated(i) for i in range(8)])
    dpo = run("dpo_debate")
    with pytest.warns(FutureWarning, match="train_file is now called dataset_name"):
        results = dpo("--task", "math", "--train_file", source)
    assert results["notes"][0] == "own.jsonl: 8 rows to train on, as they are."
    assert "SFT warm-up on the task's own rows." in results["notes"]
    assert not (dpo.folder / "preferences.jsonl").exists()
    assert sum("rewards/margins" in log for log in dpo.json("metrics.jsonl")) >= 1


def test_what_is_held_out_is_not_trained_on(run: Any, tmp_path: Path) -> None:
    exam = [{"question": f"What is {i} + 4?", "answer": i + 4} for i in range(4)]
    _write(tmp_path / "exam.jsonl", exam)
    sft = run("sft_tools")
    flags = ("--task", "math", "--eval_dataset_name", str(tmp_path / "exam.jsonl"))
    sft(*flags)
    prompts = [record["prompt"] for record in sft.json("eval_after/records.jsonl")]
    rows = [{"messages": [*p, {"role": "assistant", "content": "8"}]} for p in prompts]
    rows.append({"messages": [{"role": "user", "content": "Hi?"}, *rows[0]["messages"][-1:]]})
    results = sft(*flags, "--dataset_name", _write(tmp_path / "own.jsonl", rows))
    assert "Rows left out of the training because they are held out: 4." in results["notes"]


@pytest.mark.parametrize(
    ("script", "rows", "told"),
    [
        ("sft_tools.py", [{"messages": None}], "row 0, column 'messages': expected a list"),
        ("sft_tools.py", [{"text": "Hi"}], "Rows that are ready have messages; prompt and comp"),
        ("dpo_debate.py", [_alpaca(0)], "Rows that are ready have prompt and chosen and rejected"),
        ("dpo_debate.py", [_rated(0), {"prompt": "?"}], "row 1, column 'chosen': expected text"),
        ("sft_tools.py", None, "does not exist"),
    ],
)
def test_a_mistake_is_a_message_and_exit_code_2(
    script: str, rows: list[Any] | None, told: str, tmp_path: Path
) -> None:
    source = str(tmp_path / "no.jsonl")
    if rows is not None:
        source = _write(tmp_path / "own.jsonl", rows)
    done = subprocess.run(
        [sys.executable, ROOT / "recipes" / script, "--dataset_name", source, "--eval_rows", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2, done.stderr
    assert told in done.stderr and "Traceback" not in done.stderr
