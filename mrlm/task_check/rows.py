"""Whether rows are drawn as the contract says: same seed, same rows; splits apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mrlm.task import Task
from mrlm.task_check.draw import SIZE, draw_prompts, draw_rows, shown

__all__ = ["CHECKS"]

_COLUMNS = ("id", "task", "prompt", "difficulty", "kind")
_DRAWN = 200  # rows in which two seeds are compared
_MAX_SHARED = 0.1  # share of the prompts that two seeds may have in common
_MANY, _FEWER = 2000, 1000  # rows of train and test between which a shared prompt is looked for


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
        yield f"column task holds {shown(dataset['task'][0])}, and the task is {task.name!r}."
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
            f"prompt is {shown(prompt)}; it must be a list of messages, such as "
            '[{"role": "user", "content": "..."}].'
        )
    elif prompt[-1]["role"] != "user":
        yield f"a prompt ends with the role {prompt[-1]['role']!r}; the user must speak last."
    elif not all(str(message["content"]).strip() for message in prompt):
        yield "a prompt has an empty message."


def _same_rows_again(task: Task) -> Iterator[str]:
    if draw_rows(task) != draw_rows(task):
        yield (
            "the same seed gave other rows the second time; draw from RowStream(seed, split, i), "
            "and from nothing that changes."
        )


def _size_does_not_matter(task: Task) -> Iterator[str]:
    short, long = draw_rows(task, 7), draw_rows(task)[:7]
    for i, (one, other) in enumerate(zip(short, long, strict=False)):
        if one != other:
            yield (
                f"row {i} is another one with size 7 than with size {SIZE}; draw each row from "
                "its own index."
            )
            return


def _seeds_differ(task: Task) -> Iterator[str]:
    if draw_rows(task) == draw_rows(task, seed=1):
        yield "seed 0 and seed 1 give the same rows; draw by the seed."
        return
    first, second = set(draw_prompts(task, _DRAWN, 5)), set(draw_prompts(task, _DRAWN, 6))
    shared = len(first & second)
    # A task of few problems repeats them by chance.
    pool = len(set(draw_prompts(task, _MANY, 0)))
    by_chance = 1 - (1 - 1 / max(pool, 1)) ** _DRAWN if pool < _MANY / 2 else 0.0
    if shared >= len(first) * max(_MAX_SHARED, min(1.5 * by_chance, 1.01)):
        yield (
            f"seed 5 and seed 6 share {shared} of {len(first)} prompts; do not add the index to "
            "the seed, RowStream(seed, split, i) mixes both."
        )


def _splits_are_disjoint(task: Task) -> Iterator[str]:
    train = {text for seed in (0, 1) for text in draw_prompts(task, _MANY, seed)}
    test = {text for seed in (0, 2) for text in draw_prompts(task, _FEWER, seed, "test")}
    shared = train & test
    if not train or not test:
        yield "there are no rows to compare."
    elif shared:
        yield (
            f"{len(shared)} prompts stand in train and in test, such as {shown(min(shared))}; "
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


CHECKS: dict[str, Callable[[Task], Iterator[str]]] = {
    "rows have the columns": _columns,
    "the same seed gives the same rows": _same_rows_again,
    "row i does not depend on the size": _size_does_not_matter,
    "seeds give different rows": _seeds_differ,
    "train and test share no prompt": _splits_are_disjoint,
    "no rows have the same types": _empty_has_types,
    "wrong requests are refused": _wrong_requests_are_refused,
}
