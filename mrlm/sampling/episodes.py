"""Play whole episodes with tools, all rows together turn by turn, as TRL's tool loop plays them.

Evaluation and data jobs measure with this what training does: the same prompts (the tools of each
row), the same parser, the same limits (``max_new_tokens`` covers the results too, rounds of calls
are bounded), and contexts put together from token ids, so that what the model wrote is never
tokenized again. Unlike TRL's, the messages carry ids, which say what result belongs to what call.

Not covered: images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from trl.chat_template_utils import parse_response

from mrlm.models.chat_templates import add_tool_calling, tool_suffix_ids
from mrlm.sampling.environments import StartedEnvironment, run_calls, start_environment
from mrlm.task import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from mrlm.sampling.types import SamplingParams, SupportsGenerate

__all__ = ["Episode", "play_episodes", "transcript"]

# Episodes side by side: no more than a ``Generator`` keeps from one turn to the next. Greedy ones
# draw no noise, so smaller portions change nothing but memory: a gigabyte, for the embedded model,
# in place of four.
_AT_ONCE, _AT_ONCE_GREEDY = 256, 64
# Any large steps: the noise of later turns and of other episodes must not repeat that of the first.
_SEED_STEP, _PORTION_STEP = 1_000_003, 1_000_000_007


@dataclass
class Episode:
    """One rollout with tools.

    Attributes:
        prompt_ids: The rendered prompt.
        started: The environment, the prompt's messages, and after the end the reward.
        messages: What the assistant and the tools said after it; calls and results share ids.
        token_ids: All of it as token ids.
        num_tokens: How many of them the model wrote.
        finished: The last turn ended by itself, within the limits.
    """

    prompt_ids: list[int]
    started: StartedEnvironment
    messages: list[dict[str, Any]] = field(default_factory=list)
    token_ids: list[int] = field(default_factory=list)
    num_tokens: int = 0
    finished: bool = False

    @property
    def tools(self) -> dict[str, Callable[..., Any]]:
        """The environment's tools by name."""
        return self.started.tools

    @property
    def goes_on(self) -> bool:
        """Whether the last turn holds calls that the environment runs."""
        called = bool(self.messages and self.pending)
        return self.finished and called and not self.started.ends_at_calls

    @property
    def pending(self) -> list[dict[str, Any]]:
        """Calls of the last turn, which wait for their results."""
        calls: list[dict[str, Any]] = self.messages[-1].get("tool_calls") or []
        return calls


