from __future__ import annotations

from mrlm.tasks.math.environment import MathReasoningEnvironment


def _environment(answer: object = "42") -> MathReasoningEnvironment:
    environment = MathReasoningEnvironment()
    environment.reset(answer=answer, question="What is 40 + 2?", prompt=[], task="math")
    return environment


def test_right_wrong_and_missing() -> None:
    environment = _environment()
    assert environment.get_reward() == 0.0
    environment.submit_answer("$42.00")
    assert environment.get_reward() == 1.0
    environment = _environment()
    environment.submit_answer("41")
    assert environment.get_reward() == 0.0


def test_trying_several_answers_does_not_pay() -> None:
    environment = _environment()
    for guess in range(50):
        environment.submit_answer(str(guess))
    assert environment.get_reward() == 0.0


def test_the_reply_does_not_tell_right_from_wrong() -> None:
    assert _environment().submit_answer("42") == _environment().submit_answer("41")


def test_reset_forgets() -> None:
    environment = _environment()
    environment.submit_answer("41")
    environment.reset(answer="7")
    environment.submit_answer("7")
    assert environment.get_reward() == 1.0


def test_numbers_and_unusable_references() -> None:
    environment = _environment(answer=42.0)
    environment.submit_answer(42)  # type: ignore[arg-type]  # models send JSON numbers
    assert environment.get_reward() == 1.0
    assert _environment(answer=None).get_reward() is None


def test_step_reads_the_answer_slot() -> None:
    environment = _environment()
    environment._step("40 + 2 = 42\n#### 42")
    assert environment.get_reward() == 1.0
    environment = _environment()
    environment._step("It is 42.")
    assert environment.get_reward() == 0.0
