"""Public forms of tool data come in as rows that pay the labelled calls, and nothing else."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data.user import load_user_dataset
from mrlm.errors import ColumnError, DatasetError
from mrlm.tasks.tools import TASK, tools_task
from mrlm.tasks.tools.attacks import call, say, turn
from mrlm.tasks.tools.reward import ANY_CALLS
from mrlm.tasks.tools.user_rows import user_rows

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Tells the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The city."},
            "days": {"type": "integer"},
            "units": {"type": "string", "enum": ["C", "F"]},
        },
        "required": ["city"],
    },
}
TOOLS = [{"type": "function", "function": WEATHER}]


def openai_call(arguments: dict[str, Any], name: str = "get_weather") -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": "call_abc", "type": "function", "function": function}


def assistant(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def build(row: dict[str, Any]) -> list[dict[str, Any]]:
    built = user_rows().build(row)
    return built if isinstance(built, list) else [built]


def pays(row: dict[str, Any], *calls: dict[str, Any]) -> float | None:
    reward = TASK.reward_funcs[0]
    completion = [turn(*calls)] if calls else [say("I cannot tell.")]
    score = TASK.score(completion, row)
    (rewarded,) = reward([completion], calls=[row["calls"]], answer=[""], tools=[row["tools"]])
    assert (rewarded == 1.0) == (score == 1.0)
    return score


def paris(**more: Any) -> dict[str, Any]:
    return call("get_weather", city="Paris", **more)


# ------------------------------------------------------------------ logs of OpenAI's interface


def test_a_log_gives_a_row_for_each_turn_that_calls() -> None:
    rome = openai_call({"city": "Rome"})
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Rain in Paris?"}]},
        assistant(openai_call({"city": "Paris", "days": 2})),
        {"role": "tool", "tool_call_id": "call_abc", "content": "dry"},
        {"role": "assistant", "content": "No."},
        {"role": "user", "content": "And in Rome and Oslo?"},
        assistant(rome, openai_call({"city": "Oslo"})),
    ]
    first, second = build({"messages": messages, "tools": TOOLS})
    assert [m["role"] for m in first["prompt"]] == ["system", "user"]
    assert first["prompt"][1]["content"] == "Rain in Paris?"
    assert pays(first, paris(days=2)) == 1.0
    assert pays(first, paris()) == 0.0
    assert pays(first, paris(days=3)) == 0.0
    assert pays(first, paris(days=2), paris(days=2)) == 0.0
    assert pays(first) == 0.0
    made = second["prompt"][2]["tool_calls"][0]["function"]
    assert made == {"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}
    assert second["kind"] == "parallel"
    both = call("get_weather", city="Oslo"), call("get_weather", city="Rome")
    assert pays(second, *both) == 1.0 and pays(second, both[0]) == 0.0
    for row in (first, second):
        assert TASK.score(row["solution"], row) == 1.0


def test_older_logs_with_function_call_and_functions() -> None:
    function_call = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    messages = [
        {"role": "user", "content": "Rain in Paris?"},
        {"role": "assistant", "content": None, "function_call": function_call},
    ]
    (row,) = build({"messages": messages, "functions": [WEATHER]})
    assert pays(row, paris()) == 1.0


def test_a_log_without_calls_pays_words_and_no_call() -> None:
    messages = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hi."}]
    (row,) = build({"messages": messages, "tools": TOOLS})
    assert row["calls"] == [] and row["kind"] == "none"
    assert pays(row) == 1.0 and pays(row, paris()) == 0.0
    for silent in ("", "  ", "<think>\nHi", "<tool_call>{oops}</tool_call>"):
        assert TASK.score([say(silent)], row) == 0.0


def test_keys_that_tables_fill_with_none_are_absent() -> None:
    tools = copy.deepcopy(TOOLS)
    tools[0]["function"]["parameters"]["properties"]["zone"] = None
    filled = {"role": "user", "content": "Rain in Paris?", "tool_calls": None, "name": None}
    function = {"name": "get_weather", "arguments": {"city": "Paris", "zone": None}}
    (row,) = build({"messages": [filled, assistant({"function": function})], "tools": tools})
    assert pays(row, paris()) == 1.0
    assert "zone" not in row["tools"][0]["function"]["parameters"]["properties"]


def test_sharegpt_and_hermes_talks() -> None:
    called = json.dumps({"name": "get_weather", "arguments": {"city": "Paris"}})
    for turns in (
        [{"from": "function_call", "value": called}],
        [{"from": "gpt", "value": f"<tool_call>\n{called}\n</tool_call>"}],
    ):
        talk = [{"from": "human", "value": "Rain in Paris?"}, *turns]
        columns = {"conversations": talk, "tools": json.dumps(TOOLS)}
        (row,) = build(columns)
        assert pays(row, paris()) == 1.0
        (row,) = build(columns | {"system": "Be brief."})
        assert row["prompt"][0] == {"role": "system", "content": "Be brief."}


def test_a_log_without_the_tools_that_it_had_is_refused() -> None:
    with pytest.raises(ColumnError, match="column 'tools'"):
        build({"messages": [{"role": "user", "content": "Hello!"}, say("Hi.")]})


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"role": "user", "content": "Hi"}], "no message is the assistant's"),
        ([{"role": "assistant", "content": "Hi"}], "before the user does"),
        ([{"role": "robot", "content": "Hi"}], "role is 'robot'; known are system"),
        ([{"role": "user", "content": 7}, say("Hi")], "a message says 7"),
        ([say("Hi"), "Hi"], "'Hi' is no message"),
        ([], "an array of 0 is no list of messages"),
        ([{"role": "user", "content": "Hi"}, assistant(openai_call({}, "fly"))], "'fly' is called"),
        ([{"role": "user", "content": "Hi"}, assistant(openai_call({"town": "Rome"}))], "'city'"),
        (
            [{"role": "user", "content": "Hi"}, assistant({"function": {"name": "f"}})],
            "'f' is called, on offer are get_weather",
        ),
    ],
)
def test_logs_that_do_not_fit(messages: Any, words: str) -> None:
    with pytest.raises(ColumnError, match="messages") as raised:
        build({"messages": messages, "tools": TOOLS})
    assert words in str(raised.value)


# ------------------------------------------------------------------ glaive-function-calling

GLAIVE_SYSTEM = (
    "SYSTEM: You are a helpful assistant with access to the following functions. Use them if "
    f"required -\n{json.dumps(WEATHER, indent=4)}\n\n"
    + json.dumps({"name": "say_hello", "description": "Greets.", "parameters": {}})
    + "\n"
)
GLAIVE_CHAT = (
    "USER: Will it rain at L'Aquila?\n\n\nASSISTANT: <functioncall> "
    '{"name": "get_weather", "arguments": \'{"city": "L\\\'Aquila"}\'} <|endoftext|>\n\n\n'
    'FUNCTION RESPONSE: {"rain": true}\n\n\nASSISTANT: It will. <|endoftext|>\n\n\n'
    "USER: Greet me.\n\n\nASSISTANT: <functioncall> "
    '{"name": "say_hello", "arguments": \'{}\'} <|endoftext|>\n\n\n'
)


def test_glaives_talks() -> None:
    first, second = build({"system": GLAIVE_SYSTEM, "chat": GLAIVE_CHAT})
    assert [tool["function"]["name"] for tool in first["tools"]] == ["get_weather", "say_hello"]
    assert first["prompt"] == [{"role": "user", "content": "Will it rain at L'Aquila?"}]
    assert pays(first, call("get_weather", city="L'Aquila")) == 1.0
    assert pays(first, paris()) == 0.0
    assert second["prompt"][2] == {"role": "tool", "content": '{"rain": true}'}
    assert pays(second, call("say_hello")) == 1.0


def test_glaives_first_version_keeps_all_in_one_text() -> None:
    first, _ = build({"chat": GLAIVE_SYSTEM + GLAIVE_CHAT})
    assert first["prompt"] == [{"role": "user", "content": "Will it rain at L'Aquila?"}]
    assert pays(first, call("get_weather", city="L'Aquila")) == 1.0


def test_glaives_talks_without_functions_or_turns_are_refused() -> None:
    for column, row in (
        ("system", {"system": "SYSTEM: You have no functions.", "chat": GLAIVE_CHAT}),
        ("system", {"system": "SYSTEM: {name: x}", "chat": GLAIVE_CHAT}),
        ("chat", {"system": GLAIVE_SYSTEM, "chat": "Hello"}),
        ("chat", {"system": GLAIVE_SYSTEM, "chat": "USER: a\nASSISTANT: <functioncall> {x"}),
    ):
        with pytest.raises(ColumnError, match=f"column '{column}'"):
            build(row)


# ------------------------------------------------------------------ BFCL

AREA = {
    "name": "geometry.area",
    "description": "Area of a triangle.",
    "parameters": {
        "type": "dict",
        "properties": {
            "base": {"type": "float"},
            "corners": {"type": "tuple", "items": {"type": "float"}},
            "options": {"type": "dict", "properties": {"unit": {"type": "string"}}},
            "note": {"type": "any"},
        },
        "required": ["base"],
    },
}


def write_bfcl(folder: Path, category: str, questions: list[Any], answers: list[Any]) -> Path:
    """A pair of files as bfcl-eval ships them."""
    path = folder / f"BFCL_v4_{category}.json"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in questions))
    if answers:
        (folder / "possible_answer").mkdir(exist_ok=True)
        lines = "".join(f"{json.dumps(row)}\n" for row in answers)
        (folder / "possible_answer" / path.name).write_text(lines)
    return path


def bfcl_question(row_id: str) -> dict[str, Any]:
    question = [[{"role": "user", "content": "Area of a triangle of base 10?"}]]
    return {"id": row_id, "question": question, "function": [AREA]}


TRUTH = {"base": [10.0], "corners": [[1, 2], ""], "options": [{"unit": ["m", "cm"]}, ""]}


def test_bfcls_pair_of_files_becomes_rows(tmp_path: Path) -> None:
    answers = [{"id": "simple_python_0", "ground_truth": [{"geometry.area": TRUTH}]}]
    path = write_bfcl(tmp_path, "simple_python", [bfcl_question("simple_python_0")], answers)
    (row,) = load_user_dataset(str(path), TASK)
    assert row["id"] == "simple_python_0" and row["kind"] == "simple_python"
    properties = row["tools"][0]["function"]["parameters"]["properties"]
    assert row["tools"][0]["function"]["parameters"]["type"] == "object"
    assert properties["base"]["type"] == "number"
    assert properties["corners"] == {"type": "array", "items": {"type": "number"}}
    assert properties["options"]["type"] == "object" and properties["note"] == {}
    for right in (
        {"base": 10},
        {"base": 10.0, "corners": [1.0, 2.0]},
        {"base": 10, "options": {"unit": "CM"}},
    ):
        assert pays(row, call("geometry_area", **right)) == 1.0, right
    for wrong in ({}, {"base": "10"}, {"base": 10, "corners": [1.0]}, {"base": 10, "note": 1}):
        assert pays(row, call("geometry.area", **wrong)) == 0.0, wrong
    assert TASK.score(row["solution"], row) == 1.0


def test_bfcls_questions_without_answers_say_where_they_are_kept(tmp_path: Path) -> None:
    path = write_bfcl(tmp_path, "simple_python", [bfcl_question("simple_python_0")], [])
    with pytest.raises(DatasetError, match=r"row 0, column 'calls'.*folder possible_answer"):
        load_user_dataset(str(path), TASK)


def test_irrelevance_pays_words_and_no_call(tmp_path: Path) -> None:
    path = write_bfcl(tmp_path, "irrelevance", [bfcl_question("irrelevance_0")], [])
    (row,) = load_user_dataset(str(path), TASK)
    assert row["calls"] == [] and row["kind"] == "irrelevance"
    assert pays(row) == 1.0 and pays(row, call("geometry.area", base=10)) == 0.0


def test_what_bfcl_has_beyond_python_and_one_turn_is_refused() -> None:
    java = {**AREA, "parameters": {"type": "dict", "properties": {"a": {"type": "HashMap"}}}}
    row = bfcl_question("simple_java_0") | {"ground_truth": [{"geometry.area": {"a": ["x"]}}]}
    with pytest.raises(ColumnError, match=r"geometry.area.a: its type is 'HashMap'"):
        build(row | {"function": [java]})
    turns = [[{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}]]
    with pytest.raises(ColumnError, match="one turn of the user's"):
        build(bfcl_question("multi_turn_base_0") | {"question": turns, "ground_truth": []})


# ------------------------------------------------------------------ a question with calls


def test_calls_as_xlam_writes_them(tmp_path: Path) -> None:
    flat = {
        "name": "forecast",
        "description": "Forecasts.",
        "parameters": {
            "cities": {"description": "Where.", "type": "List[str]"},
            "days": {"description": "How long.", "type": "int, optional", "default": "1"},
        },
    }
    row = {
        "query": "Rain in Paris and Rome?",
        "tools": json.dumps([flat]),
        "answers": json.dumps([{"name": "forecast", "arguments": {"cities": ["Paris", "Rome"]}}]),
    }
    file = tmp_path / "xlam.jsonl"
    file.write_text(json.dumps(row))
    (made,) = load_user_dataset(str(file), TASK, ["question=query", "calls=answers"])
    assert made["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {
            "cities": {"description": "Where.", "type": "array", "items": {"type": "string"}},
            "days": {"description": "How long.", "type": "integer", "default": "1"},
        },
        "required": ["cities"],
    }
    assert pays(made, call("forecast", cities=["Paris", "Rome"])) == 1.0
    assert pays(made, call("forecast", cities=["Rome"])) == 0.0


def test_a_list_is_a_value_where_the_tool_takes_one_and_else_a_choice() -> None:
    function = {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {}},
        },
    }
    for given, right in (([1, 2], [1, 2]), ([[1, 2], [3]], [3])):
        calls = [{"name": "f", "arguments": {"a": given}}]
        (row,) = build({"question": "?", "tools": [function], "calls": calls})
        assert pays(row, call("f", a=right)) == 1.0 and pays(row, call("f", a=[2])) == 0.0
    calls = [{"name": "get_weather", "arguments": {"city": ["Paris", "Paris, France"]}}]
    (row,) = build({"question": "?", "tools": TOOLS, "calls": calls})
    assert pays(row, call("get_weather", city="paris france")) == 1.0


def test_steps_need_tools_that_run() -> None:
    step = [{"name": "get_weather", "arguments": {"city": "Paris"}}]
    with pytest.raises(ColumnError, match=r"calls of one turn.*--tools"):
        build({"question": "?", "tools": TOOLS, "calls": [step, step]})


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ([{"description": "x"}], "no name"),
        ([WEATHER, WEATHER], "stands there twice"),
        ([{"name": "f", "parameters": {"type": "object", "properties": []}}], "no object"),
        ([{"name": "f", "parameters": 7}], "no object"),
        ([{"name": "f", "parameters": {"properties": {"a": {"type": "thing"}}}}], "f.a: its type"),
        ("[not json", "in a text, as JSON"),
        ([7], "7 has no name"),
    ],
)
def test_tools_that_do_not_fit(tools: Any, words: str) -> None:
    with pytest.raises(ColumnError, match="tools") as raised:
        build({"question": "?", "tools": tools, "calls": []})
    assert words in str(raised.value)


def test_other_tools_than_the_builtin_need_a_description_or_a_function() -> None:
    row = {"question": "Rain?", "answer": "no", "calls": [[{"name": "fly", "arguments": {}}]]}
    with pytest.raises(ColumnError, match=r"'fly' is called, on offer are calculator.*--tools"):
        build(row)


def test_rows_of_builtin_tools_may_bring_an_answer_or_calls_alone() -> None:
    calls = [{"name": "calculator", "arguments": '{"expression": "2+3"}'}]
    (by_calls,) = build({"question": "2+3?", "calls": calls})
    made = call("calculator", expression="3 + 2")
    assert TASK.score([turn(made), say("It is five.")], by_calls) == 1.0
    assert TASK.score([say("Answer: 5")], by_calls) == 0.0
    (by_answer,) = build({"question": "2+3?", "answer": 5})
    assert "Answer:" in by_answer["prompt"][0]["content"] and by_answer["calls"] == ANY_CALLS
    assert TASK.score([turn(made), turn(made), say("Answer: 5")], by_answer) == 1.0
    assert TASK.score([turn(made), say("Answer: 6")], by_answer) == 0.0
    with pytest.raises(ColumnError, match="an answer, calls, or both"):
        build({"question": "2+3?"})


def test_partial_credit_reads_the_rows_own_tools() -> None:
    task = tools_task(partial_credit=True)
    (row,) = build({"question": "?", "tools": TOOLS, "calls": [paris(days=2)]})
    credit = next(f for f in task.reward_funcs if f.__name__ == "tool_call_reward")
    columns = {"calls": [row["calls"]], "tools": [row["tools"]]}
    (whole,) = credit([[turn(paris(days=2))]], **columns)
    (part,) = credit([[turn(paris(days=3))]], **columns)
    assert whole == 1.0 and part is not None and 0 < part < 1
