"""Rows that are ready for SFT and DPO, in the forms of public datasets."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data.ready import ReadyDataset
from mrlm.errors import DatasetError

USER = {"role": "user", "content": "Hi?"}
ANSWER = {"role": "assistant", "content": "Hello."}
OTHER = {"role": "assistant", "content": "Go away."}
SYSTEM = {"role": "system", "content": "Be kind."}
SCHEMA = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": SCHEMA}]
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
CALLS = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "2"}


def _load(tmp_path: Path, use: str, rows: list[Any], columns: Any = None, **options: Any) -> Any:
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ReadyDataset(str(path), use, columns, **options).load()


SFT = {
    "messages": ({"messages": [USER, ANSWER]}, {"messages": [USER, ANSWER]}),
    "messages as JSON text": (
        {"messages": json.dumps([SYSTEM, USER, ANSWER])},
        {"messages": [SYSTEM, USER, ANSWER]},
    ),
    "content in parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi?"}]}, ANSWER]},
        {"messages": [USER, ANSWER]},
    ),
    "keys filled with None": (
        {
            "messages": [
                USER | {"tool_calls": None, "name": None},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1, "b": None}}}],
                },
                RESULT | {"tool_calls": None},
                ANSWER | {"tool_calls": None},
            ],
            "tools": json.dumps([SCHEMA]),
        },
        {"messages": [USER, CALLS, RESULT, ANSWER], "tools": TOOLS},
    ),
    "ShareGPT": (
        {
            "id": "x",
            "conversations": [
                {"from": "human", "value": "Hi?"},
                {"from": "gpt", "value": "Hello."},
            ],
        },
        {"messages": [USER, ANSWER]},
    ),
    "LLaMA-Factory with tools": (
        {
            "conversations": [
                {"from": "human", "value": "Hi?"},
                {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 1}}'},
                {"from": "observation", "value": "2"},
                {"from": "gpt", "value": "Hello."},
            ],
            "system": "Be kind.",
            "tools": json.dumps([SCHEMA]),
        },
        {"messages": [SYSTEM, USER, CALLS, RESULT, ANSWER], "tools": TOOLS},
    ),
    "alpaca": (
        {"instruction": "Hi?", "input": "", "output": "Hello.", "text": "..."},
        {"prompt": [USER], "completion": [ANSWER]},
    ),
    "alpaca with input": (
        {"instruction": "Add.", "input": "1, 2", "output": "Hello."},
        {"prompt": [{"role": "user", "content": "Add.\n\n1, 2"}], "completion": [ANSWER]},
    ),
    "LLaMA-Factory's alpaca": (
        {
            "instruction": "Hi?",
            "output": "Hello.",
            "system": "Be kind.",
            "history": [["A?", "B."]],
        },
        {
            "prompt": [
                SYSTEM,
                {"role": "user", "content": "A?"},
                {"role": "assistant", "content": "B."},
                USER,
            ],
            "completion": [ANSWER],
        },
    ),
    "texts": (
        {"prompt": "Hi?", "completion": "Hello."},
        {"prompt": "Hi?", "completion": "Hello."},
    ),
    "chat": (
        {"prompt": [USER], "completion": [ANSWER]},
        {"prompt": [USER], "completion": [ANSWER]},
    ),
    "text and chat": (
        {"prompt": "Hi?", "completion": [ANSWER]},
        {"prompt": [USER], "completion": [ANSWER]},
    ),
    "other case": ({"Messages": [USER, ANSWER]}, {"messages": [USER, ANSWER]}),
}
PAIR = {"prompt": [USER], "chosen": [ANSWER], "rejected": [OTHER]}
DPO = {
    "chat": (PAIR, PAIR),
    "texts": (
        {"prompt": "Hi?", "chosen": "Hello.", "rejected": ""},
        {"prompt": "Hi?", "chosen": "Hello.", "rejected": ""},
    ),
    "UltraFeedback": (
        {
            "prompt": "Hi?",
            "prompt_id": "x",
            "chosen": [USER, ANSWER],
            "rejected": [USER, OTHER],
            "messages": [USER, ANSWER],
            "score_chosen": 7.5,
        },
        PAIR,
    ),
    "with a system column": (
        {"system": "Be kind.", "prompt": "Hi?", "chosen": "Hello.", "rejected": "Go away."},
        PAIR | {"prompt": [SYSTEM, USER]},
    ),
    "chat prompt and whole conversations": (
        {"prompt": [USER], "chosen": [USER, ANSWER], "rejected": [USER, OTHER]},
        PAIR,
    ),
    "implicit prompt": ({"chosen": [USER, ANSWER], "rejected": [USER, OTHER]}, PAIR),
    "implicit prompt, texts": (
        {"chosen": "Human: Hi? Assistant: Yes", "rejected": "Human: Hi? Assistant: No"},
        {"prompt": "Human: Hi? Assistant:", "chosen": " Yes", "rejected": " No"},
    ),
    "LLaMA-Factory": (
        {
            "conversations": [{"from": "human", "value": "Hi?"}],
            "chosen": {"from": "gpt", "value": "Hello."},
            "rejected": {"from": "gpt", "value": "Go away."},
        },
        PAIR,
    ),
    "alpaca": (
        {"instruction": "Hi?", "input": "", "chosen": "Hello.", "rejected": "Go away."},
        PAIR,
    ),
    "tools": (
        {"prompt": [USER], "chosen": [CALLS], "rejected": [OTHER], "tools": [SCHEMA]},
        PAIR | {"chosen": [CALLS], "tools": TOOLS},
    ),
}


@pytest.mark.parametrize(
    ("use", "given", "expected"),
    [pytest.param("sft", *case, id=f"sft {name}") for name, case in SFT.items()]
    + [pytest.param("dpo", *case, id=f"dpo {name}") for name, case in DPO.items()],
)
def test_every_form_comes_in(
    use: str, given: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    rows = _load(tmp_path, use, [given, given])
    assert rows.examples.to_list() == [expected, expected] and rows.indices == [0, 1]
    assert rows.has_tools == ("tools" in expected)


@pytest.mark.parametrize(
    ("use", "good", "change", "message"),
    [
        (
            "sft",
            "messages",
            {"messages": None},
            "column 'messages': expected a list of.*got nothing",
        ),
        ("sft", "messages", {"messages": []}, "expected a list of messages"),
        ("sft", "messages", {"messages": "Hi"}, "expected a list of messages.*got 'Hi'"),
        ("sft", "messages", {"messages": [USER]}, "at least one message of the assistant"),
        ("sft", "messages", {"messages": [USER, None]}, r"message 1 is none"),
        ("sft", "messages", {"messages": [{"role": "bot", "content": ""}]}, "roles among.*'bot'"),
        (
            "sft",
            "messages",
            {"messages": [USER, {"role": "assistant", "content": None}]},
            "has none",
        ),
        ("sft", "messages", {"messages": [{"role": "user", "content": 5}, ANSWER]}, "has int"),
        ("sft", "messages", {"messages": [USER, CALLS, RESULT]}, "'tools': expected the schemas"),
        ("sft", "ShareGPT", {"conversations": [{"from": "alien", "value": ""}]}, "human, gpt"),
        (
            "sft",
            "LLaMA-Factory with tools",
            {"conversations": [{"from": "function_call", "value": "add(1)"}]},
            "tool calls as",
        ),
        ("sft", "LLaMA-Factory with tools", {"tools": "add(a)"}, "a list of JSON schemas"),
        ("sft", "alpaca", {"output": ""}, "column 'output': expected text, got ''"),
        ("sft", "alpaca", {"instruction": 7}, "column 'instruction': expected text, got 7"),
        ("sft", "alpaca", {"output": None}, "column 'output': expected text, got nothing"),
        (
            "sft",
            "LLaMA-Factory's alpaca",
            {"history": [["A?"]]},
            "column 'history': expected a list",
        ),
        ("sft", "texts", {"completion": " "}, "column 'completion'"),
        ("sft", "texts", {"prompt": None}, "column 'prompt': expected text, or a list of messages"),
        ("sft", "chat", {"completion": [USER]}, "column 'completion'"),
        ("sft", "chat", {"prompt": [USER, ANSWER]}, "column 'prompt'"),
        ("dpo", "chat", {"rejected": [ANSWER]}, "column 'rejected': expected another answer"),
        ("dpo", "chat", {"rejected": None}, "column 'rejected'.*got nothing"),
        ("dpo", "texts", {"chosen": ""}, "column 'chosen'"),
        ("dpo", "UltraFeedback", {"chosen": [SYSTEM, ANSWER]}, "that holds the prompt"),
        ("dpo", "UltraFeedback", {"rejected": [USER, OTHER, USER, OTHER]}, "the same conversation"),
        ("dpo", "implicit prompt", {"rejected": [ANSWER]}, "begins like chosen"),
        ("dpo", "implicit prompt", {"rejected": [USER, SYSTEM]}, "the assistant says"),
        ("dpo", "LLaMA-Factory", {"chosen": {"from": "human", "value": "?"}}, "column 'chosen'"),
    ],
)
def test_a_row_that_does_not_fit_is_named_or_dropped(
    use: str, good: str, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    row, expected = {"sft": SFT, "dpo": DPO}[use][good]
    rows = [row, row | change, row]
    with pytest.raises(DatasetError, match=message) as caught:
        _load(tmp_path, use, rows)
    assert f"{tmp_path / 'd.jsonl'}, row 1, column" in str(caught.value)
    kept = _load(tmp_path, use, rows, drop_invalid=True)
    assert kept.examples.to_list() == [expected] * 2 and kept.indices == [0, 2]


def test_columns_of_other_names_are_mapped(tmp_path: Path) -> None:
    row = {"q": {"text": "Hi?"}, "Good": "Hello.", "messages": [USER, OTHER]}
    rows = _load(tmp_path, "sft", [row], {"prompt": "q.text", "completion": "good"})
    assert rows.examples[0] == {"prompt": "Hi?", "completion": "Hello."} and rows.is_text
    with pytest.raises(DatasetError, match=r"no column 'answer' for completion.*q, Good"):
        _load(tmp_path, "sft", [row], {"completion": "answer"})
    with pytest.raises(ValueError, match=r"columns names question; choose from messages"):
        _load(tmp_path, "sft", [row], {"question": "q"})


def test_what_has_no_form_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none of prompt and chosen and rejected; .*"):
        _load(tmp_path, "dpo", [{"messages": [USER, ANSWER]}])
    with pytest.raises(DatasetError, match="Some rows hold texts and others messages"):
        _load(tmp_path, "sft", [SFT["texts"][0], SFT["chat"][0]])


def test_some_rows_with_tools_and_some_without(tmp_path: Path) -> None:
    rows = _load(tmp_path, "sft", [SFT["messages"][0], SFT["keys filled with None"][0]])
    assert [row["tools"] for row in rows.examples] == [[], TOOLS]


def test_only_so_many_rows_and_whether_there_are_more(tmp_path: Path) -> None:
    _load(tmp_path, "sft", [SFT["messages"][0]] * 3)
    source = str(tmp_path / "d.jsonl")
    for size, kept, more in ((2, 2, True), (3, 3, False), (None, 3, False)):
        rows = ReadyDataset(source, "sft").load(size)
        assert (len(rows.examples), rows.has_more) == (kept, more)


def test_what_the_chat_template_does_not_take_is_told_or_dropped(
    tiny_tokenizer: Any, tmp_path: Path
) -> None:
    """Such as Gemma's, which knows no system role and wants turns to alternate."""
    tokenizer = copy.deepcopy(tiny_tokenizer)  # others share it
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
        + "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    )
    _load(tmp_path, "sft", [{"messages": [USER, ANSWER]}, {"messages": [SYSTEM, USER, ANSWER]}])
    for drop in (False, True):
        dataset = ReadyDataset(str(tmp_path / "d.jsonl"), "sft", drop_invalid=drop)
        rows = dataset.load()
        if drop:
            assert len(dataset.rendered(rows, tokenizer).examples) == 1
            assert dataset.dropped.total() == 1
        else:
            with pytest.raises(DatasetError, match=r"row 1: the chat template of .*No system role"):
                dataset.rendered(rows, tokenizer)
