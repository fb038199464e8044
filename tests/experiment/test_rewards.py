"""``--reward_funcs`` and what goes with it, up to where a model would be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import TrainingArguments

from mrlm.experiment.arguments import RolloutArguments, parse_arguments
from mrlm.experiment.rewards import RewardArguments, check_rewards
from mrlm.rewards import GuardedReward, JudgeReward
from mrlm.tasks import TASKS

FUNCTIONS = """
from mrlm.rewards import JudgeReward


def by_answer(completions, answer, **kwargs):
    return [1.0] * len(completions)


async def by_nothing(completions, **kwargs):
    return [1.0] * len(completions)


def by_gold(completions, gold, **kwargs):
    return [1.0] * len(completions)


def without_kwargs(completions, answer):
    return [1.0] * len(completions)


def with_default(completions, gold=None, **kwargs):
    return [1.0] * len(completions)


class Scorer:
    def __call__(self, completions, **kwargs):
        return [1.0] * len(completions)


scorer = Scorer()
polite = JudgeReward("http://localhost:9/v1", name="polite_reward")
number = 3
math_reward = by_answer
"""


@pytest.fixture(autouse=True)
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_functions.py").write_text(FUNCTIONS, encoding="utf-8")


def arguments(*names: str, **settings: Any) -> RewardArguments:
    return RewardArguments([n if ":" in n else f"own_functions.py:{n}" for n in names], **settings)


def check(given: RewardArguments, weights: list[float] | None = None) -> None:
    check_rewards(given, [TASKS["math"]], SimpleNamespace(reward_weights=weights))


def test_they_come_after_the_task_s_and_are_guarded() -> None:
    own = arguments("by_answer", "by_nothing", "with_default", "scorer", "polite")
    given, found = own.rewards([TASKS["math"]], {"prompt", "answer"})
    assert given == list(TASKS["math"].reward_funcs)
    assert all(isinstance(reward, GuardedReward) for reward in found)
    assert [reward.__name__ for reward in found] == [
        "by_answer",
        "by_nothing",
        "with_default",
        "Scorer",
        "polite_reward",
    ]
    assert found[0].time_limit == 300 and found[0].retries == 0
    check(own, [1, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_they_may_stand_alone() -> None:
    alone = arguments("by_answer", task_reward=False, reward_time_limit=0, reward_retries=2)
    given, [reward] = alone.rewards([TASKS["math"]], {"answer"})
    assert given == [] and (reward.time_limit, reward.retries) == (None, 2)
    check(alone, [2.0])


def test_a_judge_by_its_address(tmp_path: Path) -> None:
    judge = arguments("judge:http://localhost:9/v1", judge_model="mine", judge_prompt="{answer}?")
    _, [reward] = judge.rewards([TASKS["math"]], {"answer"}, tmp_path / "grades.jsonl")
    assert isinstance(reward.function, JudgeReward)
    assert (reward.function.model, reward.function.prompt) == ("mine", "{answer}?")


@pytest.mark.parametrize(
    ("given", "weights", "message"),
    [
        (arguments("by_gold"), None, "asks for gold, which no row has; the columns are answer"),
        (arguments("without_kwargs"), None, r"end its parameters with \*\*kwargs"),
        (arguments("number"), None, "own_functions.py:number is 3"),
        (arguments("Scorer"), None, "a reward is a function"),
        (arguments("missing"), None, "own_functions.py has no 'missing'; it has .*by_answer"),
        (arguments("nowhere.py:f"), None, "no file nowhere.py"),
        (arguments("judge:localhost:8000"), None, "must be an http or https address"),
        (arguments("judge:http://h/v1", judge_prompt="{"), None, "the template"),
        (arguments("by_answer", "by_answer"), None, "2 rewards are called by_answer"),
        (arguments(task_reward=False), None, "nothing would be rewarded"),
        (arguments(reward_time_limit=-1), None, "both must be 0 or more"),
        (arguments(reward_retries=-1), None, "both must be 0 or more"),
        (
            arguments("by_answer"),
            [1.0],
            r"1 values for 2 rewards: give one each to math_reward \(the task's\), by_answer",
        ),
        (arguments("by_answer", task_reward=False), [1, 1], "2 values for 1 rewards"),
    ],
)
def test_mistakes_are_told_before_a_model_is_loaded(
    given: RewardArguments, weights: list[float] | None, message: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        check(given, weights)


@dataclass
class Config(TrainingArguments):
    max_steps: int = 5


TASK = """
from dataclasses import replace

from mrlm.tasks.math import TASK as MATH


def score(completion, row):
    return 0.0


def own_reward(completions, **kwargs):
    return [0.0] * len(completions)


def sums(level: int = 1, max_steps: int = 3):
    return replace(MATH, name=f"sums{level}", score=score, reward_funcs=(own_reward,))


class Rows(list):
    column_names = ["id", "prompt"]


def listed():
    return replace(fine(1), build_dataset=lambda *request: [])


def lacking():
    return replace(fine(1), build_dataset=lambda *request: Rows())


def fine(level: int, hard: bool = False):
    return replace(MATH, name=f"sums{level}{hard}", score=score, reward_funcs=(own_reward,))
"""


def parse(*words: str) -> tuple[Any, Any, Any]:
    settings = {"math": {"max_steps": 7}}
    return parse_arguments("ppo", RolloutArguments, Config, settings, [*words, "--use_cpu", "true"])


def test_a_recipe_takes_a_task_of_the_user_s_with_options(tmp_path: Path) -> None:
    (tmp_path / "own_recipe_task.py").write_text(TASK, encoding="utf-8")
    name = "own_recipe_task.py:fine"
    given, config, _ = parse("--task", name, "--level", "4", "--hard")
    assert given.task == name and given.task_options == {"level": 4, "hard": True}
    task = given.build_task()
    assert task.name == "sums4True" and config.output_dir == "runs/ppo_fine"
    assert given.eval_rows == 200 and config.max_steps == 5  # no online trainer's config
    [reward], _ = given.rewards([task], {"answer"})
    assert isinstance(reward, GuardedReward) and reward.__name__ == "own_reward"
    file = tmp_path / "run.yaml"
    file.write_text(f"task: {name}\nlevel: 2\nprompt_template: 'Say {{question}}'\n")
    given, _, _ = parse("--config", str(file))
    row = given.build_task().build_dataset(1, 0, "train")[0]
    assert given.task_options == {"level": 2}
    assert row["prompt"] == [{"role": "user", "content": f"Say {row['question']}"}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "own_recipe_task.py:fine"), "needs level: give --level VALUE"),
        (("--task", "own_recipe_task.py:fine", "--level", "x"), "invalid int value: 'x'"),
        (("--task", "own_recipe_task.py:sums"), "option max_steps, which is a flag of the recipe"),
        (("--task", "own_recipe_task.py:gone"), "has no 'gone'"),
        (("--task", "own_recipe_task.py:listed"), "build_dataset returned [] (list)"),
        (("--task", "own_recipe_task.py:lacking"), "has no column task and no kind and no diff"),
        (("--task", "gone.py:TASK"), "no file gone.py"),
        (("--prompt_template", "{query}"), "names query, and the columns are"),
        (("--prompt_template", "\\boxed{}"), "names no column"),
        (("--reward_funcs", "own_functions.py:by_gold"), "asks for gold"),
    ],
)
def test_mistakes_end_with_a_message(
    words: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_recipe_task.py").write_text(TASK, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        parse(*words)
    told = capsys.readouterr().err
    assert stopped.value.code == 2 and message in told and len(told.splitlines()) == 2
