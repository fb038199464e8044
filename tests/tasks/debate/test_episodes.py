"""``--rounds``: debates as episodes with a tool, from the rows to a step of training."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from mrlm.data.user import load_user_dataset
from mrlm.task import Task
from mrlm.tasks import make_task
from mrlm.tasks.debate.episodes import MAX_ROUNDS
from mrlm.tasks.debate.rounds import Debate

ROUNDS = range(2, MAX_ROUNDS + 1)


def _rows(task: Task, size: int = 60, split: str = "train") -> list[dict[str, Any]]:
    return list(task.build_dataset(size, 0, split))


def _rewards(task: Task, completions: list[Any], rows: list[dict[str, Any]]) -> list[float | None]:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    [reward] = task.reward_funcs
    return reward(completions=completions, **columns)


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_worked_debates_earn_everything(rounds: int, split: str) -> None:
    task = make_task("debate", rounds=rounds)
    rows = _rows(task, split=split)
    solutions = [row["solution"] for row in rows]
    assert [task.score(s, row) for s, row in zip(solutions, rows, strict=True)] == [1.0] * 60
    assert _rewards(task, solutions, rows) == [1.0] * 60
    assert all(task.extract(s, row) for s, row in zip(solutions, rows, strict=True))
    assert all(row["prompt"][-1]["content"].endswith(f"you have {rounds}.") for row in rows)


@pytest.mark.parametrize("wrong", ["", "PRO: I have said it all.", "<tool_call>argue</tool_call>"])
def test_a_text_makes_no_argument(wrong: str) -> None:
    task = make_task("debate", rounds=2)
    rows = _rows(task, 10)
    assert [task.score(wrong, row) for row in rows] == [0.0] * 10
    assert task.extract(wrong, rows[0]) is None


def test_the_reward_of_the_messages_is_that_of_the_debate() -> None:
    """The environment's own record and what the messages say agree, whatever was argued."""
    task = make_task("debate", rounds=3, kinds=["opening", "rebuttal"])
    first, second = _rows(task, 2)
    texts = [_argued(first)[0], _argued(second)[1], "no", "PRO: " + _argued(first)[2][5:]]
    for row in (first, second):
        for said in (texts[:3], texts[1:], texts[:1] * 3, texts[:2], []):
            played = Debate(row, 3)
            messages, environment = [], task.environment()  # type: ignore[operator]
            environment.reset(**row)
            for text in said:
                heard = environment.argue(text)
                messages += _call("argue", {"argument": text}, heard)
                played.say(text)
                if not played.is_over:
                    played.say(heard.partition("\n")[2])
            assert task.score(messages, row) == played.reward()


def test_what_got_no_answer_was_not_said() -> None:
    task = make_task("debate", rounds=2, kinds=["opening"])
    [row] = _rows(task, 1)
    assert task.score(row["solution"][:1], row) == 0.0  # cut off before the result
    assert task.score(row["solution"][:2], row) == 0.5
    assert task.score(row["solution"][:3], row) == 0.5
    # Other tools, wrong arguments and errors are no turns either.
    argument = _argued(row)[0]
    for name, arguments, result in (
        ("speak", {"argument": argument}, "Your opponent answered:\nNo."),
        ("argue", argument, "Your opponent answered:\nNo."),
        ("argue", {"argument": argument}, "{'error': 'unexpected'}"),
    ):
        assert task.score(_call(name, arguments, result), row) == 0.0


def test_no_more_arguments_count_than_there_are_rounds() -> None:
    task = make_task("debate", rounds=2, kinds=["closed"])
    [row] = _rows(task, 1)
    wrong = "The answer is -12345."
    late = _call("argue", {"argument": _argued(row)[0]}, "The debate is over.")
    for said in ([wrong, wrong], [_argued(row)[0], wrong]):
        messages = [
            *_call("argue", {"argument": said[0]}, "Your opponent answered:\nNo."),
            *_call("argue", {"argument": said[1]}, "The debate is over."),
            *late,
            *late,  # the next turn of this side, were there one
        ]
        assert task.score(messages, row) == 0.0


def test_attacks_are_not_paid_and_the_task_pickles() -> None:
    task = make_task("debate", rounds=2)
    cases = list(task.reward_cases())  # type: ignore[misc]
    assert len(cases) > 40
    for case in cases:
        assert task.score(case.completion, case.row) < case.limit, case.name
    again = pickle.loads(pickle.dumps(task))
    assert _rows(again, 5) == _rows(task, 5)


def test_motions_of_the_users_own(tmp_path: Path) -> None:
    file = tmp_path / "motions.jsonl"
    file.write_text(
        '{"motion": "Tea is better.", "side": "PRO", "supports": ["PRO", "PRO", "CON"], '
        '"facts": ["Tea is drunk all over the world every day.", '
        '"A cup of tea costs less than most other drinks do.", '
        '"Coffee wakes people up faster than tea does."]}\n'
    )
    task = make_task("debate", rounds=2)
    [row] = load_user_dataset(str(file), task)
    assert task.score(row["solution"], row) == 1.0 and row["rounds"] == 2


@pytest.mark.parametrize("rounds", [0, -1, MAX_ROUNDS + 1])
def test_wrong_rounds_are_refused(rounds: int) -> None:
    with pytest.raises(ValueError, match=rf"rounds is {rounds}; give a number from 1 to"):
        make_task("debate", rounds=rounds)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["PPO", "GRPO"])
def test_training_and_evaluation_play_the_same_debate(
    kind: str, tiny_llama: Any, tool_tokenizer: Any, gold_policy: Any, tmp_path: Path
) -> None:
    """A policy that knows the worked debates earns 1 in a trainer's loop and in ours."""
    from mrlm import PPOConfig, PPOTrainer, SamplingParams
    from mrlm.sampling.rollout import rollout
    from mrlm.trainers import GRPOConfig, GRPOTrainer

    task = make_task("debate", rounds=2)
    rows = task.build_dataset(4, 0, "train")
    policy = gold_policy(tool_tokenizer, rows)
    records = rollout(policy, tool_tokenizer, rows, task, SamplingParams(4000, num_generations=2))
    assert [record.score for record in records] == [1.0] * 8
    assert all("Your opponent answered" in record.completion for record in records)
    trainer_class, config_class = {
        "PPO": (PPOTrainer, PPOConfig),
        "GRPO": (GRPOTrainer, GRPOConfig),
    }[kind]
    config = config_class(
        str(tmp_path),
        use_cpu=True,
        bf16=False,
        report_to="none",
        per_device_train_batch_size=4,
        num_generations=2,
        max_completion_length=4000,
        max_tool_calling_iterations=task.max_tool_calling_iterations,
        max_steps=1,
        logging_steps=1,
        save_strategy="no",
    )
    trainer = trainer_class(
        tiny_llama(max_position_embeddings=8192),
        list(task.reward_funcs),
        config,
        train_dataset=rows,
        processing_class=tool_tokenizer,
        environment_factory=task.environment_factory,
    )
    trainer.sampler.generator = gold_policy(tool_tokenizer, rows)
    trainer.train()
    logs = trainer.state.log_history[0]
    assert logs["rewards/rounds_reward/mean"] == logs["reward"] == 1.0
    assert logs["rounds_reward/arguments_made"] == 1.0


def _argued(row: dict[str, Any]) -> list[str]:
    """The arguments of a worked debate."""
    calls = [call for message in row["solution"] for call in message.get("tool_calls") or ()]
    return [call["function"]["arguments"]["argument"] for call in calls]


def _call(name: str, arguments: Any, result: str) -> list[dict[str, Any]]:
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": name, "content": result},
    ]
