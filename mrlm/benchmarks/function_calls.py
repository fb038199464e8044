"""BFCL, the Berkeley Function Calling Leaderboard: one turn, calls compared without running them.

Asked in the leaderboard's prompt mode, which any chat model understands: the functions stand as
JSON in the system prompt, and the answer is ``[name(parameter=value), ...]``. Its rules for reading
an answer are kept: no call in it is right where no function fits (irrelevance), whatever it says.

Not covered: the leaderboard's FC mode (calls by the chat template), its live, multi-turn, Java and
JavaScript categories.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mrlm.benchmarks.benchmark import Benchmark, Source, as_list
from mrlm.benchmarks.python_calls import decode_calls
from mrlm.benchmarks.sources import check_hub, read_file
from mrlm.errors import ColumnError, DatasetError
from mrlm.task import Task
from mrlm.tasks.tools.bfcl import check_calls
from mrlm.tasks.tools.bfcl_files import completed

__all__ = ["BFCL", "bfcl_reward"]

_REPO_ID = "gorilla-llm/Berkeley-Function-Calling-Leaderboard"
_HUB_VERSION = 3
# By category: its names in the files, the newest first.
_FILES = {
    "simple": ("simple_python", "simple"),
    "multiple": ("multiple",),
    "parallel": ("parallel",),
    "parallel_multiple": ("parallel_multiple",),
    "irrelevance": ("irrelevance",),
}
_USUAL = ("simple", "multiple", "parallel", "irrelevance")
_NO_CALL = "irrelevance"
_CATEGORY = re.compile(r"(?:BFCL_v\d+_|gorilla_openfunctions_v\d+_test_)?(\w+?)(?:_\d+)?")

# bfcl_eval/constants/default_prompts.py: plain text, classic style, calls as Python.
_PROMPT = """\
You are an expert in composing functions.You are given a question and a set of possible functions. \
Based on the question, you will need to make one or more function/tool calls to achieve the \
purpose. If none of the functions can be used, point it out. If the given question lacks the \
parameters required by the function, also point it out.

You should only return the function calls in your response.

If you decide to invoke any of the function(s), you MUST put it in the format of \
[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)].  You \
SHOULD NOT include any other text in the response.

At each turn, you should try your best to complete the tasks requested by the user within the \
current turn. Continue to output functions to call until you have fulfilled the user's request to \
the best of your ability. Once you have no more functions to call, the system will consider the \
current turn complete and proceed to the next turn or task.

