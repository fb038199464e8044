"""The contract of a task, as checks that say what breaks it: ``mrlm tasks --check`` and the tests.

Rows are drawn, worked solutions and garbage are scored and rewarded as an evaluation and a trainer
do it, and the environment is entered as TRL enters it.

    check = check_task(TASK)
    print(check)

Not covered: whether a reward can be fooled (``mrlm reward``), and whether the rows are any good.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.task import Task, callable_name

__all__ = ["CHECKS", "WRONG", "NotApplicable", "TaskCheck", "check_task"]

SIZE = 60  # rows that most checks look at
WRONG = ("", " ", "I do not know.", "\x00\ud7ff{]", "#### ", "0" * 1000)
_COLUMNS = ("id", "task", "prompt", "difficulty", "kind")
_DRAWN = 200  # rows in which two seeds are compared
_MAX_SHARED = 0.1  # share of the prompts that two seeds may have in common
_MANY, _FEWER = 2000, 1000  # rows of train and test between which a shared prompt is looked for
_SHOWN = 80  # characters of a value in a message


class NotApplicable(Exception):
    """A check has nothing to look at; says why."""


@dataclass(frozen=True)
class TaskCheck:
    """What came of the checks.

    Attributes:
        task: The task's name.
        broken: Check -> what breaks it, in words.
        left_out: Check -> why there was nothing to look at.
        kept: The checks that the task passed.
    """

    task: str
    broken: dict[str, list[str]]
    left_out: dict[str, str]
    kept: list[str]

    @property
    def passed(self) -> bool:
        return not self.broken

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "passed": self.passed,
            "kept": self.kept,
            "broken": self.broken,
            "left_out": self.left_out,
        }

    def __str__(self) -> str:
        lines = [f"{self.task}: {'keeps' if self.passed else 'breaks'} the contract of tasks"]
        lines += [f"  ok      {name}" for name in self.kept]
        lines += [f"  -       {name}: {why}" for name, why in self.left_out.items()]
        for name, found in self.broken.items():
            lines += [f"  BROKEN  {name}", *(f"            {text}" for text in found)]
        return "\n".join(lines) + "\n"


def check_task(task: Task) -> TaskCheck:
    """Hold a task to the contract; what it raises is a finding, too."""
    check = TaskCheck(task.name, {}, {}, [])
    for name, look in CHECKS.items():
        try:
            found = list(look(task))
        except NotApplicable as reason:
            check.left_out[name] = str(reason)
            continue
        except Exception as error:
            found = [f"raised {type(error).__name__}: {error}{_place(error)}"]
        if found:
            check.broken[name] = found
        else:
            check.kept.append(name)
    return check


def _place(error: BaseException) -> str:
    """The line of the user's that raised, where there is one."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    own = [frame for frame in frames if frame.filename != __file__]
    return f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""


# ------------------------------------------------------------------ rows


def _rows(task: Task, size: int = SIZE, seed: int = 0, split: str = "train") -> list[Any]:
    return task.build_dataset(size, seed, split).to_list()  # type: ignore[no-any-return]


