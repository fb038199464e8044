"""The tools task over functions and MCP servers of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mrlm.errors import DatasetError
from mrlm.task import Task
from mrlm.tasks.tools.own.episode import own_environment
from mrlm.tasks.tools.own.functions import OwnTool, function_tool
from mrlm.tasks.tools.own.mcp_server import connect
from mrlm.tasks.tools.reward import extract, score, tool_call_reward, tools_reward
from mrlm.tasks.tools.row_tools import OWN_TOOLS
from mrlm.tasks.tools.scenarios import build_dataset
from mrlm.tasks.tools.user_rows import user_rows
from mrlm.user_code import load_object

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["no_rows", "own_tools_task"]


def own_tools_task(
    tools: Sequence[str | Callable[..., Any]],
    mcp_servers: Sequence[str],
    time_limit: float,
    max_rounds: int,
    *,
    partial_credit: bool = False,
) -> Task:
    """The task; arguments and errors as for ``tools_task``."""
    made: list[OwnTool] = []
    for tool in tools:
        function = load_object(tool) if isinstance(tool, str) else tool
        made.append(function_tool(function, time_limit))
    servers = [connect(command, time_limit) for command in mcp_servers]
    for server in servers:
        made += server.tools
    environment = own_environment(made, [server.check for server in servers])
    return Task(
        name="tools",
        build_dataset=no_rows,
        reward_funcs=(tools_reward, tool_call_reward) if partial_credit else (tools_reward,),
        score=score,
        extract=extract,
        environment={OWN_TOOLS: environment},
        max_tool_calling_iterations=max_rounds,
        user_rows=user_rows([tool.schema for tool in made]),
        needs_dataset=True,
    )


def no_rows(size: int, seed: int, split: str) -> Dataset:
    """The columns of the task's rows, of which there are none.

    Raises:
        DatasetError: Rows are asked for.
    """
    if size:
        raise DatasetError(
            "Tools of your own come without questions: name a dataset of them (--dataset_name, in "
            "Python mrlm.data.load_user_dataset). A row has a question, and an answer, calls, or "
            "both; docs/my_tools.md has an example."
        )
    return build_dataset(0, seed, split)
