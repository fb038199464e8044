"""Recipes as modules, and a tiny model whose context holds a prompt with tools, byte by byte."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {
    "max_steps": "2",
    "eval_rows": "4",
    "train_rows": "16",
    "eval_max_new_tokens": "6",
    "per_device_train_batch_size": "4",
}
SAMPLING = {"max_completion_length": "6", "num_generations": "2"}
WARMUP = {"sft_rows": "8", "sft_batch_size": "4"}
SIZES = {
    "ppo_math": SMALL | SAMPLING | WARMUP,
    "grpo_code": SMALL | SAMPLING | WARMUP,
    "grpo_multitask": SMALL | SAMPLING,
    "sft_tools": SMALL,
    "dpo_debate": SMALL | WARMUP | {"num_generations": "2"},
    "distill_math": SMALL
    | {"max_completion_length": "6", "gradient_accumulation_steps": "2", "train_rows": "32"},
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes take every core; a tiny model only loses by it, and more where others compute."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """``recipe(name)``: its module; scripts are no package, so their folder goes on the path."""
    monkeypatch.syspath_prepend(str(ROOT / "recipes"))
    return importlib.import_module


@pytest.fixture
def tiny_folder(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> str:
    tiny_llama(max_position_embeddings=4096).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def small_flags(name: str, model: str, **sizes: str) -> list[str]:
    """Flags with which a recipe is done in seconds; ``sizes`` are others."""
    sizes = SIZES[name] | {"model_name_or_path": model} | sizes
    if name == "distill_math":
        sizes = {"teacher_model_name_or_path": model} | sizes
    return [word for size, value in sizes.items() for word in (f"--{size}", value)]


@pytest.fixture
def small(tiny_folder: str) -> Callable[..., list[str]]:
    """``small(name, **sizes)``: ``small_flags`` with the tiny model."""
    return lambda name, **sizes: small_flags(name, tiny_folder, **sizes)


class Run:
    """A recipe's run on the tiny model, in this process."""

    def __init__(self, main: Callable[[list[str]], None], name: str, model: str, folder: Path):
        self.main, self.name, self.model, self.folder = main, name, model, folder

    def __call__(self, *flags: str, **sizes: str) -> dict[str, Any]:
        """Run it with these flags; returns ``results.json``."""
        words = small_flags(self.name, self.model, **sizes)
        self.main([*words, "--output_dir", str(self.folder), *flags])
        return self.json("results.json") if (self.folder / "results.json").is_file() else {}

    def json(self, name: str) -> Any:
        text = (self.folder / name).read_text(encoding="utf-8")
        if name.endswith(".jsonl"):
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text)


@pytest.fixture
def run(recipe: Any, tiny_folder: str, tmp_path: Path) -> Callable[[str], Run]:
    """``run(name)(*flags)``."""
    return lambda name: Run(recipe(name).main, name, tiny_folder, tmp_path / "run")
