"""Questions of the user's own, with their right calls, as rows of the tools task.

Not covered: tools of the user's own. Rewards look at what a call returned, so a tool must be there
to run; rows that name another one are refused with a message that says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.tools.environment import SCHEMAS, TOOL_NAMES, environment_name
from mrlm.tasks.tools.scenarios import INSTRUCTION
from mrlm.tasks.tools.schemas import check_arguments, read_arguments, shown

__all__ = ["USER_ROWS"]

_CALLS = (
    "a list of steps, each a list of calls that do not depend on each other, "
    '{"name": ..., "arguments": {parameter: value or list of allowed values}}; [] where no tool '
    "is needed"
)
_TOOLS = f"a list of one or more of {', '.join(TOOL_NAMES)}"
_ONLY_BUILTIN = (
    f"calls of the builtin tools only ({', '.join(TOOL_NAMES)}); calls of tools of your own can be "
    "checked with mrlm.tasks.tools.bfcl.check_calls, but not trained on, because nothing would run "
    "them"
)
_FILES = "an object: text by file name"


def _build(row: Mapping[str, Any]) -> dict[str, Any]:
    question, answer = row["question"], row["answer"]
    if not isinstance(question, str) or not question.strip():
        raise ColumnError("question", "text")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float) or answer == "":
        raise ColumnError("answer", "text or a number")
    steps = _data(row["calls"], "calls", _CALLS)
    if not isinstance(steps, list) or not all(isinstance(step, list) for step in steps):
        raise ColumnError("calls", _CALLS)
    calls = [[_call(call) for call in step] for step in steps]
    needed = {call["name"] for step in calls for call in step}
    tools = _data(row.get("tools"), "tools", _TOOLS) or list(TOOL_NAMES)
    try:
        environment = environment_name(tools)
    except (TypeError, ValueError):
        raise ColumnError("tools", f"{_TOOLS}; tools of your own cannot be offered") from None
    if not needed <= set(tools):
        raise ColumnError("tools", f"all the tools that are called: {', '.join(sorted(needed))}")
    files = _data(row.get("files"), "files", _FILES) or {}
    if not isinstance(files, Mapping) or not all(isinstance(t, str) for t in files.values()):
        raise ColumnError("files", _FILES)
    return {
        "environment": environment,
        "prompt": [{"role": "user", "content": question.strip() + INSTRUCTION}],
        "files": dict(files),
        "calls": calls,
        "answer": str(answer),
        # Only the generated rows come with a worked trace.
        "solution": [],
        "family": "user",
    }


def _data(value: Any, column: str, expected: str) -> Any:
    """Lists and objects; a text, as in a CSV file, is read as JSON."""
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ColumnError(column, f"{expected}; in a text, as JSON") from None


def _call(call: Any) -> dict[str, Any]:
    """A right call with lists of allowed values, checked against the tool's schema."""
    name = call.get("name") if isinstance(call, Mapping) else None
    arguments = call.get("arguments") if isinstance(call, Mapping) else None
    if isinstance(name, str) and name not in SCHEMAS:
        raise ColumnError("calls", f"{_ONLY_BUILTIN}; got {shown(name)}")
    arguments = read_arguments(arguments)
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise ColumnError("calls", _CALLS)
    allowed = {key: v if isinstance(v, list) else [v] for key, v in arguments.items()}
    if not all(allowed.values()):
        raise ColumnError("calls", f"at least one allowed value for each argument of {name}")
    # The first allowed values, "" meaning left out, must make a call that the tool accepts.
    first = {key: values[0] for key, values in allowed.items() if values[0] != ""}
    problems = check_arguments(first, SCHEMAS[str(name)])
    if problems:
        raise ColumnError("calls", f"arguments that {name} accepts: {'; '.join(problems)}")
    details = {key: call[key] for key in ("result", "uses") if key in call}
    return {"name": name, "arguments": allowed, **details}


USER_ROWS = UserRows(
    needs={"question": "text", "calls": _CALLS, "answer": "text or a number"},
    takes={"tools": _TOOLS, "files": _FILES},
    build=_build,
)
