"""Tool use: real tools, scenarios with right calls, environments, a strict reward.

``TASK`` is the task; ``tools_task`` builds it with partial credit, fewer kinds of scenarios, or
another search backend. The tools themselves are in ``mrlm.tasks.tools.builtin``, BFCL's rules in
``mrlm.tasks.tools.bfcl``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

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
}


def tools_task(
    *,
    partial_credit: bool = False,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
    search: SearchBackend = search_pages,
) -> Task:
    """The tools task.

    Args:
        partial_credit: Also reward calls that are partly right (``tool_call_reward``).
        kinds: Of its scenarios: single, parallel, sequence, none.
        difficulties: Of its scenarios: easy, medium, hard.
        search: What ``web_search`` asks. The generated scenarios are about the made-up
            encyclopedia, so another backend goes with rows of your own.

    Raises:
        ValueError: An argument is not one of these.
    """
    return Task(
        name="tools",
        build_dataset=partial(build_dataset, kinds=kinds, difficulties=difficulties),
        reward_funcs=(tools_reward, tool_call_reward) if partial_credit else (tools_reward,),
        score=score,
        extract=extract,
        environment={**make_environments(search), ROW_TOOLS: RowToolsEnvironment},
        max_tool_calling_iterations=MAX_ROUNDS,
        reward_cases=reward_cases,
        generate_rows=partial(generate_rows, kinds=kinds, difficulties=difficulties),
        user_rows=user_rows(),
    )


TASK = tools_task()
