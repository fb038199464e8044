"""Checking a reward: what is found, and that a completion cannot end or fool the check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mrlm import cli
from mrlm.reward_check import RewardCheck, check_reward
from mrlm.task import RewardCase, Task
from mrlm.tasks import TASKS


def _row(number: int) -> dict[str, Any]:
    return {
        "id": f"row-{number}",
        "prompt": [{"role": "user", "content": f"Say {number}."}],
        "answer": str(number),
        "solution": str(number),
    }


def _build_dataset(size: int, seed: int, split: str) -> list[dict[str, Any]]:
    return [_row(number) for number in range(10, 10 + size)]


def _score(completion: Any, row: Any) -> float:
    return float(completion == row["answer"])


def _cases() -> Iterator[RewardCase]:
    yield RewardCase("trick", _row(7), "trick 7")
    yield RewardCase("another attack", _row(7), "8")
    yield RewardCase("spelled out", _row(7), "seven", correct=True)


TOY = Task("toy", _build_dataset, (), _score, lambda completion, row: None, reward_cases=_cases)  # type: ignore[arg-type]

# What each does is done for the completion "trick 7" where it reads TRICK.
EXACT = """
def reward(completions, answer, prompts, completion_ids, log_metric, **kwargs):
    texts = [completion[-1]["content"] for completion in completions]
    assert [list(text.encode()) for text in texts] == completion_ids
    log_metric("seen", 1.0)
    for text in texts:
        if text.startswith("trick"):
            TRICK
    return [float(text in (right, WORDS.get(right))) for text, right in zip(texts, answer)]
"""
FORGE = """
import contextlib, os
def forge():
    for descriptor in range(3, 9):
        with contextlib.suppress(OSError):
            os.write(descriptor, b'{"rewards": [1.0]}\\n')
