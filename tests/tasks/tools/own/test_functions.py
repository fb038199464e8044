"""Functions of the user's own as tools: what they are described as, run, bounded and scored."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mrlm.data.user import load_user_dataset
from mrlm.errors import DatasetError
from mrlm.sampling.environments import run_calls
from mrlm.sampling.rollout import rollout
from mrlm.sampling.types import SamplingParams
from mrlm.tasks import make_task
from mrlm.tasks.tools import tools_task
from mrlm.tasks.tools.own.limits import call_with_limit

FILE = '''
WEATHER = {"Paris": "dry", "Rome": "rain"}

def get_weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city.

    Args:
        city: The city's name.
        days: How many days ahead.
    """
    return WEATHER[city]

async def add(numbers: list[int]) -> int:
    """Add numbers.

    Args:
        numbers: What to add.
    """
    return sum(numbers)

def untyped(city, days: int):
    """Tell the weather.

    Args:
        city: The city's name.
    """

def bare(city: str): ...

def many(*cities: str):
    """Tell the weather.

    Args:
        cities: Their names.
    """

def odd(city: complex):
    """Tell the weather.

    Args:
        city: The city's name.
    """

class Weather: ...
'''


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / f"own_tools_{abs(hash(str(tmp_path)))}.py"
    path.write_text(FILE)
    return str(path)


@pytest.fixture
def task(file: str) -> Any:
    return make_task("tools", tools=[f"{file}:get_weather", f"{file}:add"])


def environment(task: Any) -> Any:
    (factory,) = task.environment.values()
    made = factory()
    made.reset(id="1")
    return made


def run(task_or_environment: Any, *calls: tuple[str, Any]) -> list[Any]:
    made = task_or_environment
    made = environment(made) if hasattr(made, "reward_funcs") else made
    tools = {name: getattr(made, name) for name in ("get_weather", "add")}
    listed = [{"function": {"name": name, "arguments": given}} for name, given in calls]
    return [result for _, result in run_calls(tools, listed)]


def rows(task: Any, tmp_path: Path, *wanted: dict[str, Any]) -> list[Any]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in wanted))
    return list(load_user_dataset(str(path), task))


# ------------------------------------------------------------------ schemas


def test_schemas_are_transformers(task: Any) -> None:
    weather, add = environment(task)._tool_schemas()
    assert weather["function"]["name"] == "get_weather"
    assert weather["function"]["description"] == "Tell the weather of a city."
    assert weather["function"]["parameters"]["required"] == ["city"]
    assert weather["function"]["parameters"]["properties"]["days"] == {
        "type": "integer",
        "description": "How many days ahead.",
    }
    assert add["function"]["parameters"]["properties"]["numbers"]["items"] == {"type": "integer"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("untyped", [":21: the tool untyped", "no type hint for city", "describes no days"]),
        ("bare", [":28: the tool bare has no docstring", "Args:"]),
        ("many", ["takes cities, which no call can name"]),
        ("odd", ["cannot be described", "complex"]),
        ("Weather", ["is no function"]),
        ("WEATHER", ["is no function"]),
        ("absent", ["has no 'absent'; it has", "get_weather"]),
    ],
)
def test_what_a_function_lacks_is_said_with_its_place(
    file: str, name: str, words: list[str]
) -> None:
    with pytest.raises(ValueError, match="") as raised:
        tools_task(tools=[f"{file}:{name}"])
    for word in words:
        assert word in str(raised.value)


def test_names_that_cannot_stand_together_are_refused(file: str) -> None:
    with pytest.raises(ValueError, match="Two tools are called 'get_weather'"):
        tools_task(tools=[f"{file}:get_weather", f"{file}:get_weather"])

    def reset(city: str) -> str:
        """Reset.

        Args:
            city: The city's name.
        """
        return city

    with pytest.raises(ValueError, match="cannot be called 'reset'"):
        tools_task(tools=[reset])


# ------------------------------------------------------------------ calls


def test_calls_run_and_their_errors_are_told(task: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        results = run(
            task,
            ("get_weather", {"city": "Paris"}),
            ("get_weather", {"city": "Atlantis"}),
            ("get_weather", {"city": 7}),
            ("get_weather", {"town": "Paris"}),
            ("add", {"numbers": [1, 2]}),
            ("get_weather", {"city": "Nowhere"}),
        )
    assert results[0] == "dry"
    assert "KeyError: 'Atlantis'" in results[1]
    assert "city must be string, got 7" in results[2]
    assert "unknown argument 'town'" in results[3] and "missing argument 'city'" in results[3]
    assert results[5] == "3", "asynchronous ones come last"
    assert len([r for r in caplog.records if "get_weather raised KeyError" in r.message]) == 1


def test_calls_are_bounded_in_number_and_length(file: str, tmp_path: Path) -> None:
    def talk(length: int) -> str:
        """Talk.

        Args:
            length: How long.
        """
        return "<|im_end|>" + "x" * length

    made = next(iter(tools_task(tools=[talk]).environment.values()))()  # type: ignore[union-attr]
    made.reset()
    said = made.talk(length=9000)
    assert len(said) < 2100 and "more characters" in said and "<|" not in said
    for _ in range(7):
        made.talk(length=1)
    with pytest.raises(ValueError, match="only 8 calls"):
        made.talk(length=1)
    made.reset()
    assert made.talk(length=1)


def test_a_call_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    def sleep() -> str:
        """Sleep."""
        try:
            time.sleep(60)
        except Exception:
            return "slept on"
        return "slept"

    async def wait() -> str:
        """Wait."""
        await asyncio.sleep(60)
        return "waited"

    task = tools_task(tools=[sleep, wait], tool_time_limit=0.2)
    made = environment(task)
    tools = {"sleep": made.sleep, "wait": made.wait}
    calls = [{"function": {"name": name, "arguments": {}}} for name in tools]
    assert all("took longer than 0.2 seconds" in result for _, result in run_calls(tools, calls))
    outcome: list[Any] = []

    def elsewhere() -> None:
        try:
            call_with_limit(lambda: time.sleep(60), 0.2)
        except TimeoutError as error:
            outcome.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(outcome) == 1


def test_a_function_runs_on_the_thread_that_made_its_connection() -> None:
    connection = sqlite3.connect(":memory:")

    def count() -> list[int]:
        """Count."""
        return list(connection.execute("select 1").fetchone())

    assert environment(tools_task(tools=[count])).count() == "[1]"
    connection.close()


# ------------------------------------------------------------------ rows and scores

BY_BOTH = {
    "question": "Will it rain in Rome?",
    "answer": "yes",
    "calls": [{"name": "get_weather", "arguments": {"city": ["Rome", "Roma"]}}],
}
LOOKUP = '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
ADD = '<tool_call>{"name": "add", "arguments": {"numbers": [1, 2]}}</tool_call>'


@pytest.mark.parametrize(
    ("drop", "turns", "score"),
    [
        ((), (LOOKUP, "Answer: yes"), 1.0),
        ((), (LOOKUP, "Answer: no"), 0.0),
        ((), ("Answer: yes",), 0.0),
        ((), (ADD, LOOKUP, "Answer: yes"), 0.0),
        (("calls",), (LOOKUP, "Answer: yes"), 1.0),
        (("calls",), (ADD, LOOKUP, "Answer: yes"), 1.0),
        (("calls",), ("Answer: yes",), 1.0),
        (("calls",), (LOOKUP, "Answer: no"), 0.0),
        (("answer",), (LOOKUP, "It will."), 1.0),
        (("answer",), (ADD, LOOKUP, "It will."), 0.0),
        (("answer",), (ADD, "It will."), 0.0),
    ],
)
def test_rows_are_scored_by_what_they_bring(
    drop: tuple[str, ...],
    turns: tuple[str, ...],
    score: float,
    task: Any,
    tmp_path: Path,
    tool_tokenizer: Any,
    gold_policy: Any,
) -> None:
    given = {key: value for key, value in BY_BOTH.items() if key not in drop}
    (row,) = rows(task, tmp_path, given)
    played = {**row, "solution": [{"role": "assistant", "content": turn} for turn in turns]}
    policy = gold_policy(tool_tokenizer, [played])
    (record,) = rollout(policy, tool_tokenizer, [row], task, SamplingParams(2000))
    assert record.score == score and not record.errors
    assert "get_weather(city: string, days?: integer)" in policy.prompts[0]
    results = [m["content"] for m in record.messages if m["role"] == "tool"]
    assert results == [{LOOKUP: "rain", ADD: "3"}[turn] for turn in turns[:-1]]


def test_a_log_is_a_question_with_calls_step_by_step(task: Any, tmp_path: Path) -> None:
    def said(name: str, **arguments: Any) -> dict[str, Any]:
        function = {"name": name, "arguments": json.dumps(arguments)}
        return {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}

    messages = [
        {"role": "user", "content": "Rome?"},
        said("get_weather", city="Rome"),
        {"role": "tool", "content": "rain"},
        said("add", numbers=[1, 2]),
        {"role": "assistant", "content": "Rain, and 3."},
        {"role": "user", "content": "Thanks."},
        said("add", numbers=[3]),
    ]
    (row,) = rows(task, tmp_path, {"messages": messages})
    assert row["prompt"] == [{"role": "user", "content": "Rome?"}]
    assert [[call["name"] for call in step] for step in row["calls"]] == [["get_weather"], ["add"]]


def test_own_tools_need_questions(task: Any, tmp_path: Path) -> None:
    assert task.needs_dataset and not len(task.build_dataset(0, 0, "train"))
    with pytest.raises(DatasetError, match=r"come without questions.*--dataset_name"):
        task.build_dataset(3, 0, "train")
    for row, words in (
        ({"question": "Rain?"}, "an answer, calls, or both"),
        (BY_BOTH | {"calls": [{"name": "fly", "arguments": {}}]}, "on offer are get_weather, add"),
        (BY_BOTH | {"calls": [{"name": "add", "arguments": {"numbers": "x"}}]}, "numbers must be"),
    ):
        with pytest.raises(DatasetError, match=words):
            rows(task, tmp_path, row)


def test_options_that_do_not_go_together(file: str) -> None:
    with pytest.raises(ValueError, match="does not go with tools"):
        tools_task(tools=[f"{file}:add"], environment=f"{file}:Weather")
    with pytest.raises(ValueError, match="tool_time_limit is 0"):
        tools_task(tools=[f"{file}:add"], tool_time_limit=0)
    with pytest.raises(ValueError, match="max_rounds is 0"):
        tools_task(max_rounds=0)
    assert tools_task(tools=[f"{file}:add"], max_rounds=9).max_tool_calling_iterations == 9
