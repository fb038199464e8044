"""Tools of an MCP server that a command starts, through the official client (PyPI: ``mcp``).

A process has one session with each server, whatever the number of episodes. A call is bounded in
time; a server that ended is told to the model in the call at hand, and ends the run at the next
episode, with what it wrote to its standard error.

Not covered: servers over HTTP, and what is beside tools (resources, prompts, sampling).
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shlex
import tempfile
from collections.abc import Mapping
from functools import cache
from typing import Any

from mrlm.errors import MrlmError
from mrlm.event_loop import run_async, start_async
from mrlm.tasks.tools.own.functions import OwnTool
from mrlm.tasks.tools.standard import standard_tools

__all__ = ["MCPServer", "MCPServerError", "connect"]

_START_LIMIT = 60.0  # seconds: npx and uvx may have to fetch the server first
_STOP_LIMIT = 10.0
_SHOWN = 800  # characters of its standard error


class MCPServerError(MrlmError):
    """A server cannot be started, or has ended."""


@cache
def connect(command: str, time_limit: float) -> MCPServer:
    """The session of this process with the server that the command starts.

    Args:
        command: As in a shell, without its operators: ``python my_server.py --flag``.
        time_limit: Seconds that a call may take.

    Raises:
        ImportError: The client is not installed.
        MCPServerError: The server cannot be started, or offers no tools.
    """
    server = MCPServer(command, time_limit)
    atexit.register(server.close)
    server.start()
    return server


class MCPServer:
    """A running server and the session with it; ``connect`` keeps one for each command."""

    def __init__(self, command: str, time_limit: float) -> None:
        self.command, self.time_limit = command, time_limit
        self.tools: list[OwnTool] = []
        # Open as long as the server writes to it.
        self._stderr = tempfile.TemporaryFile(  # noqa: SIM115
            "w+", encoding="utf-8", errors="replace"
        )
        self._client: Any = None
        self._ended = self._said = ""
        self._stop: Any = None
        self._session: Any = None

    def start(self) -> None:
        """Start the server and ask for its tools; errors as in ``connect``."""
        try:
            from mcp import Client, StdioServerParameters, stdio_client
        except ImportError as error:
            raise ImportError(
                "mcp_server needs the official MCP client: pip install 'mrlm[mcp]' "
                f"(or pip install 'mcp>=2.3,<3'). {error}"
            ) from error
        try:
            program, *rest = shlex.split(self.command)
        except ValueError as error:
            raise MCPServerError(
                f"mcp_server {self.command!r} is no command ({error}); write it as in a shell: "
                "'python my_server.py'."
            ) from error
        # The user's command gets the user's environment, as in a shell.
        parameters = StdioServerParameters(command=program, args=rest, env=dict(os.environ))
        self._session = start_async(
            self._serve(Client(stdio_client(parameters, errlog=self._stderr)))
        )
        try:
            listed = run_async(self._list())
        except BaseException as error:
            self.close()
            if not isinstance(error, Exception):
                raise
            raise MCPServerError(
                f"mcp_server {self.command!r} did not start as an MCP server over standard input "
                f"and output: {_reason(error)}.{self._last_words()}"
            ) from error
        if not listed:
            self.close()
            raise MCPServerError(f"mcp_server {self.command!r} offers no tools.")
        self.tools = [self._tool(tool) for tool in listed]

    def check(self) -> None:
        """Raise where the server has ended.

        Raises:
            MCPServerError: It has.
        """
        if self._ended:
            raise MCPServerError(
                f"mcp_server {self.command!r} has ended during the run: {self._ended}."
                f"{self._last_words()}"
            )

    def close(self) -> None:
        """End the session and the server; safe to call twice."""
        if self._session is None:
            return
        session, self._session = self._session, None
        try:
            run_async(self._end(session))
        finally:
            self._ended = self._ended or "it was closed"
            self._said = self._last_words()
            self._stderr.close()

    # ------------------------------------------------------------------ on the event loop

    async def _serve(self, client: Any) -> None:
        """Hold the session: what is entered in a task must be left in the same one."""
        self._stop, self._ready = asyncio.Event(), asyncio.get_running_loop().create_future()
        try:
            async with client:
                self._client = client
                self._ready.set_result(None)
                await self._stop.wait()
        except Exception as error:
            if self._ready.done():
                self._ended = self._ended or _reason(error)
            else:
                self._ready.set_exception(error)

    async def _list(self) -> list[Any]:
        async def ask() -> list[Any]:
            while self._stop is None:
                await asyncio.sleep(0.01)
            await self._ready
            tools, cursor = [], None
            while True:
                page = await self._client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if not cursor:
                    return tools

        try:
            return await asyncio.wait_for(ask(), _START_LIMIT)
        except TimeoutError:
            raise TimeoutError(f"no answer within {_START_LIMIT:g} seconds") from None

    async def _end(self, session: Any) -> None:
        if self._stop is not None:
            self._stop.set()
        waiting = asyncio.wrap_future(session)
        done, _ = await asyncio.wait({waiting}, timeout=_STOP_LIMIT)
        if not done:
            session.cancel()

    async def _call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        self.check()
        try:
            return await asyncio.wait_for(
                self._client.call_tool(name, dict(arguments)), self.time_limit
            )
        except TimeoutError:
            raise TimeoutError(f"took longer than {self.time_limit:g} seconds") from None
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self._ended = error.message
            raise ValueError(error.message) from None

    # ------------------------------------------------------------------ tools

    def _tool(self, tool: Any) -> OwnTool:
        function = {
            "name": tool.name,
            "description": tool.description or "",
            "parameters": tool.input_schema,
        }
        (schema,) = standard_tools([function])

        async def call(arguments: Mapping[str, Any]) -> str:
            # The session belongs to the loop that it was made on, whoever asks.
            answer = start_async(self._call(tool.name, arguments))
            return _read(await asyncio.wrap_future(answer))

        # The server checks arguments itself, by rules that a schema may not hold.
        return OwnTool(tool.name, schema, call, is_async=True, check=False)

    def _last_words(self) -> str:
        if self._stderr.closed:
            return self._said
        self._stderr.flush()
        self._stderr.seek(0)
        said = self._stderr.read().strip()[-_SHOWN:]
        return f" Its standard error ends:\n{said}" if said else ""


def _read(result: Any) -> str:
    """The text of a result; parts that are none are named.

    Raises:
        ValueError: The tool reports an error.
    """
    parts = [getattr(part, "text", None) or f"[{part.type}]" for part in result.content]
    text = "\n".join(parts)
    if not parts and result.structured_content is not None:
        import json

        text = json.dumps(result.structured_content, ensure_ascii=False)
    if result.is_error:
        raise ValueError(text)
    return text


def _reason(error: BaseException) -> str:
    """The innermost reason: task groups wrap what happened in them."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) or type(error).__name__
