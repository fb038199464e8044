"""Questions and logs of the user's own as rows of the tools task.

Three kinds of rows come in, and each is scored by what it brings, the answer, the calls or both:

- of the builtin tools: ``question`` with ``answer`` or ``calls``, played in their environments;
- of tools of the user's own (``tools_task(tools=...)``): the same, played with these;
- with tools of their own as JSON schemas and labelled calls: BFCL, glaive-function-calling, logs of
  OpenAI's interface, xLAM. Nothing can run these, so an episode ends with the first turn that calls
  one, and its calls are compared with the labelled ones. Of a log, every turn of the assistant that
  calls tools becomes a row; where none does, no call is right.

Not covered: BFCL's Java, JavaScript, multi-turn and relevance rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mrlm.errors import ColumnError
from mrlm.task import UserRows
from mrlm.tasks.tools import bfcl_files
from mrlm.tasks.tools.conversations import (
    MESSAGES,
    glaive_messages,
    glaive_tools,
    read_messages,
    turns_with_calls,
)
from mrlm.tasks.tools.environment import SCHEMAS, TOOL_NAMES, environment_name
from mrlm.tasks.tools.labels import (
    CALLS,
    as_allowed,
    gold_arguments,
    literal,
    read_steps,
    schema_of,
    self_check,
)
from mrlm.tasks.tools.reward import ANY_CALLS
from mrlm.tasks.tools.row_tools import OWN_TOOLS, ROW_TOOLS
from mrlm.tasks.tools.scenarios import INSTRUCTION
from mrlm.tasks.tools.standard import TOOL_SCHEMAS, standard_tools

__all__ = ["played_row", "user_rows"]

_QUESTION = "text, or a list of messages that ends with the user's"
_ANSWER = "text or a number"
_TOOLS = f"a list of one or more of {', '.join(TOOL_NAMES)}, or {TOOL_SCHEMAS}"
_TRUTH = "BFCL's ground truth: a list of {function: {parameter: [allowed values]}}"
_FILES = "an object: text by file name"
_SCORED = "text or a number; a row needs an answer, calls, or both"
_ONE_STEP = (
    "calls of one turn: tools that only the row describes are not run, so there is no later turn; "
    "give your own functions with --tools to have them run"
)
_OTHER_TOOLS = (
    ". Tools of your own: name your functions with --tools FILE.py:NAME, which runs them, or "
    "describe them in a column tools, and calls are compared without being run"
)
_LOGS = ("messages", "conversations", "chat")

Row = dict[str, Any]


def user_rows(own: Sequence[Mapping[str, Any]] | None = None) -> UserRows:
    """How rows of the user's become rows of the tools task.

    Args:
        own: Schemas of tools of the user's own, which every row is offered; without them rows name
            builtin tools or bring schemas.
    """
    return UserRows(
        needs={"question": _QUESTION},
        instead={"question": _LOGS},
        takes={
            "answer": _ANSWER,
            "calls": CALLS,
            "tools": _TOOLS,
            "files": _FILES,
            "function": TOOL_SCHEMAS,
            "functions": TOOL_SCHEMAS,
            "ground_truth": _TRUTH,
            "messages": MESSAGES,
            "conversations": MESSAGES,
            "system": "text; in glaive's rows it names the functions",
            "chat": "a talk in turns that begin with USER: and ASSISTANT:",
        },
        build=partial(_build, own=own),
        json_columns=("prompt", "tools"),
        complete=bfcl_files.completed,
    )


def _build(row: Mapping[str, Any], own: Sequence[Mapping[str, Any]] | None) -> list[Row]:
    if own is not None:
        return [played_row(row, own, OWN_TOOLS)]
    schemas = _schemas(row)
    if schemas is None and "question" not in row and "tools" not in row:
        raise ColumnError("tools", f"{_TOOLS}; a log is scored by the calls of the tools it had")
    if schemas is None:
        return [_builtin(row)]
    return list(_labelled(row, schemas))


# ------------------------------------------------------------------ tools that are run


def _builtin(row: Mapping[str, Any]) -> Row:
    tools = _data(row.get("tools"), "tools", _TOOLS) or list(TOOL_NAMES)
    try:
        environment = environment_name(tools)
    except (TypeError, ValueError):
        raise ColumnError("tools", _TOOLS) from None
    offered = [SCHEMAS[name] for name in TOOL_NAMES if name in tools]
    made = played_row(row, offered, environment, hint=_OTHER_TOOLS)
    if isinstance(made["calls"], list):
        details = _details(_data(row["calls"], "calls", CALLS))
        flat = [call for step in made["calls"] for call in step]
        for call, detail in zip(flat, details, strict=True):
            call.update(detail)
    return {**made, "tools": []}


def _details(calls: Any) -> list[Row]:
    """What a label says of Python code: its result, and what it must use."""
    flat = [one for step in calls for one in (step if isinstance(step, list) else [step])]
    return [{key: call[key] for key in ("result", "uses") if key in call} for call in flat]


def played_row(
    row: Mapping[str, Any],
    schemas: Sequence[Mapping[str, Any]],
    environment: str,
    *,
    is_scored: bool = True,
    hint: str = "",
) -> Row:
    """A row whose tools are there to be run.

    Args:
        row: With a question or a log, and what it is scored by.
        schemas: Of the tools on offer.
        environment: Its name.
        is_scored: Whether it must bring an answer, calls, or both; else it may lack a question.
        hint: Ends the message on calls that do not fit.

    Raises:
        ColumnError: A column does not fit.
    """
    steps: list[Any] | None = None
    if "question" in row:
        prompt = _prompt(row["question"])
    elif is_scored or any(name in row for name in _LOGS):
        prompt, steps = _from_log(row, schemas)
    else:
        prompt = [{"role": "user", "content": ""}]
    if "calls" in row:
        steps = _steps(row, schemas, hint)
    answer = row.get("answer", "")
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        raise ColumnError("answer", _ANSWER)
    answer = str(answer).strip()
    if is_scored and not answer and ("answer" in row or steps is None):
        raise ColumnError("answer", _SCORED)
    files = _data(row.get("files"), "files", _FILES) or {}
    if not isinstance(files, Mapping) or not all(isinstance(t, str) for t in files.values()):
        raise ColumnError("files", _FILES)
    if answer and is_scored:
        prompt[-1]["content"] += INSTRUCTION
    calls = ANY_CALLS if steps is None else steps
    return _row(environment, prompt, list(schemas), calls, answer, []) | {"files": dict(files)}


def _from_log(
    row: Mapping[str, Any], schemas: Sequence[Mapping[str, Any]]
) -> tuple[list[Row], list[Any]]:
    """The question of a log, and the calls that followed until the user spoke again."""
    messages = _log(row)
    roles = [message["role"] for message in messages]
    first = roles.index("assistant") if "assistant" in roles else len(roles)
    if "user" not in roles[:first]:
        raise ColumnError(_log_column(row), "messages in which the user speaks first")
    steps = []
    for message in messages[first:]:
        if message["role"] == "user":
            break
        if message.get("tool_calls"):
            steps.append(_labels(message, schemas, _log_column(row)))
    return messages[:first], steps


# ------------------------------------------------------------------ labelled calls, never run


def _labelled(row: Mapping[str, Any], schemas: list[Row]) -> Iterator[Row]:
    if "question" not in row:
        column = _log_column(row)
        try:
            turns = list(turns_with_calls(_log(row)))
        except ValueError as error:
            raise ColumnError(column, f"{MESSAGES}; {error}") from None
        for before, turn in turns:
            yield _labelled_row(row, before, schemas, _labels(turn, schemas, column), turn)
        return
    if "calls" in row:
        steps = _steps(row, schemas)
        if len(steps) > 1:
            raise ColumnError("calls", _ONE_STEP)
        calls = steps[0] if steps else []
    else:
        calls = _ground_truth(row, schemas)
    yield _labelled_row(row, _prompt(row["question"]), schemas, calls, None)


def _labelled_row(
    row: Mapping[str, Any],
    prompt: list[Row],
    schemas: list[Row],
    calls: list[Row],
    turn: Row | None,
) -> Row:
    solution: list[Row] = []
    if calls:
        can_be_met = all(self_check(call, schema_of(call["name"], schemas)) for call in calls)
        solution = [gold_turn(calls, schemas)] if can_be_met else []
    elif turn is not None and turn["content"]:
        solution = [{"role": "assistant", "content": turn["content"]}]
    made = _row(ROW_TOOLS, prompt, schemas, [calls] if calls else [], "", solution)
    kind = "none" if not calls else "single" if len(calls) == 1 else "parallel"
    return {**made, "kind": row.get("kind") or bfcl_files.category(row.get("id")) or kind}


def gold_turn(calls: Sequence[Mapping[str, Any]], schemas: Sequence[Mapping[str, Any]]) -> Row:
    """The assistant's turn that makes the right calls."""
    made = [
        {"name": call["name"], "arguments": gold_arguments(call, schema_of(call["name"], schemas))}
        for call in calls
    ]
    listed = [
        {"id": f"call_{number}", "type": "function", "function": function}
        for number, function in enumerate(made, 1)
    ]
    return {"role": "assistant", "content": "", "tool_calls": listed}


