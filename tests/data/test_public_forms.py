"""The forms of public datasets, as small files: each comes in, or is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.data import load_user_dataset
from mrlm.data.ready import ReadyDataset
from mrlm.errors import DatasetError
from mrlm.tasks import make_task

MAWPS = {
    "iIndex": 1,
    "sQuestion": "Joan found 70 shells and gave 27 away. How many are left?",
    "lEquations": ["X=(70.0-27.0)"],
    "lSolutions": [43.0],
}
FROM_MAWPS = ["question=sQuestion", "answer=lSolutions.0"]
MATH: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "GSM8K": (
        {"question": "How many?", "answer": "16 - 7 = <<16-7=9>>9 eggs.\n#### 1,009"},
        [],
        "1009",
    ),
    "GSM-symbolic p2": (
        {
            "id": 0,
            "instance": 7,
            "question": "How long?",
            "answer": "It takes 6/2 = 3.\n#### 3",
            "original_id": 4,
            "canary": "x",
        },
        [],
        "3",
    ),
    "gsm-hard": (
        {"input": "How many?", "code": "def solution(): ...", "target": -9867630.5},
        ["question=input", "answer=target"],
        "-9867630.5",
    ),
    "MAWPS": (MAWPS, FROM_MAWPS, "43"),
    "AddSub": (MAWPS | {"lAlignments": [22, 61]}, FROM_MAWPS, "43"),
    "SingleEq": (MAWPS | {"lQueryVars": ["x"]}, FROM_MAWPS, "43"),
    "MultiArith": ({"question": " How many? ", "final_ans": "57"}, ["answer=final_ans"], "57"),
    "AIME": (
        {"ID": "2024-II-4", "Problem": "Find $m+n$.", "Solution": r"\boxed{033}", "Answer": 33},
        [],
        "33",
    ),
    "AIME, solution only": (
        {"id": 60, "problem": "Find it.", "solution": r"So \boxed{204}.", "url": "x"},
        [],
        "204",
    ),
    "AMC": ({"id": 0, "problem": "How far?", "answer": 27.0, "url": "x"}, [], "27"),
    "SVAMP": (
        {
            "ID": "chal-1",
            "Body": "Each pack costs 76 dollars. If there is a discount of 25 dollars on each",
            "Question": "How much do you pay?",
            "Equation": "( 76.0 - 25.0 )",
            "Answer": 51.0,
            "Type": "Subtraction",
        },
        [],
        "51",
    ),
}
ASDIV = {
    "9 (apples)": ("9 (apples)", "number", "9 apples"),
    "12 (km/h)": ("12 (km/h)", "number", "12"),
    "5 (times)": ("5", "number", "5"),
    "83 (pairs of shoes)": ("83", "number", "83"),
    "123 (third graders)": ("123", "number", "123"),
    "5/2": ("5/2", "number", "2.5"),
    "-(1/3)": ("-1/3", "number", "-1/3"),
    "3:30 p.m.": ("3:30 p.m.", "number", "3:30 pm"),
    "5:6": ("5:6", "expression", "5:6"),
    "1,000 (m); 12 (m)": ("1000, 12", "list", "12, 1000"),
    "8; 40": ("8, 40", "list", "40, 8"),
    "5 (years old); 15 (years old)": ("5, 15", "list", "5, 15"),
}
WORDS = ("Yes", "Mrs. Hilt", "They are equal", "Lisa's soccer team", "The 60th caller.")


def _write(tmp_path: Path, *rows: dict[str, Any]) -> str:
    (tmp_path / "d.json").write_text(json.dumps(rows), encoding="utf-8")
    return str(tmp_path / "d.json")


@pytest.mark.parametrize("name", MATH)
def test_math(name: str, tmp_path: Path) -> None:
    row, columns, answer = MATH[name]
    task = make_task("math")
    (loaded,) = load_user_dataset(_write(tmp_path, row), task, columns)
    assert loaded["answer"] == answer
    assert task.score(loaded["solution"], loaded) == 1.0
    if name == "SVAMP":
        assert loaded["question"].endswith("of 25 dollars on each How much do you pay?")


@pytest.mark.parametrize("given", ASDIV)
def test_asdiv(given: str, tmp_path: Path) -> None:
    answer, answer_type, right = ASDIV[given]
    row = {"body": "Seven and two.", "question": "How many?", "solution_type": "Sum"}
    for kind in ("number", "auto"):
        task = make_task("math", answer_format="boxed", answer_type=kind)
        (loaded,) = load_user_dataset(_write(tmp_path, row | {"answer": given}), task)
        assert (loaded["answer"], loaded["answer_type"]) == (answer, answer_type)
        assert loaded["question"] == "Seven and two. How many?"
        assert task.score(loaded["solution"], loaded) == 1.0
        assert task.score(f"So \\boxed{{{right}}}.", loaded) == 1.0
        assert task.score("So \\boxed{77}.", loaded) == 0.0


@pytest.mark.parametrize("given", WORDS)
def test_asdiv_s_words_come_in_where_any_answer_may(given: str, tmp_path: Path) -> None:
    source = _write(tmp_path, {"body": "A.", "question": "Who?", "answer": given})
    task = make_task("math", answer_format="boxed", answer_type="auto")
    (loaded,) = load_user_dataset(source, task)
    assert (loaded["answer"], loaded["answer_type"]) == (given, "expression")
    assert task.score(f"\\boxed{{{given}}}", loaded) == 1.0
    assert task.score("\\boxed{Bob}", loaded) == 0.0
    with pytest.raises(DatasetError, match=r"expected a number.*set answer_type.*auto"):
        load_user_dataset(source, make_task("math"))
    with pytest.raises(DatasetError, match="which is all that answer_format last_number reads"):
        load_user_dataset(
            source, make_task("math", answer_format="last_number", answer_type="auto")
        )


@pytest.mark.parametrize(
    "given", ["12 (or 13)", "5 (million)", "9 (not apples)", "9 (about)", "9 (3 left)", "9 ()"]
)
def test_a_bracket_that_is_no_unit_is_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a number"):
        load_user_dataset(_write(tmp_path, {"question": "?", "answer": given}), make_task("math"))


def test_a_letter_where_any_answer_may_stand(tmp_path: Path) -> None:
    task = make_task("math", answer_format="boxed", answer_type="auto")
    rows = [{"question": "?", "answer": answer} for answer in ("B", "(C)", r"3\sqrt{13}", [3, 4])]
    loaded = load_user_dataset(_write(tmp_path, *rows), task)
    assert loaded["answer_type"] == ["choice", "choice", "expression", "list"]


MBPP = {
    "task_id": 2,
    "code": "def add(a, b):\n    return a + b",
    "test_list": ["assert add(1, 2) == 3", "assert add(2, 2) == 4", "assert add(0, 0) == 0"],
}


@pytest.mark.parametrize(
    ("row", "described"),
    [
        (MBPP | {"text": "Add.", "test_setup_code": "", "challenge_test_list": []}, "text"),
        (MBPP | {"prompt": "Add.", "source_file": "x", "test_imports": []}, "prompt"),
    ],
    ids=["full", "sanitized"],
)
def test_mbpp(row: dict[str, Any], described: str, tmp_path: Path) -> None:
    task = make_task("code")
    columns = [f"description={described}", "tests=test_list", "solution=code"]
    (loaded,) = load_user_dataset(_write(tmp_path, row), task, columns)
    assert task.score(loaded["solution"], loaded) == 1.0


def _chat(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": t} for i, t in enumerate(texts)]


READY = {
    "UltraFeedback, binarized": (
        ("sft", "dpo"),
        {
            "prompt": "Hi?",
            "prompt_id": "x",
            "chosen": _chat("Hi?", "Hello."),
            "rejected": _chat("Hi?", "No."),
            "messages": _chat("Hi?", "Hello."),
            "score_chosen": 8.0,
            "score_rejected": 4.0,
        },
    ),
    "UltraFeedback, trl-lib": (
        ("dpo",),
        {"chosen": _chat("Hi?", "Hello."), "rejected": _chat("Hi?", "No."), "score_chosen": 8.0},
    ),
    "alpaca": (
        ("sft",),
        {"instruction": "Add.", "input": "1, 2", "output": "3", "text": "Below is ..."},
    ),
    "LLaMA-Factory, alpaca": (
        ("sft",),
        {"instruction": "Add.", "input": "", "output": "3", "system": "S", "history": []},
    ),
    "LLaMA-Factory, pairs": (
        ("dpo",),
        {
            "conversations": [{"from": "human", "value": "Hi?"}],
            "chosen": {"from": "gpt", "value": "Hello."},
            "rejected": {"from": "gpt", "value": "No."},
        },
    ),
    "ShareGPT": (
        ("sft",),
        {
            "id": "a_0",
            "conversations": [
                {"from": "human", "value": "Hi?"},
                {"from": "gpt", "value": "Hello."},
            ],
        },
    ),
}


@pytest.mark.parametrize("name", READY)
def test_ready(name: str, tmp_path: Path) -> None:
    uses, row = READY[name]
    source = _write(tmp_path, row, row)
    for use in ("sft", "dpo"):
        if use in uses:
            assert len(ReadyDataset(source, use).load().examples) == 2
        else:
            with pytest.raises(DatasetError, match=r"has none of \w+|at least one message"):
                ReadyDataset(source, use).load()


def test_answers_with_scores_are_refused_in_a_sentence(tmp_path: Path) -> None:
    """UltraFeedback as it was published: four models' answers in a row."""
    row = {"source": "x", "instruction": "Hi?", "models": ["a"], "completions": [{"response": "a"}]}
    with pytest.raises(
        DatasetError, match=r"d\.json has none of messages; prompt and completion; "
    ):
        ReadyDataset(_write(tmp_path, row, row), "sft").load()