def _text(prompt: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(str(message["content"]) for message in prompt)


def _prompts(task: Task, size: int, seed: int, split: str = "train") -> list[str]:
    return [_text(row["prompt"]) for row in _rows(task, size, seed, split)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _columns(task: Task) -> Iterator[str]:
    dataset = task.build_dataset(SIZE, 0, "train")
    if len(dataset) != SIZE:
        yield f"build_dataset({SIZE}, ...) gave {len(dataset)} rows; it must give {SIZE}."
        return
    missing = [name for name in _COLUMNS if name not in dataset.column_names]
    if missing:
        yield f"the rows have no {' and no '.join(missing)}; they have {dataset.column_names}."
        return
    if set(dataset["task"]) != {task.name}:
        yield f"column task holds {_shown(dataset['task'][0])}, and the task is {task.name!r}."
    if len(set(map(str, dataset["id"]))) != SIZE:
        yield f"column id is not unique: {len(set(dataset['id']))} ids for {SIZE} rows."
    for prompt in dataset["prompt"]:
        yield from _prompt_faults(prompt)


def _prompt_faults(prompt: Any) -> Iterator[str]:
    is_conversation = isinstance(prompt, list) and all(
        isinstance(message, Mapping) and {"role", "content"} <= set(message) for message in prompt
    )
    if not is_conversation or not prompt:
        yield (
            f"prompt is {_shown(prompt)}; it must be a list of messages, such as "
            '[{"role": "user", "content": "..."}].'
        )
    elif prompt[-1]["role"] != "user":
        yield f"a prompt ends with the role {prompt[-1]['role']!r}; the user must speak last."
    elif not all(str(message["content"]).strip() for message in prompt):
        yield "a prompt has an empty message."


def _same_rows_again(task: Task) -> Iterator[str]:
    if _rows(task) != _rows(task):
        yield (
            "the same seed gave other rows the second time; draw from RowStream(seed, split, i), "
            "and from nothing that changes."
        )


def _size_does_not_matter(task: Task) -> Iterator[str]:
    short, long = _rows(task, 7), _rows(task)[:7]
    for i, (one, other) in enumerate(zip(short, long, strict=False)):
        if one != other:
            yield (
                f"row {i} is another one with size 7 than with size {SIZE}; draw each row from "
                "its own index."
            )
            return


def _seeds_differ(task: Task) -> Iterator[str]:
    if _rows(task) == _rows(task, seed=1):
        yield "seed 0 and seed 1 give the same rows; draw by the seed."
        return
    first, second = set(_prompts(task, _DRAWN, 5)), set(_prompts(task, _DRAWN, 6))
    shared = len(first & second)
    # A task of few problems repeats them by chance.
    pool = len(set(_prompts(task, _MANY, 0)))
    by_chance = 1 - (1 - 1 / max(pool, 1)) ** _DRAWN if pool < _MANY / 2 else 0.0
    if shared >= len(first) * max(_MAX_SHARED, min(1.5 * by_chance, 1.01)):
        yield (
            f"seed 5 and seed 6 share {shared} of {len(first)} prompts; do not add the index to "
            "the seed, RowStream(seed, split, i) mixes both."
        )


def _splits_are_disjoint(task: Task) -> Iterator[str]:
    train = {text for seed in (0, 1) for text in _prompts(task, _MANY, seed)}
    test = {text for seed in (0, 2) for text in _prompts(task, _FEWER, seed, "test")}
    shared = train & test
    if not train or not test:
        yield "there are no rows to compare."
    elif shared:
        yield (
            f"{len(shared)} prompts stand in train and in test, such as {_shown(min(shared))}; "
            "keep a row where split_of(what makes it the same problem) == split."
        )


def _empty_has_types(task: Task) -> Iterator[str]:
    empty, one = task.build_dataset(0, 0, "train"), task.build_dataset(1, 0, "train")
    if len(empty) or empty.features != one.features:
        yield (
            "build_dataset(0, ...) must give no row, and the columns and types of other sizes; "
            "give Dataset.from_dict its features."
        )


def _wrong_requests_are_refused(task: Task) -> Iterator[str]:
    for request, what in (((-1, 0, "train"), "a negative size"), ((1, 0, "dev"), "split 'dev'")):
        try:
            task.build_dataset(*request)
        except ValueError:
            continue
        yield f"{what} is not refused; call mrlm.splits.check_request(size, seed, split)."


# ------------------------------------------------------------------ scores


def _solved(task: Task, split: str = "train", size: int = SIZE) -> list[Any]:
    rows = _rows(task, size, split=split)
    if rows and "solution" not in rows[0]:
        raise NotApplicable("the rows have no column 'solution', a completion that earns 1.0")
    solved = [row for row in rows if row["solution"]]
    if not solved:
        raise NotApplicable("no row has a worked solution")
    return solved


def _completion(task: Task, text: str) -> Any:
    """A text as the task scores it: of an episode with tools, the messages after the prompt."""
    return _spoken(text) if task.has_tools else text


def _spoken(completion: Any) -> Any:
    """A completion as TRL gives it to rewards; of several turns it is one already."""
    if isinstance(completion, str):
        return [{"role": "assistant", "content": completion}]
    return completion


def _rewards(task: Task, rows: list[Any], completions: list[Any]) -> list[list[float | None]]:
    """Of each reward, called as TRL calls it."""
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "prompt"}
    found = []
    for reward in task.reward_funcs:
        given: Any = reward(
            prompts=[row["prompt"] for row in rows],
            completions=[_spoken(completion) for completion in completions],
            completion_ids=[list(range(5)) for _ in rows],
            trainer_state=None,
            log_extra=_ignore,
            log_metric=_ignore,
            **columns,
        )
        if inspect.isawaitable(given):
            given = asyncio.run(_finish(given))
        found.append(list(given))
    return found


def _gold(split: str) -> Callable[[Task], Iterator[str]]:
    def look(task: Task) -> Iterator[str]:
        rows = _solved(task, split)
        for row in rows:
            score = task.score(row["solution"], row)
            if score != 1.0:
                yield f"row {row['id']}: its solution scores {score}; it must score 1.0."
                return
            if task.extract(row["solution"], row) is None:
                yield f"row {row['id']}: extract finds no answer in its solution."
                return

    return look


def _gold_is_rewarded(task: Task) -> Iterator[str]:
    if not task.reward_funcs:
        raise NotApplicable("the task has no reward_funcs; its environment rewards")
    rows = _solved(task)
    gold = _rewards(task, rows, [row["solution"] for row in rows])
    wrong = _rewards(task, rows, ["I do not know."] * len(rows))
    for i, row in enumerate(rows):
        best, worst = (sum(rewards[i] or 0.0 for rewards in found) for found in (gold, wrong))
        if best <= worst:
            yield (
                f"row {row['id']}: its solution earns {best}, and 'I do not know.' earns {worst}."
            )
            return


def _garbage_scores_nothing(task: Task) -> Iterator[str]:
    for row in _rows(task, 10):
        for wrong in WRONG:
            score = task.score(_completion(task, wrong), row)
            if score != 0.0:
                yield f"row {row['id']}: {_shown(wrong)} scores {score}; it must score 0.0."
                return


def _the_prompt_scores_nothing(task: Task) -> Iterator[str]:
    for row in _rows(task):
        score = task.score(_completion(task, _text(row["prompt"])), row)
        if score != 0.0:
            yield f"row {row['id']}: its prompt, repeated, scores {score}; it must score 0.0."
            return


# ------------------------------------------------------------------ rewards


def _rewards_have_trls_shape(task: Task) -> Iterator[str]:
    if not task.reward_funcs:
        raise NotApplicable("the task has no reward_funcs; its environment rewards")
    rows = _rows(task, 3)
    completions = [rows[0].get("solution") or "", "", "garbage"]
    for reward, found in zip(task.reward_funcs, _rewards(task, rows, completions), strict=True):
        name = callable_name(reward)
        if len(found) != len(rows):
            yield f"{name} gave {len(found)} rewards for {len(rows)} completions."
        wrong = [value for value in found if value is not None and not _is_number(value)]
        if wrong:
            yield f"{name} gave {_shown(wrong[0])}; a reward is a finite number or None."


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, str) and abs(float(value)) < float("inf")
    except (TypeError, ValueError):
        return False


