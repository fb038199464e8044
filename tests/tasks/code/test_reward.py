from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from processor_time import processor_time

from mrlm.sandbox import SandboxError, Verdict
from mrlm.tasks.code import code_task, execution
from mrlm.tasks.code import reward as reward_module
from mrlm.tasks.code.attacks import reward_cases, visible_answers
from mrlm.tasks.code.execution import Limits
from mrlm.tasks.code.hacks import HACKS
from mrlm.tasks.code.problems import generate_rows
from mrlm.tasks.code.reward import (
    CodeReward,
    SyntaxReward,
    code_reward,
    syntax_reward,
)

# Under another name, because pytest takes it for a test.
fraction_reward = reward_module.tests_fraction_reward
TESTS = [{"input": f"{x}", "output": f"{2 * x}"} for x in range(10)]
RIGHT = "```python\ndef double(x):\n    return x * 2\n```"
SQUARE = "```python\ndef double(x):\n    return x * x\n```"  # right for 0 and 2
SUITE = "def check(candidate):\n    assert candidate(3) == 6\n    assert candidate('a') == 'aa'\n"


def _score(completion: Any, tests: Any = TESTS, **columns: Any) -> float | None:
    row = {"function_name": "double", "hidden_tests": tests} | columns
    return code_reward.score(completion, row)


def test_all_tests_or_nothing() -> None:
    assert _score(RIGHT) == 1.0
    assert _score(SQUARE) == 0.0
    assert _score("```python\ndef twice(x):\n    return x * 2\n```") == 0.0
    assert _score("def double(x):\n    return x + x") == 1.0


def test_fractions_only_where_asked_for() -> None:
    arguments = {"function_name": ["double"] * 3, "hidden_tests": [TESTS] * 3}
    completions = [RIGHT, SQUARE, "no code"]
    assert code_reward(completions, **arguments) == [1.0, 0.0, 0.0]
    assert fraction_reward(completions, **arguments) == [1.0, 0.2, 0.0]
    row = {"function_name": "double", "hidden_tests": TESTS}
    assert fraction_reward.score(SQUARE, row) == 0.0  # a score is never shaped


def test_suites_and_setup() -> None:
    assert _score(RIGHT, [], suite=SUITE) == 1.0
    assert _score("def double(x):\n    return x + 3", [], suite=SUITE) == 0.0
    rooted = "def double(x):\n    return math.floor(x * 2)"
    assert _score(rooted) == 0.0
    assert _score(rooted, setup="import math") == 1.0


