"""An Ollama ``Modelfile`` beside a GGUF file: how Ollama prompts the model, and where it stops.

Ollama does not run the Jinja template in the file. ``ollama create`` compares its text with those
that Ollama ships (``template/template.go``: at most 99 changed characters) and takes the nearest's
Go template, or sends the bare prompt where none is near. So the Modelfile brings one: what the
Jinja template writes around each message is read off made-up conversations, put into Go's syntax,
and compared with the Jinja template on others. A template that depends on more than roles and
contents gives no ``TEMPLATE``, and the Modelfile says so.

Not covered: tools, images, thinking modes; templates that trim contents do not in Ollama.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase

__all__ = ["TurnFormat", "modelfile", "read_turn_format"]

_NO_TEMPLATE = """\
# No TEMPLATE: the chat template of this model does more than write roles and contents. Ollama will
# take the nearest of its own, or send the bare prompt: compare with `ollama show --template`.
"""


@dataclass(frozen=True)
class TurnFormat:
    """What a chat template writes around messages.

    Attributes:
        turns: By role: before and after the content.
        generation: Before what the model is to say.
        default_system: What stands in place of a system message where there is none.
    """

    turns: dict[str, tuple[str, str]]
    generation: str
    default_system: str

    def render(self, messages: Sequence[dict[str, str]]) -> str:
        """The text that the model continues."""
        has_system = any(message["role"] == "system" for message in messages)
        turns = [
            self.turns[m["role"]][0] + m["content"] + self.turns[m["role"]][1] for m in messages
        ]
        return ("" if has_system else self.default_system) + "".join(turns) + self.generation

    def to_go(self) -> str:
        """The same in the syntax of Go's text/template, with Ollama's variables."""
        default = f"{{{{ if not .System }}}}{self.default_system}{{{{ end }}}}"
        branches = "{{ else ".join(
            f'if eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
            for role, (before, after) in self.turns.items()
        )
        return (
            f"{default if self.default_system else ''}"
            f"{{{{ range .Messages }}}}{{{{ {branches}{{{{ end }}}}{{{{ end }}}}{self.generation}"
        )


def read_turn_format(tokenizer: PreTrainedTokenizerBase) -> TurnFormat | None:
    """What the chat template writes around messages; ``None`` where it cannot be put that way.

    The token that begins plain text is left out where the tokenizer writes it, because Ollama
    does, too.
    """
    if not isinstance(tokenizer.chat_template, str):
        return None
    try:
        found = _derive(tokenizer)
        if any(found.render(talk) != _render(tokenizer, talk) for talk in _trials()):
            return None
    except Exception:  # templates raise what they like, on roles that they do not take
        return None
    texts = [
        found.default_system,
        found.generation,
        *(t for pair in found.turns.values() for t in pair),
    ]
    return None if any(mark in text for text in texts for mark in ("{{", "}}", '"""')) else found


def _talk(*contents: str, system: str | None = None) -> list[dict[str, str]]:
    first = [] if system is None else [{"role": "system", "content": system}]
    roles = ("user", "assistant")
    return first + [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def _trials() -> list[list[dict[str, str]]]:
    """Conversations of other shapes than those that a format is read from."""
    words = ("2 + 3?", "It is 5.", "Sure?\nOr 6?", "Sure.\n\n5.", "Why?")
    return [
        _talk(*words[: 2 * turns + 1], system=system)
        for turns in range(3)
        for system in (None, "Be brief.\nCount.")
    ]


def _render(tokenizer: Any, messages: list[dict[str, str]], *, generation: bool = True) -> str:
    """The template's text, without a first token that the tokenizer writes before any text."""
    text: str = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=generation
    )
    bos = tokenizer.bos_token
    begins = bos is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    return text.removeprefix(bos) if begins else text


def _derive(tokenizer: Any) -> TurnFormat:
    """Read a format off conversations whose contents occur nowhere else.

    Raises:
        ValueError: A content is missing, doubled or moved, so there is no such format.
    """
    marks = ["<<S0>>", "<<U1>>", "<<A2>>", "<<U3>>"]
    whole = _talk(*marks[1:], system=marks[0])
    head, after_system, after_user, after_answer, tail = _between(_render(tokenizer, whole), marks)
    user_end = _between(_render(tokenizer, whole, generation=False), marks)[-1]
    answer_end = _between(_render(tokenizer, whole[:3], generation=False), marks[:3])[-1]
    user_start = _cut(after_answer, answer_end)
    system_end = after_system.removesuffix(user_start)
    if not after_system.endswith(user_start):
        raise ValueError("a first turn is written in another way")
    start = _between(_render(tokenizer, _talk("<<U1>>")), ["<<U1>>"])[0]
    if not start.endswith(user_start):
        raise ValueError("a first turn is written in another way")
    return TurnFormat(
        turns={
            "system": (head, system_end),
            "user": (user_start, user_end),
            "assistant": (_cut(after_user, user_end), answer_end),
        },
        generation=_cut(tail, user_end),
        default_system=start.removesuffix(user_start),
    )


def _between(text: str, marks: Sequence[str]) -> list[str]:
    """What stands before, between and after the marks."""
    pieces = []
    for mark in marks:
        before, found, text = text.partition(mark)
        if not found:
            raise ValueError(f"{mark} is missing")
        pieces.append(before)
    return [*pieces, text]


def _cut(text: str, start: str) -> str:
    if not text.startswith(start):
        raise ValueError("turns are not written alike")
    return text[len(start) :]


def modelfile(
    gguf_name: str,
    tokenizer: PreTrainedTokenizerBase,
    generation_config: GenerationConfig | None,
    system: str | None = None,
) -> str:
    """The ``Modelfile`` of a GGUF file that lies beside it.

    Sampling is what transformers' ``generate`` does with the model: greedy, unless its generation
    config says otherwise.

    Args:
        gguf_name: Name of the file.
        tokenizer: Its chat template is put into Go's syntax where that is possible.
        generation_config: The model's; says how it samples and where it stops.
        system: A system message that conversations begin with unless they bring one.
    """
    found = read_turn_format(tokenizer)
    lines = [f"FROM ./{gguf_name}"]
    lines.append(_NO_TEMPLATE if found is None else f'TEMPLATE """{found.to_go()}"""')
    if system is not None:
        lines.append(f"SYSTEM {_quoted(system)}")
    lines += [f"PARAMETER {name} {value}" for name, value in _sampling(generation_config)]
    ends = _stop_texts(tokenizer, generation_config)
    lines += [f"PARAMETER stop {json.dumps(end, ensure_ascii=False)}" for end in ends]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text of several lines; Ollama knows no escape for three quotation marks within."""
    return '"""' + text.replace('"""', "'''") + '"""'


def _sampling(config: Any) -> list[tuple[str, float]]:
    penalty = getattr(config, "repetition_penalty", None) or 1.0
    if not getattr(config, "do_sample", None):
        return [("temperature", 0), ("repeat_penalty", penalty)]
    names = ("temperature", "top_p", "top_k", "min_p")  # called alike
    values = [(name, getattr(config, name, None)) for name in names]
    given = [(name, value) for name, value in values if value is not None]
    return [*given, ("repeat_penalty", penalty)]


def _stop_texts(tokenizer: Any, generation_config: Any) -> list[str]:
    """The tokens that end an answer, as text."""
    ends = getattr(generation_config, "eos_token_id", None)
    ends = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    ids = dict.fromkeys([*ends, tokenizer.eos_token_id])  # in order, each once
    return [str(tokenizer.convert_ids_to_tokens(i)) for i in ids if i is not None]
