"""Rows that are ready to train on, for SFT or DPO: no task makes anything of them.

For SFT one of

    messages [tools]                        a conversation (OpenAI's form)
    conversations [system] [tools]          a conversation (ShareGPT's form, LLaMA-Factory's)
    prompt completion [tools]               texts, or messages
    instruction [input] output              alpaca's form, which becomes a conversation, with
                                            LLaMA-Factory's system and history

and for DPO, with the same ways of saying what was asked,

    prompt chosen rejected                  texts, messages, whole conversations (UltraFeedback)
    chosen rejected                         conversations or texts that begin alike
    conversations chosen rejected           LLaMA-Factory's form
    instruction [input] chosen rejected     alpaca's form

Texts stay texts, which TRL trains on as they are, without a chat template. Messages come out with
``role`` and ``content``, without keys that are ``None``; tool calls with arguments as objects. What
ShareGPT calls ``function_call`` and ``observation`` become a tool call and its result.

Not covered: images; preferences without pairs (KTO); several answers with scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from trl.data_utils import apply_chat_template, extract_prompt

from mrlm.data.columns import ColumnMap
from mrlm.data.demonstrations import json_dataset
from mrlm.data.intake import Intake
from mrlm.data.messages import as_messages, as_tools, spoken
from mrlm.errors import ColumnError, DatasetError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

__all__ = ["FORMS", "ReadyDataset", "ReadyRows", "forms_in_words", "ready_columns"]

# Columns that must be there, by what the rows are for; the first that fits is taken.
FORMS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "sft": (
        ("messages",),
        ("prompt", "completion"),
        ("instruction", "output"),
        ("conversations",),
    ),
    "dpo": (
        ("prompt", "chosen", "rejected"),
        ("instruction", "chosen", "rejected"),
        ("conversations", "chosen", "rejected"),
        ("chosen", "rejected"),
    ),
}
_OPTIONAL = ("input", "system", "history", "tools")
_TEXT_OR_MESSAGES = "text, or a list of messages"


@dataclass(frozen=True)
class ReadyRows:
    """Examples for one of TRL's trainers.

    Attributes:
        examples: ``messages``, ``prompt`` and ``completion``, or ``prompt``, ``chosen`` and
            ``rejected``; with ``tools`` where a row has some.
        indices: Of each example, the index of its row in the dataset.
        has_more: Whether the dataset goes on after the last one.
    """

    examples: Dataset
    indices: list[int] = field(default_factory=list)
    has_more: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the first row is text without roles."""
        first = self.examples[0]
        return isinstance(first.get("completion", first.get("chosen")), str)

    @property
    def has_tools(self) -> bool:
        """Whether tools are on offer in a row."""
        return "tools" in self.examples.column_names


class ReadyDataset(Intake):
    """A dataset of the user's whose rows are ready for SFT or DPO.

    Args:
        name: Hub id, folder or file.
        use: ``"sft"`` or ``"dpo"``.
        columns: Column of a form -> the dataset's, as ``ColumnMap`` takes it.
        split: Of a Hub dataset or a folder.
        config: Of a Hub dataset or a folder with several configurations.
        drop_invalid: Leave out and count rows that do not fit.

    Raises:
        ValueError: ``columns`` names one that no form has.
    """

    def __init__(
        self,
        name: str,
        use: str,
        columns: Mapping[str, str] | None = None,
        *,
        split: str = "train",
        config: str | None = None,
        drop_invalid: bool = False,
    ) -> None:
        self.use = use
        wanted = ColumnMap(columns or {}, ready_columns(use))
        super().__init__(name, wanted, split=split, config=config, drop_invalid=drop_invalid)

    def form(self) -> tuple[str, ...] | None:
        """The columns of the form that the rows have; ``None`` where they have none.

        Raises:
            FileNotFoundError: There is no such dataset.
            DatasetError: It cannot be read, holds no rows, or lacks a column that was named.
        """
        there = self.open()
        named = self.columns.given.keys() - set(_OPTIONAL)
        return next(
            (form for form in FORMS[self.use] if there >= set(form) and named <= set(form)), None
        )

    def load(self, size: int | None = None) -> ReadyRows:
        """At most ``size`` of the rows that fit.

        Raises:
            DatasetError: The dataset cannot be read, has no form, a row does not fit or none does.
        """
        form = self.form()
        if form is None:
            raise DatasetError(f"{self.name} has none of {forms_in_words(self.use)}.")
        build = _BUILD[self.use]
        taken = self.taken(lambda index, row: (index, build(self._read(row, form))))
        pairs = list(islice(taken, size))
        if not pairs:
            raise DatasetError(f"{self.name} has no row that fits. {self.dropped_message}".strip())
        has_more = size is not None and next(self._rows, None) is not None
        return ReadyRows(_dataset([row for _, row in pairs]), [i for i, _ in pairs], has_more)

    def rendered(self, rows: ReadyRows, tokenizer: PreTrainedTokenizerBase) -> ReadyRows:
        """The rows that the tokenizer's chat template takes, such as it is.

        Raises:
            DatasetError: It does not take one, or none with ``drop_invalid``; says why.
        """
        if rows.is_text:
            return rows
        kept = []
        for place, example in enumerate(rows.examples):
            try:
                apply_chat_template(example, tokenizer)
            except Exception as error:  # a template is a program, and raises what it likes
                self._drop(
                    "a conversation that the chat template takes",
                    f"{self.name}, row {rows.indices[place]}: the chat template of "
                    f"{tokenizer.name_or_path!r} does not take this conversation ({error}).",
                )
            else:
                kept.append(place)
        if not kept:
            raise DatasetError(f"{self.name} has no row that fits. {self.dropped_message}".strip())
        return replace(rows, examples=rows.examples.select(kept))

    def _read(self, row: Mapping[str, Any], form: tuple[str, ...]) -> dict[str, Any]:
        found = {name: self.columns.read(name, row) for name in (*form, *_OPTIONAL)}
        return {name: value for name, value in found.items() if value is not None} | {
            name: None for name in form if found[name] is None
        }


