"""What a scenario is, and the right calls that families are built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mrlm.splits import RowStream

__all__ = [
    "DIFFICULTIES",
    "KINDS",
    "Family",
    "Reference",
    "Scenario",
    "compute",
    "list_files",
    "look_up",
    "pick_other",
    "read",
    "run",
    "write",
]

KINDS = ("single", "parallel", "sequence", "none")
DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Reference:
    """A right call.

    Attributes:
        name: The tool.
        arguments: Allowed values by parameter, as in BFCL: the first is the one that worked traces
            write, ``""`` means that the parameter may be left out.
        result: For code: what it must print.
        uses: For code: of each list, one value must stand in it; so that printing a guess does not
            count.
    """

    name: str
    arguments: Mapping[str, Sequence[Any]]
    result: str | None = None
    uses: tuple[tuple[str, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without what is not set."""
        call: dict[str, Any] = {"name": self.name, "arguments": dict(self.arguments)}
        if self.result is not None:
            call |= {"result": self.result, "uses": [list(values) for values in self.uses]}
        return call


@dataclass(frozen=True)
class Scenario:
    """One problem.

    Attributes:
        content: What makes it this problem and no other; decides the split.
        question: For the user turn.
        steps: Calls in the order in which they depend on each other; those of one step do not.
        answer: The final answer.
        files: Text by name in the private folder.
    """

    content: str
    question: str
    steps: tuple[tuple[Reference, ...], ...]
    answer: str
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """Scenarios that differ in their parameters alone.

    Attributes:
        make: Draws one.
        kind: One of ``KINDS``.
        difficulty: One of ``DIFFICULTIES``.
        tools: What the right calls need.
        rivals: Tools that are never offered along, because they would do as well.
    """

    make: Callable[[RowStream], Scenario]
    kind: str
    difficulty: str
    tools: tuple[str, ...]
    rivals: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.make.__name__


def compute(*expressions: str) -> Reference:
    """The calculator with one of the expressions, in any order of their terms."""
    return Reference("calculator", {"expression": expressions})


def look_up(title: str) -> Reference:
    """A search whose query holds the title."""
    return Reference("web_search", {"query": [title], "max_results": ["", 1, 2, 3, 4, 5]})


def read(path: str) -> Reference:
    return Reference("file_system", {"action": ["read"], "path": [path], "content": [""]})


def write(path: str, content: str) -> Reference:
    return Reference("file_system", {"action": ["write"], "path": [path], "content": [content]})


def list_files(folder: str) -> Reference:
    return Reference("file_system", {"action": ["list"], "path": [folder], "content": [""]})


def run(code: str, result: object, *uses: object) -> Reference:
    """Python that prints ``result``; each of ``uses`` (or one of a tuple) must stand in it."""
    values = tuple(tuple(map(str, use)) if isinstance(use, tuple) else (str(use),) for use in uses)
    return Reference("python_repl", {"code": [code]}, str(result), values)


def pick_other(stream: RowStream, options: Sequence[Any], taken: Any) -> Any:
    """One of ``options`` that is not ``taken``."""
    place = stream.below(len(options) - 1)
    return options[place + (place >= options.index(taken))]
