"""Generated function problems with visible and hidden tests, as plain rows or as a dataset.

A row is a function family (``families/``) with its parameters, a name and a wording. The expected
outputs come from the family's reference solution, which is the project's own code and therefore
runs in this process; a model's code runs in ``mrlm.sandbox`` only.

The content that train and test are split by is the family: ``test`` asks for functions of ideas
that training never saw, some of them cousins of ideas that it did (a sum of squares, a sum of
cubes). ``held_out="parameters"`` is the easier question: the families of training, with parameters
that training never sees. Within each, rows are drawn independently and two rows may be one problem
in other words, with other tests; rows of one family are alike, so an interval that treats rows as
independent speaks about these families, not about all functions.

Does not cover: programs that read input, classes, floats, exceptions, any language but Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mrlm.splits import RowStream, check_request
from mrlm.tasks.code.families import DIFFICULTIES, FAMILIES, KINDS, Case, Family
from mrlm.tasks.code.jobs import EXACT, TOLERANCE

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "COLUMNS",
    "DIFFICULTIES",
    "HELD_OUT",
    "KINDS",
    "build_dataset",
    "format_program_prompt",
    "format_prompt",
    "format_solution",
    "generate_rows",
    "to_dataset",
]

HELD_OUT = ("families", "parameters")
COLUMNS = (
    "id",
    "task",
    "prompt",
    "description",
    "function_name",
    "signature",
    "solution",
    "test_cases",
    "hidden_tests",
    "suite",
    "setup",
    "comparison",
    "tolerance",
    "difficulty",
    "kind",
    "family",
)
VISIBLE_TESTS = 3
HIDDEN_TESTS = 24
# A visible test stands in the prompt, so it should be short where the draws allow it.
_SHORT_TEST = 60

_INSTRUCTION = "Write the whole {what} in one ```python code block."


def generate_rows(
    size: int,
    seed: int,
    split: str,
    *,
    difficulties: Sequence[str] = DIFFICULTIES,
    kinds: Sequence[str] = KINDS,
    held_out: str = "families",
) -> Iterator[dict[str, Any]]:
    """Generate ``size`` rows with the columns ``COLUMNS``, one by one.

    Row ``i`` is a function of the arguments other than ``size``.

    Args:
        size: Number of rows, >= 0.
        seed: Any integer.
        split: ``"train"`` or ``"test"``; they share no problem, whatever the seeds.
        difficulties: Drawn from uniformly, then one of the families that fit.
        kinds: Of the families.
        held_out: What ``"test"`` holds: ``"families"`` that training has not, or the families of
            training with ``"parameters"`` that it has not. ``"train"`` is the same for both.

    Raises:
        ValueError: An argument is not one of the allowed values, or no family fits them all.
    """
    check_request(size, seed, split)
    _check_choice("difficulties", difficulties, DIFFICULTIES)
    _check_choice("kinds", kinds, KINDS)
    if held_out not in HELD_OUT:
        raise ValueError(f"held_out is {held_out!r}; choose one of {', '.join(HELD_OUT)}.")
    pools = _pools(split, difficulties, kinds, held_out)
    # Not a generator itself: a wrong argument must raise here, not at the first row.
    return (_row(seed, split, index, pools, held_out) for index in range(size))


def build_dataset(
    size: int,
    seed: int,
    split: str,
    *,
    difficulties: Sequence[str] = DIFFICULTIES,
    kinds: Sequence[str] = KINDS,
    held_out: str = "families",
) -> Dataset:
    """The rows of ``generate_rows`` (same arguments, same errors) as a ``datasets.Dataset``."""
    return to_dataset(
        generate_rows(size, seed, split, difficulties=difficulties, kinds=kinds, held_out=held_out)
    )


def to_dataset(rows: Iterable[Mapping[str, Any]]) -> Dataset:
    """Rows with the columns ``COLUMNS`` as a typed dataset, empty ones included."""
    # Imported here: generating rows does not need it, and it takes most of a second.
    from datasets import Dataset, Features, Value

    message = {"role": Value("string"), "content": Value("string")}
    case = {"input": Value("string"), "output": Value("string")}
    types: dict[str, Any] = {name: Value("string") for name in COLUMNS}
    types |= {"prompt": [message], "test_cases": [case], "hidden_tests": [case]}
    types |= {"tolerance": Value("float64")}
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in rows:
        for name, values in columns.items():
            values.append(row[name])
    return Dataset.from_dict(columns, features=Features(types))


def format_prompt(
    description: str, signature: str, function_name: str, tests: Sequence[Case]
) -> list[dict[str, str]]:
    """The conversation that asks for a function or a class, with its signature and examples."""
    lines = [f"{function_name}({test['input']}) == {test['output']}" for test in tests]
    examples = "\n".join(["Examples:", *lines, "", ""]) if lines else ""
    what = "class" if signature.lstrip().startswith("class ") else "function"
    content = f"{description}\n\n{signature}\n\n{examples}{_INSTRUCTION.format(what=what)}"
    return [{"role": "user", "content": content}]


def format_program_prompt(description: str, tests: Sequence[Case]) -> list[dict[str, str]]:
    """The conversation that asks for a program: description, examples, format."""
    examples = "".join(
        f"Input:\n{test['input'].strip()}\n\nOutput:\n{test['output'].strip()}\n\n"
        for test in tests
    )
    rule = "The program reads standard input and writes to standard output."
    content = f"{description}\n\n{examples}{rule} {_INSTRUCTION.format(what='program')}"
    return [{"role": "user", "content": content}]


def format_solution(source: str) -> str:
    """A completion that gives ``source`` as the prompt asks for it."""
    return f"```python\n{source}\n```"


def _check_choice(argument: str, chosen: Sequence[str], allowed: tuple[str, ...]) -> None:
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    if isinstance(chosen, str) or not names or not set(names) <= set(allowed):
        raise ValueError(
            f"{argument} is {chosen!r}; give a list of one or more of {', '.join(allowed)}."
        )


def _pools(
    split: str, difficulties: Sequence[str], kinds: Sequence[str], held_out: str
) -> list[list[Family]]:
    """The families that fit, one list for each difficulty that has any."""
    side = "train" if held_out == "parameters" else split
    pools = [
        [
            family
            for family in FAMILIES
            if family.difficulty == difficulty
            and family.kind in kinds
            and family.split == side
            and _variants(family, split, held_out)
        ]
        for difficulty in dict.fromkeys(difficulties)
    ]
    found = [pool for pool in pools if pool]
    if not found:
        raise ValueError(
            f"No {split} family is {' or '.join(difficulties)} and of the kind "
            f"{' or '.join(kinds)}; give more difficulties or kinds."
        )
    return found


def _variants(family: Family, split: str, held_out: str) -> list[dict[str, Any]]:
    if held_out == "parameters" and split == "test":
        return family.held_out_variants
    return family.training_variants if family.split == "train" else family.variants


def _row(
    seed: int, split: str, index: int, pools: Sequence[Sequence[Family]], held_out: str
) -> dict[str, Any]:
    stream = RowStream(seed, split, index)
    family = stream.pick(stream.pick(pools))
    variant = stream.pick(_variants(family, split, held_out))
    # A negative parameter in a name: is_above_minus_3.
    name = family.render(stream.pick(family.names.split()), variant).replace("-", "minus_")
    source = family.render(family.source, variant, name)
    description = family.render(stream.pick(family.wordings), variant)
    signature = source.partition("\n")[0]
    visible, hidden = _tests(family, source, name, variant, stream)
    prompt = format_prompt(description, signature, name, visible)
    # The digest keeps ids apart between datasets that were built with other filters.
    digest = blake2b(prompt[0]["content"].encode(), digest_size=3).hexdigest()
    return {
        "id": f"code-{split}-{seed}-{index}-{digest}",
        "task": "code",
        "prompt": prompt,
        "description": description,
        "function_name": name,
        "signature": signature,
        "solution": format_solution(source),
        "test_cases": visible,
        "hidden_tests": hidden,
        "suite": "",
        "setup": "",
        "comparison": EXACT,
        "tolerance": TOLERANCE,
        "difficulty": family.difficulty,
        "kind": family.kind,
        "family": family.name,
    }


def _tests(
    family: Family, source: str, name: str, variant: Mapping[str, Any], stream: RowStream
) -> tuple[list[Case], list[Case]]:
    """The visible tests, short ones with different outputs where possible, and the hidden ones."""
    size = VISIBLE_TESTS + HIDDEN_TESTS
    drawn, edges = family.cases(source, name, variant, stream, size)
    drawn.sort(key=lambda test: len(test["input"]) + len(test["output"]) > _SHORT_TEST)
    return drawn[:VISIBLE_TESTS], drawn[VISIBLE_TESTS:] + edges