def _ground_truth(row: Mapping[str, Any], schemas: Sequence[Mapping[str, Any]]) -> list[Row]:
    if bfcl_files.is_irrelevance(row.get("id")):
        return []
    truth = _data(row.get("ground_truth"), "ground_truth", _TRUTH)
    if truth is None:
        raise ColumnError("calls", f"{CALLS}, or a column ground_truth. {bfcl_files.WHERE}")
    if not isinstance(truth, list) or not all(
        isinstance(one, Mapping) and all(isinstance(v, Mapping) for v in one.values())
        for one in truth
    ):
        raise ColumnError("ground_truth", _TRUTH)
    calls = [
        {"name": name, "arguments": _plain(allowed)}
        for one in truth
        for name, allowed in one.items()
    ]
    try:
        for call in calls:  # whether the labels can be met is the benchmark's business
            schema_of(call["name"], schemas)
    except ValueError as error:
        raise ColumnError("ground_truth", f"calls of the functions; {error}") from None
    return calls


def _plain(allowed: Mapping[str, Any]) -> Row:
    """Tables fill the keys that one call has and another lacks with ``None``."""
    return {key: values for key, values in allowed.items() if isinstance(values, list)}


def _labels(
    turn: Mapping[str, Any], schemas: Sequence[Mapping[str, Any]], column: str
) -> list[Row]:
    """A turn's calls as right ones, each value the only one that is allowed."""
    functions = [call["function"] for call in turn.get("tool_calls") or ()]
    try:
        return [
            as_allowed(f["name"], {k: [literal(v)] for k, v in f["arguments"].items()}, schemas)
            for f in functions
        ]
    except ValueError as error:
        raise ColumnError(column, f"calls that the tools accept; {error}") from None


