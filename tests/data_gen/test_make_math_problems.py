from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from make_math_problems import main


def test_writes_the_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "math_problems.json"
    main(["--output", str(output)])
    problems = json.loads(output.read_text())
    assert [problem["id"] for problem in problems[:2]] == ["math_001", "math_002"]
    assert [problem["difficulty"] for problem in problems] == ["easy"] * 10 + ["medium"] * 10
    assert all(list(p) == ["id", "question", "answer", "difficulty"] for p in problems)
    assert all(type(problem["answer"]) is int for problem in problems)
    assert [file.name for file in output.parent.iterdir()] == ["math_problems.json"]
    assert "math_001" in capsys.readouterr().out


def test_hard_answers_are_numbers_or_fractions(tmp_path: Path) -> None:
    output = tmp_path / "problems.json"
    main(["--output", str(output), "--size", "200", "--difficulties", "hard"])
    answers = [problem["answer"] for problem in json.loads(output.read_text())]
    assert {type(answer) for answer in answers} == {int, float, str}
    assert all(re.fullmatch(r"\d+/\d+", answer) for answer in answers if type(answer) is str)
    assert min(answer for answer in answers if type(answer) is not str) < 0


def test_arguments_choose_the_problems(tmp_path: Path) -> None:
    output = tmp_path / "problems.json"
    main(["--output", str(output), "--size", "5", "--difficulties", "hard", "easy", "--seed", "3"])
    first = json.loads(output.read_text())
    assert [problem["difficulty"] for problem in first] == ["hard"] * 3 + ["easy"] * 2
    main(["--output", str(output), "--size", "5", "--difficulties", "hard", "easy", "--seed", "4"])
    assert first != json.loads(output.read_text())


def test_a_wrong_difficulty_leaves_the_old_file(tmp_path: Path) -> None:
    output = tmp_path / "problems.json"
    output.write_text("old")
    with pytest.raises(ValueError, match="simple"):
        main(["--output", str(output), "--difficulties", "simple"])
    assert output.read_text() == "old"
