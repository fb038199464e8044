"""BFCL in prompt mode: categories, the leaderboard's reading of answers, its rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import benchmark_files as files
import pytest

from mrlm.benchmarks import load_benchmark
from mrlm.benchmarks.function_calls import bfcl_reward
from mrlm.benchmarks.python_calls import decode_calls
from mrlm.errors import DatasetError

NONE = "None of the functions can be used."


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return files.write_bfcl(tmp_path / "bfcl")


def rewards(loaded: Any, texts: list[str]) -> list[float | None]:
    names = ("functions", "ground_truth")
    columns = {name: [row[name] for row in loaded.rows] for name in names}
    found = bfcl_reward(texts, **columns)
    assert found == [loaded.task.score(t, r) for t, r in zip(texts, loaded.rows, strict=True)]
    return found


def test_four_categories_with_a_line_for_each(folder: str) -> None:
    loaded = load_benchmark("bfcl", folder)
    kinds = [row["kind"] for row in loaded.rows]
    assert kinds == ["simple", "multiple", "parallel", "irrelevance"]
    golds = [row["solution"] for row in loaded.rows]
    assert golds[0] == "[area.triangle(base=10, height=5)]" and golds[3] == NONE
    assert rewards(loaded, golds) == [1.0] * 4
    assert rewards(loaded, ["[play(artist='Queen')]"] * 4) == [0.0] * 4
    # BFCL's rule: where no function fits, anything that is no call is right.
    assert rewards(loaded, ["I do not know."] * 4) == [0.0, 0.0, 0.0, 1.0]
    assert rewards(loaded, ["[]"] * 4) == [0.0, 0.0, 0.0, 1.0]


def test_the_functions_stand_in_the_system_prompt(folder: str) -> None:
    row = load_benchmark("bfcl_simple", folder).rows[0]
    system, user = row["prompt"]
    assert user == {"role": "user", "content": "Area of base 10, height 5?"}
    shown = system["content"].partition("that you can invoke.\n")[2]
    (function,) = json.loads(shown)
    assert function["name"] == "area.triangle"
    assert function["description"].endswith(
        "Note that the provided function is in Python 3 syntax."
    )


def test_a_category_by_its_name(folder: str) -> None:
    assert [row["kind"] for row in load_benchmark("bfcl_parallel", folder).rows] == ["parallel"]
    one = Path(folder) / "BFCL_v4_multiple.json"
    assert [row["kind"] for row in load_benchmark("bfcl", str(one)).rows] == ["multiple"]
    with pytest.raises(DatasetError, match="no file of BFCL's category parallel_multiple"):
        load_benchmark("bfcl_parallel_multiple", folder)


def test_missing_answers_are_told(folder: str) -> None:
    (Path(folder) / "possible_answer" / "BFCL_v4_parallel.json").unlink()
    with pytest.raises(DatasetError, match="parallel_0: the right calls are missing"):
        load_benchmark("bfcl", folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"function": "?"}, "'function': expected the functions"),
        ({"question": [[]]}, "'question': expected a list of turns"),
        ({"ground_truth": [{"stop": {}}]}, "'ground_truth': expected calls of the functions"),
    ],
)
def test_a_row_that_does_not_fit_is_named(change: Any, said: str, tmp_path: Path) -> None:
    row = {**files.BFCL_FILES["BFCL_v4_multiple.json"][0], "ground_truth": [], **change}
    with pytest.raises(DatasetError, match=f"row 0, column {said}"):
        load_benchmark("bfcl", files.write(tmp_path / "BFCL_v4_multiple.json", [row]))


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("[f(a=1, b='x')]", [{"f": {"a": 1, "b": "x"}}]),
        ("f(a=1)", [{"f": {"a": 1}}]),
        ("```\n[f(a=1)]\n```", [{"f": {"a": 1}}]),
        (
            "f(a=1), a.b.g(c=[1, 2.5, (True, None)])",
            [{"f": {"a": 1}}, {"a.b.g": {"c": [1, 2.5, (True, None)]}}],
        ),
        (
            "[f(a=-3, b={'k': 2 * 30 + 1}, c=name, d=g(1), e=g(x=2), h=...)]",
            [
                {
                    "f": {
                        "a": -3,
                        "b": {"k": 61},
                        "c": "name",
                        "d": "g(1)",
                        "e": {"g": {"x": 2}},
                        "h": "...",
                    }
                }
            ],
        ),
        ("[]", []),
        ("", []),
        ("I would call f(a=1).", None),
        ("[1, 2]", None),
        ("[f(a=2 ** 9 ** 9 ** 9)]", None),
        ("[f(a=1 / 0)]", None),
        ("[f(a=b if c else d)]", None),
        ("[" * 5000, None),
        ("f(a=" + "-" * 50_000 + "1)", None),
    ],
)
def test_an_answer_is_read_as_the_leaderboard_reads_it(text: str, calls: Any) -> None:
    assert decode_calls(text) == calls


def test_what_a_model_thinks_is_no_answer(folder: str) -> None:
    loaded = load_benchmark("bfcl_irrelevance", folder)
    assert rewards(loaded, [f"<think>\nplay(artist='Abba')?\n</think>\n{NONE}"]) == [1.0]
    simple = load_benchmark("bfcl_simple", folder)
    call = "[area.triangle(base=10, height=5)]"
    assert rewards(simple, [f"<think>Hm.</think>\n\n{call}"]) == [1.0]


def test_the_package_is_read(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    package = Path(folder).parent / "bfcl_eval"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('not to be imported')")
    Path(folder).rename(package / "data")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "bfcl_eval", raising=False)
    loaded = load_benchmark("bfcl")
    assert loaded.protocol["source"] == "the package bfcl-eval" and len(loaded.rows) == 4
