"""Conversations as people store them, as messages with ``role`` and ``content``.

OpenAI's keys or ShareGPT's (``from``, ``value``), lists or JSON texts (as in a CSV file), contents
as text or as text parts, tool calls with arguments as objects or JSON texts, ``function_call`` and
``observation`` turns. A value that is none of these is a ``ColumnError``.

Not covered: images and sound, which are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.errors import ColumnError

__all__ = ["ROLES", "as_messages", "as_tools", "spoken"]

ROLES = ("system", "user", "assistant", "tool")
_SHAREGPT_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
}
_ROLE_WORDS = f"{', '.join(ROLES)}; with from and value also human, gpt, function_call, observation"
_MESSAGES = "a list of messages with role and content, or with from and value"
_CALL = '{"name": ..., "arguments": {...}}'
_TOOLS = "a list of JSON schemas of functions, or that list as JSON text"


def spoken(value: Any) -> Any:
    """A text as it is, unless it is JSON text of a list of messages, which becomes that list."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        if isinstance(found, list) and found and all(isinstance(m, Mapping) for m in found):
            return found
    return value


def as_messages(value: Any, column: str, expected: str = _MESSAGES) -> list[dict[str, Any]]:
    """A conversation of at least one message.

    Args:
        value: As the dataset holds it.
        column: For the message of an error.
        expected: What the column holds, in words.

    Raises:
        ColumnError: It is none, or a message in it is wrong; says which.
    """
    value = spoken(value)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        raise ColumnError(column, expected)
    return [_message(message, column, i) for i, message in enumerate(value)]


def as_tools(value: Any) -> list[dict[str, Any]]:
    """Schemas of tools in OpenAI's form; a bare function is wrapped. Empty where there are none.

    Raises:
        ColumnError: It is no list of schemas.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
        except (ValueError, RecursionError):
            raise ColumnError("tools", _TOOLS) from None
    if value is None:
        return []
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ColumnError("tools", _TOOLS)
    return [_schema(json.loads(tool) if isinstance(tool, str) else tool) for tool in value]


def _schema(tool: Any) -> dict[str, Any]:
    if isinstance(tool, Mapping):
        function = tool.get("function", tool)
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            return {"type": "function", "function": _without_none(function)}
    raise ColumnError("tools", _TOOLS)


def _message(message: Any, column: str, place: int) -> dict[str, Any]:
    where = f"message {place}"
    if not isinstance(message, Mapping) or not (
        {"role", "content"} <= set(message) or {"from", "value"} <= set(message)
    ):
        raise ColumnError(column, f"{_MESSAGES} ({where} is none)")
    is_sharegpt = "from" in message and message.get("from") is not None
    given = message["from"] if is_sharegpt else message["role"]
    role = _SHAREGPT_ROLES.get(given, given) if is_sharegpt else given
    if role not in ROLES:
        raise ColumnError(column, f"roles among {_ROLE_WORDS} ({where} has {given!r})")
    content = _content(message["value"] if is_sharegpt else message["content"], column, where)
    if is_sharegpt and given == "function_call":
        return {"role": role, "content": "", "tool_calls": _calls(content, column, where)}
    calls = message.get("tool_calls")
    if calls and role != "assistant":
        raise ColumnError(column, f"tool calls of the assistant only ({where} is of {role})")
    if content is None and not (role == "assistant" and calls):
        raise ColumnError(column, f"text as the content ({where} has none)")
    kept = {
        name: message[name]
        for name in ("name", "tool_call_id", "reasoning_content")
        if isinstance(message.get(name), str)
    }
    found = {"role": role, "content": content or "", **kept}
    return found | {"tool_calls": _calls(calls, column, where)} if calls else found


def _content(value: Any, column: str, where: str) -> str | None:
    """Text, or text parts joined; ``None`` where there is nothing."""
    if value is None or isinstance(value, str):
        return value
    parts = value if isinstance(value, Sequence) else [value]
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise ColumnError(column, f"text as the content ({where} has {type(value).__name__})")
    return "".join(map(str, texts))


def _calls(value: Any, column: str, where: str) -> list[dict[str, Any]]:
    wrong = ColumnError(column, f"tool calls as {_CALL} ({where} has others)")
    try:
        found = json.loads(value) if isinstance(value, str) else value
        calls = [found] if isinstance(found, Mapping) else list(found)
        if not calls:
            raise wrong
        return [_call(call, wrong) for call in calls]
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong from error


def _call(call: Any, wrong: ColumnError) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise wrong
    arguments = function.get("arguments", function.get("parameters"))
    arguments = json.loads(arguments) if isinstance(arguments, str) and arguments else arguments
    if not isinstance(arguments or {}, Mapping):
        raise wrong
    made = {"name": function["name"], "arguments": _without_none(arguments or {})}
    call_id = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    return {**call_id, "type": "function", "function": made}


def _without_none(value: Any) -> Any:
    """Without the keys that a typed column fills with ``None`` in rows that lack them."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
