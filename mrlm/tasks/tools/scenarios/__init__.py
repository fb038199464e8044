"""Generated scenarios: problems with their right calls, answers and worked traces.

Families (``FAMILIES``) over one tool, tools in sequence, calls in parallel, and no tool at all;
parameters make many rows of each. Facts come from a made-up encyclopedia, so an answer cannot be
known without the search. Rows offer the tools that they need and, some of them, others that do not
help; tools that would do as well are never offered along.

A scenario's content is its family and its parameters; wording and offered tools are left out, so
variants of one problem never straddle train and test. Rows are drawn independently: a problem may
come twice in a dataset.

Does not cover: several user turns, tools that fail at random, languages other than English.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mrlm.splits import RowStream, check_request, split_of
from mrlm.tasks.tools.builtin.arithmetic import calculator
from mrlm.tasks.tools.builtin.search import web_search
from mrlm.tasks.tools.environment import SCHEMAS, TOOL_NAMES, environment_name
from mrlm.tasks.tools.scenarios import (
    arithmetic,
    direct,
    folder,
    lookup,
    parallel,
    programs,
    sequences,
)
from mrlm.tasks.tools.scenarios.family import DIFFICULTIES, KINDS, Family, Reference, Scenario
from mrlm.tasks.tools.scenarios.wording import framed

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "COLUMNS",
    "DIFFICULTIES",
    "FAMILIES",
    "INSTRUCTION",
    "KINDS",
    "build_dataset",
    "build_traces",
    "generate_rows",
]

FAMILIES: tuple[Family, ...] = (
    *arithmetic.FAMILIES,
    *lookup.FAMILIES,
    *folder.FAMILIES,
    *programs.FAMILIES,
    *parallel.FAMILIES,
    *sequences.FAMILIES,
    *direct.FAMILIES,
)
INSTRUCTION = "\nEnd with a line 'Answer: ...'."
COLUMNS = (
    "id",
    "task",
    "environment",
    "prompt",
    "files",
    "calls",
    "answer",
    "solution",
    "kind",
    "difficulty",
    "family",
)
# Columns of any shape: datasets would fill the keys that one row has and another lacks with None.
_JSON_COLUMNS = ("files", "calls", "solution")


def generate_rows(
    size: int,
    seed: int,
    split: str,
    *,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
) -> Iterator[dict[str, Any]]:
    """Generate ``size`` rows with the columns ``COLUMNS``, one by one.

    Row ``i`` is a function of the arguments other than ``size``. ``calls`` holds the right calls,
    a list of steps of calls that do not depend on each other; ``solution`` a worked trace, what
    the assistant and the tools say after the prompt.

    Args:
        size: Number of rows, >= 0.
        seed: Any integer.
        split: ``"train"`` or ``"test"``; they share no scenario, whatever the seeds.
        kinds: Drawn from uniformly.
        difficulties: Of the families that are drawn from.

    Raises:
        ValueError: An argument is not one of the allowed values.
    """
    check_request(size, seed, split)
    _check_choice("kinds", kinds, KINDS)
    _check_choice("difficulties", difficulties, DIFFICULTIES)
    by_kind = {
        kind: [f for f in FAMILIES if f.kind == kind and f.difficulty in difficulties]
        for kind in kinds
    }
    families = [found for found in by_kind.values() if found]
    if not families:
        raise ValueError(f"No family is of the kinds {kinds!r} and the difficulties given.")
    # Not a generator itself: a wrong argument must raise here, not at the first row.
    return (_row(seed, split, index, families) for index in range(size))


def build_dataset(
    size: int,
    seed: int,
    split: str,
    *,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
) -> Dataset:
    """The rows of ``generate_rows`` (same arguments, same errors) as a ``datasets.Dataset``."""
    # Imported here: generating rows does not need it, and it takes most of a second.
    from datasets import Dataset, Features, Json, Value

    rows = list(generate_rows(size, seed, split, kinds=kinds, difficulties=difficulties))
    message = {"role": Value("string"), "content": Value("string")}
    types: dict[str, Any] = {name: Value("string") for name in COLUMNS} | {"prompt": [message]}
    types |= {name: Json() for name in _JSON_COLUMNS}
    columns = {
        name: [json.dumps(row[name]) if name in _JSON_COLUMNS else row[name] for row in rows]
        for name in COLUMNS
    }
    return Dataset.from_dict(columns, features=Features(types))


def build_traces(
    size: int,
    seed: int,
    split: str = "train",
    *,
    kinds: Sequence[str] = KINDS,
    difficulties: Sequence[str] = DIFFICULTIES,
) -> Dataset:
    """Worked traces for supervised fine-tuning: ``messages`` and ``tools`` of the same rows.

    Both columns are JSON typed, so no message gets keys that it does not have.
    """
    from datasets import Dataset, Features, Json

    rows = generate_rows(size, seed, split, kinds=kinds, difficulties=difficulties)
    columns: dict[str, list[str]] = {"messages": [], "tools": []}
    for row in rows:
        columns["messages"].append(json.dumps(row["prompt"] + row["solution"]))
        tools = row["environment"].partition(":")[2].split("+")
        columns["tools"].append(json.dumps([SCHEMAS[name] for name in tools]))
    return Dataset.from_dict(columns, features=Features({"messages": Json(), "tools": Json()}))


def _check_choice(argument: str, chosen: Sequence[str], allowed: tuple[str, ...]) -> None:
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    if isinstance(chosen, str) or not names or not set(names) <= set(allowed):
        raise ValueError(
            f"{argument} is {chosen!r}; give a list of one or more of {', '.join(allowed)}."
        )


def _row(seed: int, split: str, index: int, families: list[list[Family]]) -> dict[str, Any]:
    stream = RowStream(seed, split, index)
    family = stream.pick(stream.pick(families))
    while True:
        scenario = family.make(stream)
        if split_of(scenario.content) == split:
            break
    tools = _offered(stream, family)
    question = framed(stream, scenario.question) + INSTRUCTION
    # The digest keeps ids apart between datasets that were built with other filters.
    digest = blake2b(f"{question}{tools}".encode(), digest_size=3).hexdigest()
    return {
        "id": f"tools-{split}-{seed}-{index}-{digest}",
        "task": "tools",
        "environment": environment_name(tools),
        "prompt": [{"role": "user", "content": question}],
        "files": dict(scenario.files),
        "calls": [[call.to_dict() for call in step] for step in scenario.steps],
        "answer": scenario.answer,
        "solution": _trace(scenario),
        "kind": family.kind,
        "difficulty": family.difficulty,
        "family": family.name,
    }


def _offered(stream: RowStream, family: Family) -> list[str]:
    """The tools that are needed and up to two others; one at least."""
    others = [t for t in TOOL_NAMES if t not in family.tools and t not in family.rivals]
    fewest = 0 if family.tools else 1
    wanted = stream.between(fewest, max(fewest, min(2, len(others))))
    offered = list(family.tools)
    for _ in range(min(wanted, len(others))):
        offered.append(others.pop(stream.below(len(others))))
    return offered


def _trace(scenario: Scenario) -> list[dict[str, Any]]:
    """The right calls, what the tools answer, and the final answer.

    The tools themselves are not asked: a test runs them and compares.
    """
    messages: list[dict[str, Any]] = []
    number = 0
    for step in scenario.steps:
        calls, results = [], []
        for reference in step:
            number += 1
            arguments = {k: v[0] for k, v in reference.arguments.items() if v[0] != ""}
            function = {"name": reference.name, "arguments": arguments}
            calls.append({"id": f"call_{number}", "type": "function", "function": function})
            results.append(
                {
                    "role": "tool",
                    "tool_call_id": f"call_{number}",
                    "name": reference.name,
                    "content": _result(reference, arguments, scenario),
                }
            )
        messages += [{"role": "assistant", "content": "", "tool_calls": calls}, *results]
    return [*messages, {"role": "assistant", "content": f"Answer: {scenario.answer}"}]


def _result(reference: Reference, arguments: dict[str, Any], scenario: Scenario) -> str:
    """What the tool answers to a right call: the trace needs no folder on the disk for it."""
    if reference.result is not None:
        return reference.result  # Python
    if reference.name == "calculator":
        return calculator(**arguments)
    if reference.name == "web_search":
        return _found(arguments["query"])
    path, text = arguments["path"], arguments.get("content", "")
    if arguments["action"] == "read":
        return scenario.files[path] or "The file is empty."
    if arguments["action"] == "write":
        return f"Wrote {len(text)} characters to {path}."
    inside = (name.removeprefix(f"{path}/") for name in scenario.files)
    return "\n".join(sorted(inside))


@cache
def _found(query: str) -> str:
    return web_search(query)