@pytest.mark.parametrize(
    "code",
    [
        "def double(x):\n    while True: pass",
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "raise SystemExit",
        "def double(x):\n    return double(x)",
        "def double(x):\n    return [0] * 10 ** 10",
        "double = 2",
        "class double(int): pass",
        "def double(x):\n    print('6' * 10 ** 6)\n    return 0",
        "class A:\n    def __eq__(self, other): return True\ndef double(x): return A()",
        "import os\nos.kill(os.getppid(), 9)",
        "(" * 3000,
        "-" * 40_000 + "1",
        "[" * 90 + "]" * 90,
        "def double(x):\n" + " " * 4 + "return " + "(" * 150 + "x" + ")" * 150,
        "x = '" + "\N{PILE OF POO}" * 10_000 + "'",
    ],
)
def test_hostile_code_scores_zero_and_the_next_is_scored(code: str) -> None:
    reward = CodeReward(limits=Limits(time_limit=1.0))
    completions = [f"```python\n{code}\n```", RIGHT]
    assert reward(completions, function_name=["double"] * 2, hidden_tests=[TESTS] * 2) == [0.0, 1.0]


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "x" * 10**6,
        "(" * 10**6,
        "```python\n" + "(" * 10**6,
        "[" * 49_000,
        "#" * 10**6,
        [],
        [{"role": "assistant", "content": None}],
    ],
    ids=range(11),
)
def test_garbage_scores_zero(completion: Any) -> None:
    with processor_time(at_most=1):
        assert _score(completion) == 0.0
        assert syntax_reward([completion], function_name=["double"]) == [0.0]


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("double", []),
        ("double", None),
        ("double", "tests"),
        ("double", 3),
        ("double", [None]),
        ("double", [{"input": "1", "output": "not a literal"}]),
        ("double", [{"input": "1"}]),
        ("double", [{"input": "f(1)", "output": "1"}]),
        ("double", [{"input": 1, "output": 2}]),
        (None, TESTS),
        ("", TESTS),
        ("not a name", TESTS),
        (7, TESTS),
    ],
)
def test_unusable_tests_give_none(name: Any, tests: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        rewards = code_reward(
            [RIGHT, RIGHT, "", RIGHT],
            function_name=[name, "double", name, "double"],
            hidden_tests=[tests, TESTS, tests, TESTS],
        )
    assert rewards == [None, 1.0, None, 1.0]
    assert "code_reward: 2 of 4 completions unscored" in caplog.text


def test_metrics_and_lengths() -> None:
    metrics: dict[str, float] = {}
    endless = "```python\ndef double(x):\n    while True: pass\n```"
    reward = CodeReward(limits=Limits(time_limit=0.5))
    rewards = reward(
        completions=[endless, [{"role": "assistant", "content": RIGHT}], RIGHT, ""],
        function_name=["double"] * 4,
        hidden_tests=[TESTS, TESTS, None, TESTS],
        log_metric=metrics.__setitem__,
        prompts=["", "", "", ""],
    )
    assert rewards == [0.0, 1.0, None, 0.0]
    assert metrics == {"code_reward/timeout": 0.25, "code_reward/unscored": 0.25}
    assert code_reward([], function_name=[], hidden_tests=[]) == []
    with pytest.raises(ValueError, match=r"shorter|longer"):
        code_reward([RIGHT, RIGHT], function_name=["double"], hidden_tests=[TESTS])


def test_syntax_reward() -> None:
    completions = [RIGHT, SQUARE, "def double(:", "It is 7.", "", "'" * 3, "def f(x): pass"]
    rewards = syntax_reward(completions, function_name=["double"] * 7)
    assert rewards == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    # Read, not run.
    endless = f"{RIGHT[10:-4]}\nwhile True: pass"
    assert syntax_reward([endless], function_name=["double"]) == [1.0]
    assert syntax_reward([RIGHT], function_name=[None]) == [0.0]


@pytest.fixture
def fresh_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No outcome remembered, and sandboxes of the test's own."""
    with monkeypatch.context() as patch:
        patch.setattr(execution, "MAX_REMEMBERED", 0)
        # Run for the first time, so to be remembered; then there is room for nothing.
        assert _score(RIGHT.replace("x * 2", f"x * 2  # {uuid4()}")) == 1.0
    execution.cached_sandbox.cache_clear()
    yield
    execution.cached_sandbox.cache_clear()


def test_a_sandbox_that_breaks_costs_only_the_code_that_broke_it(
    fresh_state: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Breaking(execution.Sandbox):
        def check_many(self, jobs: Any) -> Any:
            if any("BREAK" in job.code for job in jobs):
                raise SandboxError("the zygote is gone")
            return super().check_many(jobs)

    breaking = RIGHT.replace("x * 2", "x * 2  # BREAK")
    arguments = {"function_name": ["double"] * 4, "hidden_tests": [TESTS] * 4}
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(execution, "Sandbox", Breaking)
        rewards = code_reward([RIGHT, breaking, SQUARE, ""], **arguments)
    assert rewards == [1.0, None, 0.0, 0.0]
    assert "the zygote is gone" in caplog.text
    assert "code_reward: 1 of 4 completions unscored" in caplog.text
    # What was not decided is tried again.
    execution.cached_sandbox.cache_clear()
    assert _score(breaking) == 1.0


def test_equal_code_runs_once(fresh_state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[int] = []

    class Counting(execution.Sandbox):
        def check_many(self, batch: Any) -> Any:
            jobs.append(len(batch))
            return super().check_many(batch)

    monkeypatch.setattr(execution, "Sandbox", Counting)
    arguments = {"function_name": ["double"] * 4, "hidden_tests": [TESTS] * 4}
    completions = [RIGHT, SQUARE, RIGHT, RIGHT]
    assert code_reward(completions, **arguments) == [1.0, 0.0, 1.0, 1.0]
    assert fraction_reward(completions, **arguments) == [1.0, 0.2, 1.0, 1.0]
    assert [_score(completion) for completion in completions] == [1.0, 0.0, 1.0, 1.0]
    assert jobs == [2]
    assert _score(RIGHT, TESTS[:3]) == 1.0  # other tests, another job
    assert jobs == [2, 1]


def test_a_timeout_is_not_remembered(fresh_state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine right code can time out once; it must not score 0 for ever."""

    class Busy(execution.Sandbox):
        busy = True

        def check_many(self, jobs: Any) -> Any:
            found = super().check_many(jobs)
            return [Verdict("timeout", 0, len(TESTS)) for _ in found] if Busy.busy else found

    monkeypatch.setattr(execution, "Sandbox", Busy)
    assert _score(RIGHT) == 0.0
    Busy.busy = False
    assert _score(RIGHT) == 1.0
    Busy.busy = True
    assert _score(RIGHT) == 1.0  # what was decided is remembered


def test_memory_of_outcomes_is_bounded(fresh_state: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    class Noting(execution.Sandbox):
        def check_many(self, batch: Any) -> Any:
            ran.extend(int(job.cases[0]["input"]) for job in batch)
            return super().check_many(batch)

    monkeypatch.setattr(execution, "Sandbox", Noting)
    monkeypatch.setattr(execution, "MAX_REMEMBERED", 3)
    for number in (0, 1, 2, 3, 4, 5, 5, 4, 3, 0):
        assert _score(RIGHT, [{"input": str(number), "output": str(2 * number)}]) == 1.0
    # The last three are remembered, and the first one no longer.
    assert ran == [0, 1, 2, 3, 4, 5, 0]


def test_names_and_settings() -> None:
    assert code_reward.__name__ == "code_reward"
    assert fraction_reward.__name__ == "tests_fraction_reward"
    assert syntax_reward.__name__ == "syntax_reward"
    with pytest.raises(ValueError, match="credit is 'some'; choose one of all, fraction"):
        CodeReward(credit="some")


def test_rewards_pickle_with_their_limits() -> None:
    for reward in (CodeReward("fraction", Limits(1.5, 256)), SyntaxReward(Limits(2.0))):
        again = pickle.loads(pickle.dumps(reward))
        assert again == reward and again.__name__ == reward.__name__


def test_an_isolation_that_does_not_exist_is_an_error_not_a_score() -> None:
    task = code_task(limits=Limits(isolation="none at all"))
    row = next(iter(generate_rows(1, 0, "train")))
    with pytest.raises((SandboxError, ValueError), match="none at all"):
        task.score(row["solution"], row)


def test_threads_share_the_sandbox() -> None:
    results: list[list[float | None]] = []

    def run() -> None:
        rows = list(generate_rows(20, 4, "test"))
        columns = {name: [row[name] for row in rows] for name in ("function_name", "hidden_tests")}
        results.append(code_reward([row["solution"] for row in rows], **columns))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[1.0] * 20] * 4


USES = """
from mrlm.tasks.code import TASK
from mrlm.tasks.code.problems import generate_rows
row = next(generate_rows(1, 0, "train"))
print(TASK.score(row["solution"], row))
"""


@pytest.mark.integration
def test_the_sandbox_ends_with_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", USES],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == "1.0\n" and done.returncode == 0, done.stderr
    assert "Error" not in done.stderr


@pytest.mark.integration
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_reference_passes_its_own_tests(split: str) -> None:
    rows = list(generate_rows(400, 21, split))
    columns = {name: [row[name] for row in rows] for name in ("function_name", "hidden_tests")}
    assert code_reward([row["solution"] for row in rows], **columns) == [1.0] * len(rows)
    columns["hidden_tests"] = [row["test_cases"] for row in rows]
    assert code_reward([row["solution"] for row in rows], **columns) == [1.0] * len(rows)


def test_the_visible_answers_alone_do_not_pass() -> None:
    rows = list(generate_rows(100, 5, "train"))
    completions = [visible_answers(row) for row in rows]
    columns = {name: [row[name] for row in rows] for name in ("function_name", "hidden_tests")}
    assert code_reward(completions, **columns) == [0.0] * len(rows)
    columns["hidden_tests"] = [row["test_cases"] for row in rows]
    assert code_reward(completions, **columns) == [1.0] * len(rows)  # the probe itself works


def test_the_reward_tells_every_case_apart() -> None:
    cases = list(reward_cases())
    columns = {name: [case.row[name] for case in cases] for name in cases[0].row}
    reward = CodeReward(limits=Limits(time_limit=1.0))
    paid = reward(completions=[case.completion for case in cases], **columns)
    assert [
        case.name for case, value in zip(cases, paid, strict=True) if value != case.correct
    ] == []
    assert len(cases) > len(HACKS) >= 40


def test_a_time_limit_that_is_none_is_told_when_the_task_is_made() -> None:
    from mrlm.tasks import make_task

    for limit in (0.0, -1.0):
        with pytest.raises(ValueError, match=f"time_limit is {limit}; it must be above 0"):
            make_task("code", time_limit=limit)
