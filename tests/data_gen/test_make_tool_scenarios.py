from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from make_tool_scenarios import main


def test_writes_five_scenarios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "tool_scenarios.json"
    main(["--output", str(output)])
    scenarios = json.loads(output.read_text())
    assert [scenario["id"] for scenario in scenarios] == [f"tool_00{i}" for i in range(1, 6)]
    uses = Counter(tool for scenario in scenarios for tool in scenario["tools"])
    assert uses == {"calculator": 2, "web_search": 1, "file_system": 1, "python_repl": 2}
    for scenario in scenarios:
        called = {call["name"] for step in scenario["calls"] for call in step}
        assert called == set(scenario["tools"])
        assert scenario["answer"] and "\n" not in scenario["question"]
    assert "tool_001" in capsys.readouterr().out


def test_arguments_choose_the_scenarios(tmp_path: Path) -> None:
    texts = []
    for seed in ("0", "0", "1"):
        output = tmp_path / "scenarios.json"
        main(["--output", str(output), "--size", "12", "--seed", seed])
        texts.append(output.read_text())
    assert texts[0] == texts[1] != texts[2]
    questions = [scenario["question"] for scenario in json.loads(texts[2])]
    assert len(set(questions)) == 12


def test_a_wrong_split_leaves_the_old_file(tmp_path: Path) -> None:
    output = tmp_path / "scenarios.json"
    output.write_text("old")
    with pytest.raises(ValueError, match="dev"):
        main(["--output", str(output), "--split", "dev"])
    assert output.read_text() == "old"