Here is a list of functions in json format that you can invoke.
{functions}
"""
_HINT = " Note that the provided function is in Python 3 syntax."


@dataclass(frozen=True)
class _Reward:
    """1.0 for exactly the right calls, 0.0 otherwise; ``None`` where the row is unusable."""

    @property
    def __name__(self) -> str:
        return "bfcl_reward"

    def __call__(
        self,
        completions: Sequence[Any],
        functions: Sequence[str],
        ground_truth: Sequence[str],
        **kwargs: Any,
    ) -> list[float | None]:
        """Score a batch.

        Args:
            completions: Texts, or conversations whose last message is read.
            functions: The functions on offer, as JSON.
            ground_truth: The right calls with their allowed values, as JSON; ``"[]"`` for none.
            **kwargs: Other columns; ignored.
        """
        rows = zip(completions, functions, ground_truth, strict=True)
        return [_score(completion, *reference) for completion, *reference in rows]


bfcl_reward = _Reward()


def _score(completion: Any, functions: str, ground_truth: str) -> float | None:
    calls, right = decode_calls(_said(completion)), json.loads(ground_truth)
    if not right:
        return float(not calls or calls == [{}])
    if calls is None:
        return 0.0
    return float(bool(check_calls(calls, json.loads(functions), right)))


def _said(completion: Any) -> str:
    """The answer, without what a model said to itself before it."""
    if not isinstance(completion, str):
        content = completion[-1].get("content") if completion else ""
        completion = content if isinstance(content, str) else ""
    return str(completion).rpartition("</think>")[2]


def _score_row(completion: Any, row: Mapping[str, Any]) -> float | None:
    return _score(completion, row["functions"], row["ground_truth"])


def _extract(completion: Any, row: Mapping[str, Any]) -> str | None:
    calls = decode_calls(_said(completion))
    return None if calls is None else json.dumps(calls, default=str)


def _no_rows(size: int, seed: int, split: str) -> Any:
    raise ValueError("BFCL makes no rows of its own; load it with mrlm.benchmarks.load_benchmark.")


def _task(name: str) -> Task:
    return Task(
        name=name,
        build_dataset=_no_rows,
        reward_funcs=(bfcl_reward,),
        score=_score_row,
        extract=_extract,
    )


def _build(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    functions = as_list(row, "function", "the functions on offer, a list")
    if not all(isinstance(function, Mapping) and "name" in function for function in functions):
        raise ColumnError("function", "the functions on offer, each with a name")
    right = as_list(row, "ground_truth", "the right calls, a list")
    messages = _messages(row.get("question"))
    hinted = [{**f, "description": f"{f.get('description', '')}{_HINT}"} for f in functions]
    system = _PROMPT.format(functions=json.dumps(hinted, indent=4))
    if messages[0]["role"] == "system":
        system = f"{system}\n\n{messages.pop(0)['content']}"
    try:
        check_calls([], functions, right)
    except (ValueError, TypeError, AttributeError) as error:
        raise ColumnError("ground_truth", f"calls of the functions on offer ({error})") from error
    return {
        "id": str(row.get("id", index)),
        "prompt": [{"role": "system", "content": system}, *messages],
        "question": messages[-1]["content"],
        "functions": json.dumps(functions),
        "ground_truth": json.dumps(right),
        "solution": _gold(right, functions),
        "kind": row["category"],
    }


def _messages(question: Any) -> list[dict[str, str]]:
    """The first turn; BFCL has a list of turns, each a list of messages."""
    if isinstance(question, str):
        question = [{"role": "user", "content": question}]
    if isinstance(question, list) and question and isinstance(question[0], list):
        question = question[0]
    messages = question if isinstance(question, list) else []
    if not messages or not all(
        isinstance(m, Mapping) and isinstance(m.get("content"), str) and m.get("role")
        for m in messages
    ):
        raise ColumnError("question", "a list of turns, each a list of messages")
    return [{"role": str(m["role"]), "content": m["content"]} for m in messages]


def _gold(
    right: Sequence[Mapping[str, Mapping[str, Sequence[Any]]]],
    functions: Sequence[Mapping[str, Any]],
) -> str:
    """An answer that is right: the first allowed values, without what may be left out."""
    required = {f["name"]: (f.get("parameters") or {}).get("required") or () for f in functions}
    calls = [
        f"{name}({', '.join(_arguments(allowed, required.get(name, ())))})"
        for call in right
        for name, allowed in call.items()
    ]
    return f"[{', '.join(calls)}]" if calls else "None of the functions can be used."


def _arguments(allowed: Mapping[str, Sequence[Any]], required: Sequence[str]) -> Iterator[str]:
    for parameter, values in allowed.items():
        given = [value for value in values if value != ""]  # which means: may be left out
        if given and (parameter in required or "" not in values):
            yield f"{parameter}={_plain(given[0])!r}"


def _plain(value: Any) -> Any:
    """In an allowed object each key holds a list of allowed values."""
    if isinstance(value, Mapping):
        return {
            key: inner[0] if isinstance(inner, list) and inner else inner
            for key, inner in value.items()
            if not (isinstance(inner, list) and "" in inner)
        }
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _read(path: str, config: str | None, split: str | None, *, categories: Sequence[str]) -> Source:
    """A folder as bfcl-eval has it, or one file of questions."""
    found = Path(path).expanduser()
    if not found.is_dir():
        source, rows = read_file(path, config, split)
        return source, _with_answers(rows, found, _category(found.stem))
    files = {category: _file(found, category) for category in categories}
    missing = [category for category, file in files.items() if file is None]
    if missing:
        raise DatasetError(
            f"{path} has no file of BFCL's category {missing[0]}; expected such as "
            f"BFCL_v4_{_FILES[missing[0]][0]}.json, and its answers in possible_answer/."
        )
    return str(found), _all(files)


def _all(files: Mapping[str, Path | None]) -> Iterator[Any]:
    for category, file in files.items():
        assert file is not None
        yield from _with_answers(read_file(str(file), None, None)[1], file, category)


def _file(folder: Path, category: str) -> Path | None:
    for name in _FILES[category]:
        form = re.compile(rf"BFCL_v\d+_{name}\.json")  # and not that of live_multiple
        found = sorted(file for file in folder.glob("BFCL_v*") if form.fullmatch(file.name))
        if found:
            return found[-1]
    return None


def _with_answers(rows: Any, file: Path, category: str) -> Iterator[Any]:
    """Rows with the right calls, which stand in a file of the same name in ``possible_answer``."""
    complete = completed(str(file))
    for row in map(complete, rows):
        if not isinstance(row, Mapping):
            yield row
            continue
        own = category or _category(str(row.get("id", "")))
        truth = row.get("ground_truth", [] if own == _NO_CALL else None)
        if truth is None:
            raise DatasetError(
                f"{file}, {row.get('id')}: the right calls are missing; expected "
                f"{file.parent / 'possible_answer' / file.name}, or a column ground_truth."
            )
        yield {**row, "ground_truth": truth, "category": own or "calls"}


def _category(name: str) -> str:
    found = _CATEGORY.fullmatch(name)
    return next((c for c, names in _FILES.items() if found and found[1] in names), "")


def _package(categories: Sequence[str]) -> Source | None:
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or not spec.origin:
        return None
    _, rows = _read(str(Path(spec.origin).parent / "data"), None, None, categories=categories)
    return "the package bfcl-eval", rows


def _hub(categories: Sequence[str], hint: str) -> Source:
    check_hub(_REPO_ID, hint)
    from huggingface_hub import hf_hub_download

    files: dict[str, Path | None] = {}
    for category in categories:
        name = f"BFCL_v{_HUB_VERSION}_{_FILES[category][-1]}.json"
        try:
            file = hf_hub_download(_REPO_ID, name, repo_type="dataset")
            if category != _NO_CALL:
                hf_hub_download(_REPO_ID, f"possible_answer/{name}", repo_type="dataset")
        except (OSError, ValueError, RuntimeError) as error:
            raise DatasetError(
                f"{_REPO_ID} could not be loaded from the Hugging Face Hub "
                f"({type(error).__name__}: {error}). {hint}"
            ) from error
        files[category] = Path(file)
    return _REPO_ID, _all(files)


def _benchmark(name: str, categories: Sequence[str]) -> Benchmark:
    hint = (
        "Install its package: pip install --no-deps bfcl-eval, or give its data folder: "
        f"--benchmark {name}=FOLDER."
    )
    return Benchmark(
        name=name,
        needs={"question": "turns of messages", "function": "the functions on offer"},
        hub=(),
        build=_build,
        make_task=partial(_task, name),
        prompt=f"system: {_PROMPT.strip()}\nuser: {{question}}",
        answer="[name(parameter=value), ...], nothing else; right by BFCL's AST rules, without a "
        "call where no function fits",
        max_new_tokens=512,
        package=partial(_package, categories),
        package_name="bfcl-eval",
        read=partial(_read, categories=categories),
        read_hub=partial(_hub, categories, hint),
    )


BFCL = (
    _benchmark("bfcl", _USUAL),
    *(_benchmark(f"bfcl_{category}", (category,)) for category in _FILES),
)
