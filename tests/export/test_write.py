"""From a run, a folder or an adapter to exported files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mrlm import ModelError, cli

Build = Callable[..., Any]


@pytest.fixture
def saved(tiny_llama: Build, bpe_tokenizer: Build) -> Callable[..., Any]:
    """``saved(folder, **config) -> model``: a tiny model with a tokenizer that merges."""

    def save(folder: Path, **config: Any) -> Any:
        tokenizer = bpe_tokenizer()
        model = tiny_llama(vocab_size=len(tokenizer), **config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return model

    return save


@pytest.fixture
def run_folder(saved: Callable[..., Any], tmp_path: Path) -> Path:
    """What a run leaves, as far as exporting reads it."""
    run = tmp_path / "demo"
    saved(run / "model")
    saved(run / "checkpoint-10", seed=1)
    (run / "config.json").write_text('{"task": "math"}')
    record = {"prompt": [{"role": "user", "content": "2 + 3?"}]}
    (run / "eval_after").mkdir()
    (run / "eval_after" / "records.jsonl").write_text(json.dumps(record) + "\n")
    return run


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(input_ids=torch.arange(3, 60)[None]).logits


def load(folder: Path, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, **options).eval()


def test_a_run_becomes_a_gguf_file_and_a_modelfile(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gguf")
    import torch

    assert cli.main(["export", str(run_folder)]) == 0

    said = capsys.readouterr()
    path = run_folder / "gguf" / "demo-f16.gguf"
    assert said.out == f"{path}\n" and "llama-server" in said.err and "ollama create" in said.err
    assert sorted(p.name for p in path.parent.iterdir()) == ["Modelfile", "demo-f16.gguf"]
    assert (path.parent / "Modelfile").read_text().startswith("FROM ./demo-f16.gguf\n")
    assert "SYSTEM" not in (path.parent / "Modelfile").read_text()
    again = load(path.parent, gguf_file=path.name)
    assert torch.allclose(logits(again), logits(load(run_folder / "model")), atol=0.02)


def test_nothing_is_replaced_without_being_told_to(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gguf")
    command = ["export", str(run_folder)]
    assert cli.main(command) == 0
    path = run_folder / "gguf" / "demo-f16.gguf"
    written = path.stat().st_mtime_ns

    assert cli.main(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    # The Modelfile names the other file.
    assert cli.main([*command, "--outtype", "q8_0"]) == 2
    assert path.stat().st_mtime_ns == written
    assert cli.main([*command, "--overwrite"]) == 0
    assert path.stat().st_mtime_ns > written
    capsys.readouterr()


def test_a_system_message_of_all_rows_is_kept(run_folder: Path) -> None:
    from mrlm.export.source import system_prompt

    records = run_folder / "eval_after" / "records.jsonl"
    first = {"prompt": [{"role": "system", "content": "Count."}, {"role": "user", "content": "1"}]}
    records.write_text(json.dumps(first) + "\n" + json.dumps(first) + "\n")
    assert system_prompt(run_folder) == "Count."
    records.write_text(
        json.dumps(first) + "\n" + json.dumps({"prompt": first["prompt"][1:]}) + "\n"
    )
    assert system_prompt(run_folder) is None
    assert system_prompt(run_folder.parent) is None and system_prompt(None) is None


def test_what_a_name_means(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mrlm.export.source import find_source

    run = find_source(str(run_folder))
    assert run == find_source(str(run_folder / "model")) == find_source(f"{run_folder}/")
    assert (run.name, run.run, run.output_dir("gguf")) == ("demo", run_folder, run_folder / "gguf")
    checkpoint = find_source(str(run_folder / "checkpoint-10"))
    assert (checkpoint.name, checkpoint.run) == ("demo-checkpoint-10", run_folder)
    assert checkpoint.output_dir("merged") == run_folder / "checkpoint-10-merged"
    monkeypatch.chdir(run_folder)
    assert find_source(".") == run
    hub = find_source("some-one/A model:1B")
    assert (hub.name, hub.path, hub.run) == ("A-model-1B", "some-one/A model:1B", None)
    assert hub.output_dir("gguf") == Path("A model:1B-gguf")
    assert find_source(None).name == "smollm2-135m"


def test_a_folder_without_a_model_says_what_is_in_it(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_folder / "model").rename(run_folder / "elsewhere")
    assert cli.main(["export", str(run_folder)]) == 2
    said = capsys.readouterr().err
    assert "holds no model" in said and "checkpoint-10, elsewhere" in said
    assert cli.main(["export", str(run_folder / "config.json")]) == 2
    assert "is a file" in capsys.readouterr().err
    assert cli.main(["export", str(run_folder / "nowhere")]) == 2
    assert "Allowed are" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--format", "onnx"], "gguf, merged"),
        (["--outtype", "q4_0"], "f16, q8_0"),
        (["--output_dir", "{model}"], "holds what is exported"),
        (["--format", "merged", "--output_dir", "{run}", "--overwrite"], "holds what is exported"),
        (["--format", "merged", "--output_dir", "{run}/eval_after"], "holds no model"),
    ],
)
def test_wrong_arguments(
    flags: list[str], said: str, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [flag.format(run=run_folder, model=run_folder / "model") for flag in flags]
    assert cli.main(["export", str(run_folder), *flags]) == 2
    assert said in capsys.readouterr().err
    assert (run_folder / "model" / "model.safetensors").is_file()


def test_without_the_package_gguf(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "gguf" else find(name, *a)
    )
    assert cli.main(["export", str(run_folder)]) == 2
    assert "pip install 'mrlm[embedded]'" in capsys.readouterr().err


LORA = {"r": 4, "target_modules": ["q_proj", "v_proj", "down_proj"]}
# Name: class of peft's config, its settings, whether the model ties its embeddings.
ADAPTERS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "LoRA": ("LoraConfig", LORA, True),
    "DoRA": ("LoraConfig", LORA | {"use_dora": True}, False),
    "IA3": (
        "IA3Config",
        {"target_modules": ["k_proj", "down_proj"], "feedforward_modules": ["down_proj"]},
        True,
    ),
    "LoRA on a tied lm_head": ("LoraConfig", {"r": 4, "target_modules": ["lm_head"]}, True),
    "LoRA on tied embeddings": ("LoraConfig", {"r": 4, "target_modules": ["embed_tokens"]}, True),
    "a tied lm_head of its own": ("LoraConfig", LORA | {"modules_to_save": ["lm_head"]}, True),
    "some tokens, tied": ("LoraConfig", LORA | {"trainable_token_indices": [5, 9, 20]}, True),
}


def adapt(base: Path, folder: Path, kind: str, settings: dict[str, Any]) -> Any:
    """Save an adapter that has learned something, and give the adapted model."""
    import peft
    import torch

    adapted = peft.get_peft_model(load(base), getattr(peft, kind)(**settings))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight += 0.15 * torch.randn_like(weight)
    adapted.save_pretrained(folder)
    return adapted.eval()


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_merged_into_its_base(
    name: str, saved: Callable[..., Any], tmp_path: Path
) -> None:
    import torch

    from mrlm.export import export_model

    kind, settings, tied = ADAPTERS[name]
    base = saved(tmp_path / "base", tie_word_embeddings=tied)
    adapted = adapt(tmp_path / "base", tmp_path / "run" / "model", kind, settings)
    expected = logits(adapted)
    assert (expected - logits(base)).abs().max() > 0.05

    merged = export_model(str(tmp_path / "run" / "model"), format="merged")

    assert merged == tmp_path / "run" / "model-merged"
    assert not (merged / "adapter_config.json").exists() and (merged / "tokenizer.json").is_file()
    assert torch.allclose(logits(load(merged)), expected, atol=1e-3)


def test_an_adapter_becomes_a_gguf_file(saved: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    import torch

    from mrlm.export import export_model

    saved(tmp_path / "base")
    adapted = adapt(tmp_path / "base", tmp_path / "mine", "LoraConfig", LORA)
    path = export_model(str(tmp_path / "mine"))
    assert path == tmp_path / "mine-gguf" / "mine-f16.gguf"
    again = load(path.parent, gguf_file=path.name)
    assert torch.allclose(logits(again), logits(adapted), atol=0.02)


def test_a_merged_model_has_its_bases_precision(saved: Callable[..., Any], tmp_path: Path) -> None:
    import torch

    from mrlm.export import export_model

    saved(tmp_path / "base").to(torch.bfloat16).save_pretrained(tmp_path / "base")
    adapt(tmp_path / "base", tmp_path / "mine", "LoraConfig", LORA)
    merged = export_model(str(tmp_path / "mine"), format="merged")
    assert load(merged, dtype="auto").dtype == torch.bfloat16


def test_an_adapter_that_no_weights_can_hold_is_refused(
    saved: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path / "base")
    settings = {"task_type": "CAUSAL_LM", "num_virtual_tokens": 3}
    adapt(tmp_path / "base", tmp_path / "mine", "PromptTuningConfig", settings)
    assert cli.main(["export", str(tmp_path / "mine"), "--format", "merged"]) == 2
    said = capsys.readouterr().err
    assert "PROMPT_TUNING" in said and "cannot be merged" in said
    assert not (tmp_path / "mine-merged").exists()


def test_a_merge_that_changes_the_model_is_refused(
    saved: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PEFT's own of one of two tied layers, which changes both."""
    from mrlm.export import export_model, source

    saved(tmp_path / "base")
    kind, settings, _ = ADAPTERS["LoRA on a tied lm_head"]
    adapt(tmp_path / "base", tmp_path / "mine", kind, settings)
    monkeypatch.setattr(source, "_untie", lambda model: None)
    with pytest.raises(ModelError, match="it changes log-probabilities by"):
        export_model(str(tmp_path / "mine"), format="merged")


def test_an_adapter_without_its_base_says_so(saved: Callable[..., Any], tmp_path: Path) -> None:
    from mrlm.export import export_model

    saved(tmp_path / "base")
    adapt(tmp_path / "base", tmp_path / "mine", "LoraConfig", LORA)
    (tmp_path / "base").rename(tmp_path / "gone")
    with pytest.raises(ModelError, match="base"):
        export_model(str(tmp_path / "mine"), format="merged")


def test_a_failure_leaves_what_was_there(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import PreTrainedTokenizerFast

    from mrlm.export import export_model

    merged = export_model(str(run_folder), format="merged")
    before = {p.name: p.stat().st_mtime_ns for p in merged.iterdir()}

    def fail(*args: Any, **options: Any) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedTokenizerFast, "save_pretrained", fail)
        with pytest.raises(OSError, match="no space"):
            export_model(str(run_folder), format="merged", overwrite=True)
    assert {p.name: p.stat().st_mtime_ns for p in merged.iterdir()} == before
    assert not [p for p in run_folder.iterdir() if p.name.startswith(".")]
    assert export_model(str(run_folder), format="merged", overwrite=True) == merged
