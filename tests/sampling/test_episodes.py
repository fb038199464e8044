"""Whole episodes: turns, limits, ids, and that evaluation scores them."""

from __future__ import annotations

from typing import Any

import pytest

from mrlm.evaluation.evaluation import evaluate
from mrlm.sampling.episodes import play_episodes, transcript
from mrlm.sampling.rollout import rollout
from mrlm.sampling.types import SamplingParams
from mrlm.tasks.tools import tools_task

TASK = tools_task(kinds=("sequence", "parallel", "none"))
LONG = 3000


def rows(count: int) -> list[Any]:
    found = [r for r in TASK.build_dataset(80, 0, "test") if "python" not in r["environment"]]
    return found[:count]


def play(policy: Any, rows: list[Any], **options: Any) -> list[Any]:
    progress = options.pop("progress", None)
    params = SamplingParams(**{"max_new_tokens": LONG, **options})
    return play_episodes(policy, policy.tokenizer, rows, TASK, params, progress=progress)


def test_worked_solutions_are_played_and_score(tool_tokenizer: Any, gold_policy: Any) -> None:
    wanted = rows(24)
    policy = gold_policy(tool_tokenizer, wanted)
    done: list[int] = []
    records = rollout(
        policy, tool_tokenizer, wanted, TASK, SamplingParams(LONG), progress=done.append
    )
    assert [record.score for record in records] == [1.0] * 24
    assert [record.rewards for record in records] == [{"tools_reward": 1.0}] * 24
    assert sum(done) == 24
    for record, row in zip(records, wanted, strict=True):
        assert record.messages == row["solution"], "the tools say what the worked trace says"
        assert record.answer == row["answer"]
        assert not record.truncated and not record.errors


def test_contexts_are_what_rendering_the_conversation_gives(
    tool_tokenizer: Any, gold_policy: Any
) -> None:
    wanted = rows(6)
    episodes = play(gold_policy(tool_tokenizer, wanted), wanted)
    for row, episode in zip(wanted, episodes, strict=True):
        whole = tool_tokenizer.apply_chat_template(
            row["prompt"] + row["solution"], tools=list(episode.tools.values()), tokenize=False
        )
        assert tool_tokenizer.decode(episode.prompt_ids + episode.token_ids) == whole.rstrip("\n")
        said = [m for m in row["solution"] if m["role"] == "assistant"]
        assert episode.num_tokens < len(episode.token_ids) or len(said) == 1


def test_rounds_are_bounded(tool_tokenizer: Any, gold_policy: Any) -> None:
    wanted = rows(1)
    again = '<tool_call>{"name": "calculator", "arguments": {"expression": "1+1"}}</tool_call>'
    policy = gold_policy(tool_tokenizer, wanted, lambda text, row, turn: again)
    wanted[0]["solution"] = [{"role": "assistant", "content": ""}] * 10
    (episode,) = play(policy, wanted)
    assert len(policy.prompts) == TASK.max_tool_calling_iterations + 1
    assert "tool_calls" in episode.messages[-1], "the last calls are not run"


