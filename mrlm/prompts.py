"""Prompts in the user's words and language: a format over the columns of a row.

    task = with_prompts(task, system_prompt="Réponds en français.", prompt_template="{question}")

``{column}`` stands for the value of a column, ``{{`` and ``}}`` for braces. The rest of the task is
as it was: what its reward reads is what the model must go on writing.

Not covered: attributes and format specifications (``{answer:>10}``), which a column's value has
no need of; several turns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from string import Formatter
from typing import TYPE_CHECKING, Any

from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["PromptArguments", "PromptFormat", "fill_template", "template_columns", "with_prompts"]


def template_columns(template: str) -> list[str]:
    """The columns that a template names.

    Raises:
        ValueError: It is no template: a brace that is not closed, or more than a name in braces.
    """
    how = "write {column} for a column's value, and {{ or }} for a brace"
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the template {template!r}: {error}; {how}.") from error
    names = []
    for _, name, specification, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or specification or conversion:
            inside = f"{name}{f'!{conversion}' if conversion else ''}"
            inside += f":{specification}" if specification else ""
            raise ValueError(
                f"the template {template!r} has {{{inside}}}, which names no column; {how}."
            )
        names.append(name)
    return names


def fill_template(template: str, row: Mapping[str, Any]) -> str:
    """The template with the values of a row: texts as they are, lists and objects as JSON.

    Raises:
        ValueError: It names a column that the row does not have.
    """
    missing = [name for name in template_columns(template) if name not in row]
    if missing:
        columns = ", ".join(name for name in row if name != "prompt")
        raise ValueError(
            f"the template names {' and '.join(dict.fromkeys(missing))}, and the columns are "
            f"{columns}; for a brace that is no column's write it twice."
        )
    values = {name: _text(row[name]) for name in template_columns(template)}
    return "".join(
        literal + (values[name] if name is not None else "")
        for literal, name, _, _ in Formatter().parse(template)
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


@dataclass(frozen=True)
class PromptFormat:
    """How rows are asked.

    Attributes:
        system_prompt: The system message, in place of the row's own if it has one.
        template: What the user says, over the row's columns; without one the row's own prompt.

    Raises:
        ValueError: The template is none.
    """

    system_prompt: str | None = None
    template: str | None = None

    def __post_init__(self) -> None:
        if self.template is not None:
            template_columns(self.template)

    def __call__(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The conversation that asks a row; errors as in ``fill_template``."""
        messages = [dict(message) for message in row["prompt"]]
        system = [message for message in messages[:1] if message["role"] == "system"]
        asked = messages[len(system) :]
        if self.system_prompt is not None:
            system = [{"role": "system", "content": self.system_prompt}]
        if self.template is not None:
            text = fill_template(self.template, row)
            if not text.strip():
                raise ValueError(f"the template {self.template!r} gives an empty prompt.")
            asked = [{"role": "user", "content": text}]
        return system + asked


def with_prompts(
    task: Task, system_prompt: str | None = None, prompt_template: str | None = None
) -> Task:
    """A task that asks in other words, of generated rows and of the user's own.

    Args:
        task: Any.
        system_prompt: As in ``PromptFormat``.
        prompt_template: As ``PromptFormat``'s template.

    Raises:
        ValueError: The template is none. A column that rows do not have is told when there are
            rows: those of a dataset may have columns that the task's own do not.
    """
    if not system_prompt and not prompt_template:
        return task
    form = PromptFormat(system_prompt or None, prompt_template or None)
    return replace(
        task,
        prompt_format=form,
        build_dataset=partial(_build, task.build_dataset, form),
        generate_rows=task.generate_rows and partial(_generate, task.generate_rows, form),
    )


def _build(build: Any, form: PromptFormat, size: int, seed: int, split: str) -> Dataset:
    from datasets import Dataset, Features, concatenate_datasets

    rows: Dataset = build(size, seed, split)
    if not len(rows):
        return rows
    asked = Dataset.from_dict(
        {"prompt": [form(row) for row in rows]},
        features=Features({"prompt": rows.features["prompt"]}),
    )
    both = concatenate_datasets([rows.remove_columns("prompt"), asked], axis=1)
    return both.select_columns(rows.column_names)


def _generate(generate: Any, form: PromptFormat, *args: Any, **options: Any) -> Iterator[Any]:
    for row in generate(*args, **options):
        yield {**row, "prompt": form(row)}


@dataclass
class PromptArguments:
    """How rows are asked, where not in the task's own words."""

    system_prompt: str | None = field(
        default=None, metadata={"help": "System message of every prompt."}
    )
    prompt_template: str | None = field(
        default=None,
        metadata={
            "help": "What the user says, in place of the task's words: a format over the row's "
            "columns, such as 'Question: {question}'; {{ and }} are braces."
        },
    )

    def with_prompts(self, task: Task) -> Task:
        """The task, asking so; errors as in ``with_prompts``."""
        return with_prompts(task, self.system_prompt, self.prompt_template)
