"""Prompts for a trainer that samples one turn at a time and plays no environment.

Rows that are answered in one turn keep their prompt. Of an episode with tools each turn of the
worked solution becomes a prompt of its own: the conversation up to it, results of tools included.

Not covered: episodes that go on from what the model itself has called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from mrlm.data.demonstrations import json_dataset, row_schemas, tool_schemas
from mrlm.sampling.environments import start_environment
from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

__all__ = ["turn_prompts"]


def turn_prompts(
    rows: Iterable[Mapping[str, Any]], task: Task, tokenizer: PreTrainedTokenizerBase
) -> Dataset:
    """A dataset with the column ``prompt``, in the order of the rows.

    Args:
        rows: Of ``task.build_dataset``, or a user's in its columns.
        task: Whose rows.
        tokenizer: Renders conversations with tools; needs tool calling (``add_tool_calling``).

    Returns:
        Conversations; of a task with tools their rendered texts, because trainers that know no
        environments have no place for the tools of a row.
    """
    if not task.has_tools:
        return json_dataset({"prompt": row["prompt"]} for row in rows)
    schemas = cache(partial(tool_schemas, task))
    return json_dataset(
        {"prompt": _rendered(tokenizer, messages, _tools(task, row, schemas))}
        for row in rows
        for messages in _before_each_turn(row, task)
    )


def _tools(task: Task, row: Mapping[str, Any], schemas: Any) -> list[dict[str, Any]] | None:
    own = row.get("tools")
    return row_schemas(task, row) if own else schemas(row.get("environment"))


def _before_each_turn(row: Mapping[str, Any], task: Task) -> list[list[Mapping[str, Any]]]:
    """The conversation before each turn of the assistant's; of a row without solution the first."""
    prompt, solution = list(row.get("prompt") or ()), row.get("solution")
    if not prompt:  # its environment says it
        started = start_environment(row, task)
        started.end()
        prompt = list(started.prompt)
    if not solution or isinstance(solution, str):
        return [prompt]
    places = [place for place, message in enumerate(solution) if message["role"] == "assistant"]
    return [[*prompt, *solution[:place]] for place in places]


def _rendered(
    tokenizer: PreTrainedTokenizerBase,
    messages: list[Mapping[str, Any]],
    tools: list[dict[str, Any]] | None,
) -> str:
    """As text, without the beginning-of-text token that the tokenizer writes before any text."""
    text = str(
        tokenizer.apply_chat_template(
            messages,  # type: ignore[arg-type]
            tools=tools,  # type: ignore[arg-type]
            add_generation_prompt=True,
            tokenize=False,
        )
    )
    bos = tokenizer.bos_token
    if isinstance(bos, str) and tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]:
        return text.removeprefix(bos)
    return text
