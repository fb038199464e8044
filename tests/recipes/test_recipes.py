"""The recipes run: a handful of pairs of algorithm and task here, all of them in the slow tests."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mrlm.experiment.pace import Pace
from mrlm.runs.result import RunResult

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
RECIPES = ("ppo_math", "grpo_code", "sft_tools", "dpo_debate", "distill_math")
TASKS = ("math", "code", "debate", "tools")


def check(run: Any, results: dict[str, Any], task: str) -> None:
    """A whole run folder, of the right task, that says what happened."""
    assert results["comparison"]["settings"]["task"] == task
    assert results["comparison"]["num_pairs"] == 4
    for name in ("report.html", "config.json", "metrics.jsonl", "eval_before/records.jsonl"):
        assert (run.folder / name).is_file(), name
    assert not (run.folder / "live.json").exists()  # it has ended
    last = run.json("metrics.jsonl")[-1]
    assert last["step"] == run.json("config.json")["max_steps"]
    assert math.isfinite(last["train_loss"])


def launch(script: str, *flags: str) -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--cpu",
            str(ROOT / "recipes" / script),
            *flags,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_ppo_math_under_accelerate_launch(tiny_folder: str, tmp_path: Path) -> None:
    launch(
        "ppo_math.py",
        "--model_name_or_path",
        tiny_folder,
        "--output_dir",
        str(tmp_path / "run"),
        "--max_steps",
        "2",
        "--eval_rows",
        "4",
        "--train_rows",
        "16",
        "--num_generations",
        "2",
        "--max_completion_length",
        "6",
        "--per_device_train_batch_size",
        "8",
    )
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["comparison"]["num_pairs"] == 4
    assert (tmp_path / "run" / "model" / "value_head.safetensors").is_file()
    assert not (tmp_path / "run" / "sft").exists()


def test_all_weights_warm_up_and_a_new_adapter_goes_on(run: Any) -> None:
    """The warm-up moves what the adapter cannot, and the export holds it."""
    from safetensors.torch import load_file

    grpo = run("grpo_code")
    flags = ("--use_peft", "--lora_r", "4", "--learning_rate", "0.05", "--merge_adapter")
    grpo("--task", "math", *flags, "--sft_all_weights", "--sft_learning_rate", "0.05")
    assert not (grpo.folder / "sft" / "adapter_config.json").exists()
    start, sft, model = (
        load_file(f"{folder}/model.safetensors")
        for folder in (grpo.model, grpo.folder / "sft", grpo.folder / "model")
    )
    embeddings, queries = "model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"
    assert not sft[embeddings].equal(start[embeddings])
    assert model[embeddings].equal(sft[embeddings])  # the adapter is on queries and values
    assert sft.keys() == model.keys() and not sft[queries].equal(start[queries])
    adapter = load_file(grpo.folder / "adapter" / "adapter_model.safetensors")
    assert any("q_proj" in name for name in adapter)


def test_lora_goes_on_from_warm_up_to_grpo_and_is_merged(run: Any) -> None:
    """The adapter of the warm-up is the one that GRPO trains, and the export is a plain model."""
    import torch
    from safetensors.torch import load_file

    from mrlm.models.loading import load_model

    grpo = run("grpo_code")
    lora = ("--use_peft", "--lora_r", "4", "--learning_rate", "1e-9", "--sft_learning_rate", "0.05")
    results = grpo("--task", "math", *lora, "--merge_adapter")
    check(grpo, results, "math")
    assert (grpo.folder / "eval_sft" / "records.jsonl").is_file()
    kept = RunResult.from_run(grpo.folder)
    assert (kept.algorithm, kept.task, kept.seed, kept.steps) == ("GRPO", "math", 42, 2)
    assert kept.settings["use_peft"] and kept.settings["sft_rows"] == 8
    assert [len(scores) for scores in kept.scores.values()] == [4, 4, 4]
    assert any(note.startswith("The SFT warm-up") for note in results["notes"])
    after_sft, after = (
        load_file(grpo.folder / stage / "adapter_model.safetensors") for stage in ("sft", "adapter")
    )
    assert any(tensor.abs().max() > 0.01 for name, tensor in after.items() if "lora_B" in name)
    torch.testing.assert_close(after, after_sft, atol=1e-5, rtol=0)
    assert not (grpo.folder / "model" / "adapter_config.json").exists()
    merged = dict(load_model(str(grpo.folder / "model"))[0].named_parameters())
    base = dict(load_model(grpo.model)[0].named_parameters())
    name = "model.layers.0.self_attn.q_proj.weight"
    key = f"base_model.model.{name.removesuffix('weight')}lora_"
    product = after[f"{key}B.weight"] @ after[f"{key}A.weight"]
    # Scaled by lora_alpha / lora_r, 32 / 4.
    torch.testing.assert_close(merged[name], base[name] + 8 * product, atol=1e-5, rtol=1e-4)


def test_dpo_on_tools_after_warm_up(run: Any) -> None:
    """Pairs are turns: nothing that a tool said stands in what is preferred or rejected."""
    dpo = run("dpo_debate")
    check(dpo, dpo("--task", "tools", "--kinds", "single"), "tools")
    pairs = dpo.json("preferences.jsonl")
    assert pairs and all(pair["tools"] for pair in pairs)
    for pair in pairs:
        assert pair["prompt"][-1]["role"] in ("user", "tool")
        assert [m["role"] for m in pair["chosen"] + pair["rejected"]] == ["assistant"] * 2
    config = json.loads((dpo.folder / "sft" / "config.json").read_text())
    assert config["model_type"] == "llama"


def test_sft_on_a_dataset_of_the_user_s(run: Any, tmp_path: Path) -> None:
    """Its rows are what is trained on and measured on, and what is dropped is told."""
    rows = [f"What is {i} + 4?,{i + 4}" for i in range(9)]
    (tmp_path / "train.csv").write_text("\n".join(["q,a", *rows, "Hm?,none"]), encoding="utf-8")
    (tmp_path / "held_out.csv").write_text("\n".join(["q,a", *rows[:4]]), encoding="utf-8")
    sft = run("sft_tools")
    results = sft(
        "--task",
        "math",
        "--dataset_name",
        str(tmp_path / "train.csv"),
        "--drop_invalid",
        "--eval_dataset_name",
        str(tmp_path / "held_out.csv"),
        "--columns",
        "question=q",
        "answer=a",
    )
    check(sft, results, "math")
    assert results["notes"][:3] == [
        "held_out.csv: 4 rows to evaluate on.",
        "train.csv: 9 rows to train on, 1 dropped that do not fit.",
        "Rows left out of the training because they are held out: 4.",
    ]
    records = sft.json("eval_after/records.jsonl")
    assert [record["reference"]["question"] for record in records] == [
        f"What is {i} + 4?" for i in range(4)
    ]
    with pytest.raises(SystemExit):
        sft("--dataset_name", "x.csv", "--train_file", "y.jsonl")


def test_ppo_on_a_dataset_of_the_user_s(run: Any, tmp_path: Path) -> None:
    lines = "".join(f'{{"q": "What is {i} - 1?", "a": {i - 1}}}\n' for i in range(1, 9))
    (tmp_path / "own.jsonl").write_text(lines, encoding="utf-8")
    ppo = run("ppo_math")
    results = ppo(
        "--dataset_name", str(tmp_path / "own.jsonl"), "--columns", "question=q", "answer=a"
    )
    check(ppo, results, "math")
    assert "SFT warm-up on 8 worked solutions of your rows." in results["notes"]
    asked = [line["prompt"][0]["content"] for line in ppo.json("completions.jsonl")]
    assert asked and all(" - 1?" in prompt for prompt in asked)


def test_a_stopped_run_evaluates_and_warms_up_once(run: Any, tmp_path: Path) -> None:
    ppo = run("ppo_math")
    saving = ("--task", "debate", "--save_steps", "1", "--kinds", "closed")
    ppo(*saving, max_steps="1")
    before = (ppo.folder / "eval_before" / "records.jsonl").stat().st_mtime_ns
    warmed_up = (ppo.folder / "sft" / "model.safetensors").stat().st_mtime_ns
    check(ppo, ppo(*saving, "--resume_from_checkpoint", "true"), "debate")
    assert (ppo.folder / "eval_before" / "records.jsonl").stat().st_mtime_ns == before
    assert (ppo.folder / "sft" / "model.safetensors").stat().st_mtime_ns == warmed_up


def test_demo_tells_its_phases(
    recipe: Any, tiny_folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe("demo").main(
        [
            "--model_name_or_path",
            tiny_folder,
            "--output_dir",
            str(tmp_path / "run"),
            "--max_steps",
            "2",
            "--eval_rows",
            "8",
            "--train_rows",
            "32",
            "--num_generations",
            "2",
            "--max_completion_length",
            "6",
            "--per_device_train_batch_size",
            "8",
        ]
    )
    told = capsys.readouterr().out
    for phase in (
        "Data",
        "Configuration",
        "Model",
        "Policy environment",
        "Evaluation environments",
        "Evaluation before",
        "PPO training",
        "Evaluation after",
    ):
        assert phase in told
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("flags", "seconds", "steps"),
    [
        ((), 100.0, 4),  # five would end too late
        (("--minutes", "5"), 100.0, 1),
        ((), 0.5, 6),
        (("--max_steps", "5", "--minutes", "1"), 100.0, 5),
    ],
)
def test_demo_fits_its_steps_into_its_minutes(
    flags: tuple[str, ...],
    seconds: float,
    steps: int,
    recipe: Any,
    tiny_folder: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    demo = recipe("demo")
    monkeypatch.setattr(demo, "ALL_STEPS", 6)
    monkeypatch.setattr(demo, "measure_pace", lambda *_: Pace(seconds / 4, seconds * 3 / 4))
    monkeypatch.setattr(demo, "seconds_beside_training", lambda run: 120.0)
    sizes = {"eval_rows": "4", "train_rows": "32", "num_generations": "2"}
    sizes |= {"max_completion_length": "6", "per_device_train_batch_size": "4"}
    sizes |= {"model_name_or_path": tiny_folder, "output_dir": str(tmp_path / "run")}
    demo.main([word for name, value in sizes.items() for word in (f"--{name}", value)] + [*flags])
    told = " ".join(capsys.readouterr().out.split())
    assert f"for {steps} steps, {(steps * seconds + 120) / 60:.1f} for everything" in told
    assert ("of 6 steps, to fit into" in told) == (steps in (1, 4))
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert sum("reward" in line for line in log) == steps
    # Planned for so many: the last step's rate is that of a schedule that ends with it.
    rates = [line["learning_rate"] for line in log if "reward" in line]
    assert rates[-1] == pytest.approx(rates[0] / steps)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["max_steps"] == steps


def test_multitask_measures_each_task(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    mixed = run("grpo_multitask")
    mixed("--mixture", "math=1", "debate=1")
    told = capsys.readouterr().out
    assert "math: no difference" in told and "debate: no difference" in told
    for task in ("math", "debate"):
        results = mixed.json(f"{task}/results.json")
        assert results["comparison"]["settings"]["task"] == task
        assert (mixed.folder / task / "report.html").is_file()
    logs = [log for log in mixed.json("metrics.jsonl") if "reward" in log]
    assert all({"rewards/debate_reward/mean", "frac_none_correct"} <= log.keys() for log in logs)


def test_distillation_from_another_model(
    run: Any, tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    """The student comes nearer to a teacher of another size, which is evaluated, too."""
    teacher = tiny_llama(seed=7, num_hidden_layers=1, hidden_size=32, max_position_embeddings=4096)
    teacher.save_pretrained(tmp_path / "teacher")
    tiny_tokenizer.save_pretrained(tmp_path / "teacher")
    distill = run("distill_math")
    flags = ("--teacher_model_name_or_path", str(tmp_path / "teacher"), "--learning_rate", "1e-2")
    results = distill(*flags, max_steps="12", train_rows="96")
    check(distill, results, "math")
    losses = [line["loss"] for line in distill.json("metrics.jsonl") if "loss" in line]
    assert len(losses) == 12 and losses[-1] < losses[0] / 2
    assert any(note.startswith("The teacher: ") for note in results["notes"])
    assert len(distill.json("eval_teacher/records.jsonl")) == 4
    kept = RunResult.from_run(distill.folder)
    assert (kept.algorithm, kept.steps) == ("Distillation", 12)


def test_distillation_on_tools_takes_every_turn(run: Any) -> None:
    distill = run("distill_math")
    results = distill("--task", "tools", "--kinds", "single", "--use_peft", "--lora_r", "4")
    check(distill, results, "tools")
    assert distill.json("metrics.jsonl")[0]["completions/mean_length"] <= 6


def test_no_teacher_is_told_before_anything_is_loaded(recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="No teacher: name one with --teacher_model_name_or_path"):
        recipe("distill_math").main(["--output_dir", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_algorithm_on_every_task(name: str, task: str, run: Any) -> None:
    one = run(name)
    check(one, one("--task", task, max_steps="3"), task)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_algorithm_on_every_task_with_lora(name: str, task: str, run: Any) -> None:
    one = run(name)
    check(one, one("--task", task, "--use_peft", "--lora_r", "4", max_steps="3"), task)


@pytest.mark.slow
def test_demo_on_the_embedded_model(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    launch("demo.py", "--max_steps", "3", "--eval_rows", "64", "--output_dir", str(folder))
    results = json.loads((folder / "results.json").read_text())
    comparison = results["comparison"]
    assert comparison["num_pairs"] == 64
    assert 0 <= comparison["p_value"] <= 1
    assert comparison["test"].startswith("exact McNemar")
    for part in ("eval_before", "eval_after"):
        assert len((folder / part / "records.jsonl").read_text().splitlines()) == 64
    from mrlm.models.loading import load_model

    load_model(str(folder / "model"))


@pytest.mark.slow
def test_distillation_on_the_embedded_model(tmp_path: Path) -> None:
    """From a copy of it that a little SFT has changed."""
    small = ("--task", "math", "--max_steps", "3", "--eval_rows", "8")
    launch("sft_tools.py", *small, "--train_rows", "64", "--output_dir", str(tmp_path / "sft"))
    teacher, folder = str(tmp_path / "sft" / "model"), tmp_path / "run"
    flags = ("--teacher_model_name_or_path", teacher, "--output_dir", str(folder))
    launch("distill_math.py", *small, *flags)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    losses = [log["loss"] for log in map(json.loads, lines) if "loss" in log]
    assert len(losses) == 3 and all(loss > 0 for loss in losses)
    for stage in ("before", "teacher", "after"):
        assert len((folder / f"eval_{stage}" / "records.jsonl").read_text().splitlines()) == 8
    from mrlm.models.loading import load_model

    load_model(str(folder / "model"))
