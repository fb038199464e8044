"""A task of the user's own by name: from a file, a module, or an installed package.

``FILE.py:TASK`` and ``package.module:TASK`` name a ``Task``, or a function that builds one; so does
an entry point of the group ``mrlm.tasks``, by its name alone. The parameters of a function are the
task's options, and flags of every recipe and command.

    [project.entry-points."mrlm.tasks"]
    chess = "my_package.chess:TASK"
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mrlm.task import Task
from mrlm.user_code import is_reference, load_object

__all__ = [
    "GROUP",
    "check_name",
    "check_rows",
    "check_task",
    "flag_types",
    "installed_names",
    "label",
    "load_task_object",
    "option_texts",
]

GROUP = "mrlm.tasks"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # it names folders, and begins metrics and ids
_COLUMNS = ("id", "task", "prompt", "kind", "difficulty")  # of every task's rows
_SCALARS = (str, int, float, bool)
_LISTS = (list, tuple, Sequence)


def installed_names() -> list[str]:
    """The names that installed packages give their tasks."""
    return sorted({point.name for point in metadata.entry_points(group=GROUP)})


def load_task_object(name: str, known: Sequence[str]) -> Task | Callable[..., Task]:
    """The task that a reference or an entry point names, or what builds it.

    Args:
        name: ``FILE.py:TASK``, ``package.module:TASK``, or the name of an entry point.
        known: The names of our own tasks, for the message.

    Raises:
        ValueError: There is no such task, two packages give the name, or it is no task.
        FileNotFoundError: There is no such file.
    """
    if is_reference(name):
        found = load_object(name)
    else:
        points = [point for point in metadata.entry_points(group=GROUP) if point.name == name]
        if not points:
            choices = ", ".join([*known, *installed_names()])
            raise ValueError(
                f"There is no task {name!r}; choose one of {choices}, or name one of your own as "
                "FILE.py:TASK or package.module:TASK."
            )
        if len(points) > 1:
            given = " and ".join(point.value for point in points)
            raise ValueError(f"The task {name!r} is given twice, as {given}; name one of these.")
        found = points[0].load()
    if not isinstance(found, Task) and not _is_builder(found):
        raise ValueError(
            f"{name} is {_described(found)}: it must be an mrlm.Task, or a function that returns "
            "one."
        )
    return found  # type: ignore[no-any-return]


def label(name: str, found: Task | Callable[..., Task]) -> str:
    """What stands for the task in the names of folders, before its options are known."""
    if isinstance(found, Task):
        return found.name
    if not is_reference(name):
        return name
    place, _, builder = name.rpartition(":")
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return stem if builder in ("task", "make_task", "build", "build_task") else builder


def check_task(name: str, task: Any, ours: Mapping[str, Task]) -> Task:
    """Refuse what cannot be a task, and one that would be taken for another.

    Args:
        name: How it was named.
        task: What was found there, or was built.
        ours: Our own tasks by their names.

    Raises:
        ValueError: Says what is wrong with it.
    """
    if not isinstance(task, Task):
        raise ValueError(
            f"{name} returned {_described(task)}: it must return an mrlm.Task; end it with "
            "`return Task(...)`."
        )
    check_name(task.name, name)
    for part in ("build_dataset", "score", "extract"):
        if not callable(getattr(task, part)):
            raise ValueError(
                f"{name}: the task's {part} is {_described(getattr(task, part))}; it must be a "
                "function, see mrlm/task.py."
            )
    rewards: Any = task.reward_funcs
    if not isinstance(rewards, tuple | list) or not all(map(callable, rewards)):
        raise ValueError(
            f"{name}: the task's reward_funcs is {_described(rewards)}; it must be a tuple of "
            "functions, such as (my_reward,)."
        )
    if not rewards and task.environment is None:
        raise ValueError(
            f"{name}: the task has neither reward_funcs nor an environment, which may have "
            "get_reward(); give one of the two."
        )
    if task.has_tools and task.environment is None:
        raise ValueError(
            f"{name}: max_tool_calling_iterations is {task.max_tool_calling_iterations}, and there "
            "is no environment whose tools could be called; give environment, too."
        )
    # One of ours with other options is scored as ours is, and may carry its name.
    if task.name in ours and _home(task.score) != _home(ours[task.name].score):
        raise ValueError(
            f"{name}: the task is called {task.name!r}, as one of mrlm's is, and its results would "
            "be taken for that one's; give it another name."
        )
    return task


def check_rows(task: Task) -> None:
    """Refuse a task whose rows nothing can be done with, before a model is loaded.

    Raises:
        ValueError: Its first row is none, or lacks a column that every task has.
    """
    rows: Any = task.build_dataset(1, 0, "train")
    names = getattr(rows, "column_names", None)
    if not isinstance(names, list):
        raise ValueError(
            f"The task {task.name!r}: build_dataset returned {_described(rows)}; it must return a "
            "datasets.Dataset, such as Dataset.from_list(rows)."
        )
    missing = [name for name in _COLUMNS if name not in names]
    if missing or not len(rows):
        what = f"no column {' and no '.join(missing)}" if missing else "no row"
        raise ValueError(
            f"The task {task.name!r} has {what}; its columns are {', '.join(names) or 'none'}. "
            "`mrlm tasks --check` says what else a task needs."
        )


def check_name(name: Any, where: str) -> None:
    """Raise ``ValueError`` for a task's name that cannot be that of a folder."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise ValueError(
            f"{where}: the task's name is {name!r}; letters, digits, '_', '-' and '.' make one."
        )


