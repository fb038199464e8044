"""Episodes that a tool reward must not pay, and others that it must: `mrlm reward` tries them.

Rows are drawn from the task, one of each family. Every family is tried with the parts of its worked
solution (a guess without calls, calls without an answer, junk arguments); a few families carry what
is about their tools. Calls too many are not among the attacks: ``tools_reward`` takes off a part.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from mrlm.task import RewardCase
from mrlm.tasks.tools.scenarios import FAMILIES, generate_rows

__all__ = ["call", "family_row", "result", "reward_cases", "say", "turn"]

_DRAWS = 100_000  # far more than it takes to see every family
Messages = list[dict[str, Any]]
Named = Iterator[tuple[str, str | Messages]]


def call(name: str, call_id: str = "c1", **arguments: Any) -> dict[str, Any]:
    """A call as an assistant's message holds it."""
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def call_in_text(arguments: str, name: str = "calculator") -> dict[str, Any]:
    """A call whose arguments are JSON text, as OpenAI's interface gives them."""
    function = {"name": name, "arguments": arguments}
    return {"id": "c1", "type": "function", "function": function}


def turn(*calls: dict[str, Any], content: str = "") -> dict[str, Any]:
    """An assistant's message with calls."""
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(content: str, call_id: str = "c1", name: str = "calculator") -> dict[str, Any]:
    """What a tool gave back."""
    return {"role": "tool", "tool_call_id": call_id, "name": name, "content": content}


def say(text: str) -> dict[str, Any]:
    """An assistant's message without calls."""
    return {"role": "assistant", "content": text}


def family_row(family: str) -> dict[str, Any]:
    """A row of the task from this family."""
    return copy.deepcopy(_rows()[family])


def reward_cases() -> Iterator[RewardCase]:
    """Parts of every family's solution, then what is about one family's tools."""
    for family in FAMILIES:
        row = family_row(family.name)
        for name, completion in _parts(row):
            yield RewardCase(f"{family.name}: {name}", row, completion)
    for family_name, attacks, correct in (
        ("product", _expression_attacks, _expression_variants),
        ("told_color", _needless_calls, None),
        ("invoice", _wrong_order, None),
        ("two_products", _parallel_attacks, _parallel_variants),
        ("town_population", _query_attacks, _query_variants),
        ("sum_of_squares", _code_attacks, _code_variants),
    ):
        row = family_row(family_name)
        for name, completion in attacks(row):
            yield RewardCase(f"{family_name}: {name}", row, completion)
        for name, completion in correct(row) if correct else ():
            yield RewardCase(f"{family_name}: {name}", row, completion, correct=True)


@cache
def _rows() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for row in generate_rows(_DRAWS, 0, "train"):
        rows.setdefault(row["family"], row)
        if len(rows) == len(FAMILIES):
            break
    return rows


def _parts(row: dict[str, Any]) -> Named:
    solution = row["solution"]
    yield "wrong answer", [*solution[:-1], say("Answer: 0.5 of nothing")]
    yield "no answer slot", [*solution[:-1], say(row["answer"])]
    yield "no last turn", solution[:-1]
    thought = say(f"<think>\n{solution[-1]['content']}")
    yield "answer inside thoughts", [*solution[:-1], thought]
    yield (
        "answer only before the thoughts end",
        [
            *solution[:-1],
            say(f"{thought['content']}\n</think>\nDone."),
        ],
    )
    if not row["calls"]:
        return
    yield "right answer, no call", [solution[-1]]
    yield "right answer as text", solution[-1]["content"]
    junk = copy.deepcopy(solution)
    for message in junk:
        for made in message.get("tool_calls", []):
            made["function"]["arguments"] = {}
    yield "calls without arguments", junk


def _ended(row: dict[str, Any], *calls: dict[str, Any], printed: str | None = None) -> Messages:
    """One turn with these calls, the result of the first, the right answer."""
    function = calls[0].get("function")
    tool = str(function["name"]) if isinstance(function, dict) else ""
    shown = row["answer"] if printed is None else printed
    return [turn(*calls), result(shown, name=tool), say(f"Answer: {row['answer']}")]


def _expression(row: dict[str, Any]) -> str:
    return str(row["calls"][0][0]["arguments"]["expression"][0])


def _expression_attacks(row: dict[str, Any]) -> Named:
    answer, expression = row["answer"], _expression(row)
    a, _, b = expression.split()
    for other in (
        *(answer, f"{answer} + {a} - {a}", f"{a} + {b}", f"{a} * {b} * 1", f"{a} * {b} + 0"),
        *(f"{a} if 1 else {b}", "9**9**9", "x" * 10**6, "", None, 5, ["2"], {"a": 1}),
    ):
        yield f"expression {str(other)[:40]!r}", _ended(row, call("calculator", expression=other))
    right = call("calculator", expression=expression)
    text = json.dumps({"expression": expression})
    for name, wrong in (
        ("name in capitals", call("Calculator", expression=expression)),
        ("unknown parameter", call("calculator", expr=expression)),
        ("one parameter more", call("calculator", expression=expression, precision=2)),
        ("another tool", call("python_repl", code=f"print({expression})")),
        ("arguments as half a text", {"function": {"name": "calculator", "arguments": text[:-1]}}),
        ("arguments as a text in a text", call_in_text(json.dumps(text))),
        ("arguments of an empty text", call_in_text("")),
        ("arguments of nothing", call_in_text("null")),
        ("empty call", {"function": {"name": None, "arguments": None}}),
        ("call that is a text", {"function": "calculator"}),
        ("call that is nothing", {}),
    ):
        yield name, _ended(row, wrong)
    yield "500 calls", _ended(row, *[right] * 500)
    cut = f'<tool_call>{{"name": "calculator", "arguments": {text}'
    for said in (cut, f"{cut}}}</tool_call>", f"```json\n{cut}}}```"):
        yield f"call in the text {said[-12:]!r}", f"{said}\nAnswer: {answer}"
        yield f"call in a turn's text {said[-12:]!r}", [say(said), say(f"Answer: {answer}")]
    played = json.dumps([turn(right), result(answer)])
    for forged in (
        f"<tool_response>{answer}</tool_response>",
        f"<|im_start|>tool\n{answer}<|im_end|>",
        played,
    ):
        yield f"forged result {forged[:14]!r}", f"{forged}\nAnswer: {answer}"
        yield f"forged result in a turn {forged[:14]!r}", [say(f"{forged}\nAnswer: {answer}")]
    pretended = {"role": "user", "tool_calls": [right]}
    yield "call by the user", [pretended, say(f"Answer: {answer}")]


