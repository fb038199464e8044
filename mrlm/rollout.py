"""Sample from a model and score it with a task: evaluation, rejection sampling and pairs share it.

One turn: a prompt, a completion, a score. Environments with tools are for the trainers; their rows
are sampled here without tools. A scorer that hangs is the task's business, one that raises is not:
its record has no score and says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mrlm.task import RewardFunc, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from mrlm.generation import Completion

_NOT_REFERENCE = frozenset({"id", "task", "prompt", "kind", "difficulty"})


class SupportsGenerate(Protocol):
    """What samples: ``mrlm.generation.Generator`` or anything that answers like it."""

    def generate(
        self,
        prompt_ids: list[list[int]],
        *,
        max_new_tokens: int,
        num_generations: int = 1,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        """Sample ``num_generations`` completions per prompt, those of one prompt adjacent."""
        ...


@dataclass(frozen=True)
class Record:
    """One sample of one row, and what the task thinks of it.

    Attributes:
        id: The row's id; together with ``sample`` it names the record.
        sample: Which of the row's samples this is, from 0.
        kind: The row's kind.
        difficulty: The row's difficulty.
        prompt: The row's conversation.
        completion: The text that the model wrote, without special tokens.
        answer: What ``task.extract`` found in it; ``None`` where it found nothing.
        reference: The row's other columns, among them the right answer.
        score: What ``task.score`` gave; ``None`` where it could not tell or raised.
        rewards: By name of the reward function; ``None`` as for ``score``.
        num_tokens: Length of the completion, its end-of-sequence token included.
        truncated: The completion was cut at ``max_new_tokens``.
        errors: What the task's functions raised, as ``"function: Type: message"``.
    """

    id: str
    sample: int
    kind: str
    difficulty: str | int | float
    prompt: list[dict[str, Any]]
    completion: str
    answer: str | None
    reference: dict[str, Any]
    score: float | None
    rewards: dict[str, float | None]
    num_tokens: int
    truncated: bool
    errors: list[str] = field(default_factory=list)

    @property
    def reward(self) -> float | None:
        """Sum of the rewards that apply, as TRL sums them; ``None`` where none does."""
        rewards = [reward for reward in self.rewards.values() if reward is not None]
        return sum(rewards) if rewards else None

    @property
    def correct(self) -> bool | None:
        """Whether the score is full marks (1.0); ``None`` where there is no score."""
        return None if self.score is None else self.score >= 1.0


def rollout(
    generator: SupportsGenerate,
    tokenizer: PreTrainedTokenizerBase,
    rows: Iterable[Mapping[str, Any]],
    task: Task,
    *,
    max_new_tokens: int,
    num_generations: int = 1,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Record]:
    """Sample every row ``num_generations`` times and score the samples.

    Args:
        generator: Samples token ids.
        tokenizer: Renders prompts and decodes completions.
        rows: Rows of ``task.build_dataset``.
        task: Extracts, scores and rewards.
        max_new_tokens: Where a completion is cut.
        num_generations: Samples per row.
        temperature: 0 is greedy.
        top_p: Nucleus to sample from.
        seed: Of the sampling.
        progress: Called with the number of completions finished since its last call.

    Returns:
        ``len(rows) * num_generations`` records, those of one row adjacent.
    """
    from mrlm.models import encode_prompts, render_prompt  # imports torch

    rows = list(rows)
    prompts = [render_prompt(tokenizer, row["prompt"]) for row in rows]
    completions = generator.generate(
        encode_prompts(tokenizer, prompts),
        max_new_tokens=max_new_tokens,
        num_generations=num_generations,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        progress=progress,
    )
    texts = [
        str(tokenizer.decode(completion.token_ids, skip_special_tokens=True))
        for completion in completions
    ]
    repeated = [row for row in rows for _ in range(num_generations)]
    rewards, reward_errors = _rewards(task.reward_funcs, repeated, texts, completions)
    return [
        _record(task, row, i % num_generations, text, completion, rewards[i], reward_errors[i])
        for i, (row, text, completion) in enumerate(zip(repeated, texts, completions, strict=True))
    ]


def _record(
    task: Task,
    row: Mapping[str, Any],
    sample: int,
    text: str,
    completion: Completion,
    rewards: dict[str, float | None],
    errors: list[str],
) -> Record:
    answer, score = None, None
    try:
        answer = task.extract(text, row)
    except Exception as error:
        errors = [*errors, _describe("extract", error)]
    try:
        score = _number(task.score(text, row))
    except Exception as error:
        errors = [*errors, _describe("score", error)]
    return Record(
        id=str(row["id"]),
        sample=sample,
        kind=str(row["kind"]),
        difficulty=row["difficulty"],
        prompt=[dict(message) for message in row["prompt"]],
        completion=text,
        answer=answer,
        reference={name: value for name, value in row.items() if name not in _NOT_REFERENCE},
        score=score,
        rewards=rewards,
        num_tokens=len(completion.token_ids),
        truncated=not completion.finished,
        errors=errors,
    )


def _rewards(
    reward_funcs: Sequence[RewardFunc],
    rows: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    completions: Sequence[Completion],
) -> tuple[list[dict[str, float | None]], list[list[str]]]:
    """Call every reward as TRL does; per record the rewards by name, and what was raised."""
    rewards: list[dict[str, float | None]] = [{} for _ in rows]
    errors: list[list[str]] = [[] for _ in rows]
    inputs: dict[str, list[Any]] = {
        name: [row[name] for row in rows] for name in (rows[0] if rows else ())
    }
    inputs["prompts"] = inputs.pop("prompt", [])
    inputs["completions"] = [[{"role": "assistant", "content": text}] for text in texts]
    inputs["completion_ids"] = [completion.token_ids for completion in completions]
    for function in reward_funcs:
        name = getattr(function, "__name__", type(function).__name__)
        for i, outcome in enumerate(_call_reward(function, inputs, len(rows))):
            if isinstance(outcome, Exception):
                errors[i].append(_describe(name, outcome))
            rewards[i][name] = None if isinstance(outcome, Exception) else outcome
    return rewards, errors


def _call_reward(
    function: RewardFunc, inputs: Mapping[str, list[Any]], num_rows: int
) -> list[float | Exception | None]:
    """Rewards of all rows; where the batch raises, row by row, to find those that are to blame."""
    try:
        rewards = [_number(reward) for reward in function(**inputs)]
        if len(rewards) != num_rows:
            raise ValueError(f"{len(rewards)} rewards for {num_rows} completions")
        return list(rewards)
    except Exception as error:
        if num_rows <= 1:
            return [error] * num_rows
        return [
            _call_reward(function, {name: [column[i]] for name, column in inputs.items()}, 1)[0]
            for i in range(num_rows)
        ]


def _number(value: float | None) -> float | None:
    """A plain float; NaN and infinities are no score.

    Raises:
        ValueError: The value is not finite.
    """
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a score: return a finite number or None")
    return number


def _describe(function: str, error: Exception) -> str:
    return f"{function}: {type(error).__name__}: {error}"
