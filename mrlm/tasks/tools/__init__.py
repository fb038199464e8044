"""Tool use: real tools, scenarios with right calls, environments, a strict reward.

``TASK`` is the task; ``tools_task`` builds it with partial credit, fewer kinds of scenarios,
another search backend, or tools of the user's own (``mrlm.tasks.tools.own``). The builtin tools are
in ``mrlm.tasks.tools.builtin``, BFCL's rules in ``mrlm.tasks.tools.bfcl``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mrlm.task import Task
from mrlm.tasks.tools.attacks import reward_cases
from mrlm.tasks.tools.builtin.search import SearchBackend, search_pages
from mrlm.tasks.tools.environment import MAX_ROUNDS, ToolUseEnvironment, make_environments
from mrlm.tasks.tools.reward import extract, score, tool_call_reward, tools_reward
from mrlm.tasks.tools.row_tools import ROW_TOOLS, RowToolsEnvironment
from mrlm.tasks.tools.scenarios import (
    DIFFICULTIES,
    KINDS,
    build_dataset,
    build_traces,
    generate_rows,
)
from mrlm.tasks.tools.user_rows import user_rows
from mrlm.user_code import load_object

__all__ = [
    "DIFFICULTIES",
    "KINDS",
    "MAX_ROUNDS",
    "OPTIONS",
    "TASK",
    "ToolUseEnvironment",
    "build_traces",
    "tools_task",
]

# What recipes and commands take as flags.
OPTIONS = {
    "kinds": f"Kinds of scenarios: some of {', '.join(KINDS)}.",
    "difficulties": f"Difficulties: some of {', '.join(DIFFICULTIES)}.",
    "partial_credit": "Also reward calls that are partly right.",
    "tools": "Functions of your own in place of the builtin tools: FILE.py:NAME or MODULE:NAME.",
    "mcp_server": "Commands that start MCP servers, whose tools replace the builtin ones.",
    "environment": "An environment of your own by TRL's protocol: FILE.py:CLASS.",
    "tool_time_limit": "Seconds that a call of a tool of your own may take (default: 30).",
    "max_rounds": f"Most rounds of tool calls in an episode (default: {MAX_ROUNDS}).",
}


def tools_task(
    *,
    partial_credit: bool = False,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
    search: SearchBackend = search_pages,
    tools: Sequence[str | Callable[..., Any]] = (),
    mcp_server: Sequence[str] = (),
    environment: str | None = None,
    tool_time_limit: float = 30.0,
    max_rounds: int = MAX_ROUNDS,
) -> Task:
    """The tools task.

    With ``tools``, ``mcp_server`` or ``environment`` the model is offered these, and no builtin
    ones; rows then come from a dataset of yours, but for an environment that gives the prompts.

    Args:
        partial_credit: Also reward calls that are partly right (``tool_call_reward``).
        kinds: Of its scenarios: single, parallel, sequence, none.
        difficulties: Of its scenarios: easy, medium, hard.
        search: What ``web_search`` asks. The generated scenarios are about the made-up
            encyclopedia, so another backend goes with rows of your own.
        tools: Typed functions with Google docstrings, or names of such (``FILE.py:NAME``).
        mcp_server: Commands that start MCP servers.
        environment: Name of a class by TRL's protocol, or of what makes its instances.
        tool_time_limit: Seconds that a call of such a tool may take.
        max_rounds: Most rounds of tool calls in an episode.

    Raises:
        ValueError: An argument is not one of these, or a tool lacks what its schema needs.
        ImportError: ``mcp_server`` needs the package ``mcp``.
        MCPServerError: A server does not start.
    """
    if max_rounds < 1:
        raise ValueError(f"max_rounds is {max_rounds}; it must be at least 1.")
    if not tool_time_limit > 0:
        raise ValueError(f"tool_time_limit is {tool_time_limit}; it must be above 0.")
    if environment is not None:
        if tools or mcp_server:
            raise ValueError(
                "environment does not go with tools and mcp_server: its methods are the tools."
            )
        from mrlm.tasks.tools.own.environment_task import environment_task  # imports asyncio

        return environment_task(load_object(environment), max_rounds, partial_credit)
    if tools or mcp_server:
        from mrlm.tasks.tools.own.task import own_tools_task

        return own_tools_task(
            tools, mcp_server, tool_time_limit, max_rounds, partial_credit=partial_credit
        )
    return Task(
        name="tools",
        build_dataset=partial(build_dataset, kinds=kinds, difficulties=difficulties),
        reward_funcs=(tools_reward, tool_call_reward) if partial_credit else (tools_reward,),
        score=score,
        extract=extract,
        environment={**make_environments(search), ROW_TOOLS: RowToolsEnvironment},
        max_tool_calling_iterations=max_rounds,
        reward_cases=reward_cases,
        generate_rows=partial(generate_rows, kinds=kinds, difficulties=difficulties),
        user_rows=user_rows(),
    )


TASK = tools_task()