def _rewards_are_named(task: Task) -> Iterator[str]:
    if not task.reward_funcs:
        raise NotApplicable("the task has no reward_funcs; its environment rewards")
    names = [callable_name(reward) for reward in task.reward_funcs]
    if len(set(names)) < len(names):
        yield f"two rewards have one name: {', '.join(names)}."
    if "<lambda>" in names:
        yield "a reward is a lambda; metrics are called after a function's name, so write one."


def _pickles(task: Task) -> Iterator[str]:
    try:
        again = pickle.loads(pickle.dumps(task))
    except Exception as error:
        yield (
            f"the task cannot be pickled ({error}); use functions of the file's top level and "
            "functools.partial."
        )
        return
    rows = _rows(task, 3)
    completions = [rows[0].get("solution") or "", "", "garbage"]
    if _rewards(again, rows, completions) != _rewards(task, rows, completions):
        yield "its rewards pay otherwise once the task was pickled."


# ------------------------------------------------------------------ environment


def _environment_keeps_the_protocol(task: Task) -> Iterator[str]:
    if task.environment is None:
        raise NotApplicable("the task has none")
    row = _rows(task, 1)[0]
    factory = task.environment
    # A mapping of factories goes with a column that names one of them for each row.
    if isinstance(factory, Mapping):
        if row.get("environment") not in factory:
            yield (
                f"column environment holds {_shown(row.get('environment'))}; it must name one of "
                f"{', '.join(factory)}."
            )
            return
        factory = factory[row["environment"]]
    environment = factory()
    observation = _called(environment.reset, **row)
    if observation is not None and not isinstance(observation, str):
        yield f"reset returned {_shown(observation)}; it must return a text or None."
    names = [name for name in dir(type(environment)) if not name.startswith("_")]
    tools = [getattr(environment, n) for n in names if n not in ("reset", "get_reward")]
    tools = [tool for tool in tools if callable(tool)]
    if not tools:
        yield "the environment has no public method, and so no tool."
    for tool in tools:
        yield from _tool_faults(tool)
    if hasattr(environment, "get_reward"):
        reward = _called(environment.get_reward)
        if reward not in (0.0, None):
            yield f"get_reward gives {_shown(reward)} before anything was done; it must give 0.0."