def ready_columns(use: str) -> list[str]:
    """All columns that the forms of a use have."""
    return [*dict.fromkeys(name for form in FORMS[use] for name in form), *_OPTIONAL]


def forms_in_words(use: str) -> str:
    """``"messages; prompt and completion; ..."``."""
    return "; ".join(" and ".join(form) for form in FORMS[use])


def _dataset(rows: list[dict[str, Any]]) -> Dataset:
    """With ``tools`` in all rows where one has some, and one kind of prompt and completion."""
    kinds = {isinstance(row.get("completion", row.get("chosen")), str) for row in rows}
    if len(kinds) > 1:
        raise DatasetError("Some rows hold texts and others messages; make all of them one kind.")
    if any("tools" in row for row in rows):
        rows = [row | {"tools": row.get("tools", [])} for row in rows]
    return json_dataset(rows)


def _sft_row(row: Mapping[str, Any]) -> dict[str, Any]:
    tools = as_tools(row.get("tools"))
    if "output" in row:
        asked = _alpaca_prompt(row)
        answer = [{"role": "assistant", "content": _text(row, "output")}]
        return _with_tools({"prompt": asked, "completion": answer}, tools, "output")
    if "completion" in row:
        prompt, completion = _prompt_and(row, "completion")
        return _with_tools({"prompt": prompt, "completion": completion}, tools, "completion")
    column = "messages" if "messages" in row else "conversations"
    messages = _with_system(row, as_messages(row[column], column))
    if not any(message["role"] == "assistant" for message in messages):
        raise ColumnError(column, "at least one message of the assistant")
    return _with_tools({"messages": messages}, tools, column)


def _dpo_row(row: Mapping[str, Any]) -> dict[str, Any]:
    tools = as_tools(row.get("tools"))
    if "instruction" in row:
        prompt: Any = _alpaca_prompt(row)
        answers = {name: _answer(row, name) for name in ("chosen", "rejected")}
    elif "conversations" in row:
        prompt = _with_system(row, as_messages(row["conversations"], "conversations"))
        answers = {name: _answer(row, name) for name in ("chosen", "rejected")}
    elif "prompt" in row:
        prompt, chosen = _prompt_and(row, "chosen")
        again, rejected = _prompt_and(row, "rejected")
        if prompt != again:
            raise ColumnError("rejected", "an answer to the same conversation as chosen")
        answers = {"chosen": chosen, "rejected": rejected}
    else:
        prompt, answers = _implicit_prompt(row)
    if answers["chosen"] == answers["rejected"]:
        raise ColumnError("rejected", "another answer than chosen")
    return _with_tools({"prompt": prompt, **answers}, tools, "chosen")


_BUILD = {"sft": _sft_row, "dpo": _dpo_row}