def test_results_count_towards_the_limit(tool_tokenizer: Any, gold_policy: Any) -> None:
    wanted = [row for row in rows(24) if row["kind"] == "sequence"][:1]
    (whole,) = play(gold_policy(tool_tokenizer, wanted), wanted)
    limit = len(whole.token_ids)
    (fits,) = play(gold_policy(tool_tokenizer, wanted), wanted, max_new_tokens=limit)
    assert fits.finished and fits.messages == whole.messages
    for short in (limit - 10, limit // 2, 5):
        (cut,) = play(gold_policy(tool_tokenizer, wanted), wanted, max_new_tokens=short)
        assert not cut.finished and len(cut.token_ids) <= short
        assert TASK.score(cut.messages, wanted[0]) == 0.0


def test_wrong_calls_are_answered_with_what_is_allowed(
    tool_tokenizer: Any, gold_policy: Any
) -> None:
    wanted = [row for row in rows(24) if row["kind"] == "none"][:1]
    wanted[0]["solution"] = [{"role": "assistant", "content": ""}] * 2
    wrong = (
        '<tool_call>{"name": "nothing", "arguments": {}}</tool_call>'
        '<tool_call>{"name": "calculator", "arguments": [1]}</tool_call>'
        '<tool_call>{"name": "file_system", "arguments": {"action": "rm"}}</tool_call>'
    )
    wanted[0]["environment"] = "tools:calculator+file_system"
    policy = gold_policy(
        tool_tokenizer, wanted, lambda text, row, turn: wrong if turn == 0 else "Answer: x"
    )
    (episode,) = play(policy, wanted)
    unknown, no_object, bad_value = [m["content"] for m in episode.messages if m["role"] == "tool"]
    assert "Tool nothing not found" in unknown
    assert "error" in no_object
    assert "action must be one of 'list', 'read', 'write', got 'rm'" in bad_value


def test_several_samples_of_a_row_are_adjacent(tool_tokenizer: Any, gold_policy: Any) -> None:
    wanted = rows(3)
    records = rollout(
        gold_policy(tool_tokenizer, wanted),
        tool_tokenizer,
        wanted,
        TASK,
        SamplingParams(LONG, num_generations=2),
    )
    assert [(r.id, r.sample) for r in records] == [(w["id"], i) for w in wanted for i in (0, 1)]
    assert all(record.score == 1.0 for record in records)


@pytest.mark.parametrize(
    ("size", "temperature", "samples"), [("_AT_ONCE", 1.0, 2), ("_AT_ONCE_GREEDY", 0.0, 1)]
)
def test_many_episodes_are_played_in_portions(
    size: str,
    temperature: float,
    samples: int,
    tool_tokenizer: Any,
    gold_policy: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same episodes in the order of the rows, and no portion has another's noise."""
    wanted = rows(7)
    whole = play(gold_policy(tool_tokenizer, wanted), wanted, num_generations=samples)
    monkeypatch.setattr(f"mrlm.sampling.episodes.{size}", 5)
    policy = gold_policy(tool_tokenizer, wanted)
    heard, generate, ended = [], policy.generate, []

    def listened(prompt_ids: list[list[int]], params: SamplingParams, **options: Any) -> list[Any]:
        heard.append((len(prompt_ids) * params.num_generations, params.seed))
        return generate(prompt_ids, params, **options)

    policy.generate = listened
    parts = play(
        policy,
        wanted,
        num_generations=samples,
        temperature=temperature,
        seed=3,
        progress=ended.append,
    )
    assert [e.token_ids for e in parts] == [e.token_ids for e in whole]
    assert max(count for count, _ in heard) == 6 - samples and sum(ended) == 7 * samples
    assert len({seed for _, seed in heard}) == len(heard) > 4


def test_a_transcript_puts_results_below_their_calls() -> None:
    calls = [
        {"id": f"call_{i}", "function": {"name": "add", "arguments": {"a": i}}} for i in (1, 2, 3)
    ]
    talk = [
        {"role": "assistant", "content": "Let me see.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_2", "name": "add", "content": "two"},
        {"role": "tool", "tool_call_id": "call_1", "name": "add", "content": "one"},
        {"role": "assistant", "content": "Answer: 3"},
    ]
    assert transcript(talk) == (
        "Let me see.\n→ add(a=1)\n← one\n→ add(a=2)\n← two\n→ add(a=3)\n← (not run)\nAnswer: 3"
    )


def test_a_transcript_of_messages_without_ids_finds_results_by_name_within_the_turn() -> None:
    """TRL's messages have none, nor has a call that its parser could not make sense of."""

    def call(name: str, **arguments: int) -> dict[str, Any]:
        return {"type": "function", "function": {"name": name, "arguments": arguments}}

    def result(name: str, content: str) -> dict[str, Any]:
        return {"role": "tool", "name": name, "content": content}

    talk = [
        {"role": "assistant", "tool_calls": [call("add", a=1), call("mul", a=2), call("add", a=3)]},
        result("mul", "two"),
        result("add", "one"),
        result("add", "three"),
        {"role": "assistant", "content": "And", "tool_calls": [call("add", a=4), {"function": {}}]},
        result("add", "four"),
    ]
    assert transcript(talk) == (
        "→ add(a=1)\n← one\n→ mul(a=2)\n← two\n→ add(a=3)\n← three\n"
        "And\n→ add(a=4)\n← four\n→ None()\n← (not run)"
    )


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_random_model_is_measured_without_an_error(
    tiny_llama: Any, tiny_tokenizer: Any, temperature: float
) -> None:
    import copy

    result = evaluate(
        tiny_llama(max_position_embeddings=2048),
        copy.deepcopy(tiny_tokenizer),
        TASK,
        SamplingParams(12, temperature=temperature),
        num_rows=4,
        progress=False,
    )
    assert result.summary.accuracy == 0.0
    assert result.summary.num_unscored == 0 and not result.summary.errors