def option_texts(builder: Callable[..., Any]) -> dict[str, str]:
    """The parameters of a builder, and what its docstring says of each (Google's form)."""
    parameters = inspect.signature(builder).parameters.values()
    names = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    _, _, rest = (inspect.getdoc(builder) or "").partition("Args:\n")
    texts = dict.fromkeys(names, "An option of this task.")
    current = ""
    for line in rest.splitlines():
        if line.strip() and not line.startswith(" "):
            break  # the next section
        found = re.match(r" {2,4}(\w+)(?: \([^)]*\))?: *(.*)", line)
        if found and found[1] in texts:
            current = found[1]
            texts[current] = found[2]
        elif current and line.strip():
            texts[current] += f" {line.strip()}"
    # argparse formats help texts.
    return {name: text.replace("%", "%%") for name, text in texts.items()}


def flag_types(builder: Callable[..., Any]) -> dict[str, Any]:
    """The types of those parameters that can be flags: texts, numbers, booleans, lists of them.

    Of a parameter without a type it is that of its default, else text.
    """
    try:
        hints = get_type_hints(builder)
    except (NameError, TypeError):  # a name that is imported for type checkers alone
        hints = {}
    found = {}
    for parameter in inspect.signature(builder).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        kind = _flag_type(hints.get(parameter.name, _type_of(parameter.default)))
        if kind is not None:
            found[parameter.name] = kind
    return found


def _type_of(default: Any) -> Any:
    if default is inspect.Parameter.empty or default is None:
        return str
    if isinstance(default, list | tuple):
        return list[type(default[0])] if default else list[str]  # type: ignore[misc]
    return type(default)


def _flag_type(hint: Any) -> Any:
    """A scalar, a list of scalars, or a choice of texts; ``None`` where it cannot be a flag."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        some = [kind for kind in inner if kind is not type(None)]
        return _flag_type(some[0]) if len(some) == 1 else None
    if origin is Literal and all(isinstance(choice, str) for choice in inner):
        return hint
    if hint in _LISTS:
        return list[str]
    if origin in _LISTS:
        kind = inner[0] if inner else str
        if get_origin(kind) in (Union, types.UnionType) and str in get_args(kind):
            kind = str  # the text names what a caller from Python gives itself
        is_one_kind = origin is not tuple or (len(inner) == 2 and inner[1] is Ellipsis)
        return list[kind] if kind in _SCALARS and is_one_kind else None  # type: ignore[valid-type]
    return hint if hint in _SCALARS else None


def _is_builder(found: Any) -> bool:
    return (
        inspect.isfunction(found) or inspect.ismethod(found) or isinstance(found, partial)
    ) and not inspect.iscoroutinefunction(found)


def _described(found: Any) -> str:
    if inspect.isclass(found):
        return f"the class {found.__name__}"
    text = repr(found)
    return f"{text if len(text) <= 60 else f'{text[:57]}...'} ({type(found).__name__})"


def _home(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", ""))
