"""Whether an environment keeps TRL's protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mrlm.rewards.calls import call
from mrlm.task import Task
from mrlm.task_check.draw import NotApplicable, draw_rows, shown

__all__ = ["CHECKS"]


def _environment_keeps_the_protocol(task: Task) -> Iterator[str]:
    if task.environment is None:
        raise NotApplicable("the task has none")
    row = draw_rows(task, 1)[0]
    factory = task.environment
    # A mapping of factories goes with a column that names one of them for each row.
    if isinstance(factory, Mapping):
        if row.get("environment") not in factory:
            yield (
                f"column environment holds {shown(row.get('environment'))}; it must name one of "
                f"{', '.join(factory)}."
            )
            return
        factory = factory[row["environment"]]
    environment = factory()
    observation = call(environment.reset, row)
    if observation is not None and not isinstance(observation, str):
        yield f"reset returned {shown(observation)}; it must return a text or None."
    names = [name for name in dir(type(environment)) if not name.startswith("_")]
    tools = [getattr(environment, n) for n in names if n not in ("reset", "get_reward")]
    tools = [tool for tool in tools if callable(tool)]
    if not tools:
        yield "the environment has no public method, and so no tool."
    for tool in tools:
        yield from _tool_faults(tool)
    if hasattr(environment, "get_reward"):
        reward = call(environment.get_reward, {})
        if reward not in (0.0, None):
            yield f"get_reward gives {shown(reward)} before anything was done; it must give 0.0."


def _tool_faults(tool: Callable[..., Any]) -> Iterator[str]:
    from transformers.utils.chat_template_utils import get_json_schema

    if "return" not in tool.__annotations__:
        yield f"the tool {tool.__name__} does not say what it returns: `-> str`."
    try:
        json.dumps(get_json_schema(tool))
    except Exception as error:
        yield f"the tool {tool.__name__} has no schema: {' '.join(str(error).split())[:200]}"


CHECKS: dict[str, Callable[[Task], Iterator[str]]] = {
    "the environment keeps TRL's protocol": _environment_keeps_the_protocol,
}
