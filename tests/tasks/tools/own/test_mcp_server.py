"""Tools of a real MCP server over standard input and output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mrlm.sampling.environments import run_calls
from mrlm.tasks.tools import tools_task
from mrlm.tasks.tools.own.mcp_server import MCPServerError, connect

SERVER = '''
import os, sys, time
from pathlib import Path
from mcp.server.mcpserver import MCPServer

server = MCPServer("weather")
starts = Path(sys.argv[1])
starts.write_text(starts.read_text() + "start\\n" if starts.exists() else "start\\n")

@server.tool()
def get_weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city."""
    if city == "Atlantis":
        raise ValueError("no such city")
    return f"{city}: dry for {days}"

@server.tool()
def sleep() -> str:
    """Sleep."""
    time.sleep(60)
    return "slept"

@server.tool()
def die() -> str:
    """End the server."""
    print("out of memory", file=sys.stderr, flush=True)
    os._exit(3)

server.run()
Path(f"{starts}.closed").write_text("closed")
'''


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


@pytest.fixture
def command(tmp_path: Path) -> str:
    pytest.importorskip("mcp", reason="the official client is an extra: mrlm[mcp]")
    (tmp_path / "server.py").write_text(SERVER)
    return f"{sys.executable} {tmp_path / 'server.py'} {tmp_path / 'starts'}"


def environment(command: str, time_limit: float = 20.0) -> Any:
    task = tools_task(mcp_server=[command], tool_time_limit=time_limit)
    assert task.needs_dataset and isinstance(task.environment, dict)
    (factory,) = task.environment.values()
    return factory()


def run(made: Any, *calls: dict[str, Any]) -> list[Any]:
    tools = {name: getattr(made, name) for name in ("get_weather", "sleep", "die")}
    return [result for _, result in run_calls(tools, list(calls))]


@pytest.mark.integration
def test_a_server_gives_schemas_and_answers_in_one_session(command: str, tmp_path: Path) -> None:
    one, other = environment(command), environment(command)
    for made in (one, other):
        made.reset()
        weather = made._tool_schemas()[0]["function"]
        assert weather["name"] == "get_weather"
        assert weather["description"] == "Tell the weather of a city."
        assert weather["parameters"]["required"] == ["city"]
        assert weather["parameters"]["properties"]["days"]["type"] == "integer"
        results = run(
            made,
            call("get_weather", city="Paris"),
            call("get_weather", city="Atlantis"),
            call("get_weather"),
        )
        assert results[0] == "Paris: dry for 1"
        assert all(result.startswith("{'error'") for result in results[1:])
    assert (tmp_path / "starts").read_text() == "start\n", "one session serves every episode"
    connect(command, 20.0).close()
    assert (tmp_path / "starts.closed").exists(), "the server was asked to end, and did"


@pytest.mark.integration
def test_a_call_is_bounded_in_time_and_the_server_goes_on(command: str) -> None:
    made = environment(command, 1.0)
    made.reset()
    (late,) = run(made, call("sleep"))
    assert "took longer than 1 seconds" in late


@pytest.mark.integration
def test_a_server_that_ends_is_told_and_ends_the_run(command: str) -> None:
    made = environment(command)
    made.reset()
    (dead,) = run(made, call("die"))
    assert dead.startswith("{'error'")
    with pytest.raises(MCPServerError, match=r"has ended during the run(.|\n)*out of memory"):
        made.reset()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no_such_program --x", "did not start.*No such file"),
        (f"{sys.executable} -c 'import sys; sys.exit(\"no key\")'", r"did not start(.|\n)*no key"),
        ("'", "is no command"),
    ],
)
def test_a_server_that_does_not_start(command: str, words: str) -> None:
    pytest.importorskip("mcp", reason="the official client is an extra: mrlm[mcp]")
    with pytest.raises(MCPServerError, match=words):
        tools_task(mcp_server=[command])


@pytest.mark.integration
def test_the_server_ends_with_the_process(command: str, tmp_path: Path) -> None:
    code = (
        "from mrlm.tasks.tools.own.mcp_server import connect; "
        f"print(len(connect({command!r}, 5.0).tools))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == "3\n" and not done.returncode, done.stderr
    assert (tmp_path / "starts.closed").exists()


def test_the_client_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(ImportError, match=r"pip install 'mrlm\[mcp\]'"):
        tools_task(mcp_server=["python never_started.py"])