# ------------------------------------------------------------------ columns


def _row(
    environment: str,
    prompt: list[Row],
    schemas: list[Any],
    steps: list[Any] | dict[str, str],
    answer: str,
    solution: list[Row],
) -> Row:
    return {
        "environment": environment,
        "prompt": prompt,
        "tools": schemas,
        "files": {},
        "calls": steps,
        "answer": answer,
        "solution": solution,
        "family": "user",
    }


def _prompt(question: Any) -> list[Row]:
    """Messages from text, from messages, or from BFCL's list of turns, of which there is one."""
    if isinstance(question, str):
        if not question.strip():
            raise ColumnError("question", _QUESTION)
        return [{"role": "user", "content": question.strip()}]
    if isinstance(question, list) and question and isinstance(question[0], list):
        if len(question) > 1:
            raise ColumnError("question", "one turn of the user's, not several (BFCL's multi_turn)")
        question = question[0]
    try:
        messages = read_messages(question)
    except ValueError as error:
        raise ColumnError("question", f"{_QUESTION}; {error}") from None
    if messages[-1]["role"] != "user":
        raise ColumnError("question", _QUESTION)
    return messages


def _schemas(row: Mapping[str, Any]) -> list[Row] | None:
    """The tools that the row describes; ``None`` where it names builtin ones, or none."""
    for column in ("function", "functions", "tools"):
        found = _data(row.get(column), column, _TOOLS)
        if found is None or (column == "tools" and _are_names(found)):
            continue
        try:
            return standard_tools(found)
        except ValueError as error:
            expected = _TOOLS if column == "tools" else TOOL_SCHEMAS
            raise ColumnError(column, f"{expected}; {error}") from None
    if "chat" not in row:
        return None
    # In glaive's first version it begins the talk.
    system = row.get("system") or str(row["chat"]).partition("USER:")[0]
    try:
        return standard_tools(glaive_tools(str(system)))
    except ValueError as error:
        raise ColumnError("system", f"glaive's text with functions as JSON; {error}") from None


def _are_names(tools: Any) -> bool:
    return isinstance(tools, list) and all(isinstance(name, str) for name in tools)


def _steps(
    row: Mapping[str, Any], schemas: Sequence[Mapping[str, Any]], hint: str = ""
) -> list[Any]:
    calls = _data(row["calls"], "calls", CALLS)
    try:
        return read_steps([] if calls is None else calls, schemas)
    except ValueError as error:
        raise ColumnError("calls", f"{CALLS}; {error}{hint}") from None


def _log_column(row: Mapping[str, Any]) -> str:
    return next(name for name in _LOGS if name in row)


def _log(row: Mapping[str, Any]) -> list[Row]:
    column = _log_column(row)
    try:
        if column != "chat":
            return _with_system(read_messages(row[column]), row.get("system"))
        if not isinstance(row["chat"], str):
            raise ValueError("it is no text")
        return glaive_messages(row["chat"])
    except ValueError as error:
        raise ColumnError(column, f"{MESSAGES}; {error}") from None


def _with_system(messages: list[Row], system: Any) -> list[Row]:
    """ShareGPT's rows keep the system text in a column of its own."""
    if not isinstance(system, str) or not system.strip() or messages[0]["role"] == "system":
        return messages
    return [{"role": "system", "content": system.strip()}, *messages]


def _data(value: Any, column: str, expected: str) -> Any:
    """Lists and objects; a text, as in a CSV file, is read as JSON."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ColumnError(column, f"{expected}; in a text, as JSON") from None
