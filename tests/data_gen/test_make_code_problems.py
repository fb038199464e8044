from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from make_code_problems import main

FOLDER = Path(__file__).parents[2] / "data_gen"


def test_writes_the_layout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "code_problems.json"
    main(["--output", str(output)])
    problems = json.loads(output.read_text())
    assert [problem["id"] for problem in problems] == [f"code_00{i}" for i in range(1, 8)]
    keys = ["id", "description", "function_name", "difficulty", "test_cases"]
    for problem in problems:
        assert list(problem) == keys
        assert len(problem["test_cases"]) == 3
        for test in problem["test_cases"]:
            assert set(test) == {"input", "output"}
            ast.literal_eval(f"[{test['input']}]")
            ast.literal_eval(test["output"])
    assert "code_001" in capsys.readouterr().out
    # The file in the repository is what the command writes.
    assert output.read_text() == (FOLDER / "code_problems.json").read_text()


def test_arguments_choose_the_problems(tmp_path: Path) -> None:
    output = tmp_path / "problems.json"
    flags = ["--output", str(output), "--size", "5", "--difficulties", "hard", "easy"]
    main([*flags, "--seed", "3"])
    first = json.loads(output.read_text())
    assert [problem["difficulty"] for problem in first] == ["hard"] * 3 + ["easy"] * 2
    main([*flags, "--seed", "4"])
    assert first != json.loads(output.read_text())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--difficulties", "simple"], "simple"),
        (["--size", "500", "--difficulties", "hard"], "families for 500 hard train problems"),
    ],
)
def test_a_wrong_request_leaves_the_old_file(
    tmp_path: Path, flags: list[str], message: str
) -> None:
    output = tmp_path / "problems.json"
    output.write_text("old")
    with pytest.raises(ValueError, match=message):
        main(["--output", str(output), *flags])
    assert output.read_text() == "old"
