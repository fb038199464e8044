"""Generated word problems with worked solutions, as plain rows or as a dataset.

Kinds: addition, subtraction, multiplication, multi_step; hard only: decimals, fractions, percent,
rates, negatives. ``easy`` is one step on small numbers (two tiny steps for multi_step), ``medium``
one or two steps on numbers of up to two digits, ``hard`` a product of two-digit numbers, or up to
four steps on numbers of up to three digits or of parts, with a distractor anywhere in the text: a
first school year, a third, a sixth.

A problem's content is its template and the sorted numbers that matter. Wording, names, things and
distractors are left out, so variants of one problem never straddle train and test. Rows are drawn
independently: one problem may come twice, in other words, within a dataset (dropping duplicates
would make row ``i`` depend on the rows before it). ``tests/bench/variety.py`` counts the texts, the
words and the repeated prompts.

Does not cover: geometry beyond a rectangle, equations with unknowns, units that must be converted,
any language but English.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from mrlm.splits import RowStream, check_request, split_of
from mrlm.tasks.math.answer_format import check_answer_format, instruction, render_answer
from mrlm.tasks.math.multi_step import MULTI_STEP
from mrlm.tasks.math.parts import PARTS
from mrlm.tasks.math.products import PRODUCTS
from mrlm.tasks.math.rates import RATES
from mrlm.tasks.math.sums import SUMS
from mrlm.tasks.math.template import DIFFICULTIES, KINDS, Number, Template
from mrlm.tasks.math.wordings import CHOICES, Wording, distractors

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["COLUMNS", "DIFFICULTIES", "KINDS", "build_dataset", "generate_rows", "to_dataset"]

COLUMNS = (
    *("id", "task", "prompt", "question", "answer", "answer_type", "solution"),
    *("kind", "difficulty"),
)
_TEMPLATES: Mapping[tuple[str, str], tuple[Template, ...]] = {
    (kind, difficulty): tuple(
        template
        for template in SUMS + PRODUCTS + MULTI_STEP + PARTS + RATES
        if template.kind == kind and difficulty in template.draw
    )
    for kind in KINDS
    for difficulty in DIFFICULTIES
}
_T = TypeVar("_T")
# By difficulty: its name, and the templates of each kind that has some.
_Choices = Sequence[tuple[str, Sequence[tuple[Template, ...]]]]


def generate_rows(
    size: int,
    seed: int,
    split: str,
    *,
    difficulties: Sequence[str] = DIFFICULTIES,
    kinds: Sequence[str] = KINDS,
    answer_format: str = "hash",
) -> Iterator[dict[str, Any]]:
    """Generate ``size`` rows with the columns ``COLUMNS``, one by one.

    Row ``i`` is a function of the arguments other than ``size``.

    Args:
        size: Number of rows, >= 0.
        seed: Any integer.
        split: ``"train"`` or ``"test"``; they share no problem, whatever the seeds.
        difficulties: Drawn from uniformly.
        kinds: Drawn from uniformly, among those that have problems of the difficulty.
        answer_format: The answer slot that the prompt asks for and the solution ends in.

    Raises:
        ValueError: An argument is not one of the allowed values, or no problem of these kinds has
            one of these difficulties.
    """
    check_request(size, seed, split)
    _check_choice("difficulties", difficulties, DIFFICULTIES)
    _check_choice("kinds", kinds, KINDS)
    check_answer_format(answer_format)
    choices = _choices(difficulties, kinds)
    asked = instruction(answer_format)
    # Not a generator itself: a wrong argument must raise here, not at the first row.
    return (_row(seed, split, index, choices, asked, answer_format) for index in range(size))


def build_dataset(
    size: int,
    seed: int,
    split: str,
    *,
    difficulties: Sequence[str] = DIFFICULTIES,
    kinds: Sequence[str] = KINDS,
    answer_format: str = "hash",
) -> Dataset:
    """The rows of ``generate_rows`` (same arguments, same errors) as a ``datasets.Dataset``."""
    rows = generate_rows(
        size, seed, split, difficulties=difficulties, kinds=kinds, answer_format=answer_format
    )
    return to_dataset(rows)


def to_dataset(rows: Iterator[dict[str, Any]]) -> Dataset:
    """Rows with the columns ``COLUMNS`` as a typed dataset, empty ones included."""
    # Imported here: generating rows does not need it, and it takes most of a second.
    from datasets import Dataset, Features, Value

    message = {"role": Value("string"), "content": Value("string")}
    types = {name: Value("string") for name in COLUMNS} | {"prompt": [message]}
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in rows:
        for name, values in columns.items():
            values.append(row[name])
    return Dataset.from_dict(columns, features=Features(types))


def _check_choice(argument: str, chosen: Sequence[str], allowed: tuple[str, ...]) -> None:
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    if isinstance(chosen, str) or not names or not set(names) <= set(allowed):
        raise ValueError(
            f"{argument} is {chosen!r}; give a list of one or more of {', '.join(allowed)}."
        )


def _choices(difficulties: Sequence[str], kinds: Sequence[str]) -> _Choices:
    """What rows are drawn from."""
    choices = [
        (
            difficulty,
            [_TEMPLATES[kind, difficulty] for kind in kinds if _TEMPLATES[kind, difficulty]],
        )
        for difficulty in difficulties
    ]
    found = [choice for choice in choices if choice[1]]
    if not found:
        raise ValueError(
            f"No problem of the kinds {', '.join(kinds)} is {' or '.join(difficulties)}; "
            "decimals, fractions, percent, rates and negatives are hard."
        )
    return found


def _row(
    seed: int, split: str, index: int, choices: _Choices, asked: str, answer_format: str
) -> dict[str, Any]:
    stream = RowStream(seed, split, index)
    difficulty, kinds = stream.pick(choices)
    templates = stream.pick(kinds)
    while True:
        template = stream.pick(templates)
        numbers = template.draw[difficulty](stream)
        if split_of(f"{template.name}{sorted(numbers)}") == split:
            break
    question, steps, answer = _render(stream, template, numbers, difficulty == "hard")
    # The digest keeps ids apart between datasets that were built with other filters.
    digest = crc32(question.encode()) & 0xFFFFFF
    return {
        "id": f"math-{split}-{seed}-{index}-{digest:06x}",
        "task": "math",
        "prompt": [{"role": "user", "content": question + asked}],
        "question": question,
        "answer": answer,
        "answer_type": "number",
        "solution": f"{steps}\n{render_answer(answer, answer_format)}",
        "kind": template.kind,
        "difficulty": difficulty,
    }


def _render(
    stream: RowStream, template: Template, numbers: tuple[Number, ...], distracted: bool
) -> tuple[str, str, str]:
    """The question, the worked steps and the answer of one problem."""
    values: list[Any] = [*numbers, *template.work(*numbers)]
    if template.show is not None:
        values = [template.show(value) for value in values]
    answer = str(values[-1])
    wordings: Sequence[Wording] = template.wordings
    choice = stream.below(CHOICES)
    if not distracted:
        wordings, choice = _plainer(wordings, choice)
    wording, choice = _pick(wordings, choice)
    wording.fill(values, choice)
    question = wording.question
    if distracted:
        (sort, question), choice = _pick(wording.distracted, stream.below(CHOICES))
        distractor, choice = _pick(distractors(sort), choice)
        words: list[Any] = []
        distractor.fill(words, choice)
        values.append(distractor.question.render(words))
    return question.render(values), wording.steps.render(values), answer


def _plainer(wordings: Sequence[Wording], choice: int) -> tuple[Sequence[Wording], int]:
    """The wordings up to one of them, so that the first and plainest ones are drawn most often."""
    choice, last = divmod(choice, len(wordings))
    choice, other = divmod(choice, len(wordings))
    return wordings[: min(last, other) + 1], choice


def _pick(options: Sequence[_T], choice: int) -> tuple[_T, int]:
    """One of the options, and what is left of the number that chose it."""
    choice, place = divmod(choice, len(options))
    return options[place], choice
