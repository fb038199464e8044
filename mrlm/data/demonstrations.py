"""Worked solutions as TRL's ``SFTTrainer`` takes them, for any task.

Rows that are answered in one turn become ``prompt`` and ``completion``; episodes with tools become
``messages`` and ``tools``, with the tools that the row's environment offers. Completions that a
model sampled take the same two shapes (``data_gen/make_sft.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from transformers.utils.chat_template_utils import get_json_schema

from mrlm.models.chat_templates import offered_tools
from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["demonstration", "demonstrations", "json_dataset", "row_schemas", "tool_schemas"]


def demonstrations(rows: Iterable[Mapping[str, Any]], task: Task) -> Dataset:
    """The worked solutions of some rows as a dataset for SFT, in the order of the rows."""
    schemas = cache(partial(tool_schemas, task))
    return json_dataset(
        demonstration(
            row["prompt"], row["solution"], _own_tools(row) or schemas(row.get("environment"))
        )
        for row in rows
    )


def demonstration(
    prompt: list[dict[str, Any]],
    solution: str | list[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
) -> dict[str, Any]:
    """One row for SFT.

    Args:
        prompt: A conversation.
        solution: What is said after it: a text, or the messages of an episode with tools.
        tools: Schemas of the tools on offer in an episode.
    """
    if isinstance(solution, str):
        return {"prompt": prompt, "completion": [{"role": "assistant", "content": solution}]}
    return {"messages": [*prompt, *solution], "tools": tools or []}


def row_schemas(task: Task, row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """JSON schemas of the tools that a row offers: those it brings, or its environment's."""
    return _own_tools(row) or tool_schemas(task, row.get("environment"))


def _own_tools(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    tools = row.get("tools")
    are_schemas = isinstance(tools, list) and all(isinstance(tool, Mapping) for tool in tools)
    return list(tools) if isinstance(tools, list) and are_schemas else []


def tool_schemas(task: Task, environment: str | None = None) -> list[dict[str, Any]] | None:
    """JSON schemas of the tools that rows with this ``environment`` offer; ``None`` in one turn."""
    if not task.max_tool_calling_iterations:
        return None
    factory = task.environment
    if isinstance(factory, Mapping):
        factory = factory[str(environment)]
    if factory is None:
        raise ValueError(f"The task {task.name!r} has rounds of tool calls, but no environment.")
    return [
        tool if isinstance(tool, dict) else get_json_schema(tool)
        for tool in offered_tools(factory())
    ]


def json_dataset(rows: Iterable[Mapping[str, Any]]) -> Dataset:
    """Rows with the same columns as a dataset that gives no message keys it does not have.

    Every column is JSON typed, because a plain one fills the keys that one message has and another
    lacks with ``None``.

    Raises:
        ValueError: There is no row.
    """
    from datasets import Dataset, Features, Json

    rows = list(rows)
    if not rows:
        raise ValueError("There is no row to train on: choose more rows, or accept lower scores.")
    names = list(rows[0])
    return Dataset.from_dict(
        {name: [json.dumps(row[name]) for row in rows] for name in names},
        features=Features(dict.fromkeys(names, Json())),
    )
