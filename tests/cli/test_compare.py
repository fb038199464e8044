"""``mrlm compare`` and ``mrlm report`` through a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mrlm import cli
from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.report.runs import load_runs, write_runs_report
from mrlm.runs.folder import RunFolder

Make = Callable[..., Evaluation]


def mrlm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mrlm.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.integration
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


@pytest.mark.integration
def test_compare_for_people(evaluation: Make, tmp_path: Path) -> None:
    evaluation([0.0, 1.0]).save(tmp_path)

    done = mrlm("compare", tmp_path, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "No clear change" in done.stdout


@pytest.mark.integration
def test_pairing_mistakes_reach_the_shell(evaluation: Make, tmp_path: Path) -> None:
    evaluation([0.0]).save(tmp_path / "a")
    evaluation([0.0, 1.0]).save(tmp_path / "b")

    done = mrlm("compare", tmp_path / "a", tmp_path / "b")

    assert done.returncode == 2
    assert done.stderr.startswith("mrlm compare: the evaluations are of different rows")
    assert done.stdout == ""


def make_run(folder: Path, before: Evaluation, after: Evaluation, **config: object) -> Path:
    run = RunFolder(folder)
    before.save(run.eval_before)
    after.save(run.eval_after)
    run.write_config(config)
    run.write_metrics({"step": i, "reward": i * 0.1} for i in range(1, 4))
    run.write_results(compare(before, after), title=folder.name, warnings=["<i>slow</i>"])
    return folder


def test_several_runs_make_one_page_and_a_table(evaluation: Make, tmp_path: Path) -> None:
    base = evaluation([0.0] * 8)
    first = make_run(tmp_path / "one", base, evaluation([1.0] * 2 + [0.0] * 6), lr=1, seed=0)
    second = make_run(tmp_path / "two", base, evaluation([1.0] * 8), lr=2, seed=0)
    other = evaluation([0.0, 1.0])
    third = make_run(tmp_path / "three", other, other, lr=2, seed=0)
    runs = load_runs([first, second, third])

    page = write_runs_report(runs, tmp_path / "all").read_text()

    lines = [run.to_dict() for run in runs]
    assert [line["accuracy_after"] for line in lines] == [0.25, 1.0, 0.5]
    assert lines[0]["against_first"] is None and lines[2]["against_first"] is None  # other rows
    assert lines[1]["against_first"]["difference"] == 0.75
    assert lines[1]["against_first"]["p_value"] == pytest.approx(2 * 0.5**6)
    assert '"settings":[["lr","1","2","2"]]' in page
    assert "<i>slow" not in page and "\\u003ci>slow" in page


def test_runs_through_the_command_line(
    evaluation: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = evaluation([0.0, 1.0])
    run = make_run(tmp_path / "one", scores, scores)

    assert cli.main(["compare", str(run), str(run), "--json"]) == 0
    assert [line["difference"] for line in json.loads(capsys.readouterr().out)] == [0.0, 0.0]
    assert cli.main(["compare", str(run), str(run), "--output_dir", str(tmp_path / "all")]) == 0
    assert "50.0%" in capsys.readouterr().out
    assert (tmp_path / "all" / "report.html").is_file()
    for folders, message in (
        ([run, run / "eval_after"], "holds no finished run"),
        ([run], "name 2 to 6"),
        ([run / "eval_after"] * 3, "name two evaluations"),
    ):
        assert cli.main(["compare", *map(str, folders)]) == 2
        assert message in capsys.readouterr().err
