"""Recipes with tools of the user's own, named by flags; PPO and GRPO on the tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

TOOLS = '''
def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: The city's name.
    """
    return "rain"
'''
ENVIRONMENT = '''
class Guessing:
    def reset(self, seed: int = 0, **row) -> str:
        self.found = False
        return f"Guess a number. Hint: {seed}."

    async def guess(self, number: int) -> str:
        """Guess the number.

        Args:
            number: Your guess.
        """
        return "wrong"

    async def get_reward(self) -> float:
        return float(self.found)
'''
CITIES = ("Rome", "Oslo", "Bern", "Kiev", "Riga", "Cairo", "Lima", "Quito", "Paris", "Delhi")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def questions(tmp_path: Path) -> str:
    asked = [{"question": f"Rain in {city}?", "answer": "yes"} for city in CITIES]
    return write_rows(tmp_path / "questions.jsonl", asked)


@pytest.mark.parametrize("name", ["ppo_math", "grpo_code"])
def test_functions_of_ones_own(name: str, run: Any, questions: str, tmp_path: Path) -> None:
    (tmp_path / "recipe_tools.py").write_text(TOOLS, encoding="utf-8")
    recipe = run(name)
    results = recipe(
        "--task",
        "tools",
        "--tools",
        f"{tmp_path / 'recipe_tools.py'}:get_weather",
        "--dataset_name",
        questions,
        "--max_rounds",
        "2",
    )
    assert results["comparison"]["num_pairs"] == 2
    notes = " ".join(results["notes"])
    assert "The last 2 of your rows are held out" in notes and "No SFT warm-up" in notes
    asked = {row["prompt"][0]["content"] for row in recipe.json("eval_before/records.jsonl")}
    assert all("Paris" in text or "Delhi" in text for text in asked)


@pytest.mark.parametrize("name", ["ppo_math", "grpo_code"])
def test_an_environment_of_ones_own(name: str, run: Any, tmp_path: Path) -> None:
    (tmp_path / "recipe_environment.py").write_text(ENVIRONMENT, encoding="utf-8")
    recipe = run(name)
    flags = ("--task", "tools", "--environment", f"{tmp_path / 'recipe_environment.py'}:Guessing")
    results = recipe(*flags)
    assert results["comparison"]["num_pairs"] == 4
    for record in recipe.json("eval_after/records.jsonl"):
        assert record["prompt"][0]["content"].startswith("Guess a number. Hint:")
        assert record["score"] == 0.0 and record["rewards"] == {"Guessing": 0.0}


@pytest.mark.parametrize("name", ["ppo_math", "grpo_code", "sft_tools"])
def test_rows_with_tools_of_their_own(name: str, run: Any, tmp_path: Path) -> None:
    """Their labelled calls are the worked solutions that the warm-up learns from."""
    tool = {"name": "get_weather", "parameters": {"properties": {"city": {"type": "string"}}}}
    rows = [
        {
            "question": f"Rain in {city}?",
            "tools": [tool],
            "calls": [{"name": "get_weather", "arguments": {"city": city}}],
        }
        for city in CITIES
    ]
    train = write_rows(tmp_path / "train.jsonl", rows[:8])
    held_out = write_rows(tmp_path / "held_out.jsonl", rows[8:])
    recipe = run(name)
    results = recipe("--task", "tools", "--dataset_name", train, "--eval_dataset_name", held_out)
    assert results["comparison"]["num_pairs"] == 2
    if name != "sft_tools":
        assert any("SFT warm-up on 8 worked solutions" in note for note in results["notes"])


def test_without_rows_it_says_what_is_needed(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe_tools2.py").write_text(TOOLS, encoding="utf-8")
    with pytest.raises(SystemExit):
        run("grpo_code")(
            "--task", "tools", "--tools", f"{tmp_path / 'recipe_tools2.py'}:get_weather"
        )
    said = capsys.readouterr().err
    assert "come without questions" in said and "--dataset_name" in said
