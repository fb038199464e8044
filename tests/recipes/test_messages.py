"""What a run says on stderr: its own lines, and of a mistake one message."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
# Lines that are no warning: bars of mrlm and of others, a line for each step, and empty ones.
PROGRESS = re.compile(r"Evaluating on |.*\| \d+/\d+ \[.*\]|\w+: step \d+ of \d+|\s*$")


def start(script: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / script), *flags],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        (
            "ppo_math",
            ("--task", "tools", "--kinds", "single", "--activation_checkpointing", "true"),
        ),
        ("grpo_code", ("--task", "math", "--use_peft", "--merge_adapter")),
        ("dpo_debate", ("--activation_checkpointing", "true")),
        ("distill_math", ()),
    ],
)
def test_a_run_shows_no_warning_of_a_library(
    name: str, flags: tuple[str, ...], small: Any, tmp_path: Path
) -> None:
    words = [*small(name, max_steps="1"), "--output_dir", str(tmp_path / "run"), *flags]
    done = start(f"recipes/{name}.py", *words)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = re.split(r"[\r\n]", done.stderr)
    assert any(line.startswith("Evaluating on") for line in lines)
    assert [line for line in lines if not PROGRESS.match(line)] == []
