from __future__ import annotations

import logging
import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from mrlm.tasks.math import reward as reward_module
from mrlm.tasks.math.attacks import ATTACKS, CORRECT, OTHER_FORMS, hostile_completions, reward_cases
from mrlm.tasks.math.reward import MathReward, math_reward, score


@pytest.mark.parametrize(("completion", "reference"), ATTACKS + OTHER_FORMS)
def test_no_false_accept(completion: str, reference: str) -> None:
    assert math_reward([completion], answer=[reference]) == [0.0]


@pytest.mark.parametrize(("completion", "reference"), CORRECT)
def test_no_false_reject(completion: str, reference: str) -> None:
    assert math_reward([completion], answer=[reference]) == [1.0]


@pytest.mark.parametrize("answer_format", ["hash", "boxed", "tag", "phrase"])
def test_cases_in_every_strict_slot(answer_format: str) -> None:
    cases = list(reward_cases(answer_format))
    paid = {case.name: MathReward(answer_format).score(case.completion, case.row) for case in cases}
    assert paid == {case.name: float(case.correct) for case in cases}
    assert sum(case.correct for case in cases) >= 10 and len(cases) >= 60
    assert all(
        MathReward(answer_format).score(case.row["solution"], case.row) == 1.0 for case in cases
    )


@pytest.mark.parametrize(
    "reference", [None, "", "  ", "blue", "43+3", "12 or 13", True, [42], "9" * 5000]
)
def test_an_unusable_reference_gives_none(reference: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert math_reward(["#### 42", ""], answer=[reference, "42"]) == [None, 0.0]
    assert "1 of 2 completions unscored" in caplog.text
    assert MathReward("hash").score("#### 42", {"answer": reference}) is None


@pytest.mark.parametrize("reference", ["42", 42, 42.0, Decimal("42.0")])
def test_references_may_be_numbers(reference: Any) -> None:
    assert score("42", reference) == 1.0
    assert score("43", reference) == 0.0
    assert score(None, reference) == 0.0


def test_batches(caplog: pytest.LogCaptureFixture) -> None:
    metrics: dict[str, float] = {}
    rewards = math_reward(
        completions=["#### 1", [{"role": "assistant", "content": "#### 2"}], "#### 3"],
        answer=["1", "3", "three"],
        log_metric=metrics.__setitem__,
        log_extra=None,
        prompts=["", "", ""],
    )
    assert rewards == [1.0, 0.0, None]
    assert metrics == {"math_reward/timeout": 0.0, "math_reward/unscored": 1 / 3}
    assert math_reward([], answer=[]) == []
    with pytest.raises(ValueError, match="shorter"):
        math_reward(["#### 1", "#### 2"], answer=["1"])


def test_names_say_what_differs_from_the_default() -> None:
    assert math_reward.__name__ == "math_reward"
    assert MathReward("last_number").__name__ == "math_last_number_reward"
    assert MathReward("boxed", "expression").__name__ == "math_boxed_expression_reward"


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="answer_format is 'json'; choose one of hash"):
        MathReward("json")
    with pytest.raises(ValueError, match="answer_type is 'fuzzy'; choose one of number, expr"):
        MathReward(answer_type="fuzzy")
    with pytest.raises(ValueError, match="last_number' reads numbers only"):
        MathReward("last_number", "list")
    with pytest.raises(ValueError, match="think_tags"):
        MathReward(think_tags=("", "</think>"))


def test_numbers_never_start_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise AssertionError("a comparison of numbers asked for algebra")

    monkeypatch.setattr(reward_module, "symbolic_ask", started)
    assert math_reward(["#### 43+3", "#### x", "#### 46"], answer=["46"] * 3) == [0.0, 0.0, 1.0]
    # Two plain numbers and equal texts are compared here in every type.
    reward = MathReward(answer_type="expression")
    assert reward(["#### 45", "#### 46", "#### x^y"], answer=["46", "46", "x^y"]) == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "answer_type", [pytest.param("expression", marks=pytest.mark.integration), "choice", "list"]
)
@pytest.mark.parametrize("answer_format", ["boxed", "tag", "hash", "phrase"])
def test_cases_of_every_type(answer_format: str, answer_type: str) -> None:
    reward = MathReward(answer_format, answer_type)
    cases = [
        case for case in reward_cases(answer_format, answer_type) if "characters" not in case.name
    ]
    paid = reward(
        [case.completion for case in cases], answer=[case.row["answer"] for case in cases]
    )
    wrong = [
        case.name for case, value in zip(cases, paid, strict=True) if value != float(case.correct)
    ]
    assert not wrong
    assert sum(case.correct for case in cases) >= 8 and len(cases) >= 20
    assert all(reward.score(case.row["solution"], case.row) == 1.0 for case in cases)


def test_a_row_says_what_its_answer_is() -> None:
    completions = ["#### 43+3", "#### 43+3", "#### B. 7", "#### 3 and -2", "#### 7"]
    answers = ["46", "46", "B", "-2, 3", "7"]
    types = ["number", "expression", "choice", "list", None]
    assert math_reward(completions, answer=answers, answer_type=types) == [0.0, 1.0, 1.0, 1.0, 1.0]
    assert math_reward.score("#### x+1", {"answer": "1+x", "answer_type": "expression"}) == 1.0
    assert math_reward.extract("\n#### B", {"answer": "B", "answer_type": "choice"}) == "B"
    assert math_reward(["#### 1"], answer=["1"], answer_type=["poem"]) == [None]


def test_other_marks_around_reasoning() -> None:
    text = "[THINK]#### 41[/THINK]\n#### 42"
    assert MathReward(think_tags=("[THINK]", "[/THINK]"))([text], answer=["42"]) == [1.0]
    unclosed = "[THINK]\n#### 42"
    assert MathReward(think_tags=("[THINK]", "[/THINK]"))([unclosed], answer=["42"]) == [0.0]
    assert math_reward([unclosed], answer=["42"]) == [1.0]


@pytest.mark.parametrize("answer_format", ["hash", "boxed", "tag", "phrase", "last_number"])
def test_hostile_completions_are_cheap_in_a_thread(answer_format: str) -> None:
    completions = hostile_completions()
    rewards: list[float | None] = []
    seconds: list[float] = []

    def run() -> None:
        for completion in completions:
            start = time.thread_time()  # not the clock: other jobs may hold the processor
            rewards.extend(MathReward(answer_format)([completion], answer=["7"]))
            seconds.append(time.thread_time() - start)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert rewards == [0.0] * len(completions)
    assert max(seconds) < 1.0
