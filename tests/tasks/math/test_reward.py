from __future__ import annotations

import logging
import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from mrlm.tasks.math import reward as reward_module
from mrlm.tasks.math.reward import MathReward, math_reward, score

# (completion, reference): none of these commits to the reference in the slot.
FALSE_ACCEPTS = [
    # restated questions: the value is right, but not computed
    ("#### 43+3", "46"),
    ("#### 7!", "5040"),
    (r"#### \sqrt{2116}", "46"),
    ("#### 92/2", "46"),
    ("#### 2*23", "46"),
    ("#### 2 x 23", "46"),
    (r"#### 2 \times 23", "46"),
    ("#### 50-4", "46"),
    ("#### 6^2", "36"),
    ("#### 2**5", "32"),
    ("#### (46)", "46"),
    ("#### 43+3=46", "46"),
    (r"#### \frac{92}{2}", "46"),
    ("#### 0x2E", "46"),
    # hedges, lists, negations
    ("#### 12 or 13", "12"),
    ("#### 13 or 12", "12"),
    ("#### 12, 13", "12"),
    ("#### 12 13 14", "12"),
    ("#### 1 2 3 4 5 6 7 8 9 10 11 12", "12"),
    ("#### 1, 2, 3, ..., 12", "12"),
    ("#### 11-13", "12"),
    ("#### 12 (or 13)", "12"),
    ("#### 12/13", "12"),
    ("#### not 12", "12"),
    ("#### The answer is not 12", "12"),
    ("#### 12 is wrong", "12"),
    ("#### about 12", "12"),
    ("#### ~12", "12"),
    ("#### 12?", "12"),
    ("#### maybe 12", "12"),
    ("#### 12 or more", "12"),
    ("#### more than 11", "12"),
    ("#### [12]", "12"),
    ("#### {11, 12, 13}", "12"),
    # conflicting, empty, missing and misplaced slots
    ("#### 11\n#### 12", "12"),
    ("#### 12\n#### 11", "12"),
    ("#### 11\n#### 13\n#### 12", "12"),
    ("#### 12\n####", "12"),
    ("####\n12", "12"),
    ("The answer is 12.", "12"),
    ("The answer is not #### 12", "12"),
    ("\\boxed{12}", "12"),
    ("<answer>12</answer>", "12"),
    ("##### 12", "12"),
    ("#### 12 #### 13", "12"),
    ("<think>\n#### 12\n</think>", "12"),
    # other numbers
    ("#### -12", "12"),
    ("#### 12.0001", "12"),
    ("#### 1200%", "12"),
    ("#### 0.12", "12"),
    ("#### 12 dozen", "12"),
    ("#### 12k", "12"),
    ("#### 12 thousand", "12"),
    ("#### 12:00", "12"),
    ("#### 1,2", "12"),
    ("#### 1²", "12"),
    ("#### 12e0000000000", "12"),
    ("#### twelve", "12"),
    ("#### inf", "12"),
    ("#### 12:30 am", "12:30 pm"),
    ("#### 1230", "12:30"),
    ("#### 12:31", "12:30"),
    ("#### 12:30", "12:30 pm"),
]
# (completion, reference): all of these do.
FALSE_REJECTS = [
    ("40 + 2 = 42\n#### 42", "42"),
    ("####42", "42"),
    ("#### 42.", "42"),
    ("#### 42.00", "42"),
    ("#### $42", "42"),
    (r"#### \$42", "42"),
    ("#### $42$", "42"),
    ("#### **42**", "42"),
    ("**#### 42**", "42"),
    (r"#### \boxed{42}", "42"),
    ("#### 42 apples", "42"),
    ("#### 42 km/h", "42"),
    ("#### x = 42", "42"),
    ("#### +42", "42"),
    ("#### \N{MINUS SIGN}42", "-42"),
    ("#### 1,000", "1000"),
    (r"#### 1\,000", "1000"),
    ("#### 1{,}000", "1000"),
    ("#### 1000", "1,000"),
    ("#### 1 million", "1000000"),
    ("#### 1e3", "1000"),
    ("#### 50%", "50"),
    (r"#### 50\%", "50%"),
    ("#### 0.75", "3/4"),
    (r"#### \frac{3}{4}", "0.75"),
    ("#### 12{:}30", "12:30"),
    ("#### 12:30 pm", "12:30"),
    ("#### \N{FULLWIDTH DIGIT FOUR}2", "42"),
    ("#### Solution\n40 + 2\n#### 42\nI hope this helps!", "42"),
    ("#### 42\nSo she has 42.\n#### 42", "42"),
    ("<think>\n#### 41?\n</think>\n#### 42", "42"),
    ("#### 42\r\n", "42"),
]


@pytest.mark.parametrize(("completion", "reference"), FALSE_ACCEPTS)
def test_no_false_accept(completion: str, reference: str) -> None:
    assert math_reward([completion], answer=[reference]) == [0.0]


@pytest.mark.parametrize(("completion", "reference"), FALSE_REJECTS)
def test_no_false_reject(completion: str, reference: str) -> None:
    assert math_reward([completion], answer=[reference]) == [1.0]


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
    assert MathReward("boxed", "symbolic").__name__ == "math_boxed_symbolic_reward"


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="slot is 'json'; choose one of hash"):
        MathReward("json")
    with pytest.raises(ValueError, match="mode is 'fuzzy'; choose one of literal, symbolic"):
        MathReward(mode="fuzzy")


def test_literal_mode_never_starts_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> str:
        raise AssertionError("literal mode asked for a symbolic comparison")

    monkeypatch.setattr(reward_module, "symbolic_verdict", started)
    assert math_reward(["#### 43+3", "#### x", "#### 46"], answer=["46"] * 3) == [0.0, 0.0, 1.0]
    # Two plain numbers are compared here in symbolic mode, too.
    assert MathReward(mode="symbolic")(["#### 45", "#### 46"], answer=["46"] * 2) == [0.0, 1.0]


MEGABYTE = 10**6
HOSTILE = [
    *("9" * MEGABYTE, "#" * MEGABYTE, " " * MEGABYTE, "\n" * MEGABYTE, "{" * MEGABYTE),
    *("#### 1\n" * 150_000, "#### " + "9" * MEGABYTE, "#### " + " " * MEGABYTE + "x"),
    *("#### 9^{9^{9^9}}", "#### 1e999999999", "#### " + "9" * 10_000, "#### 1/" + "0" * 150),
    *("\\boxed{" * 150_000, "\\boxed{" + "{" * MEGABYTE, "\\boxed{1}" * 100_000),
    *("<answer>" * 125_000, "<answer>" + "1" * MEGABYTE, "answer:\n" * 125_000),
    *("1," * 500_000, "not " * 250_000, "</think>" * 120_000, "_#*> " * 200_000, "\\," * 500_000),
    *("\N{ARABIC-INDIC DIGIT FOUR}" * MEGABYTE, "#### " + "1\\," * 300_000, "\ud800" * MEGABYTE),
]


@pytest.mark.parametrize("slot", ["hash", "boxed", "tag", "phrase", "last_number"])
def test_hostile_completions_are_cheap_in_a_thread(slot: str) -> None:
    rewards: list[float | None] = []
    seconds: list[float] = []

    def run() -> None:
        for completion in HOSTILE:
            start = time.perf_counter()
            rewards.extend(MathReward(slot)([completion], answer=["7"]))
            seconds.append(time.perf_counter() - start)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert rewards == [0.0] * len(HOSTILE)
    assert max(seconds) < 1.0
