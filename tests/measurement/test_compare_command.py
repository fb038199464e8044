"""``mrlm compare`` and ``mrlm report`` through a real process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mrlm.evaluation import Evaluation

Make = Callable[..., Evaluation]


def mrlm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mrlm.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


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


def test_pairing_mistakes_reach_the_shell(evaluation: Make, tmp_path: Path) -> None:
    evaluation([0.0]).save(tmp_path / "a")
    evaluation([0.0, 1.0]).save(tmp_path / "b")

    done = mrlm("compare", tmp_path / "a", tmp_path / "b")

    assert done.returncode == 2
    assert done.stderr.startswith("mrlm compare: the evaluations are of different rows")
    assert done.stdout == ""
