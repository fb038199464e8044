from __future__ import annotations

import pytest

from mrlm.completion_text import completion_text, without_thinking


def test_completion_text_reads_the_last_assistant_message() -> None:
    assert completion_text("plain") == "plain"
    messages = [
        {"role": "assistant", "content": "first"},
        {"role": "assistant", "content": "42"},
        {"role": "tool", "content": "13"},
    ]
    assert completion_text(messages) == "42"
    parts = [{"type": "image"}, {"type": "text", "text": "42"}]
    assert completion_text([{"role": "assistant", "content": parts}]) == "42"
    assert completion_text([{"role": "assistant", "content": None, "tool_calls": []}]) == ""
    assert completion_text([{"role": "user", "content": "42"}]) == ""
    assert completion_text([]) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("42", "42"),
        ("<think>41?</think>42", "42"),
        ("no <think>1</think>2<think>3</think>4", "4"),
        ("41?</think>42", "42"),  # the prompt had opened it
        ("42<think>or 43", "42"),
        ("<think>42", ""),
        ("</think>1<think>2", "1"),
    ],
)
def test_thoughts_are_no_part_of_an_answer(text: str, said: str) -> None:
    assert without_thinking(text) == said
    other = text.replace("<think>", "[T]").replace("</think>", "[/T]")
    assert without_thinking(other, ("[T]", "[/T]")) == said
