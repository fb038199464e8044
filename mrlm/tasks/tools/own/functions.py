"""Python functions of the user's own as tools: their schemas, and calls that are bounded.

The schema is transformers' ``get_json_schema``'s, of type hints and a Google docstring; what it
needs and does not find is said with file and line.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mrlm.event_loop import start_async
from mrlm.tasks.tools.own.limits import call_with_limit

__all__ = ["OwnTool", "describe_function", "function_tool", "result_text"]

logger = logging.getLogger(__name__)

_EXAMPLE = '''
    def get_weather(city: str, days: int = 1) -> str:
        """Tell the weather of a city.

        Args:
            city: The city's name.
            days: How many days ahead.
        """'''


@dataclass(frozen=True)
class OwnTool:
    """A tool of the user's own.

    Attributes:
        name: What the model calls it.
        schema: In OpenAI's form, as chat templates render it.
        call: ``(arguments) -> result``; a coroutine where ``is_async``. Raises what is told to the
            model as an error.
        is_async: Whether calls of one turn run side by side.
        check: Whether arguments are held against the schema before the call.
        function: Of which it is made, if of one.
    """

    name: str
    schema: dict[str, Any]
    call: Callable[[Mapping[str, Any]], Any]
    is_async: bool = False
    check: bool = True
    function: Callable[..., Any] | None = None


def function_tool(function: Any, time_limit: float) -> OwnTool:
    """A function as a tool.

    Args:
        function: Typed, with a Google docstring; may be asynchronous.
        time_limit: Seconds that a call may take.

    Raises:
        ValueError: It is no function, or lacks a hint or a description; the message says where.
    """
    schema = describe_function(function)
    name = str(schema["function"]["name"])
    if inspect.iscoroutinefunction(function):

        async def bounded(arguments: Mapping[str, Any]) -> Any:
            try:
                return await asyncio.wait_for(function(**arguments), time_limit)
            except TimeoutError:
                raise TimeoutError(f"took longer than {time_limit:g} seconds") from None

        async def wait(arguments: Mapping[str, Any]) -> Any:
            # On one loop in training and evaluation: what the function keeps open belongs to it.
            return await asyncio.wrap_future(start_async(bounded(arguments)))

        return OwnTool(name, schema, wait, is_async=True, function=function)

    def call(arguments: Mapping[str, Any]) -> Any:
        return call_with_limit(lambda: function(**arguments), time_limit)

    return OwnTool(name, schema, call, function=function)


def describe_function(function: Any) -> dict[str, Any]:
    """The schema of a function or method, as ``get_json_schema`` gives it.

    Raises:
        ValueError: As ``function_tool``.
    """
    from transformers.utils.chat_template_utils import (
        get_json_schema,
        parse_google_format_docstring,
    )

    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise ValueError(
            f"{function!r} is no function. A tool is a function with type hints and a Google "
            f"docstring, such as{_EXAMPLE}"
        )
    problems = []
    parameters = list(inspect.signature(function).parameters.values())
    stars = [p.name for p in parameters if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    if stars or positional:
        names = ", ".join(stars + positional)
        problems.append(f"takes {names}, which no call can name; give each parameter a name")
    untyped = [p.name for p in parameters if p.annotation is p.empty]
    if untyped:
        problems.append(f"has no type hint for {', '.join(untyped)}")
    doc = inspect.getdoc(function)
    if not doc:
        problems.append("has no docstring")
    else:
        described = parse_google_format_docstring(doc.strip())[1] or {}
        missing = [p.name for p in parameters if p.name not in described]
        if missing:
            problems.append(f"describes no {', '.join(missing)} under 'Args:' in its docstring")
    if not problems:
        try:
            return dict(get_json_schema(function))
        except Exception as error:  # hints that it cannot express, names that cannot be resolved
            problems.append(f"cannot be described: {error}")
    raise ValueError(
        f"{_place(function)}: the tool {function.__name__} {'; it '.join(problems)}. The model "
        f"reads type hints and descriptions; write them as in{_EXAMPLE}"
    )


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else str(function)


def result_text(result: Any) -> str:
    """What the model is shown of a result: text as it is, anything else as JSON where it can be."""
    if isinstance(result, str):
        return result
    try:
        return json.dumps(result, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return str(result)
