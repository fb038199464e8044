"""The recipe runs on a tiny model, with and without the imitation stage and LoRA."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SMALL = (
    "--max_steps", "2", "--eval_rows", "8", "--train_rows", "16", "--max_completion_length", "6",
    "--eval_max_new_tokens", "6", "--per_device_train_batch_size", "4", "--num_generations", "2",
)  # fmt: skip


@pytest.mark.parametrize("flags", [("--sft_rows", "0"), ("--sft_rows", "16", "--use_peft")])
def test_grpo_code(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    tiny_llama(max_position_embeddings=2048).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    folder = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--cpu",
         str(ROOT / "recipes" / "grpo_code.py"), "--model_name_or_path", str(tmp_path / "tiny"),
         "--output_dir", str(folder), *SMALL, *flags],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=600,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    results = json.loads((folder / "results.json").read_text())
    assert results["comparison"]["num_pairs"] == 8
    assert (folder / "eval_sft").is_dir() == ("--use_peft" in flags)
    for name in ("report.html", "config.json", "metrics.jsonl", "model"):
        assert (folder / name).exists(), name
