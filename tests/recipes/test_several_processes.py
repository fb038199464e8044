"""The recipes as they are under real ``torchrun``, two CPU processes: DDP, FSDP2, DeepSpeed.

``tests/fsdp_on_cpu.py`` and ``tests/deepspeed_on_cpu.py`` say how the latter two run without GPUs.
That two processes learn what one does is ``tests/ppo/test_distributed.py``'s business.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.distributed]

TESTS = Path(__file__).parents[1]
RECIPES = TESTS.parent / "recipes"
EVAL_ROWS = 5  # an odd number: the shares of two processes differ
NEW_TOKENS = 6
SMALL = f"--max_steps 2 --eval_rows {EVAL_ROWS} --train_rows 16 --eval_max_new_tokens {NEW_TOKENS}"
SAMPLING = f"{SMALL} --sft_rows 8 --sft_batch_size 4 --num_generations 2"
ONLINE = f"{SAMPLING} --max_completion_length {NEW_TOKENS} --per_device_train_batch_size 2"
FLAGS = {
    "ppo_math": ONLINE,
    "grpo_code": ONLINE,
    "sft_tools": f"{SMALL} --per_device_train_batch_size 2",
    # Fast enough for the tiny model to say something else afterwards.
    "dpo_debate": f"{SAMPLING} --per_device_train_batch_size 2 --learning_rate 1e-2"
    " --sft_learning_rate 1e-2",
}
LORA = "--use_peft --lora_r 4"


def torchrun(*words: str) -> str:
    """Start two processes; returns what they printed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc_per_node=2", *words],
        env=os.environ | {"PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return done.stdout


def recipe(name: str, model: str, folder: Path, *flags: str) -> list[str]:
    own = ["--model_name_or_path", model, "--output_dir", str(folder)]
    return [str(RECIPES / f"{name}.py"), *own, *FLAGS[name].split(), *flags]


def read(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def answers(folder: Path, records: list[Any]) -> list[str]:
    """What the exported model says, sampled in this process."""
    from mrlm.models.loading import encode_prompts, load_model, render_prompt
    from mrlm.sampling.generator import Generator
    from mrlm.sampling.types import SamplingParams

    model, tokenizer = load_model(str(folder))
    prompts = [render_prompt(tokenizer, record["prompt"]) for record in records]
    completions = Generator(model, tokenizer).generate(
        encode_prompts(tokenizer, prompts), SamplingParams(NEW_TOKENS, temperature=0.0)
    )
    return [tokenizer.decode(c.token_ids, skip_special_tokens=True) for c in completions]


def check(folder: Path) -> None:
    """A whole run folder whose model, loaded by itself, says what it said when it was measured."""
    from transformers import AutoModelForCausalLM

    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["comparison"]["num_pairs"] == EVAL_ROWS
    assert (folder / "report.html").is_file()
    before, after = (read(folder / f"eval_{x}" / "records.jsonl") for x in ("before", "after"))
    ids = [record["id"] for record in after]
    assert len(set(ids)) == EVAL_ROWS and ids == [record["id"] for record in before]
    assert read(folder / "metrics.jsonl")[-1]["step"] == 2
    # Nothing half-written is left over.
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    _, report = AutoModelForCausalLM.from_pretrained(folder / "model", output_loading_info=True)
    assert not any(report.values()), report
    said = [record["completion"] for record in after]
    if folder.name.startswith("dpo"):
        assert said != [record["completion"] for record in before]
    if not folder.name.startswith("sft"):  # whose task has tools
        assert said == answers(folder / "model", after)


@pytest.mark.parametrize("name", FLAGS)
def test_plain_torchrun(name: str, tiny_folder: str, tmp_path: Path) -> None:
    printed = torchrun(*recipe(name, tiny_folder, tmp_path / name))
    check(tmp_path / name)
    assert printed.count("Report:") == 1


@pytest.mark.parametrize("starter", [(), (str(TESTS / "fsdp_on_cpu.py"),)], ids=["ddp", "fsdp2"])
def test_distillation(starter: tuple[str, ...], tiny_folder: str, tmp_path: Path) -> None:
    """Student and teacher, both shared out where weights are."""
    own = f"--model_name_or_path {tiny_folder} --teacher_model_name_or_path {tiny_folder}"
    flags = f"{SMALL} --max_completion_length {NEW_TOKENS} --per_device_train_batch_size 2"
    words = f"{own} {flags} --gradient_accumulation_steps 2 --output_dir {tmp_path / 'run'}".split()
    printed = torchrun(*starter, str(RECIPES / "distill_math.py"), *words)
    check(tmp_path / "run")
    assert printed.count("Report:") == 1


def test_fsdp2(tiny_folder: str, tmp_path: Path) -> None:
    """All four, two of them with LoRA, too, in one start; every row is done by one process."""
    notes = tmp_path / "notes"
    notes.mkdir()
    runs = {name: recipe(name, tiny_folder, tmp_path / name) for name in FLAGS}
    for name in ("ppo_math", "dpo_debate"):
        folder = tmp_path / f"{name}_lora"
        runs[folder.name] = recipe(name, tiny_folder, folder, *LORA.split(), "--merge_adapter")
    words = [word for run in runs.values() for word in ("+", *run)]
    script = str(Path(__file__).with_name("noted_runs.py"))
    printed = torchrun(str(TESTS / "fsdp_on_cpu.py"), script, str(notes), *words[1:])
    assert printed.count("Report:") == len(runs)
    done = [Counter((notes / rank).read_text("utf-8").splitlines()) for rank in "01"]
    expected: Counter[str] = Counter()
    for name in runs:
        folder = tmp_path / name
        check(folder)
        for stage in folder.glob("eval_*"):
            expected.update(f"{name} {record['id']}" for record in read(stage / "records.jsonl"))
    measured = Counter(
        {row: count for row, count in (done[0] + done[1]).items() if row in expected}
    )
    assert measured == expected
    # What else was sampled: pairs for DPO, two answers each of 16 rows.
    others = (done[0] + done[1]) - measured
    assert {row.split()[0] for row in others} == {"dpo_debate", "dpo_debate_lora"}
    assert len(others) == 32 and set(others.values()) == {2}
    assert min(share.total() for share in done) > 0.3 * (done[0] + done[1]).total()


@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="needs deepspeed")
@pytest.mark.parametrize(
    ("config", "name"),
    [(c, name) for c in ("zero2", "zero3") for name in FLAGS if (c, name) != ("zero3", "ppo_math")],
)
def test_deepspeed(config: str, name: str, tiny_folder: str, tmp_path: Path) -> None:
    script = str(TESTS / "deepspeed_on_cpu.py")
    printed = torchrun(script, config, *recipe(name, tiny_folder, tmp_path / name))
    check(tmp_path / name)
    assert printed.count("Report:") == 1


@pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="needs deepspeed")
def test_ppo_refuses_zero3_before_any_work(tiny_folder: str, tmp_path: Path) -> None:
    script = str(TESTS / "deepspeed_on_cpu.py")
    with pytest.raises(AssertionError, match="ZeRO-3 shards the value function"):
        torchrun(script, "zero3", *recipe("ppo_math", tiny_folder, tmp_path / "run"))
    assert not (tmp_path / "run").exists()
