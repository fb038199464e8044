"""Sample from a model and score it with a task: evaluation, rejection sampling and pairs share it.

A prompt, a completion, a score. A task with rounds of tool calls is played in its environment
(``mrlm.sampling.episodes``); of every other the model answers in one turn. A scorer that hangs is
the task's business, one that raises is not: its record has no score and says why. The same goes for
a row that a server (``mrlm.sampling.server``) gives no answer to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mrlm.rewards.calls import call
from mrlm.sampling.server import ChatServer
from mrlm.sampling.types import SamplingParams, SupportsGenerate
from mrlm.task import RewardFunc, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from mrlm.sampling.environments import StartedEnvironment

_NOT_REFERENCE = frozenset({"id", "task", "prompt", "kind", "difficulty"})


@dataclass(frozen=True)
class Record:
    """One sample of one row, and what the task thinks of it.

    Attributes:
        id: The row's id; together with ``sample`` it names the record.
        sample: Which of the row's samples this is, from 0.
        kind: The row's kind.
        difficulty: The row's difficulty.
        prompt: The row's conversation.
        completion: The text that the model wrote, without special tokens; of an episode with tools
            a transcript for people.
        answer: What ``task.extract`` found in it; ``None`` where it found nothing.
        reference: The row's other columns, among them the right answer.
        score: What ``task.score`` gave; ``None`` where it could not tell or raised.
        rewards: By name of the reward function; ``None`` as for ``score``.
        num_tokens: Length of the completion, its end-of-sequence token included.
        truncated: The completion was cut at ``max_new_tokens``.
        errors: What the task's functions raised, as ``"function: Type: message"``.
        messages: Of an episode with tools: what the assistant and the tools said; else empty.
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
    messages: list[dict[str, Any]] = field(default_factory=list)

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
    generator: SupportsGenerate | ChatServer,
    tokenizer: PreTrainedTokenizerBase | None,
    rows: Iterable[Mapping[str, Any]],
    task: Task,
    params: SamplingParams,
    *,
    progress: Callable[[int], None] | None = None,
    all_processes: bool = False,
) -> list[Record]:
    """Sample every row ``params.num_generations`` times and score the samples.

    Args:
        generator: Samples token ids; or a server, which answers conversations.
        tokenizer: Renders prompts and decodes completions; ``None`` for a server.
        rows: Rows of ``task.build_dataset``.
        task: Extracts, scores and rewards.
        params: How to sample; under ``all_processes`` each process gets a seed of its own.
        progress: Called with the number of completions finished since its last call.
        all_processes: Every process calls this with the same arguments, does its share of the rows,
            and gets all records.

    Returns:
        ``len(rows) * params.num_generations`` records, those of one row adjacent.
    """
    rows = list(rows)
    if all_processes:
        from mrlm.distributed import gather_shares, process_seed, shard_for_process  # imports torch

        records = rollout(
            generator,
            tokenizer,
            shard_for_process(rows),
            task,
            replace(params, seed=process_seed(params.seed)),
            progress=progress,
        )
        return gather_shares(records, params.num_generations)
    if isinstance(generator, ChatServer):
        samples = _ask(generator, rows, task, params, progress)
    else:
        assert tokenizer is not None
        sample = _play if task.max_tool_calling_iterations else _sample
        samples = sample(generator, tokenizer, rows, task, params, progress)
    count = params.num_generations
    repeated = [row for row in rows for _ in range(count)]
    rewards, reward_errors = _answered_rewards(task.reward_funcs, repeated, samples)
    return [
        _record(task, row, i % count, sample, rewards[i], reward_errors[i])
        for i, (row, sample) in enumerate(zip(repeated, samples, strict=True))
    ]


@dataclass(frozen=True)
class _Sample:
    """What one rollout gave: the conversation after the prompt, and how it reads.

    Of an episode also its environment, with the prompt that it gave and its reward.
    """

    messages: list[dict[str, Any]]
    text: str
    token_ids: list[int]
    num_tokens: int
    finished: bool
    started: StartedEnvironment | None = None  # of an episode
    error: str | None = None  # why there is none

    @property
    def completion(self) -> str | list[dict[str, Any]]:
        """What the task scores."""
        return self.messages if self.started else self.text


def _sample(
    generator: SupportsGenerate,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Mapping[str, Any]],
    task: Task,
    params: SamplingParams,
    progress: Callable[[int], None] | None,
) -> list[_Sample]:
    """One turn per sample."""
    from mrlm.models.loading import encode_prompts  # imports torch

    prompt_ids = encode_prompts(tokenizer, [row["prompt"] for row in rows])
    samples = []
    for completion in generator.generate(prompt_ids, params, progress=progress):
        ids = completion.token_ids
        text = str(tokenizer.decode(ids, skip_special_tokens=True))
        messages = [{"role": "assistant", "content": text}]
        samples.append(_Sample(messages, text, ids, len(ids), completion.finished))
    return samples


