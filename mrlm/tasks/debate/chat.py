"""What judges and opponents of a debate talk to: an endpoint, or a model of ours.

A conversation that gets no answer gives ``None``. ``ChatEndpoint`` is in ``mrlm.chat``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.chat import Chat, ChatEndpoint, Conversation

__all__ = ["Chat", "ChatEndpoint", "ChatOpponent", "Conversation", "ModelChat"]


@dataclass(frozen=True)
class ModelChat:
    """A model in this process.

    Attributes:
        generator: ``mrlm.sampling.generator.Generator``. It samples from its own copy of the
            weights: one that is made before training and not synced is a frozen opponent.
        tokenizer: The model's.
        params: ``mrlm.SamplingParams`` of its answers, one to a conversation.
    """

    generator: Any
    tokenizer: Any
    params: Any

    def __call__(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """An answer to each conversation."""
        texts = [
            self.tokenizer.apply_chat_template(
                [dict(message) for message in conversation],
                tokenize=False,
                add_generation_prompt=True,
            )
            for conversation in conversations
        ]
        completions = self.generator.generate(
            [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts],
            self.params,
        )
        return [
            str(self.tokenizer.decode(completion.token_ids, skip_special_tokens=True))
            for completion in completions
        ]


@dataclass(frozen=True)
class ChatOpponent:
    """An opponent that argues through a ``Chat``; where it gives no answer, it says nothing."""

    chat: Chat

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """The next argument of each row's side."""
        return [text or "" for text in self.chat([row["prompt"] for row in rows])]
