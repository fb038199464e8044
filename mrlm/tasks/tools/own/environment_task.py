"""A task of an environment by TRL's protocol, which may own its prompts and its reward.

``reset(**row)`` gives the prompt or ends it, public methods are the tools, ``get_reward`` is reward
and score. Without ``get_reward`` rows of a dataset bring answers or calls, as for other tools.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from mrlm.splits import RowStream
from mrlm.task import Task, UserRows
from mrlm.tasks.tools.own.functions import describe_function
from mrlm.tasks.tools.own.task import no_rows
from mrlm.tasks.tools.reward import extract, score, tool_call_reward, tools_reward
from mrlm.tasks.tools.scenarios import build_dataset
from mrlm.tasks.tools.user_rows import played_row, user_rows

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["environment_task"]

_MAX_SEED = 2**31 - 1


def environment_task(
    factory: Callable[[], Any], max_rounds: int, partial_credit: bool = False
) -> Task:
    """A task whose episodes are played in these environments.

    Args:
        factory: A class, or what makes its instances. ``reset`` is given those of the row's columns
            that it names, or all; in rows that nobody brought, ``seed``, which tells them apart.
        max_rounds: Most rounds of tool calls in an episode.
        partial_credit: As for ``tools_task``; of an environment without ``get_reward``.

    Raises:
        ValueError: It makes no environment, or a tool lacks what its schema needs.
    """
    if not callable(factory):
        raise ValueError(
            f"environment is {factory!r}; name a class, or a function that makes its instances."
        )
    probe = factory()
    members = dict(inspect.getmembers(type(probe), inspect.isfunction))
    if "reset" not in members:
        raise ValueError(
            f"environment: {type(probe).__name__} has no method reset(self, **row), which TRL's "
            "protocol asks for; it starts an episode, and returns the prompt, its end, or None."
        )
    public = [n for n in members if not n.startswith("_") and n not in ("reset", "get_reward")]
    schemas = [describe_function(getattr(probe, name)) for name in public]
    owns_reward = "get_reward" in members
    rewards = (tools_reward, tool_call_reward) if partial_credit else (tools_reward,)
    return Task(
        name="tools",
        build_dataset=_prompted_by_reset if owns_reward else no_rows,
        reward_funcs=() if owns_reward else rewards,
        score=_environment_score if owns_reward else score,
        extract=extract,
        environment=partial(_environment, factory),
        max_tool_calling_iterations=max_rounds,
        user_rows=_user_rows(schemas, owns_reward),
        needs_dataset=not owns_reward,
    )


def _environment(factory: Callable[[], Any]) -> Any:
    """An instance whose ``reset`` is given the columns that it takes."""
    environment = factory()
    reset = environment.reset
    parameters = inspect.signature(reset).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = {parameter.name for parameter in parameters}

    def reset_with_columns(columns: Any = None, **row: Any) -> Any:
        columns = json.loads(columns) if isinstance(columns, str) else columns
        given = {**row, **(columns or {})}
        return reset(**{key: given[key] for key in given if takes_all or key in names})

    environment.reset = reset_with_columns
    return environment


def _environment_score(completion: Any, row: Mapping[str, Any]) -> float | None:
    """What ``get_reward`` gave."""
    reward: float | None = row["environment_reward"]
    return reward


def _prompted_by_reset(size: int, seed: int, split: str) -> Dataset:
    """Rows without a prompt, each with a seed of its own in ``columns``."""
    from datasets import Dataset

    features = _features(build_dataset(0, seed, split).features)
    rows: list[dict[str, Any]] = []
    for index in range(size):
        number = RowStream(seed, split, index).below(_MAX_SEED)
        rows.append(
            {
                "id": f"tools-{split}-{seed}-{index}",
                "task": "tools",
                "environment": "",
                "prompt": [{"role": "user", "content": ""}],
                "tools": [],
                "files": {},
                "calls": [],
                "answer": "",
                "solution": [],
                "kind": "environment",
                "difficulty": "unknown",
                "family": "environment",
                "columns": {"seed": number},
            }
        )
    if not rows:
        return Dataset.from_dict({name: [] for name in features}, features=features)
    return Dataset.from_list(rows, features=features)


def _features(features: Any) -> Any:
    from datasets import Features, Json

    return Features({**features, "prompt": Json(), "tools": Json(), "columns": Json()})


def _user_rows(schemas: list[dict[str, Any]], owns_reward: bool) -> UserRows:
    """Rows of a dataset: every column that no task knows goes to ``reset``."""
    base = user_rows(schemas)
    return UserRows(
        needs={} if owns_reward else base.needs,
        instead=base.instead,
        takes={**base.needs, **base.takes} if owns_reward else base.takes,
        build=partial(_build, schemas=schemas, owns_reward=owns_reward),
        json_columns=("prompt", "tools", "columns"),
        all_columns=True,
    )


def _build(
    row: Mapping[str, Any], schemas: list[dict[str, Any]], owns_reward: bool
) -> dict[str, Any]:
    made = played_row(row, schemas, "", is_scored=not owns_reward)
    return {**made, "columns": dict(row)}
