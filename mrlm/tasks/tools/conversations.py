"""Logged conversations with tools as OpenAI's messages, and the turns in them that call tools.

Three forms come in: ``messages`` as OpenAI's interface has them (``tool_calls``, or the older
``function_call``), ShareGPT's turns (``from`` and ``value``), and glaive-function-calling, where
the functions stand in a system text and the talk is one text.

Not covered: images and other parts that are no text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mrlm.tasks.tools.schemas import shown

__all__ = ["glaive_messages", "glaive_tools", "read_messages", "turns_with_calls"]

MESSAGES = (
    'a list of messages, {"role": ..., "content": ...}, of which assistant messages may hold '
    "tool_calls"
)

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "tool_response": "tool",
}
_CALL_TURNS = ("function_call", "tool_call")
_GLAIVE_TURN = re.compile(r"^\s*(USER|ASSISTANT|FUNCTION RESPONSE):", re.MULTILINE)
_GLAIVE_ROLES = {"USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "tool"}
_GLAIVE_CALL = "<functioncall>"
_GLAIVE_QUOTED = re.compile(
    r"""\{\s*"name"\s*:\s*"([^"]+)"\s*,\s*"arguments"\s*:\s*'(.*)'\s*\}""", re.DOTALL
)
_HERMES_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)


def read_messages(messages: Any) -> list[dict[str, Any]]:
    """Messages of a log in OpenAI's present form, arguments as objects.

    Raises:
        ValueError: It is no list of messages, or one cannot be read.
    """
    if isinstance(messages, str):
        try:
            messages = json.loads(messages)
        except (ValueError, RecursionError):
            raise ValueError("the text is no JSON") from None
    if not isinstance(messages, list) or not messages:
        raise ValueError(f"{shown(messages)} is no list of messages")
    return [_message(message) for message in messages]


def turns_with_calls(
    messages: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Each turn of the assistant that calls tools, with what was said before it.

    A conversation in which nothing is called gives its first answer: there no call is right.

    Raises:
        ValueError: There is no turn of the assistant, or nothing before the first.
    """
    places = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    calling = [i for i in places if messages[i].get("tool_calls")]
    if not places:
        raise ValueError("no message is the assistant's")
    for i in calling or places[:1]:
        before = [dict(message) for message in messages[:i]]
        if not any(message["role"] == "user" for message in before):
            raise ValueError("the assistant speaks before the user does")
        yield before, dict(messages[i])


def glaive_tools(system: str) -> list[Any]:
    """The functions in glaive's system text, one JSON object after another.

    Raises:
        ValueError: There is none, or what stands there is no JSON.
    """
    start, found = system.find("{"), []
    if start < 0:
        raise ValueError("the text names no functions as JSON")
    decoder = json.JSONDecoder()
    while start < len(system):
        try:
            value, end = decoder.raw_decode(system, start)
        except (ValueError, RecursionError):
            raise ValueError("the functions in the text are no JSON") from None
        found.append(value)
        start = end + len(system[end:]) - len(system[end:].lstrip(" \t\r\n,"))
    return found


def glaive_messages(chat: str) -> list[dict[str, Any]]:
    """glaive's talk, ``USER: ... ASSISTANT: ... FUNCTION RESPONSE: ...``, as messages.

    Raises:
        ValueError: There are no such turns, or a call cannot be read.
    """
    turns = list(_GLAIVE_TURN.finditer(chat))
    if not turns:
        raise ValueError("the text has no turns that begin with USER: and ASSISTANT:")
    messages = []
    for place, turn in enumerate(turns):
        end = turns[place + 1].start() if place + 1 < len(turns) else len(chat)
        text = chat[turn.end() : end].replace("<|endoftext|>", "").strip()
        role = _GLAIVE_ROLES[turn.group(1)]
        said, mark, payload = text.partition(_GLAIVE_CALL)
        message: dict[str, Any] = {"role": role, "content": text}
        if role == "assistant" and mark:
            message = {"role": role, "content": said.strip(), "tool_calls": [_glaive_call(payload)]}
        messages.append(message)
    return messages


def _glaive_call(text: str) -> dict[str, Any]:
    """``{"name": ..., "arguments": '{...}'}``: no JSON, because of the single quotes."""
    text = text.strip()
    quoted = _GLAIVE_QUOTED.fullmatch(text)
    try:
        if not quoted:
            return _call(json.loads(text))
        name, arguments = quoted.groups()
        try:
            return _call({"name": name, "arguments": json.loads(arguments)})
        except ValueError:
            arguments = arguments.replace("\\'", "'")
            return _call({"name": name, "arguments": json.loads(arguments)})
    except (ValueError, RecursionError):
        raise ValueError(f"the call {shown(text)} cannot be read") from None


def _message(message: Any) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise ValueError(f"{shown(message)} is no message")
    said = message.get("role", message.get("from"))
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise ValueError(f"a message's role is {shown(said)}; known are {', '.join(_ROLES)}")
    content = _text(message.get("content", message.get("value")))
    calls = message.get("tool_calls") or []
    if not calls and message.get("function_call"):
        calls = [message["function_call"]]
    if role == "assistant" and not calls and said in _CALL_TURNS:
        content, calls = "", _calls_in(content)
    elif role == "assistant" and not calls:
        calls = [_json(text) for text in _HERMES_CALL.findall(content)]
        content = _HERMES_CALL.sub("", content).strip() if calls else content
    if not isinstance(calls, list):
        raise ValueError(f"tool_calls is {shown(calls)}, no list")
    made: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant" and calls:
        made["tool_calls"] = [_call(call) for call in calls]
    if role == "tool" and isinstance(message.get("name"), str):
        made["name"] = message["name"]
    return made


def _calls_in(text: str) -> list[Any]:
    found = _json(text)
    return found if isinstance(found, list) else [found]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"the call {shown(text.strip())} is no JSON") from None


def _call(call: Any) -> dict[str, Any]:
    inner = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        raise ValueError(f"{shown(call)} is no call")
    arguments = inner.get("arguments", inner.get("parameters"))
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise ValueError(f"{inner['name']}: its arguments are no JSON") from None
    if (
        arguments is None
        or arguments == ""
        or (isinstance(arguments, str) and not arguments.strip())
    ):
        arguments = {}
    if not isinstance(arguments, Mapping):
        raise ValueError(f"{inner['name']}: its arguments are {shown(arguments)}, no object")
    # Tables fill the keys that one call has and another lacks with None.
    plain = {key: value for key, value in arguments.items() if value is not None}
    return {"type": "function", "function": {"name": inner["name"], "arguments": plain}}


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) == len(parts):
            return "".join(texts)
    if isinstance(content, str):
        return content
    raise ValueError(f"a message says {shown(content)}, no text")
