"""An environment by TRL's protocol named on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data.user import load_user_dataset
from mrlm.errors import DatasetError
from mrlm.sampling.rollout import rollout
from mrlm.sampling.types import SamplingParams
from mrlm.tasks import make_task

FILE = '''
import random

class Guessing:
    def reset(self, seed=None, number=None, **row):
        self.number = random.Random(seed).randint(1, 9) if number is None else number
        self.found = False
        return f"Guess a number from 1 to 9. It is {self.number}."

    def guess(self, number: int) -> str:
        """Guess the number.

        Args:
            number: Your guess.
        """
        self.found = number == self.number
        return "right" if self.found else "wrong"

    async def get_reward(self) -> float:
        return float(self.found)

class Plain:
    def reset(self, city):
        self.city = city

    def get_weather(self) -> str:
        """Tell the weather."""
        return f"rain in {self.city}"

class NoReset:
    def guess(self) -> str:
        """Guess."""

class Untyped(Plain):
    def tell(self, city): ...

nothing = 7
'''
GUESS = '<tool_call>{"name": "guess", "arguments": {"number": NUMBER}}</tool_call>'


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / f"own_environment_{abs(hash(str(tmp_path)))}.py"
    path.write_text(FILE)
    return str(path)


def load(task: Any, tmp_path: Path, *wanted: dict[str, Any]) -> list[Any]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in wanted))
    return list(load_user_dataset(str(path), task))


def play(task: Any, rows: list[Any], tokenizer: Any, policy_of: Any, *turns: str) -> list[Any]:
    said = [{"role": "assistant", "content": turn} for turn in turns]
    known = []
    for row in rows:
        environment = task.environment()
        told = environment.reset(**row) or ""
        content = row["prompt"][-1]["content"] + told
        known.append({**row, "prompt": [{"content": content}], "solution": said})
    policy = policy_of(tokenizer, known)
    return rollout(policy, tokenizer, rows, task, SamplingParams(2000))


def test_an_environment_owns_prompts_and_reward(
    file: str, tool_tokenizer: Any, gold_policy: Any
) -> None:
    task = make_task("tools", environment=f"{file}:Guessing")
    assert not task.needs_dataset and task.reward_funcs == ()
    rows = list(task.build_dataset(4, 0, "train"))
    assert rows == list(task.build_dataset(6, 0, "train"))[:4], "no row depends on their number"
    seeds = [row["columns"]["seed"] for row in rows]
    others = [row["columns"]["seed"] for row in task.build_dataset(4, 0, "test")]
    assert len({*seeds, *others}) == 8
    guess = GUESS.replace("NUMBER", "5")
    records = play(task, rows, tool_tokenizer, gold_policy, guess, "Done.")
    for record in records:
        right = "It is 5." in record.prompt[0]["content"]
        assert record.score == float(right) and record.rewards == {"Guessing": float(right)}


def test_columns_of_a_dataset_reach_reset(
    file: str, tmp_path: Path, tool_tokenizer: Any, gold_policy: Any
) -> None:
    task = make_task("tools", environment=f"{file}:Guessing")
    (row,) = load(task, tmp_path, {"number": 3, "question": "Let us play. "})
    (record,) = play(
        task, [row], tool_tokenizer, gold_policy, GUESS.replace("NUMBER", "3"), "Done."
    )
    assert record.score == 1.0
    assert record.prompt[0]["content"] == "Let us play.Guess a number from 1 to 9. It is 3."


def test_without_a_reward_rows_bring_answers(
    file: str, tmp_path: Path, tool_tokenizer: Any, gold_policy: Any
) -> None:
    task = make_task("tools", environment=f"{file}:Plain")
    assert task.needs_dataset
    with pytest.raises(DatasetError, match="come without questions"):
        task.build_dataset(1, 0, "train")
    (row,) = load(task, tmp_path, {"question": "Rain?", "answer": "yes", "city": "Rome"})
    lookup = '<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>'
    (record,) = play(task, [row], tool_tokenizer, gold_policy, lookup, "Answer: yes")
    assert record.score == 1.0
    assert record.messages[1]["content"] == "rain in Rome"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NoReset", "NoReset has no method reset"),
        ("Untyped", "the tool tell has no type hint for city; it has no docstring"),
        ("nothing", "environment is 7; name a class"),
    ],
)
def test_environments_that_do_not_fit(file: str, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_task("tools", environment=f"{file}:{name}")
