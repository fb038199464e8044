"""Debates in rounds for models that call no tools: TRL's ``rollout_func`` for GRPO and PPO.

A completion is the model's own turns with the opponent's between them. ``env_mask`` is 0 on the
opponent's tokens, so neither the loss nor the advantages see them. All completions of a group come
from one row, and a row has one side: a group's baseline never mixes PRO with CON. That matters
because one side of a motion may be easier to argue; a baseline over both would reward being given
the easy side (https://github.com/PrimeIntellect-ai/prime-rl/issues/3136).

``max_completion_length`` limits each turn. Not covered: images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mrlm.tasks.debate.rounds import Debate, Opponent, scripted_opponent

__all__ = ["DebateRollout", "debate_rounds_reward"]


class DebateRollout:
    """Plays debates between the policy and an opponent.

    ::

        rollout = DebateRollout(dataset, scripted_opponent, rounds=2)
        PPOTrainer(model, debate_rounds_reward, train_dataset=dataset, rollout_func=rollout, ...)

    Args:
        rows: The rows that the trainer will send, of the training and the evaluation dataset.
            TRL hands only their prompts to a ``rollout_func``.
        opponent: Answers each turn but the last; ``None`` is self-play: the policy answers itself,
            and these turns are not trained on.
        rounds: Turns of the policy.
        keep: Called with each finished ``Debate``, for instance ``transcripts.append``.
    """

    __name__ = "debate_rollout"

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        opponent: Opponent | None = scripted_opponent,
        rounds: int = 2,
        keep: Callable[[Debate], None] | None = None,
    ) -> None:
        self._rows = {row["prompt"][-1]["content"]: dict(row) for row in rows}
        self.opponent, self.rounds, self.keep = opponent, rounds, keep

    def __call__(self, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        """Play one debate for each prompt; see TRL's ``rollout_func``.

        Returns:
            ``prompt_ids``, ``completion_ids``, ``logprobs`` (``None`` where the sampler gives
            none), ``env_mask`` (1 on the policy's tokens) and ``debate``, a ``Debate`` each, which
            reaches the reward functions.
        """
        tokenizer = trainer.processing_class
        debates = [Debate(self._row(prompt), self.rounds) for prompt in prompts]
        prompt_ids = [_encode(tokenizer, debate.view(debate.side)["prompt"]) for debate in debates]
        tracks = [_Track() for _ in debates]
        repeats = (
            trainer.num_generations if trainer.model.training else trainer.num_generations_eval
        )
        for number in range(1, self.rounds + 1):
            contexts = [ids + track.ids for ids, track in zip(prompt_ids, tracks, strict=True)]
            # After the first turn no two contexts of a group are alike.
            sampled, logprobs = _sample(trainer, contexts, repeats if number == 1 else 1)
            for i, debate in enumerate(debates):
                tracks[i].add(sampled[i], 1, logprobs and logprobs[i])
                debate.say(tokenizer.decode(sampled[i], skip_special_tokens=True))
            if number == self.rounds:
                break
            for i, text in enumerate(self._answers(debates, trainer)):
                ended = sampled[i][-1] in trainer.eos_token_ids
                bridge = _bridge(tokenizer, debates[i].heard(text), ended)
                tracks[i].add(bridge, 0, [0.0] * len(bridge) if logprobs else None)
                debates[i].say(text)
        if self.keep is not None:
            for debate in debates:
                self.keep(debate)
        return {
            "prompt_ids": prompt_ids,
            "completion_ids": [track.ids for track in tracks],
            "logprobs": [track.logprobs for track in tracks] if logprobs else None,
            "env_mask": [track.mask for track in tracks],
            "debate": debates,
        }

    def _row(self, prompt: Any) -> dict[str, Any]:
        content = prompt if isinstance(prompt, str) else prompt[-1]["content"]
        if content not in self._rows:
            raise ValueError(
                f"No row has the prompt {content[:80]!r}. Give DebateRollout the rows of the "
                "training and of the evaluation dataset, unchanged."
            )
        return self._rows[content]

    def _answers(self, debates: Sequence[Debate], trainer: Any) -> list[str]:
        views = [debate.view(debate.other) for debate in debates]
        if self.opponent is not None:
            return self.opponent(views)
        tokenizer = trainer.processing_class
        contexts = [_encode(tokenizer, view["prompt"]) for view in views]
        sampled, _ = _sample(trainer, contexts, 1)
        return [str(tokenizer.decode(ids, skip_special_tokens=True)) for ids in sampled]


def debate_rounds_reward(
    completions: Sequence[Any], debate: Sequence[Debate], **columns: Any
) -> list[float | None]:
    """What each debate was worth to the policy's side, with TRL's signature."""
    return [played.reward() for played in debate]


class _Track:
    """The tokens of one completion as it grows."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.mask: list[int] = []
        self.logprobs: list[float] = []

    def add(self, ids: Sequence[int], mask: int, logprobs: Sequence[float] | None) -> None:
        self.ids += ids
        self.mask += [mask] * len(ids)
        self.logprobs += logprobs or []


def _sample(trainer: Any, contexts: list[list[int]], repeats: int) -> tuple[Any, Any]:
    """One completion of each context, from the trainer's own sampler, and their logprobs."""
    return trainer._generate_single_turn(contexts, None, {}, repeats)  # type: ignore[no-any-return]


def _encode(tokenizer: Any, conversation: list[dict[str, str]]) -> list[int]:
    text = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _bridge(tokenizer: Any, message: str, ended: bool) -> list[int]:
    """What stands between two turns of the model: the first's end, the other's message, a start.

    Args:
        tokenizer: Its chat template must render a conversation as a prefix of any longer one.
        message: What the opponent says.
        ended: Whether the model's turn closed itself with the end-of-sequence token.
    """
    said = "0123456789"
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": said}]
    before = tokenizer.apply_chat_template(turns, tokenize=False)
    after = tokenizer.apply_chat_template(
        [*turns, {"role": "user", "content": message}], tokenize=False, add_generation_prompt=True
    )
    start = before.rfind(said) + len(said)
    if not after.startswith(before[:start]) or start < len(said):
        raise ValueError(
            "The chat template changes earlier turns when a conversation goes on, so a debate in "
            "rounds cannot be built token by token. Set a template that does not."
        )
    text = after[start:]
    if ended:
        text = text.removeprefix(tokenizer.eos_token)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
