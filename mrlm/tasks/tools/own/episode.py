"""Episodes with tools of the user's own, by TRL's ``environment_factory`` protocol.

A tool is a method of the environment, as TRL finds it. Arguments are checked against the schema
before the call; what a tool raises is told to the model, and to the user once. Results are bounded
as those of builtin tools are.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mrlm.tasks.tools.environment import MAX_CALLS, bounded
from mrlm.tasks.tools.own.functions import OwnTool, result_text
from mrlm.tasks.tools.schemas import check_arguments

__all__ = ["MAX_RESULT_LENGTH", "OwnToolsEnvironment", "own_environment"]

logger = logging.getLogger(__name__)

MAX_RESULT_LENGTH = 2000  # characters of a result that the model sees
_TAKEN = ("reset", "get_reward")


class OwnToolsEnvironment:
    """One episode; ``own_environment`` gives it the tools as methods.

    Args:
        tools: Of the user's own.
        before: Called by ``reset``: raises where a tool cannot be called any more.
    """

    def __init__(self, tools: Sequence[OwnTool], before: Sequence[Callable[[], None]] = ()) -> None:
        self._tools, self._before, self._calls = tools, before, 0

    def reset(self, **row: Any) -> None:
        """Start an episode; the row is not needed."""
        for check in self._before:
            check()
        self._calls = 0

    def _tool_schemas(self) -> list[dict[str, Any]]:
        return [tool.schema for tool in self._tools]

    def _count(self, tool: OwnTool, arguments: Mapping[str, Any]) -> None:
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise ValueError(f"only {MAX_CALLS} calls are allowed; answer now")
        problems = check_arguments(arguments, tool.schema) if tool.check else []
        if problems:
            raise ValueError(bounded("; ".join(problems)))


def own_environment(
    tools: Sequence[OwnTool], before: Sequence[Callable[[], None]] = ()
) -> Callable[[], OwnToolsEnvironment]:
    """A factory of environments with these tools; arguments as for the class.

    Raises:
        ValueError: Two tools have the same name, or one has a name that the protocol uses.
    """
    names = [tool.name for tool in tools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Two tools are called {twice[0]!r}; rename one.")
    taken = [name for name in names if name in _TAKEN or name.startswith("_")]
    if taken:
        raise ValueError(
            f"A tool cannot be called {taken[0]!r}: {', '.join(_TAKEN)} and names that begin with "
            "_ are the environment's; rename it."
        )
    methods = {tool.name: _method(tool) for tool in tools}
    environment = type("OwnToolsEnvironment", (OwnToolsEnvironment,), methods)
    return functools.partial(environment, tools, before)


def _method(tool: OwnTool) -> Callable[..., Any]:
    """A method that looks like the tool; what it raises is an error for the model."""

    async def wait(self: OwnToolsEnvironment, /, **arguments: Any) -> str:
        self._count(tool, arguments)
        try:
            return _shown(await tool.call(arguments))
        except Exception as error:
            raise _told(tool, error) from None

    def call(self: OwnToolsEnvironment, /, **arguments: Any) -> str:
        self._count(tool, arguments)
        try:
            return _shown(tool.call(arguments))
        except Exception as error:
            raise _told(tool, error) from None

    method: Callable[..., Any] = wait if tool.is_async else call
    if tool.function is None:
        method.__name__ = method.__qualname__ = tool.name
        return method
    looks = functools.wraps(tool.function)(method)
    plain = inspect.signature(tool.function)
    receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    vars(looks)["__signature__"] = plain.replace(parameters=[receiver, *plain.parameters.values()])
    return looks


def _shown(result: Any) -> str:
    return bounded(result_text(result), MAX_RESULT_LENGTH)


def _told(tool: OwnTool, error: Exception) -> ValueError:
    _warn_once(tool, error)
    return ValueError(bounded(f"{type(error).__name__}: {error}", MAX_RESULT_LENGTH))


_warned: set[tuple[str, type]] = set()


def _warn_once(tool: OwnTool, error: Exception) -> None:
    """A mistake in the tool itself would otherwise be seen by the model alone."""
    if (tool.name, type(error)) in _warned:
        return
    _warned.add((tool.name, type(error)))
    logger.warning(
        "The tool %s raised %s: %s. The model is told; further ones of this kind are not logged.",
        tool.name,
        type(error).__name__,
        error,
        exc_info=tool.function is not None,
    )
