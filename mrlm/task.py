"""The one idea that carries the project: a task is data + prompt + reward + environment + score.

Trainers train on a task, ``evaluate`` measures it, a data job exports it, a recipe names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

RewardFunc = Callable[..., list[float | None]]


@dataclass(frozen=True)
class UserRows:
    """How rows of a dataset that is not ours become rows of a task.

    Attributes:
        needs: Column -> what it must hold, in words.
        build: ``(row) -> columns``: the task's columns from a row that has the needed ones, with
            the task's own prompt, and without ``id``, ``task``, ``kind`` and ``difficulty``, which
            the importer fills in. A list of these where one row makes several. Raises
            ``ColumnError`` for a value that does not fit.
        takes: Column -> what it may hold, of the columns that may be absent.
        instead: Needed column -> one of ``takes`` that does in its place, or several.
        before: Column -> one of ``takes`` whose text is put before it, where the user did not say
            what the column is made of.
        json_columns: Columns of the rows that may hold any JSON: beyond those that the task
            generates, or in place of their types.
        all_columns: Whether ``build`` is given every column, under its own name where it is none
            of those that the task knows.
        complete: ``(name of the dataset) -> (row) -> row``: adds what lies in another file beside.
    """

    needs: Mapping[str, str]
    build: Callable[[Mapping[str, Any]], dict[str, Any] | list[dict[str, Any]]]
    takes: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    json_columns: tuple[str, ...] = ()
    all_columns: bool = False
    complete: Callable[[str], Callable[[Any], Any]] | None = None


@dataclass(frozen=True)
class RewardCase:
    """A completion that a reward must pay, or must not: what ``mrlm reward`` tries.

    Attributes:
        name: What it tries, for people.
        row: A row of the task, with all of its columns.
        completion: A text or, in an episode with tools, the messages after the prompt.
        correct: Whether it must be paid.
        limit: Paid means: this reward or more. An attack on a graded reward may earn something, but
            less than an honest answer does.
    """

    name: str
    row: Mapping[str, Any]
    completion: str | list[dict[str, Any]]
    correct: bool = False
    limit: float = 0.5


@dataclass(frozen=True)
class Task:
    """Everything that a trainer, an evaluation or a data job needs to know about a task.

    Attributes:
        name: Key in ``mrlm.tasks.TASKS`` where it is one of ours, and value of the ``task`` column.
        build_dataset: ``(size, seed, split) -> Dataset``. Deterministic; row ``i`` does not depend
            on ``size``; ``train`` and ``test`` are disjoint by content for any two seeds. Columns:
            ``id``, ``task``, ``prompt`` (conversational), the reference columns that the reward
            reads, ``difficulty``, ``kind``.
        reward_funcs: Rewards with TRL's signature, ``f(completions, <column>, ..., **kwargs) ->
            list[float | None]``. Wrong is 0.0; not applicable or a broken scorer is ``None``.
        score: ``(completion, row) -> float | None``: what evaluation counts, never shaped. A
            completion is a text, or, in an episode with tools, the messages after the prompt. After
            an episode whose environment has ``get_reward``, the row holds what that gave as
            ``environment_reward``.
        extract: ``(completion, row) -> str | None``: the answer that ``score`` reads, ``None`` when
            there is none; evaluation keeps it in its records.
        environment: TRL's ``environment_factory``: gives an object with ``reset(**row) -> str |
            None``, which ends the prompt, or is all of it where the row has none; public methods
            that are the model's tools; and optionally ``get_reward() -> float``. Tools and
            ``get_reward`` may be asynchronous. A mapping of names to such factories goes with a
            column ``environment``.
        max_tool_calling_iterations: Rounds of tool calls in an episode, TRL's setting of that name.
            0: rows are answered in one turn, as text.
        reward_cases: Gives attacks that a reward must not pay, and correct completions that it
            must, for ``mrlm reward``; the gold answers are tried without it.
        generate_rows: ``(size, seed, split, *, difficulties) -> rows``: what ``build_dataset``
            holds, one by one, so that an export of millions keeps its memory.
        user_rows: How rows of the user's own become rows of this task.
        needs_dataset: It generates no rows, so there is nothing to do without a dataset of the
            user's; ``build_dataset`` gives columns for 0 rows and raises for more.
        prompt_format: How such a row is asked in place of the task's own prompt, see
            ``mrlm.prompts.with_prompts``.
    """

    name: str
    build_dataset: Callable[[int, int, str], Dataset]
    reward_funcs: tuple[RewardFunc, ...]
    score: Callable[[Any, Mapping[str, Any]], float | None]
    extract: Callable[[Any, Mapping[str, Any]], str | None]
    environment: Callable[[], Any] | Mapping[str, Callable[[], Any]] | None = None
    max_tool_calling_iterations: int = 0
    reward_cases: Callable[[], Iterable[RewardCase]] | None = None
    generate_rows: Callable[..., Iterator[Mapping[str, Any]]] | None = None
    user_rows: UserRows | None = None
    needs_dataset: bool = False
    prompt_format: Callable[[Mapping[str, Any]], list[dict[str, Any]]] | None = None

    @property
    def has_tools(self) -> bool:
        """Whether rows are episodes with rounds of tool calls."""
        return self.max_tool_calling_iterations > 0

    @property
    def environment_factory(self) -> Callable[[], Any] | Mapping[str, Callable[[], Any]] | None:
        """For TRL's online trainers: ``environment`` where episodes have tools, else ``None``."""
        return self.environment if self.has_tools else None


def callable_name(function: Any) -> str:
    """A function's name, as TRL's metrics have it; of an object without one, its class's."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
