"""Environments of episodes by TRL's ``environment_factory`` protocol, as its trainers use them.

``reset(**row)`` may give text that ends the prompt, or all of it where the row has none; public
methods are the model's tools, synchronous or not; ``get_reward`` scores the episode.

Unlike TRL, every episode has an environment of its own, which ``_close`` ends where it has that.
Not covered: images.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrlm.event_loop import run_async
from mrlm.models.chat_templates import offered_tools, tool_functions
from mrlm.task import Task

__all__ = ["StartedEnvironment", "run_calls", "start_environment"]

_NO_PROMPT = ({"role": "user", "content": ""},)


@dataclass(eq=False)
class StartedEnvironment:
    """An environment in an episode.

    Attributes:
        environment: Made by the task's factory.
        prompt: The conversation that begins, with what ``reset`` said.
        rewards: After ``end``: what ``get_reward`` gave, by the name of the class as in TRL's logs;
            empty where it has none.
        errors: What ``get_reward`` raised.
    """

    environment: Any
    prompt: list[dict[str, Any]]
    rewards: dict[str, float | None] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tools = {tool.__name__: tool for tool in tool_functions(self.environment)}
        self.offered = offered_tools(self.environment)
        self.ends_at_calls = bool(getattr(self.environment, "_ends_at_calls", False))

    def end(self) -> None:
        """Take the environment's reward; then it gives back what it holds (a process, a folder)."""
        name = type(self.environment).__name__
        try:
            if callable(getattr(self.environment, "get_reward", None)):
                self.rewards[name] = None
                self.rewards[name] = _reward(self.environment)
        except Exception as error:
            self.errors.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            close = getattr(self.environment, "_close", None)
            if close is not None:
                close()


def start_environment(row: Mapping[str, Any], task: Task) -> StartedEnvironment:
    """A fresh environment for a row, after its ``reset``.

    Raises:
        ValueError: The task has no environment of the name that the row gives, or ``reset`` is
            asynchronous, which TRL does not wait for.
    """
    factory, arguments = task.environment, dict(row)
    if isinstance(factory, Mapping):
        name = arguments.pop("environment", None)
        if name not in factory:
            raise ValueError(
                f"Row {row.get('id')!r} has the environment {name!r}; the task {task.name!r} has "
                f"{', '.join(map(str, factory))}."
            )
        factory = factory[name]
    if factory is None:
        raise ValueError(f"The task {task.name!r} has rounds of tool calls, but no environment.")
    environment = factory()
    observation = environment.reset(**arguments)
    if inspect.isawaitable(observation):
        raise ValueError(
            f"{type(environment).__name__}.reset is asynchronous; TRL's trainers do not wait for "
            "it: make it a plain method, or do its work in the first call of a tool."
        )
    *before, last = [dict(message) for message in row.get("prompt") or _NO_PROMPT]
    if observation is not None:
        last["content"] = _joined(last["content"], observation)
    return StartedEnvironment(environment, [*before, last])


def _joined(content: Any, observation: Any) -> Any:
    """A message's content and what ``reset`` says; either may be a list of parts."""
    if isinstance(observation, list) and isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if isinstance(observation, str) and isinstance(content, list):
        observation = [{"type": "text", "text": observation}]
    return content + observation


def run_calls(
    tools: Mapping[str, Callable[..., Any]], calls: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Any]]:
    """Each call with its result, or its error in TRL's words, in the order in which TRL shows them.

    Asynchronous tools run side by side and come after the others.
    """
    plain: list[tuple[Mapping[str, Any], Any]] = []
    waiting: list[tuple[Mapping[str, Any], Any]] = []
    for call in calls:
        function = call["function"]
        try:
            if function["name"] not in tools:
                raise ValueError(f"Tool {function['name']} not found.")
            outcome = tools[function["name"]](**function["arguments"])
        except Exception as error:
            outcome = {"error": str(error)}
        (waiting if inspect.isawaitable(outcome) else plain).append((call, outcome))
    if waiting:
        outcomes = run_async(_gathered([outcome for _, outcome in waiting]))
        plain += [(call, outcome) for (call, _), outcome in zip(waiting, outcomes, strict=True)]
    return [(call, _content(outcome)) for call, outcome in plain]


async def _gathered(waiting: Sequence[Any]) -> list[Any]:
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    return [{"error": str(one)} if isinstance(one, BaseException) else one for one in outcomes]


def _content(outcome: Any) -> Any:
    """Parts of a message as they are, anything else as text."""
    is_parts = isinstance(outcome, list) and outcome and all(_is_part(one) for one in outcome)
    return outcome if is_parts else str(outcome)


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" in value


def _reward(environment: Any) -> float | None:
    """What ``get_reward`` gives, waited for where it is asynchronous.

    Raises:
        Exception: Whatever it raises.
        ValueError: It is no finite number.
    """
    reward = environment.get_reward()
    if inspect.iscoroutine(reward):
        reward = run_async(reward)
    if reward is None:
        return None
    number = float(reward)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a reward: return a finite number or None")
    return number