def _tool_faults(tool: Callable[..., Any]) -> Iterator[str]:
    from transformers.utils.chat_template_utils import get_json_schema

    if "return" not in tool.__annotations__:
        yield f"the tool {tool.__name__} does not say what it returns: `-> str`."
    try:
        json.dumps(get_json_schema(tool))
    except Exception as error:
        yield f"the tool {tool.__name__} has no schema: {' '.join(str(error).split())[:200]}"


def _called(function: Callable[..., Any], **arguments: Any) -> Any:
    given = function(**arguments)
    return asyncio.run(_finish(given)) if inspect.isawaitable(given) else given


async def _finish(given: Any) -> Any:
    return await given


def _ignore(*_: Any) -> None:
    """Stands for TRL's ``log_extra`` and ``log_metric``."""


CHECKS: dict[str, Callable[[Task], Iterator[str]]] = {
    "rows have the columns": _columns,
    "the same seed gives the same rows": _same_rows_again,
    "row i does not depend on the size": _size_does_not_matter,
    "seeds give different rows": _seeds_differ,
    "train and test share no prompt": _splits_are_disjoint,
    "no rows have the same types": _empty_has_types,
    "wrong requests are refused": _wrong_requests_are_refused,
    "worked solutions of train score 1.0": _gold("train"),
    "worked solutions of test score 1.0": _gold("test"),
    "worked solutions earn more than garbage": _gold_is_rewarded,
    "garbage scores 0.0": _garbage_scores_nothing,
    "the prompt scores 0.0": _the_prompt_scores_nothing,
    "rewards have TRL's shape": _rewards_have_trls_shape,
    "rewards are named": _rewards_are_named,
    "the task can be pickled": _pickles,
    "the environment keeps TRL's protocol": _environment_keeps_the_protocol,
}
