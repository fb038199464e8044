"""docs/notebook.ipynb is clean, and its cells run in order, on a tiny model."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mrlm.evaluation.evaluation import Evaluation
from mrlm.models.loading import load_model
from mrlm.tasks.math import math_task

PAGE = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
NOTEBOOK = json.loads(PAGE.read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
SMALL = {
    "TRAIN_ROWS": 16,
    "EVAL_ROWS": 6,
    "MAX_STEPS": 2,
    "BATCH_SIZE": 8,
    "NUM_GENERATIONS": 4,
    "MAX_NEW_TOKENS": 6,
    "SEED": 1,
    "OUTPUT_DIR": "out",
}
# A random model answers nothing right, and where all earn the same the weights stay as they are.
# Not above 0: answers that are cut earn 0 at most.
REWARD = """
from dataclasses import replace


def length_reward(completions, **columns):
    return [-float(len(completion[-1]["content"])) for completion in completions]


task = replace(task, reward_funcs=(*task.reward_funcs, length_reward))
"""
# What the cells left, for the test to read.
LEFT = """
import json
with open("left.json", "w") as file:
    json.dump({"steps": trainer.state.global_step, "comparison": comparison.to_dict(),
               "report": str(report), "paid": paid, "train": len(train)}, file)
"""


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _is_parameters(cell: dict[str, Any]) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


def _script(parameters: dict[str, Any]) -> str:
    """The code cells one after the other, the parameters with other values, one more reward."""
    values = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    parts = []
    for cell in CODE:
        parts.append(values if _is_parameters(cell) else _source(cell))
        parts += [REWARD] if cell["id"] == "data" else []
    return "\n\n".join([*parts, LEFT])


def test_the_file_is_a_notebook_without_outputs() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    assert NOTEBOOK["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{1,63}", name) for name in ids)
    for cell in NOTEBOOK["cells"]:
        lines = cell["source"]
        assert cell["cell_type"] in ("code", "markdown") and lines and lines[-1].strip()
        assert all(line.endswith("\n") for line in lines[:-1]) and not lines[-1].endswith("\n")
        assert set(cell) == {"cell_type", "id", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    # As Jupyter writes it, so that running and clearing it changes nothing.
    text = json.dumps(NOTEBOOK, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert PAGE.read_text(encoding="utf-8") == text


def test_its_links_lead_somewhere() -> None:
    text = "".join(_source(cell) for cell in NOTEBOOK["cells"])
    links = re.findall(r"\]\(([\w./]+)\)", text)
    assert links and all((PAGE.parent / link).is_file() for link in links)


def test_parameters_stand_in_one_cell_and_are_all_used() -> None:
    (cell,) = filter(_is_parameters, CODE)
    names = {target.id for node in ast.parse(_source(cell)).body for target in node.targets}  # type: ignore[attr-defined]
    assert names == {*SMALL, "MODEL"}
    for later in CODE[CODE.index(cell) + 1 :]:
        names -= {
            node.id for node in ast.walk(ast.parse(_source(later))) if isinstance(node, ast.Name)
        }
    assert not names, "no cell reads these"


@pytest.mark.integration
def test_its_cells_run(tiny_folder: str, tmp_path: Path) -> None:
    script = tmp_path / "notebook.py"
    script.write_text(_script(SMALL | {"MODEL": tiny_folder}), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    left = json.loads((tmp_path / "left.json").read_text(encoding="utf-8"))
    assert left["steps"] == SMALL["MAX_STEPS"] and left["train"] == SMALL["TRAIN_ROWS"]
    assert [name for name, value in left["paid"].items() if value] == ["right"]
    lenient = re.findall(r"lenient 1.0: ([a-z ]+)", run.stdout)
    assert lenient == ["right", "a second try", "any words"]  # as the text above that cell says

    comparison, folder = left["comparison"], tmp_path / "out"
    before, after = (Evaluation.load(folder / f"eval_{when}") for when in ("before", "after"))
    rows = math_task("last_number", difficulties=["easy"]).build_dataset(6, 0, "test")["id"]
    for evaluation in (before, after):
        assert [record.id for record in evaluation.records] == list(rows)
    assert comparison["num_pairs"] == 6 and comparison["test"] == "exact McNemar"
    gain = (after.summary.accuracy or 0) - (before.summary.accuracy or 0)
    assert comparison["difference"] == pytest.approx(gain)
    assert comparison["interval"]["low"] <= gain <= comparison["interval"]["high"]
    assert f"p = {comparison['p_value']:.4f} (exact McNemar, 6 rows)" in run.stdout
    assert "questions in both splits: 0" in run.stdout

    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["comparison"] == comparison
    assert {phase["name"] for phase in results["phases"]} == {
        "Evaluation before",
        "PPO training",
        "Evaluation after",
    }
    assert (tmp_path / left["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (folder / "model" / "README.md").is_file()
    weights = [
        load_model(str(path))[0].state_dict() for path in (Path(tiny_folder), folder / "model")
    ]
    assert any(not torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert len((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) >= 2