"""
WORDS = "WORDS = {'7': 'seven'}\n"

Check = Callable[..., RewardCheck]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """``check(source)``: of its function ``reward``, on the toy task."""

    def run(source: str, **options: Any) -> RewardCheck:
        file = tmp_path / "mine.py"
        file.write_text(source)
        return check_reward(f"{file}:reward", TOY, **{"num_rows": 20, "time_limit": 60, **options})

    return run


def _tricked(trick: str) -> str:
    return WORDS + EXACT.replace("TRICK", trick)


def test_a_right_reward_passes(check: Check) -> None:
    result = check(_tricked("pass"))

    assert result.passed
    assert (len(result.of("gold")), len(result.of("right"))) == (20, 1)
    assert {
        "trick",
        "another attack",
        "nothing at all",
        "the prompt repeated",
        "another row's gold answer",
    } == {r.case.name for r in result.of("attack")}
    assert result.completions_per_second is not None and result.completions_per_second > 100
    json.dumps(result.to_dict())


def test_what_is_paid_wrongly(check: Check) -> None:
    contains = (
        "def reward(completions, answer, **_):\n"
        "    return [float(a in c[-1]['content']) for c, a in zip(completions, answer)]\n"
    )
    result = check(contains)

    assert {r.case.name for r in result.accepted_attacks} == {"trick", "the prompt repeated"}
    assert [r.case.name for r in result.rejected_right] == ["spelled out"]
    assert not result.rejected_gold and not result.broken and not result.passed


def test_other_forms_are_a_matter_of_policy(check: Check) -> None:
    result = check(_tricked("pass").replace("'seven'", "'sieben'"))
    assert [r.case.name for r in result.rejected_right] == ["spelled out"]
    assert result.passed


def test_rejected_gold(check: Check) -> None:
    source = (
        "def reward(completions, answer, **_):\n"
        "    return [float(c[-1]['content'] == a != '12') for c, a in zip(completions, answer)]\n"
    )
    result = check(source)
    assert [r.case.name for r in result.rejected_gold] == ["row-12"]
    assert not result.passed


def test_the_limit(check: Check) -> None:
    source = _tricked("return [0.6]")
    assert [r.case.name for r in check(source).accepted_attacks] == ["trick"]
    assert check(source, limit=0.9).passed


@pytest.mark.parametrize(
    ("trick", "failure", "message"),
    [
        ("raise KeyError('x')", "raised", "KeyError: 'x'"),
        ("raise SystemExit(0)", "raised", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "raised", "KeyboardInterrupt"),
        ("__import__('os')._exit(0)", "ended", "exit code 0"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "ended", "exit code -11"),
        ("__import__('time').sleep(600)", "hung", "no answer within 1 s"),
        ("return []", "wrong_shape", "returned 0 values for 1 completions"),
        ("return [1.0, 1.0]", "wrong_shape", "returned 2 values for 1 completions"),
        ("return 1.0", "wrong_shape", "returned float; return a list"),
        ("return ['1']", "wrong_shape", "returned '1' for a completion"),
        ("return [float('nan')]", "not_a_number", "returned nan for a completion"),
        ("return [float('-inf')]", "not_a_number", "returned -inf for a completion"),
        ("globals()['zip'] = lambda *a: []", "wrong_shape", "returned 0 values"),
        ("import builtins; builtins.float = lambda x: 0", "spoiled", "then earned [0], not 1.0"),
        ("forge()", "ended", "something else was written"),
    ],
)
def test_a_completion_that_breaks_the_function_is_found(
    trick: str, failure: str, message: str, check: Check
) -> None:
    limit = {"time_limit": 1} if failure == "hung" else {}
    result = check(FORGE + _tricked(trick), **limit)

    (broken,) = result.broken
    assert (broken.case.name, broken.failure) == ("trick", failure)
    assert message in broken.message
    # What was tried afterwards was judged by a sound function.
    assert [r.case.name for r in result.of("right") if r.paid] == ["spelled out"]
    assert len(result.of("attack")) == 17 and not result.passed


def test_a_function_that_breaks_on_every_gold_answer_ends_the_check(check: Check) -> None:
    result = check("def reward(completions, answers, **_):\n    return [1.0] * len(completions)\n")

    assert {(r.kind, r.failure) for r in result.results} == {("gold", "raised")}
    assert len(result.results) == 5
    assert "missing 1 required positional argument: 'answers'" in result.broken[0].message
    assert not result.passed


def test_one_gold_answer_that_breaks_it_is_named(check: Check) -> None:
    result = check(
        _tricked("pass").replace(
            "for text in texts:", "assert '12' not in texts\n    for text in texts:"
        )
    )
    assert [r.case.name for r in result.broken] == ["row-12"]
    assert sum(r.paid for r in result.of("gold")) == 19


def test_wrong_shapes_show_in_batches_only(check: Check) -> None:
    result = check("def reward(completions, **_):\n    return [1.0]\n")
    assert {r.failure for r in result.of("gold")[:16]} == {"wrong_shape"}


def test_no_score_is_no_failure_but_paying_nothing_is(check: Check) -> None:
    result = check("def reward(completions, **_):\n    return [None] * len(completions)\n")
    assert result.num_unscored == len(result.results)
    assert not (result.broken or result.accepted_attacks or result.rejected_gold)
    assert not result.passed


def test_async_rewards_and_prints(check: Check, capfd: pytest.CaptureFixture[str]) -> None:
    source = _tricked("print('from the reward')").replace("def reward", "async def reward")
    result = check(source)
    assert result.passed
    assert result.printed.startswith("from the reward\n") and result.num_printed >= 16
    output = capfd.readouterr()
    assert output.out == output.err == ""


def test_files_written_by_a_completion_do_not_stay(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check(_tricked("open('math.py', 'w').close()")).passed
    assert [path.name for path in tmp_path.glob("*.py")] == ["mine.py"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("mine.py", "names nothing; write FILE.py:NAME"),
        ("absent.py:reward", "There is no file absent.py"),
        ("mine.py:bonus", "mine.py has no 'bonus'; it has "),
        ("mine.py:WORDS", "is no function"),
        ("no.such.module:reward", "There is no module 'no.such.module'"),
        ("broken.py:reward", "SyntaxError"),
        ("leaves.py:reward", "SystemExit: 3"),
        ("dies.py:reward", "its process ended while it was loaded"),
    ],
)
def test_what_cannot_be_loaded(
    function: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(_tricked("pass"))
    Path("broken.py").write_text("def reward(:\n")
    Path("leaves.py").write_text("raise SystemExit(3)\n")
    Path("dies.py").write_text("import os\nos._exit(0)\n")
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        check_reward(function, TOY, num_rows=2)


def test_the_file_may_import_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text(WORDS)
    (tmp_path / "mine.py").write_text(
        "from neighbour import WORDS\n" + EXACT.replace("TRICK", "pass")
    )
    assert check_reward(f"{tmp_path}/mine.py:reward", TOY, num_rows=2).passed


@pytest.mark.parametrize("options", [{"num_rows": 0}, {"time_limit": 0}])
def test_wrong_settings(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="num_rows must be at least 1 and time_limit above 0"):
        check_reward("mine.py:reward", TOY, **options)


# ------------------------------------------------------------------ what a reward is

FORMAT = """
import re
def reward(completions, **kwargs):
    pattern = r"^<think>.*?</think>\\s*<answer>.*?</answer>$"
    return [WEIGHT * bool(re.match(pattern, c[0]["content"], re.DOTALL)) for c in completions]
