"""Prompts turn by turn, as the model sees them when it plays the episode."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from mrlm.data.turns import turn_prompts
from mrlm.models.chat_templates import add_tool_calling
from mrlm.sampling.environments import start_environment
from mrlm.tasks import make_task


@pytest.fixture
def tokenizer(tiny_tokenizer: Any) -> Any:
    return add_tool_calling(copy.deepcopy(tiny_tokenizer))


def test_rows_of_one_turn_keep_their_prompt(tokenizer: Any) -> None:
    task = make_task("math")
    rows = task.build_dataset(3, 0, "train")
    prompts = turn_prompts(rows, task, tokenizer)
    assert prompts.column_names == ["prompt"]
    assert list(prompts["prompt"]) == list(rows["prompt"])


def test_every_turn_of_an_episode_is_a_prompt(tokenizer: Any) -> None:
    """The first is the one that the episode begins with; the next have calls and results in it."""
    task = make_task("tools")
    rows = task.build_dataset(8, 0, "train")
    turns = [sum(m["role"] == "assistant" for m in row["solution"]) for row in rows]
    assert max(turns) > 1
    prompts = list(turn_prompts(rows, task, tokenizer)["prompt"])
    assert len(prompts) == sum(turns)
    start = 0
    for row, count in zip(rows, turns, strict=True):
        first, *later = prompts[start : start + count]
        start += count
        started = start_environment(row, task)
        assert first == tokenizer.apply_chat_template(
            started.prompt, tools=started.offered, add_generation_prompt=True, tokenize=False
        )
        started.end()
        assert all(prompt.endswith("<|im_start|>assistant\n") for prompt in [first, *later])
        for before, after in zip([first, *later], later, strict=False):
            assert after.startswith(before) and "<tool_call>" in after[len(before) :]


def test_without_a_solution_there_is_the_first_turn(tokenizer: Any) -> None:
    task = make_task("tools")
    rows = [{**row, "solution": None} for row in task.build_dataset(3, 0, "train")]
    assert len(turn_prompts(rows, task, tokenizer)) == 3


class Asking:
    """An environment that asks by itself."""

    def reset(self, **row: Any) -> str:
        return f"What is the weather on day {row['difficulty']}?"

    def look(self, city: str) -> str:
        """Look out of the window.

        Args:
            city: Where.
        """
        return "dry"


def test_a_prompt_that_the_environment_gives(tokenizer: Any) -> None:
    task = replace(make_task("tools"), environment=Asking)
    (prompt,) = turn_prompts([{"prompt": None, "difficulty": "easy"}], task, tokenizer)["prompt"]
    assert "What is the weather on day easy?" in prompt and "look(" in prompt


def test_no_beginning_of_text_stands_twice(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer that writes one before any text writes it before the rendered prompt, too."""
    from tokenizers.processors import TemplateProcessing

    tokenizer.bos_token = tokenizer.pad_token
    number = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{tokenizer.bos_token} $A", special_tokens=[(tokenizer.bos_token, number)]
    )
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    task = make_task("tools")
    (prompt,) = turn_prompts(task.build_dataset(1, 0, "train"), task, tokenizer)["prompt"][:1]
    assert tokenizer(prompt)["input_ids"].count(number) == 1
