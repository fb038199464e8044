"""Tools as an environment, by TRL's ``environment_factory`` protocol, with the tools of each row.

TRL offers every public method of an environment to the model, and shows each row the tools of the
environment that its ``environment`` column names. So there is one environment class per set of
tools, made from ``ToolUseEnvironment`` and the builtin tools.

A call's arguments are checked against the tool's schema before it runs; a wrong call raises, which
TRL counts and shows to the model. What a tool returns is bounded, and what could pass for the
template's own marks is broken up, because it is text from elsewhere. Calls of one episode are
bounded too (``MAX_CALLS``); rounds are bounded by ``max_tool_calling_iterations``.

Not covered: special tokens of other families than ChatML in a tool's output.
"""

from __future__ import annotations

import functools
import inspect
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from itertools import combinations
from typing import Any

from mrlm.tasks.tools.builtin.arithmetic import calculator
from mrlm.tasks.tools.builtin.files import file_system, make_file_system
from mrlm.tasks.tools.builtin.repl import PythonSession, make_python_repl, python_repl, sandbox
from mrlm.tasks.tools.builtin.search import (
    SearchBackend,
    make_web_search,
    search_pages,
    web_search,
)
from mrlm.tasks.tools.schemas import check_arguments, json_schema

__all__ = [
    "MAX_CALLS",
    "MAX_ROUNDS",
    "SCHEMAS",
    "TOOL_NAMES",
    "ToolUseEnvironment",
    "bounded",
    "environment_name",
    "make_environment",
    "make_environments",
]

MAX_CALLS = 8  # per episode
MAX_ROUNDS = 4  # per episode, each with one or more calls in parallel
MAX_OUTPUT_LENGTH = 600  # characters of a result that the model sees

# Opens a ChatML token or one of the tags that templates put around calls and results.
_MARK = re.compile(r"<(?=\||/?(?:tool|think))")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class ToolUseEnvironment:
    """One episode with tools; ``make_environment`` gives it methods, which are the tools.

    Everything that an episode holds (a private folder, a Python session) is made at its first use
    and gone after ``reset`` or with the object.
    """

    def __init__(self, search: SearchBackend = search_pages) -> None:
        self._search = search
        self._calls = 0
        self._files: dict[str, str] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._python = PythonSession()

    def reset(self, files: Mapping[str, str] | None = None, **row: Any) -> None:
        """Start the episode of a dataset row.

        Args:
            files: Text by name of the files in the private folder.
            **row: The other columns; not needed.

        Raises:
            SandboxError: The row offers Python and this machine cannot isolate code. Raised here,
                because in a tool TRL would show it to the model and train on.
        """
        if hasattr(self, "python_repl"):
            sandbox()
        self._close()
        self._calls = 0
        self._files = dict(files or {})

    def _close(self) -> None:
        """Give back what the episode holds; also done by ``reset``."""
        self._python.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _root(self) -> str:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mrlm-tools-")
            write = make_file_system(self._folder.name)
            for name, text in self._files.items():
                write("write", name, text)
        return self._folder.name

    def _tool(self, name: str) -> Callable[..., str]:
        """The tool over what this episode holds."""
        if name == "file_system":
            return make_file_system(self._root())
        if name == "python_repl":
            return make_python_repl(self._python)
        return make_web_search(self._search) if name == "web_search" else calculator

    def _call(self, name: str, arguments: Any) -> str:
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise ValueError(f"only {MAX_CALLS} calls are allowed; answer now")
        problems = check_arguments(arguments, SCHEMAS[name])
        if problems:
            raise ValueError(bounded("; ".join(problems)))
        try:
            return bounded(self._tool(name)(**arguments))
        except ValueError as error:
            raise ValueError(bounded(str(error))) from None


def bounded(text: str, length: int = MAX_OUTPUT_LENGTH) -> str:
    """Text from elsewhere, fit for a chat template: short, printable, without its marks."""
    whole = str(text)
    kept = whole[:length].encode("utf-8", "replace").decode()
    kept = _MARK.sub("< ", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", kept))
    cut = len(whole) - length
    return f"{kept}\n[cut: {cut} more characters]" if cut > 0 else kept


# The tools, as plain functions; a method opens its own over what its episode holds. In the order in
# which TRL lists the methods of a class, so that worked traces show tools as rollouts do.
_TOOLS: dict[str, Callable[..., str]] = {
    "calculator": calculator,
    "file_system": file_system,
    "python_repl": python_repl,
    "web_search": web_search,
}
TOOL_NAMES = tuple(_TOOLS)
SCHEMAS: dict[str, dict[str, Any]] = {name: json_schema(tool) for name, tool in _TOOLS.items()}


def _method(name: str) -> Callable[..., str]:
    """A method that looks like the tool (signature, hints, docstring) and checks before it runs."""

    @functools.wraps(_TOOLS[name])
    def method(self: ToolUseEnvironment, /, **arguments: Any) -> str:
        return self._call(name, arguments)

    plain = inspect.signature(_TOOLS[name])
    receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [receiver, *plain.parameters.values()]
    vars(method)["__signature__"] = plain.replace(parameters=parameters)
    return method


@functools.cache
def _environment_class(tools: tuple[str, ...]) -> type[ToolUseEnvironment]:
    methods = {name: _method(name) for name in tools}
    return type("ToolUseEnvironment", (ToolUseEnvironment,), methods)


def make_environment(
    tools: Collection[str] = TOOL_NAMES, search: SearchBackend = search_pages
) -> ToolUseEnvironment:
    """An environment whose methods are the given tools.

    Args:
        tools: Some of ``TOOL_NAMES``.
        search: What ``web_search`` asks.

    Raises:
        ValueError: A tool is not one of these.
    """
    return _environment_class(_ordered(tools))(search)


def environment_name(tools: Collection[str]) -> str:
    """What a row's ``environment`` column says to be offered these tools.

    Raises:
        ValueError: A tool is not one of ``TOOL_NAMES``, or there is none.
    """
    return "tools:" + "+".join(_ordered(tools))


def make_environments(search: SearchBackend = search_pages) -> dict[str, Callable[[], Any]]:
    """Every environment by name, as TRL's ``environment_factory`` takes them."""
    return {
        environment_name(tools): functools.partial(make_environment, tools, search)
        for count in range(1, len(TOOL_NAMES) + 1)
        for tools in combinations(TOOL_NAMES, count)
    }


def _ordered(tools: Collection[str]) -> tuple[str, ...]:
    if isinstance(tools, str) or not tools or not set(tools) <= set(TOOL_NAMES):
        raise ValueError(
            f"tools is {tools!r}; give a list of one or more of {', '.join(TOOL_NAMES)}."
        )
    return tuple(name for name in TOOL_NAMES if name in tools)