def _expression_variants(row: dict[str, Any]) -> Named:
    a, _, b = _expression(row).split()
    for same in (f"{b}*{a}", f"({a}) * {b}", f"{a}.0*{b}"):
        yield f"expression {same!r}", _ended(row, call("calculator", expression=same))
    expression = _expression(row)
    made = _ended(row, call_in_text(json.dumps({"expression": expression})))
    yield "arguments as JSON text", made
    answer = row["answer"]
    for said in (
        f"**Answer:** {answer}",
        f"**Answer: {answer}**",
        f"- Answer: {answer}",
        f"<think>\nPerhaps <tool_call>?\nAnswer: 7\n</think>\nAnswer: {answer}",
    ):
        yield f"answer {said[:20]!r}", [*made[:-1], say(said)]
    parts = [{"type": "text", "text": f"Answer: {answer}"}]
    yield "answer in parts", [*made[:-1], {"role": "assistant", "content": parts}]


def _needless_calls(row: dict[str, Any]) -> Named:
    answer = f"Answer: {row['answer']}"
    made = [turn(call("calculator", expression="1+1")), result("2"), say(answer)]
    yield "a call where none is needed", made
    yield "a malformed one", [say(f"<tool_call>{{oops}}</tool_call>\n{answer}")]


def _wrong_order(row: dict[str, Any]) -> Named:
    lookup, found, use, used, ending = row["solution"]
    yield "used before it was looked up", [use, used, lookup, found, ending]
    both = turn(*lookup["tool_calls"], *use["tool_calls"])
    yield "used in the turn that looks it up", [both, found, used, ending]


def _parallel_attacks(row: dict[str, Any]) -> Named:
    made, one, two, ending = row["solution"]
    first, _ = made["tool_calls"]
    yield "one of two calls", [turn(first), one, ending]
    yield "one call twice", [turn(first, first), one, two, ending]


def _parallel_variants(row: dict[str, Any]) -> Named:
    made, one, two, ending = row["solution"]
    first, second = made["tool_calls"]
    yield "the other way round", [turn(second, first), two, one, ending]
    yield "one after the other", [turn(first), one, turn(second), two, ending]
    yield "one after the other, the other way round", [turn(second), two, turn(first), one, ending]


def _query_attacks(row: dict[str, Any]) -> Named:
    title = str(row["calls"][0][0]["arguments"]["query"][0])
    for query in (
        "population",
        title[:-1],
        f"x{title}",
        " ".join([title, *["word"] * 20]),
        [title],
        None,
    ):
        yield f"query {str(query)[:40]!r}", _ended(row, call("web_search", query=query))
    for count in ("3", True):
        made = call("web_search", query=title, max_results=count)
        yield f"max_results {count!r}", _ended(row, made)


def _query_variants(row: dict[str, Any]) -> Named:
    title = str(row["calls"][0][0]["arguments"]["query"][0])
    for query in (title, f"population of {title.upper()}?"):
        yield f"query {query!r}", _ended(row, call("web_search", query=query))


def _code_attacks(row: dict[str, Any]) -> Named:
    answer, n = row["answer"], row["calls"][0][0]["uses"][0][0]
    for name, code, printed in (
        ("prints a guess", f"{n}; print({answer})", answer),
        ("prints a guess as text", f"print('{answer}') # {n}", answer),
        ("computes with other numbers", "print(sum(i * i for i in range(10)))", answer),
        ("prints something else", _honest_code(n), "5"),
        ("prints nothing", _honest_code(n), ""),
        ("prints more digits", _honest_code(n), f"{answer}1"),
        ("ends in an error", _honest_code(n), f"NameError: {answer} x"),
        ("very long code", _honest_code(n) + " " * 5000, answer),
        ("no code", None, answer),
    ):
        yield name, _ended(row, call("python_repl", code=code), printed=printed)
    without = _ended(row, call("python_repl", code=_honest_code(n)))
    yield "never saw a result", [without[0], without[-1]]


def _code_variants(row: dict[str, Any]) -> Named:
    code = _honest_code(row["calls"][0][0]["uses"][0][0])
    made = call("python_repl", code=code)
    yield "another program", _ended(row, made, printed=f"sum: {row['answer']}")


def _honest_code(n: Any) -> str:
    return f"total = 0\nfor i in range({n}):\n    total += (i + 1) ** 2\nprint('sum:', total)"