def _prompt_and(row: Mapping[str, Any], column: str) -> tuple[Any, Any]:
    """The prompt and what follows it in a column: both text, or both messages."""
    prompt, value = spoken(row["prompt"]), spoken(row[column])
    is_chat = bool(row.get("system") or row.get("tools"))
    if isinstance(value, str) and isinstance(prompt, str) and not is_chat:
        return _text(row, "prompt"), _text(row, column, may_be_empty=column == "rejected")
    if isinstance(prompt, str):
        asked = _with_system(row, [{"role": "user", "content": _text(row, "prompt")}])
    else:
        asked = _with_system(row, as_messages(prompt, "prompt", _TEXT_OR_MESSAGES))
    if isinstance(value, str):
        answer = [{"role": "assistant", "content": value}]
    else:
        answer = as_messages(value, column, _TEXT_OR_MESSAGES)
    # A whole conversation, as in UltraFeedback: what was asked stands in front.
    if answer[0]["role"] != "assistant":
        last = max(i for i, message in enumerate(answer) if message["role"] != "assistant")
        whole = answer[: last + 1]
        if asked[-1] not in whole:
            raise ColumnError(column, "an answer, or a conversation that holds the prompt")
        systems = [m for m in asked[:1] if m["role"] == "system" and m not in whole]
        asked, answer = [*systems, *whole], answer[last + 1 :]
    if not answer or answer[0]["role"] != "assistant":
        raise ColumnError(column, "messages of which the assistant's come last")
    if asked[-1]["role"] == "assistant":
        raise ColumnError("prompt", "messages that do not end with the assistant's")
    return asked, answer


def _implicit_prompt(row: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What two whole conversations, or two texts, have in common at the beginning."""
    chosen, rejected = spoken(row["chosen"]), spoken(row["rejected"])
    if isinstance(chosen, str) != isinstance(rejected, str):
        raise ColumnError("rejected", "the same kind as chosen: text, or messages")
    if not isinstance(chosen, str):
        chosen = as_messages(chosen, "chosen", _TEXT_OR_MESSAGES)
        rejected = as_messages(rejected, "rejected", _TEXT_OR_MESSAGES)
    if chosen == rejected:
        raise ColumnError("rejected", "another answer than chosen")
    found: dict[str, Any] = dict(extract_prompt({"chosen": chosen, "rejected": rejected}))
    prompt, first, second = found["prompt"], found["chosen"], found["rejected"]
    if not prompt:
        raise ColumnError("rejected", "a conversation or text that begins like chosen (the prompt)")
    if not isinstance(chosen, str):
        for name, answer in (("chosen", first), ("rejected", second)):
            if not answer or answer[0]["role"] != "assistant":
                raise ColumnError(name, "a conversation that differs in what the assistant says")
    return prompt, {"chosen": first, "rejected": second}


def _answer(row: Mapping[str, Any], column: str) -> list[dict[str, Any]]:
    """One answer: a text, one message, or several."""
    value = row[column]
    if isinstance(spoken(value), str):
        value = spoken(value)
        if not value.strip() and column != "rejected":
            raise ColumnError(column, "text")
        return [{"role": "assistant", "content": value}]
    messages = as_messages([value] if isinstance(value, Mapping) else value, column)
    if messages[0]["role"] != "assistant":
        raise ColumnError(column, "what the assistant says")
    return messages


def _alpaca_prompt(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    more = row.get("input")
    if more is not None and not isinstance(more, str):
        raise ColumnError("input", "text, or nothing")
    asked = _text(row, "instruction")
    content = f"{asked}\n\n{more}" if more and more.strip() else asked
    earlier = row.get("history") or []
    if not isinstance(earlier, list) or not all(_is_exchange(turns) for turns in earlier):
        raise ColumnError("history", "a list of pairs of texts: what was asked and the answer")
    turns = [text for exchange in earlier for text in exchange]
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]
    return _with_system(row, [*messages, {"role": "user", "content": content}])


def _is_exchange(turns: Any) -> bool:
    return (
        isinstance(turns, list) and len(turns) == 2 and all(isinstance(text, str) for text in turns)
    )


def _with_system(row: Mapping[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    system = row.get("system")
    if system is None or system == "":
        return messages
    if not isinstance(system, str):
        raise ColumnError("system", "text, or nothing")
    if messages[0]["role"] == "system":
        raise ColumnError("system", "nothing where the conversation begins with a system message")
    return [{"role": "system", "content": system}, *messages]


def _with_tools(row: dict[str, Any], tools: list[dict[str, Any]], column: str) -> dict[str, Any]:
    """With the tools on offer, without which a template drops the calls."""
    turns = [m for value in row.values() if isinstance(value, list) for m in value]
    if any(m.get("tool_calls") or m["role"] == "tool" for m in turns) and not tools:
        raise ColumnError("tools", f"the schemas of the tools that {column} calls")
    return row | {"tools": tools} if tools else row


def _text(row: Mapping[str, Any], column: str, *, may_be_empty: bool = False) -> str:
    value = spoken(row[column])
    if not isinstance(value, str) or not (value.strip() or may_be_empty):
        raise ColumnError(column, "text")
    return value
