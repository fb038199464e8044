"""What a function family is: one idea for a function, rendered into many problems.

A family holds wordings, function names, a reference solution as Python source and, where the idea
has any, parameters (``$k`` in the texts). The reference is the project's own code: it runs in this
process to compute the expected outputs. A model's code never does.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product
from string import Template
from typing import Any

from mrlm.splits import RowStream, split_of
from mrlm.tasks.code.families.inputs import DEFAULTS, Argument

__all__ = ["DIFFICULTIES", "KINDS", "Case", "Family", "reference_function"]

DIFFICULTIES = ("easy", "medium", "hard")
KINDS = (
    "numbers",
    "strings",
    "lists",
    "dicts",
    "sorting",
    "recursion",
    "parsing",
    "simulation",
    "algorithms",
)
# A family with fewer variants holds none of them out: there would be nothing left to vary.
_MIN_TO_HOLD_OUT = 5
_DRAWS_PER_TEST = 10

Case = dict[str, str]


@dataclass(frozen=True, eq=False)
class Family:
    """One idea for a function.

    Attributes:
        name: Unique; the content that train and test are split by.
        kind: One of ``KINDS``.
        difficulty: ``easy`` is one expression, ``medium`` a loop or a few steps, ``hard`` an
            algorithm or several rules.
        split: The side that the family is on, for every seed.
        names: Names for the function, separated by spaces.
        wordings: Descriptions; each says what happens at the edges that the tests reach.
        source: The reference. Its first line is the signature, with ``$name`` for the name; it
            never changes its arguments.
        params: Parameter -> its values. A key of several words takes tuples of as many values.
        inputs: Argument -> how it is drawn, where that is not ``DEFAULTS[annotation]``.
    """

    name: str
    kind: str
    difficulty: str
    split: str
    names: str
    wordings: tuple[str, ...]
    source: str
    params: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    inputs: Mapping[str, Argument] = field(default_factory=dict)

    @cached_property
    def variants(self) -> list[dict[str, Any]]:
        """Every choice of parameters; one empty choice where there are none."""
        keys = [key.split() for key in self.params]
        choices = [
            [value if len(key) > 1 else (value,) for value in values]
            for key, values in zip(keys, self.params.values(), strict=True)
        ]
        return [
            {
                name: part
                for key, values in zip(keys, chosen, strict=True)
                for name, part in zip(key, values, strict=True)
            }
            for chosen in product(*choices)
        ]

    @cached_property
    def held_out_variants(self) -> list[dict[str, Any]]:
        """Choices of parameters that training never sees, by content; of a few choices none."""
        if len(self.variants) < _MIN_TO_HOLD_OUT:
            return []
        return [v for v in self.variants if split_of(f"{self.name}{sorted(v.items())}") == "test"]

    @cached_property
    def training_variants(self) -> list[dict[str, Any]]:
        """The other choices."""
        held_out = self.held_out_variants
        return [variant for variant in self.variants if variant not in held_out]

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """How each argument of the function is drawn, in order."""
        function = ast.parse(self.render(self.source, self.variants[0], "function")).body[0]
        assert isinstance(function, ast.FunctionDef)
        return tuple(
            self.inputs.get(argument.arg) or DEFAULTS[ast.unparse(argument.annotation)]
            for argument in function.args.args
            if argument.annotation is not None
        )

    def render(self, text: str, variant: Mapping[str, Any], name: str = "") -> str:
        """A wording, name or source with its parameters filled in.

        Beside ``$k`` there are ``${k_s}``, the ending of a noun after it (``1 cell``, ``2 cells``),
        and ``${k_th}``, the ordinal.
        """
        return Template(text).substitute(self._words(variant), name=name).strip()

    def _words(self, variant: Mapping[str, Any]) -> dict[str, Any]:
        words = dict(variant)
        for parameter, value in variant.items():
            if isinstance(value, int):
                words[f"{parameter}_s"] = "" if value == 1 else "s"
                words[f"{parameter}_th"] = _ordinal(value)
        return words

    def cases(
        self, source: str, name: str, variant: Mapping[str, Any], stream: RowStream, size: int
    ) -> tuple[list[Case], list[Case]]:
        """Tests of the rendered reference with distinct inputs, ``size`` in all.

        Twice as many are drawn as needed, and those with outputs that are rare among them come
        first: no constant answer passes many.

        Returns:
            The drawn tests and the edges.

        Raises:
            ValueError: There are not enough distinct inputs, a mistake in the family.
        """
        function = reference_function(source, name)
        parameters = list(variant.values())
        edges: dict[str, Case] = {}
        for place, argument in enumerate(self.arguments):
            for edge in argument.all_edges(parameters):
                values = [other.draw(stream, parameters) for other in self.arguments]
                values[place] = edge
                _add_case(edges, function, values)
        drawn: dict[str, Case] = {}
        needed = size - len(edges)
        for _ in range(_DRAWS_PER_TEST * size):
            if len(drawn) >= 2 * needed:
                break
            values = [argument.draw(stream, parameters) for argument in self.arguments]
            _add_case(drawn, function, values, edges)
        if len(drawn) < needed:
            raise ValueError(f"Family {self.name!r} has too few distinct inputs for {size} tests.")
        return _rare_outputs_first(drawn.values())[:needed], list(edges.values())


def _ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``."""
    teens = 11 <= abs(number) % 100 <= 13
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(abs(number) % 10, "th")
    return f"{number}{ending}"


def _rare_outputs_first(cases: Iterable[Case]) -> list[Case]:
    """The first test of every output, then the second of every output, and so on."""
    seen: Counter[str] = Counter()

    def rank(case: Case) -> int:
        seen[case["output"]] += 1
        return seen[case["output"]]

    return sorted(cases, key=rank)


def _add_case(
    cases: dict[str, Case],
    function: Callable[..., Any],
    values: list[Any],
    known: Mapping[str, Case] | None = None,
) -> None:
    text = ", ".join(map(repr, values))
    if text not in cases and text not in (known or ()):
        cases[text] = {"input": text, "output": repr(function(*values))}


@lru_cache(maxsize=4096)
def reference_function(source: str, name: str) -> Callable[..., Any]:
    """The function that a family's rendered reference defines; never for code of a model."""
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<reference {name}>", "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function
