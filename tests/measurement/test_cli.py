"""The command line through a real process: output, exit codes, and how little it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mrlm import cli
from mrlm.evaluation import Evaluation

Make = Callable[..., Evaluation]


def mrlm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mrlm.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", [[], ["eval"], ["compare"], ["report"], ["tasks"]])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*command, "--help"])

    assert exit_.value.code == 0
    assert "usage: mrlm" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["eval", "--help"], ["tasks"]])
def test_what_only_lists_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from mrlm import cli\n"
        f"try: cli.main({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'scipy', 'matplotlib'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.stderr == ""
    assert done.stdout


def test_tasks_lists_every_task() -> None:
    from mrlm.tasks import TASKS

    done = mrlm("tasks")

    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line[0] != " "] == sorted(TASKS)


def test_compare_as_json_and_as_a_report(evaluation: Make, tmp_path: Path) -> None:
    evaluation([0.0, 0.0, 1.0]).save(tmp_path / "a")
    evaluation([1.0, 1.0, 1.0]).save(tmp_path / "b")

    done = mrlm("compare", tmp_path / "a", tmp_path / "b", "--json", "--output_dir", tmp_path / "c")

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["num_gained"], result["num_lost"]) == (2, 0)
    assert result["difference"] == pytest.approx(2 / 3)
    report = tmp_path / "c" / "report.html"
    assert "+66.7" in report.read_text()

    report.unlink()
    again = mrlm("report", tmp_path / "c")
    assert (again.returncode, again.stdout) == (0, f"{report}\n")
    assert report.is_file()


def test_compare_for_people(evaluation: Make, tmp_path: Path) -> None:
    evaluation([0.0, 1.0]).save(tmp_path)

    done = mrlm("compare", tmp_path, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "No clear change" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "arguments are required: COMMAND"),
        (["train"], "invalid choice: 'train'"),
        (["eval"], "arguments are required: --task"),
        (["eval", "--task", "chess"], "no task 'chess': choose one of"),
        (["eval", "--task", "math", "--num_rows", "many"], "invalid int value: 'many'"),
        (["compare", "nowhere", "nowhere"], "nowhere holds no results.json"),
        (["report", "nowhere"], "nowhere holds no results.json"),
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


def test_pairing_mistakes_reach_the_shell(evaluation: Make, tmp_path: Path) -> None:
    evaluation([0.0]).save(tmp_path / "a")
    evaluation([0.0, 1.0]).save(tmp_path / "b")

    done = mrlm("compare", tmp_path / "a", tmp_path / "b")

    assert done.returncode == 2
    assert done.stderr.startswith("mrlm compare: the evaluations are of different rows")
    assert done.stdout == ""
