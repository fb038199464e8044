"""Environments of the user's own in our episodes, as TRL's trainers use them."""

from __future__ import annotations

from typing import Any

import pytest

from mrlm.sampling.rollout import rollout
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task

LONG = 2000


class Guessing:
    """A game that owns its prompt and its reward; its tools are of both kinds."""

    limit = 9  # a class attribute and a property are no tools

    @property
    def secret(self) -> int:
        raise AssertionError("a property is no tool")

    def reset(self, number: int = 7, **row: Any) -> str:
        self.number, self.tries, self.found = number, 0, False
        return f"I think of a number up to {self.limit}; it ends in {number}."

    def guess(self, number: int) -> str:
        """Guess the number.

        Args:
            number: Your guess.
        """
        self.tries += 1
        self.found = number == self.number
        return "right" if self.found else "wrong"

    async def hint(self) -> str:
        """Get a hint."""
        return "It is odd."

    async def fail(self) -> str:
        """Always fails."""
        raise KeyError("nothing")

    async def get_reward(self) -> float:
        return float(self.found) / max(1, self.tries)


def game(environment: Any = Guessing, **options: Any) -> Task:
    return Task(
        "game",
        build_dataset=lambda size, seed, split: None,  # type: ignore[arg-type,return-value]
        reward_funcs=options.pop("reward_funcs", ()),
        score=lambda completion, row: row["environment_reward"],
        extract=lambda completion, row: None,
        environment=environment,
        max_tool_calling_iterations=3,
    )


def row(number: int, *turns: str, **more: Any) -> dict[str, Any]:
    """A row of which the policy says these turns; it has no prompt."""
    said = [{"role": "assistant", "content": text} for text in turns]
    return {
        "id": str(number),
        "kind": "game",
        "difficulty": "easy",
        "number": number,
        "solution": said,
        **more,
    }


def tool_call(name: str, arguments: str = "{}") -> str:
    return f'<tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'


def play(gold_policy: Any, tokenizer: Any, rows: list[Any], task: Task) -> list[Any]:
    known = [
        {**r, "prompt": [{"content": Guessing().reset(r["number"])}]} if "prompt" not in r else r
        for r in rows
    ]
    policy = gold_policy(tokenizer, known)
    return rollout(policy, tokenizer, rows, task, SamplingParams(LONG))


def test_reset_gives_the_prompt_and_get_reward_the_score(
    tool_tokenizer: Any, gold_policy: Any
) -> None:
    rows = [
        row(3, tool_call("hint"), tool_call("guess", '{"number": 3}'), "Done."),
        row(5, tool_call("guess", '{"number": 1}'), tool_call("guess", '{"number": 5}'), "Done."),
        row(7, "I give up."),
    ]
    records = play(gold_policy, tool_tokenizer, rows, game())
    assert [record.score for record in records] == [1.0, 0.5, 0.0]
    assert [record.rewards for record in records] == [{"Guessing": s} for s in (1.0, 0.5, 0.0)]
    assert not any(record.errors for record in records)
    assert records[0].prompt == [{"role": "user", "content": Guessing().reset(3)}]
    results = [m["content"] for m in records[0].messages if m["role"] == "tool"]
    assert results == ["It is odd.", "right"]


def test_asynchronous_tools_come_after_the_others_and_their_errors_are_told(
    tool_tokenizer: Any, gold_policy: Any
) -> None:
    calls = [tool_call("hint"), tool_call("fail"), tool_call("guess", '{"number": 3}')]
    (record,) = play(gold_policy, tool_tokenizer, [row(3, "".join(calls), "Done.")], game())
    results = [(m["tool_call_id"], m["content"]) for m in record.messages if m["role"] == "tool"]
    assert results == [
        ("call_3", "right"),
        ("call_1", "It is odd."),
        ("call_2", "{'error': \"'nothing'\"}"),
    ]


def test_the_tools_are_the_public_functions(tool_tokenizer: Any, gold_policy: Any) -> None:
    wanted = row(3, "Done.")
    known = {**wanted, "prompt": [{"content": Guessing().reset(3)}]}
    policy = gold_policy(tool_tokenizer, [known])
    rollout(policy, tool_tokenizer, [wanted], game(), SamplingParams(LONG))
    (prompt,) = policy.prompts
    for name in ("guess", "hint", "fail"):
        assert f"\n{name}(" in prompt
    for name in ("limit", "secret", "reset", "get_reward"):
        assert f"\n{name}(" not in prompt


def test_what_get_reward_raises_is_no_score(tool_tokenizer: Any, gold_policy: Any) -> None:
    class Broken(Guessing):
        def get_reward(self) -> float:  # type: ignore[override]
            raise RuntimeError("no judge")

    class Endless(Guessing):
        def get_reward(self) -> float:  # type: ignore[override]
            return float("nan")

    for environment, words in ((Broken, "no judge"), (Endless, "nan is not a reward")):
        rows = [row(3, "Done.")]
        (record,) = play(gold_policy, tool_tokenizer, rows, game(environment))
        assert record.score is None and record.rewards == {environment.__name__: None}
        assert words in record.errors[0]


def test_reward_functions_see_the_environments(tool_tokenizer: Any, gold_policy: Any) -> None:
    def tries_reward(environments: list[Any], **kwargs: Any) -> list[float | None]:
        return [float(environment.tries) for environment in environments]

    rows = [row(3, "Done."), row(5, tool_call("guess", '{"number": 1}'), "Done.")]
    task = game(reward_funcs=(tries_reward,))
    records = play(gold_policy, tool_tokenizer, rows, task)
    assert [record.rewards["tries_reward"] for record in records] == [0.0, 1.0]


def test_rows_name_their_environment_and_reset_does_not_see_the_name(
    tool_tokenizer: Any, gold_policy: Any
) -> None:
    class Strict(Guessing):
        def reset(self, number: int = 7, **row: Any) -> str:
            assert "environment" not in row
            return super().reset(number)

    task = game({"game": Strict})
    (record,) = play(gold_policy, tool_tokenizer, [row(3, "Done.", environment="game")], task)
    assert record.score == 0.0 and not record.errors
    with pytest.raises(ValueError, match="environment 'chess'; the task 'game' has game"):
        play(gold_policy, tool_tokenizer, [row(3, "Done.", environment="chess")], task)


def test_a_reset_that_nobody_waits_for_is_refused(tool_tokenizer: Any, gold_policy: Any) -> None:
    class Slow(Guessing):
        async def reset(self, **row: Any) -> str:  # type: ignore[override]
            return "never"

    with (
        pytest.warns(RuntimeWarning, match="never awaited"),
        pytest.raises(ValueError, match=r"Slow\.reset is asynchronous"),
    ):
        play(gold_policy, tool_tokenizer, [row(3, "Done.")], game(Slow))


def test_episodes_of_one_row_may_begin_in_other_ways(tool_tokenizer: Any, gold_policy: Any) -> None:
    started: list[int] = []

    class Drawn(Guessing):
        def reset(self, number: int = 7, **row: Any) -> str:
            started.append(len(started))
            return super().reset(started[-1])

    known = [
        {**row(n, f"Number {n}."), "prompt": [{"content": Guessing().reset(n)}]} for n in range(4)
    ]
    policy = gold_policy(tool_tokenizer, known)
    params = SamplingParams(LONG, num_generations=2)
    records = rollout(policy, tool_tokenizer, [row(0), row(1)], game(Drawn), params)
    assert [record.completion for record in records] == [f"Number {n}." for n in range(4)]