def play_episodes(
    generator: SupportsGenerate,
    tokenizer: PreTrainedTokenizerBase,
    rows: Iterable[Mapping[str, Any]],
    task: Task,
    params: SamplingParams,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[Episode]:
    """Play every row ``params.num_generations`` times in the environment of its task.

    Args:
        generator: Samples token ids.
        tokenizer: Gets tool calling (``add_tool_calling``) if it has none.
        rows: Rows of ``task.build_dataset``.
        task: Its environments and its bound on rounds of calls.
        params: How to sample; ``max_new_tokens`` is an episode's, results included, and
            ``num_generations`` counts episodes per row.
        progress: Called with the number of episodes that ended since its last call.

    Returns:
        ``len(rows) * params.num_generations`` episodes, those of one row adjacent.
    """
    seed, max_new_tokens, count = params.seed, params.max_new_tokens, params.num_generations
    rows = list(rows)
    size = max(1, (_AT_ONCE if params.temperature > 0 else _AT_ONCE_GREEDY) // count)
    if len(rows) > size:
        return [
            episode
            for number, start in enumerate(range(0, len(rows), size))
            for episode in play_episodes(
                generator,
                tokenizer,
                rows[start : start + size],
                task,
                replace(params, seed=None if seed is None else seed + number * _PORTION_STEP),
                progress=progress,
            )
        ]
    add_tool_calling(tokenizer)
    episodes = [_reset(tokenizer, row, task) for row in rows for _ in range(count)]
    active = episodes
    for turn in range(task.max_tool_calling_iterations + 1):
        if not active:
            break
        each = count if turn == 0 and _share_prompts(episodes, count) else 1
        completions = generator.generate(
            [episode.prompt_ids + episode.token_ids for episode in active[::each]],
            replace(
                params,
                max_new_tokens=max(max_new_tokens - len(episode.token_ids) for episode in active),
                num_generations=each,
                seed=None if seed is None else seed + turn * _SEED_STEP,
            ),
            keep_cache=True,
        )
        for episode, completion in zip(active, completions, strict=True):
            _append_turn(
                episode, tokenizer, completion.token_ids, completion.finished, max_new_tokens
            )
        alive = [episode for episode in active if episode.goes_on]
        if turn < task.max_tool_calling_iterations:
            alive = [e for e in alive if _run_tool_calls(e, tokenizer, max_new_tokens)]
        else:
            alive = []
        if progress is not None and len(alive) < len(active):
            progress(len(active) - len(alive))
        for episode in active:
            if not any(episode is other for other in alive):
                episode.started.end()
        active = alive
    return episodes


def transcript(messages: Sequence[Mapping[str, Any]]) -> str:
    """A conversation for people: each call with its result below it, then what was said.

    Results are found by the call's id; where messages carry none, as in TRL, by name among those
    of the same turn, the first that is left.
    """
    lines: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            continue
        if message.get("content"):
            lines.append(str(message["content"]))
        results = list(takewhile(lambda m: m["role"] == "tool", messages[place + 1 :]))
        for call in message.get("tool_calls") or []:
            function = call["function"]
            name, arguments = function.get("name"), function.get("arguments")
            if isinstance(arguments, Mapping):
                arguments = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
            lines.append(f"→ {name}({'' if arguments is None else arguments})")
            key, wanted = ("tool_call_id", call["id"]) if "id" in call else ("name", name)
            found = next((result for result in results if result.get(key) == wanted), None)
            if found is not None:
                results.remove(found)
            lines.append("← (not run)" if found is None else f"← {found['content']}")
    return "\n".join(lines)


def _reset(tokenizer: PreTrainedTokenizerBase, row: Mapping[str, Any], task: Task) -> Episode:
    started = start_environment(row, task)
    prompt_ids = tokenizer.apply_chat_template(
        started.prompt,
        tools=started.offered or None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    return Episode(list(prompt_ids), started)  # type: ignore[arg-type]


def _share_prompts(episodes: Sequence[Episode], count: int) -> bool:
    """Whether the episodes of a row begin alike; an environment may begin each in another way."""
    return all(
        episode.prompt_ids == episodes[place - place % count].prompt_ids
        for place, episode in enumerate(episodes)
    )


def _append_turn(
    episode: Episode,
    tokenizer: PreTrainedTokenizerBase,
    token_ids: list[int],
    finished: bool,
    max_new_tokens: int,
) -> None:
    """Take in what the model said in a turn, cut where the episode's tokens end."""
    left = max_new_tokens - len(episode.token_ids)
    said = token_ids[:left]
    episode.finished = finished and len(token_ids) <= left
    if not said:
        return
    message = parse_response(
        tokenizer,
        said,
        prefix=episode.prompt_ids + episode.token_ids,
        tools=episode.started.offered,
    )
    count = sum(len(m.get("tool_calls") or []) for m in episode.messages)
    if message.get("tool_calls"):
        message["tool_calls"] = [
            {"id": f"call_{count + i}", **call} for i, call in enumerate(message["tool_calls"], 1)
        ]
    episode.messages.append(message)
    episode.token_ids += said
    episode.num_tokens += len(said)


def _run_tool_calls(
    episode: Episode, tokenizer: PreTrainedTokenizerBase, max_new_tokens: int
) -> bool:
    """Run the pending calls; whether the model gets to see their results and to go on."""
    results = [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "name": call["function"]["name"],
            "content": content,
        }
        for call, content in run_calls(episode.tools, episode.pending)
    ]
    suffix = tool_suffix_ids(tokenizer, results)
    if len(episode.token_ids) + len(suffix) >= max_new_tokens:
        episode.finished = False
        return False
    episode.messages += results
    episode.token_ids += suffix
    return True
