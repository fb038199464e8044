"""The command line: help, listing, mistakes, exit codes, and how little it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mrlm import cli
from mrlm.errors import ModelError, MrlmError, SandboxError
from mrlm.tasks import TASKS
from mrlm.tasks.math import problems

COMMANDS = [
    "train",
    "eval",
    "compare",
    "report",
    "board",
    "results",
    "sample",
    "tasks",
    "reward",
    "doctor",
]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*command, "--help"])

    assert exit_.value.code == 0
    output = capsys.readouterr().out
    assert "usage: mrlm" in output
    assert "examples:\n  mrlm " in output


@pytest.mark.integration
@pytest.mark.parametrize(
    "arguments", [["--help"], ["eval", "--help"], ["train", "ppo", "--dry_run"]]
)
def test_what_only_lists_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from mrlm import cli\n"
        f"try: cli.main({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'scipy'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stderr
    assert done.stdout or arguments[0] == "train"


def test_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tasks"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line[0] != " "] == sorted(TASKS)
    kinds = sorted(problems.KINDS)
    assert f"  kinds: {', '.join(kinds)}" in lines
    assert "  rewards: math_reward" in lines

    assert cli.main(["tasks", "math"]) == 0
    assert "  answer: 47\n" in capsys.readouterr().out


def test_tasks_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tasks", "--json"]) == 0

    found = {task["task"]: task for task in json.loads(capsys.readouterr().out)}
    assert sorted(found) == sorted(TASKS)
    assert all(set(task["columns"]) == set(task["example"]) for task in found.values())
    assert found["tools"]["environment"] == "ToolUseEnvironment"


@pytest.mark.integration
def test_tasks_do_not_import_torch() -> None:
    code = (
        "import sys\nfrom mrlm import cli\ncli.main(['tasks'])\nsys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.integration
def test_the_program_and_a_reader_that_has_had_enough() -> None:
    program = Path(sys.executable).with_name("mrlm")
    done = subprocess.run(
        f"{program} tasks | head -n 1", shell=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{sorted(TASKS)[0]}\n"
    assert "Error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["tasks", "math", "--fast"], "mrlm tasks: unrecognized arguments: --fast"),
        (["tasks", "chess"], "no task 'chess'; choose one of"),
        (["sample", "--task", "math", "--num_rows", "0"], "num_rows must be at least 1, got 0"),
        (
            ["sample", "--task", "debate", "--answer_format", "boxed"],
            "unrecognized arguments: --answer_f",
        ),
        (["eval"], "Give --task NAME"),
        (["eval", "--task", "chess"], "no task 'chess'; choose one of"),
        (["eval", "--task", "math", "--num_rows", "many"], "invalid int value: 'many'"),
        (["compare", "nowhere", "nowhere"], "nowhere holds no results.json"),
        (["report", "nowhere"], "nowhere holds no results.json"),
        (["board", "nowhere"], "nowhere is no folder"),
        (["board", "tests", "--port", "99999"], "port 0 takes any port that is free"),
    ],
)
def test_mistakes_exit_with_2_and_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = cli.main(arguments)
    except SystemExit as error:  # argparse's own
        code = error.code

    output = capsys.readouterr()
    assert code == 2
    assert message in output.err
    assert output.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("no"), 2),
        (FileNotFoundError("no"), 2),
        (PermissionError("no"), 2),
        (ImportError("no"), 2),
        (ModelError("no"), 2),
        (MrlmError("no"), 1),
        (SandboxError("no"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes_of_errors(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("mrlm.reward_check.check_reward", fail)
    assert cli.main(["reward", "a.py:f", "--task", "math"]) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith("mrlm reward: ")


def test_data_is_the_data_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--size", "5", "--format", "jsonl", "--json", "--out", str(tmp_path / "data")]
    assert cli.main(["data", "--task", "math", *arguments]) == 0

    assert json.loads(capsys.readouterr().out)["out"] == str(tmp_path / "data")
    (file,) = (tmp_path / "data" / "math").glob("*.jsonl")
    assert len(file.read_text().splitlines()) == 5
    capsys.readouterr()
    assert cli.main(["data", "--task", "chess"]) == 2
    assert capsys.readouterr().err.startswith("mrlm data: error: There is no task 'chess'")


def test_data_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["data", "--help"])
    assert "--push_to_hub" in capsys.readouterr().out


def test_sample(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_llama(max_position_embeddings=2048).save_pretrained(tmp_path)
    tiny_tokenizer.save_pretrained(tmp_path)
    arguments = ["sample", "--task", "math", "--model", str(tmp_path), "--max_new_tokens", "8"]

    assert cli.main([*arguments, "--num_rows", "2", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["score"], first["rewards"]) == (0.0, {"math_reward": 0.0})
    assert first["id"] != second["id"] and first["num_tokens"] == 8

    assert cli.main([*arguments, "--num_rows", "1"]) == 0
    output = " ".join(capsys.readouterr().out.split())  # lines are wrapped
    row = TASKS["math"].build_dataset(1, 0, "train")[0]
    assert row["question"] in output
    assert f"score 0.00, answer None, right is '{row['answer']}'" in output
    assert "cut at the token limit" in output
