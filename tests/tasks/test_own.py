"""Tasks of the user's own by name: files, modules, builders with options, installed packages."""

from __future__ import annotations

import pickle
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import pytest

from mrlm.cli import main
from mrlm.tasks import TASKS, make_task, parse_task_options, task_label, task_options

BUILDERS = '''
from dataclasses import replace
from typing import Literal, Sequence

from mrlm.tasks.math import TASK as MATH, math_task


def reward(completions, **kwargs):
    return [0.0 for _ in completions]


def build(
    level: int,
    kinds: Sequence[str] = ("a",),
    mode: Literal["soft", "hard"] = "soft",
    *,
    strict: bool = False,
    share=0.5,
    names=None,
    hook: object = None,
):
    """Sums.

    Args:
        level: How hard they are,
            from 1 to 99%.
        kinds (list): Which.
        share: How many.

    Returns:
        level: Not this one.
    """
    return replace(TASK, name=f"sums_{level}_{mode}_{strict}_{share}_{'-'.join(kinds)}")


def nothing():
    return None


def refused(level: int = 3):
    raise ValueError("level 3 is too much")


CLASH = replace(TASK, name="math")
MINE = math_task("boxed")
BAD_NAME = replace(TASK, name="../up")
ONE_REWARD = replace(TASK, reward_funcs=reward)
NO_REWARD = replace(TASK, reward_funcs=())
NO_SCORE = replace(TASK, score=None)
NO_ENVIRONMENT = replace(TASK, max_tool_calling_iterations=3)
NUMBER = 3
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``own_sums.py``: a task that ``mrlm new`` wrote, and more."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "own_sums.py"]) == 0
    path = tmp_path / "own_sums.py"
    path.write_text(path.read_text(encoding="utf-8") + BUILDERS, encoding="utf-8")
    return path


def test_a_task_in_a_file(file: Path) -> None:
    task = make_task("own_sums.py:TASK")
    assert task.name == task_label("own_sums.py:TASK") == "own_sums"
    assert make_task(f"{file}:TASK") is task and make_task("own_sums:TASK") is task
    assert not fields(task_options("own_sums.py:TASK"))
    assert pickle.loads(pickle.dumps(task)).build_dataset(2, 0, "train").to_list()
    with pytest.raises(ValueError, match="has no level: it is no function"):
        make_task("own_sums.py:TASK", level=3)


def test_the_parameters_of_a_builder_are_options(file: Path) -> None:
    name = "own_sums.py:build"
    kinds = {option.name: option.type for option in fields(task_options(name))}
    assert kinds == {
        "level": int | None,
        "kinds": list[str] | None,
        "mode": Literal["soft", "hard"] | None,
        "strict": bool | None,
        "share": float | None,
        "names": str | None,
    }
    texts = {option.name: option.metadata["help"] for option in fields(task_options(name))}
    assert texts["level"] == "How hard they are, from 1 to 99%%."
    assert (texts["kinds"], texts["share"]) == ("Which.", "How many.")
    words = [
        "--level",
        "4",
        "--kinds",
        "b",
        "c",
        "--mode",
        "hard",
        "--strict",
        "--share",
        "1",
        "--more",
        "2",
    ]
    options, rest = parse_task_options(name, words)
    assert rest == ["--more", "2"]
    assert make_task(name, **options).name == "sums_4_hard_True_1.0_b-c"
    assert parse_task_options(name, ["--strict", "false"])[0] == {"strict": False}
    assert task_label(name) == "own_sums"
    assert task_label("own_sums.py:refused") == "refused"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chess", r"no task 'chess'; choose one of code, debate, math, tools.* FILE.py:TASK"),
        ("own_sums.py:nothing", r"returned None \(NoneType\): it must return an mrlm.Task"),
        ("own_sums.py:NUMBER", r"is 3 \(int\): it must be an mrlm.Task, or a function"),
        ("own_sums.py:Task", "is the class Task"),
        ("own_sums.py:MISSING", "has no 'MISSING'; it has .*TASK"),
        ("own_sums.py:build", "needs level: give --level VALUE"),
        ("own_sums.py:refused", "level 3 is too much"),
        ("own_sums.py:CLASH", "called 'math', as one of mrlm's is"),
        ("own_sums.py:BAD_NAME", "name is '../up'"),
        ("own_sums.py:ONE_REWARD", r"reward_funcs is .*a tuple of functions"),
        ("own_sums.py:NO_REWARD", "neither reward_funcs nor an environment"),
        ("own_sums.py:NO_SCORE", "score is None"),
        ("own_sums.py:NO_ENVIRONMENT", "iterations is 3, and there is no environment"),
    ],
)
def test_what_is_no_task_is_told(file: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_task(name)


def test_one_of_ours_with_other_options_may_keep_its_name(file: Path) -> None:
    assert make_task("own_sums.py:MINE").name == "math"


@pytest.mark.parametrize("options", [{"levle": 3}, {"level": 1, "x": 2}])
def test_a_wrong_option_is_told(file: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="it has level, kinds, mode, strict, share, names, hook"):
        make_task("own_sums.py:build", **options)


@pytest.mark.parametrize("words", [["--level", "x"], ["--mode", "x"], ["--strict", "perhaps"]])
def test_a_wrong_value_is_told(file: Path, words: list[str]) -> None:
    with pytest.raises(ValueError, match=f"argument {words[0]}"):
        parse_task_options("own_sums.py:build", words)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``install(distribution, **tasks)``: an installed package with entry points."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def write(distribution: str, **tasks: str) -> None:
        info = site / f"{distribution}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {distribution}\nVersion: 1\n")
        lines = [f"{name} = {value}\n" for name, value in tasks.items()]
        (info / "entry_points.txt").write_text("[mrlm.tasks]\n" + "".join(lines))

    return write


def test_an_installed_package_gives_tasks(
    file: Path, install: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    install("one", chess="own_sums:TASK", go="own_sums:build", gone="no_such_module:X")
    sys.path_importer_cache.clear()
    assert make_task("chess").name == "own_sums" and task_label("chess") == "own_sums"
    assert task_label("go") == "go" and make_task("go", level=2).name.startswith("sums_2")
    with pytest.raises(ValueError, match="tools, chess, go, gone"):
        make_task("checkers")
    capsys.readouterr()
    assert main(["tasks"]) == 0
    output = capsys.readouterr()
    assert {line for line in output.out.splitlines() if line[0] != " "} == {*TASKS, "own_sums"}
    assert "'gone', of an installed package: No module named" in output.err
    install("two", chess="own_sums:TASK")
    with pytest.raises(ValueError, match="'chess' is given twice"):
        make_task("chess")


def test_ours_are_never_replaced(file: Path, install: Any) -> None:
    install("three", math="own_sums:TASK")
    assert make_task("math") is TASKS["math"]
