"""Tool calling for models whose chat template knows no tools.

TRL's tool loop needs three things of a tokenizer: a template that renders tools, calls and results,
a response template that finds the calls in what the model wrote, and a parser that never raises
anything but ``ValueError``. ``add_tool_calling`` gives all three to any ChatML model, among them
the embedded one, and refuses the rest with a reason.

The template of ours (``templates/tools.jinja``) is short, because a small model on a CPU reads it
with every row: a tool is a signature line, not a page of JSON. Conversations without tools keep the
model's own template; what a model writes inside ``<think>`` is a draft, and no call is made of it.

Not covered: templates other than ChatML without tools of their own; images.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from trl.chat_template_utils import (
    add_response_schema,
    has_generation_markers,
    supports_tool_calling,
)

from mrlm.errors import ModelError
from mrlm.models.templates import read_template, with_text_parts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["RESPONSE_TEMPLATE", "TOOL_TEMPLATE", "add_tool_calling", "supports_tool_calling"]

_START, _END = "<|im_start|>", "<|im_end|>"

# ``TOOL_TEMPLATE``: calls as Hermes and Qwen write them, results under a role of their own. The
# generation marks tell TRL's ``assistant_only_loss`` which tokens the model writes. ``_MARK_TURNS``
# sets the same marks in ``text``, what the model's own template made of a talk without tools.
TOOL_TEMPLATE = with_text_parts(read_template("tools"))
_MARK_TURNS = read_template("mark_turns")

# How transformers finds the calls of TOOL_TEMPLATE in a completion.
RESPONSE_TEMPLATE: dict[str, Any] = {
    "defaults": {"role": "assistant"},
    "start_anchor": f"{_START}assistant\n",
    "fields": {
        # What stands in here is a draft: a call in it is not made.
        "reasoning_content": {"open": "<think>", "close": "</think>", "content": "text"},
        "tool_calls": {
            "open": "<tool_call>",
            "close_pattern": r"</tool_call>\s*",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"<\|im_end\|>\s*", "content": "text"},
    },
}


def add_tool_calling(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Make a tokenizer fit for TRL's tool loop, in place; safe to call twice.

    A template that knows tools is kept, with the response template that the tokenizer or TRL has
    for it. A ChatML tokenizer gets ``TOOL_TEMPLATE`` for conversations with tools.

    Raises:
        ModelError: The template drops tool calls and the model does not speak ChatML, or nothing
            tells how to read the calls that its own template writes.
    """
    if supports_tool_calling(tokenizer):
        _add_response_template(tokenizer)
    elif _speaks_chatml(tokenizer):
        own = tokenizer.chat_template
        tokenizer.chat_template = _with_tools(own) if isinstance(own, str) else TOOL_TEMPLATE
        tokenizer.response_template = RESPONSE_TEMPLATE
    else:
        raise ModelError(
            f"{tokenizer.name_or_path!r}: its chat template drops tool calls or their results, so "
            f"the model would never see what its tools returned. Choose a model whose template "
            f"renders them (Qwen2.5, Qwen3, Llama 3.1 and later), or one that speaks ChatML "
            f"({_START} and {_END}, the latter ending a turn), which gets a template from us."
        )
    if not isinstance(tokenizer.parse_response, partial):
        parser: Any = partial(_parse_response, tokenizer)
        tokenizer.parse_response = parser  # type: ignore[method-assign]
    return tokenizer


def _add_response_template(tokenizer: PreTrainedTokenizerBase) -> None:
    if getattr(tokenizer, "response_template", None) is not None:
        return
    try:
        add_response_schema(tokenizer)
    except ValueError as error:
        raise ModelError(
            f"{tokenizer.name_or_path!r}: its chat template renders tool calls, but nothing tells "
            "how to read the calls that the model writes. Set tokenizer.response_template "
            "(https://huggingface.co/docs/transformers/main/en/chat_response_parsing)."
        ) from error


def _speaks_chatml(tokenizer: PreTrainedTokenizerBase) -> bool:
    one_token = all(
        len(tokenizer.encode(mark, add_special_tokens=False)) == 1 for mark in (_START, _END)
    )
    return one_token and tokenizer.eos_token == _END


def _with_tools(own: str) -> str:
    """Ours for conversations with tools, calls or results, the model's own for the rest."""
    uses_tools = (
        "tools or messages | selectattr('role', 'equalto', 'tool') | list"
        " or messages | selectattr('tool_calls', 'defined') | list"
    )
    if not has_generation_markers(own):
        own = f"{{%- set text -%}}{own}{{%- endset -%}}{_MARK_TURNS}"
    ours = read_template("tools")
    either = f"{{%- if {uses_tools} -%}}\n{ours}{{%- else -%}}{own}{{%- endif -%}}"
    return with_text_parts(either)


def _parse_response(tokenizer: PreTrainedTokenizerBase, *args: Any, **kwargs: Any) -> Any:
    """The tokenizer's own parser, raising nothing but ``ValueError``, which TRL takes for text.

    JSON may nest so deeply that parsing it raises ``RecursionError``, and hold half of a surrogate
    pair, which no tokenizer encodes; both would end a training run.
    """
    try:
        parsed = type(tokenizer).parse_response(tokenizer, *args, **kwargs)
        for call in parsed.get("tool_calls") or () if isinstance(parsed, dict) else ():
            _read_arguments(call)
        json.dumps(parsed, ensure_ascii=False).encode()
    except (RecursionError, KeyError) as error:
        raise ValueError(f"no response that can be read: {type(error).__name__}") from error
    return parsed


def _read_arguments(call: Any) -> None:
    """Arguments as JSON text, as OpenAI's interface has them, become an object, in place.

    ``null`` and an empty text are how a call of a function without parameters may look.

    Raises:
        ValueError: The text is no JSON.
    """
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or "name" not in function:
        return
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = json.loads(arguments) if arguments.strip() else None
    function["arguments"] = {} if arguments is None else arguments


def tool_functions(environment: Any) -> list[Callable[..., Any]]:
    """The tools of an environment: its public methods, as TRL finds them."""
    members = inspect.getmembers(type(environment), inspect.isfunction)
    names = [name for name, _ in members if not name.startswith("_")]
    return [getattr(environment, n) for n in names if n not in ("reset", "get_reward")]


def offered_tools(environment: Any) -> list[Any]:
    """What chat templates render of an environment, and parsers read calls by.

    Its public methods; of an environment with ``_tool_schemas`` what that gives after ``reset``:
    JSON schemas, which need not be the same in every episode.
    """
    schemas = getattr(environment, "_tool_schemas", None)
    return list(tool_functions(environment) if schemas is None else schemas())


def tool_suffix_ids(
    tokenizer: PreTrainedTokenizerBase, results: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Token ids that follow a turn with calls: the results, and the header of the next turn.

    As TRL gets them, from a made-up turn, so that what the model wrote is never tokenized again.
    """
    function = {"name": results[0]["name"], "arguments": {}}
    turn: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": []}
    turn["tool_calls"] = [{"type": "function", "function": function}]
    before: list[Any] = [{"role": "user", "content": ""}, turn]
    after: list[Any] = [*before, *results]
    full: Any = tokenizer.apply_chat_template(
        after, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    prefix: Any = tokenizer.apply_chat_template(before, tokenize=True, return_dict=False)
    ends = [i for i, token in enumerate(prefix) if token == tokenizer.eos_token_id]
    length = ends[-1] + 1 if ends else len(prefix)
    if full[:length] != prefix[:length]:
        raise ModelError("The chat template renders a turn differently once a result follows it.")
    return list(full[length:])