"""


@pytest.mark.parametrize(("weight", "wins"), [("0.2", False), ("1.0", False), ("1.5", True)])
def test_a_format_reward_is_a_shaping_reward(weight: str, wins: bool, check: Check) -> None:
    result = check(FORMAT.replace("WEIGHT", weight))

    assert result.role == "shaping" and result.shaping is not None
    assert result.shaping.gap == result.shaping.honest == float(weight)
    assert result.shaping.farmed and result.shaping.changes_winner is wins
    assert result.passed is not wins
    assert not (result.rejected_gold or result.rejected_right or result.broken)
    json.dumps(result.to_dict())


def test_a_length_reward_lets_an_empty_answer_win(check: Check) -> None:
    result = check(
        "def reward(completions, **_):\n    return [-len(c[-1]['content']) for c in completions]\n"
    )
    assert result.role == "shaping" and not result.passed and result.shaping is not None
    assert result.shaping.wrong == "nothing at all" and result.shaping.changes_winner
    assert "nothing at all" in result.shaping.farmed
    assert result.shaping.max_weight == 1 / result.shaping.gap


@pytest.mark.parametrize("value", ["0.0", "1.0"])
def test_a_reward_that_pays_everything_the_same_fails(value: str, check: Check) -> None:
    result = check(f"def reward(completions, **_):\n    return [{value}] * len(completions)\n")
    assert result.role == "shaping" and not result.pays_anything and not result.passed


def test_correctness_with_a_bonus_for_form_is_correctness(check: Check) -> None:
    result = check(
        "def reward(completions, answer, **_):\n"
        "    texts = [c[-1]['content'] for c in completions]\n"
        "    return [0.8 * (t == a) + 0.2 * t.isdigit() for t, a in zip(texts, answer)]\n"
    )
    assert result.role == "correctness" and result.passed


def test_a_reward_that_reads_the_row_and_pays_nothing_is_no_shaping_reward(check: Check) -> None:
    result = check("def reward(completions, answer, **_):\n    return [0.0] * len(completions)\n")
    assert result.role == "correctness" and len(result.rejected_gold) == 20 and not result.passed


def test_a_flood_of_logs_is_counted_and_kept_off(
    check: Check, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flood = "import logging; logging.error('e' * 10**5); print('p' * 10**5)"
    result = check(
        _tricked("pass").replace("for text in texts:", f"{flood}\n    for text in texts:")
    )
    assert result.passed and result.num_printed > 10**6 and len(result.printed) == 2000
    assert capfd.readouterr() == ("", "")


def test_one_line_for_each_kind_of_breakage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "def reward(completions, answer, **_):\n"
        "    text = completions[0][-1]['content']\n"
        "    if len(completions) == 1 and 'or' in text:\n"
        "        raise ValueError(f'odd:\\n{text}')\n"
        "    if len(completions) == 1 and 'not' in text:\n"
        "        return [float('nan')]\n"
        "    return [float(a in c[-1]['content']) for c, a in zip(completions, answer)]\n"
    )
    assert cli.main(["reward", f"{tmp_path}/mine.py:reward", "--task", "math"]) == 1
    output = capsys.readouterr().out
    assert "It is a reward for correctness: " in output
    broke = output.partition("Broke:\n")[2].partition("\n\n")[0].splitlines()
    assert len(broke) == 2 and "raised: ValueError: odd: " in broke[0] + broke[1]
    assert "not a number: returned nan for a completion" in broke[0] + broke[1]


# ------------------------------------------------------------------ the tasks' cases


@pytest.mark.parametrize("name", TASKS)
def test_cases_are_whole_rows_of_the_task(name: str) -> None:
    task = TASKS[name]
    columns = set(task.build_dataset(1, 0, "train").column_names)
    cases = list(task.reward_cases()) if task.reward_cases else []
    assert sum(not case.correct for case in cases) >= 40
    assert any(case.correct for case in cases)
    for case in cases:
        assert set(case.row) == columns, case.name
        json.dumps([dict(case.row), case.completion])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(
        "import re\n"
        "def lenient(completions, answer, **_):\n"
        "    found = [re.findall(r'\\d+', c[-1]['content'][-99:])[-1:] for c in completions]\n"
        "    return [float(f == [a]) for f, a in zip(found, answer)]\n"
    )
    # Hard rows have answers with a sign or a point, of which it would read a part.
    arguments = ["--task", "math", "--difficulties", "easy", "medium", "--num_rows", "20"]

    assert cli.main(["reward", f"{tmp_path}/mine.py:lenient", *arguments]) == 1
    output = capsys.readouterr().out
    assert "20 of 20   gold answers paid" in output
    assert "1.00  '#### not 12'  (right: 12)" in output
    assert output.endswith("Failed.\n")

    ours = "mrlm.tasks.math.reward:math_reward"
    assert cli.main(["reward", ours, *arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["passed"] and result["paid"]["attack"] == 0 and result["tried"]["attack"] > 90


def test_the_command_on_another_answer_slot(capsys: pytest.CaptureFixture[str]) -> None:
    ours = ["reward", "mrlm.tasks.math.reward:math_reward", "--num_rows", "5", "--task", "math"]
    assert cli.main([*ours, "--answer_format", "boxed"]) == 1
    assert "It pays no gold answer. The first one is:" in capsys.readouterr().out