def _play(
    generator: SupportsGenerate,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Mapping[str, Any]],
    task: Task,
    params: SamplingParams,
    progress: Callable[[int], None] | None,
) -> list[_Sample]:
    """One episode with tools per sample."""
    from mrlm.sampling.episodes import play_episodes, transcript  # imports torch

    return [
        _Sample(
            episode.messages,
            transcript(episode.messages),
            episode.token_ids,
            episode.num_tokens,
            episode.finished,
            started=episode.started,
        )
        for episode in play_episodes(generator, tokenizer, rows, task, params, progress=progress)
    ]


def _ask(
    server: ChatServer,
    rows: Sequence[Mapping[str, Any]],
    task: Task,
    params: SamplingParams,
    progress: Callable[[int], None] | None,
) -> list[_Sample]:
    """What a server answers, in one turn or in an episode with tools."""
    as_text = _last_content
    if task.has_tools:
        from mrlm.sampling.episodes import transcript as as_text  # imports torch

    return [
        _Sample(
            answer.messages,
            as_text(answer.messages),
            [],
            answer.num_tokens,
            answer.finished,
            started=answer.started,
            error=answer.error,
        )
        for answer in server.answer(rows, task, params, progress)
    ]


def _last_content(messages: Sequence[Mapping[str, Any]]) -> str:
    return str(messages[-1]["content"]) if messages else ""


def _record(
    task: Task,
    row: Mapping[str, Any],
    number: int,
    sample: _Sample,
    rewards: dict[str, float | None],
    errors: list[str],
) -> Record:
    answer, score = None, None
    started, seen = sample.started, row
    if started is not None and sample.error is None:
        rewards, errors = {**rewards, **started.rewards}, [*errors, *started.errors]
        for reward in started.rewards.values():
            seen = {**row, "environment_reward": reward}
    if sample.error is None:
        try:
            answer = task.extract(sample.completion, seen)
        except Exception as error:
            errors = [*errors, _describe("extract", error)]
        try:
            score = _number(task.score(sample.completion, seen))
        except Exception as error:
            errors = [*errors, _describe("score", error)]
    else:
        errors = [*errors, f"server: {sample.error}"]
    return Record(
        id=str(row["id"]),
        sample=number,
        kind=str(row["kind"]),
        difficulty=row["difficulty"],
        prompt=[dict(message) for message in (started.prompt if started else row["prompt"])],
        completion=sample.text,
        answer=answer,
        reference={name: value for name, value in row.items() if name not in _NOT_REFERENCE},
        score=score,
        rewards=rewards,
        num_tokens=sample.num_tokens,
        truncated=not sample.finished and sample.error is None,
        errors=errors,
        messages=sample.messages if started else [],
    )


def _answered_rewards(
    reward_funcs: Sequence[RewardFunc],
    rows: Sequence[Mapping[str, Any]],
    samples: Sequence[_Sample],
) -> tuple[list[dict[str, float | None]], list[list[str]]]:
    """As ``_rewards``; samples that no answer came to have none, and are shown to no reward."""
    answered = [i for i, sample in enumerate(samples) if sample.error is None]
    found = _rewards(reward_funcs, [rows[i] for i in answered], [samples[i] for i in answered])
    rewards: list[dict[str, float | None]] = [
        {_name(function): None for function in reward_funcs} for _ in rows
    ]
    errors: list[list[str]] = [[] for _ in rows]
    for i, own_rewards, own_errors in zip(answered, *found, strict=True):
        rewards[i], errors[i] = own_rewards, own_errors
    return rewards, errors


def _rewards(
    reward_funcs: Sequence[RewardFunc],
    rows: Sequence[Mapping[str, Any]],
    samples: Sequence[_Sample],
) -> tuple[list[dict[str, float | None]], list[list[str]]]:
    """Call every reward as TRL does; per record the rewards by name, and what was raised."""
    rewards: list[dict[str, float | None]] = [{} for _ in rows]
    errors: list[list[str]] = [[] for _ in rows]
    inputs: dict[str, list[Any]] = {
        name: [row[name] for row in rows] for name in (rows[0] if rows else ())
    }
    inputs["prompts"] = inputs.pop("prompt", [])
    inputs["completions"] = [sample.messages for sample in samples]
    inputs["completion_ids"] = [sample.token_ids for sample in samples]
    started = [sample.started for sample in samples]
    if any(started):
        inputs["environments"] = [one.environment if one else None for one in started]
    for function in reward_funcs:
        name = _name(function)
        for i, outcome in enumerate(_call_reward(function, inputs, len(rows))):
            if isinstance(outcome, Exception):
                errors[i].append(_describe(name, outcome))
            rewards[i][name] = None if isinstance(outcome, Exception) else outcome
    return rewards, errors


def _name(function: RewardFunc) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _call_reward(
    function: RewardFunc, inputs: Mapping[str, list[Any]], num_rows: int
) -> list[float | Exception | None]:
    """Rewards of all rows; where the batch raises, row by row, to find those that are to blame."""
    try:
        rewards = [_number(reward) for reward in call(function, dict(inputs))]
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
