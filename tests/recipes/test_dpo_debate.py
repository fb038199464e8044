"""The recipe runs, with and without its SFT step and adapters, on a tiny model."""

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
    "--max_steps", "2", "--eval_rows", "6", "--train_rows", "4", "--num_generations", "2",
    "--max_new_tokens", "8", "--sft_batch_size", "2", "--per_device_train_batch_size", "2",
)  # fmt: skip


@pytest.mark.parametrize(
    "flags",
    [("--sft_rows", "8"), ("--sft_rows", "0"), ("--sft_rows", "8", "--use_peft", "--lora_r", "4"),
     ("--sft_rows", "0", "--use_peft", "--lora_r", "4")],
    ids=["sft", "no-sft", "sft-lora", "lora"],
)  # fmt: skip
def test_dpo_debate(
    flags: tuple[str, ...], tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    tiny, folder = tmp_path / "tiny", tmp_path / "run"
    tiny_llama(max_position_embeddings=4096).save_pretrained(tiny)
    tiny_tokenizer.save_pretrained(tiny)
    done = subprocess.run(
        [sys.executable, str(ROOT / "recipes" / "dpo_debate.py"),
         "--model_name_or_path", str(tiny), "--output_dir", str(folder), *SMALL, *flags],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "All: " in done.stdout and "sign-flip p" in done.stdout
    results = json.loads((folder / "results.json").read_text())
    assert results["comparison"]["num_pairs"] == 6
    for name in ("report.html", "config.json", "metrics.jsonl", "preferences.jsonl"):
        assert (folder / name).is_file(), name
    assert (folder / "eval_sft").is_dir() == ("8" in flags)
    steps = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps[-1]["step"] == 2
