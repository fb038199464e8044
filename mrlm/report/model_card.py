"""``model/README.md`` of a run folder: data, algorithm, results and limits, in the Hub's format.

Made from the folder's JSON alone, as the report is. It takes the place of the draft that TRL or
PEFT writes; nothing in it needs editing before a push, but the licence, which is the base model's,
has to be added.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from mrlm.files import read_json, write_text
from mrlm.report import format
from mrlm.runs.folder import CONFIG_FILE, MODEL_FOLDER, RESULTS_FILE
from mrlm.runs.result import TRAINER_SETTINGS

CARD_FILE = "README.md"

# The Hub's id of the model that comes with a package of its own, by the name it has here.
_EMBEDDED = "HuggingFaceTB/SmolLM2-135M-Instruct"
# What a reader asks about a training, in the order of the table.
_SETTINGS = (
    "max_steps",
    "num_train_epochs",
    *TRAINER_SETTINGS,
    "gamma",
    "lam",
    "loss_type",
    "use_peft",
    "sft_rows",
    "curriculum",
    "resample_rounds",
    "seed",
)


def write_model_card(folder: str | Path) -> Path:
    """Make ``model/README.md`` from ``results.json`` and ``config.json`` of a run folder.

    Returns:
        Where the card is.

    Raises:
        FileNotFoundError: The folder holds no finished run, or no model.
        ValueError: A file is not JSON.
    """
    folder = Path(folder)
    for name in (RESULTS_FILE, CONFIG_FILE, MODEL_FOLDER):
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder} holds no {name}: name the folder of a finished run")
    results, config = read_json(folder / RESULTS_FILE), read_json(folder / CONFIG_FILE)
    is_adapter = (folder / MODEL_FOLDER / "adapter_config.json").is_file()
    path = folder / MODEL_FOLDER / CARD_FILE
    write_text(path, render_model_card(results, config, is_adapter=is_adapter))
    return path


def render_model_card(
    results: Mapping[str, Any], config: Mapping[str, Any], *, is_adapter: bool
) -> str:
    """The card as text; arguments as in ``results.json`` and ``config.json``."""
    from huggingface_hub import EvalResult, ModelCardData

    comparison = results["comparison"]
    settings = comparison["settings"]
    base = _base_model(config)
    data = ModelCardData(
        base_model=base,
        library_name="peft" if is_adapter else "transformers",
        pipeline_tag="text-generation",
        tags=["mrlm", "trl", settings["task"]],
        model_name=results["title"],
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type=f"mrlm-{settings['task']}",
                dataset_name=f"mrlm {settings['task']}, {settings['split']} rows",
                metric_type="accuracy",
                metric_value=round(comparison["accuracy_after"]["accuracy"], 4),
            )
        ],
    )
    sections = (
        f"# {results['title']}",
        format.verdict(comparison),
        "## Results\n\n" + _results(comparison),
        "## Data\n\n" + _data(config, settings),
        "## Training\n\n" + _training(results, config, base),
        "## Use\n\n" + _use(is_adapter, base),
        "## Limits\n\n" + _limits(results, settings),
    )
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(sections) + "\n"


def _base_model(config: Mapping[str, Any]) -> str | None:
    """Its id on the Hub; ``None`` for a folder, whose name says nothing to others."""
    name = config.get("model")
    if name in (None, "smollm2-135m"):
        return _EMBEDDED
    return str(name) if str(name).count("/") <= 1 and not Path(str(name)).exists() else None


def _results(comparison: Mapping[str, Any]) -> str:
    lines = ["| | Rows | Before | After | Points |", "|---|---:|---:|---:|---:|"]
    for name, group in comparison["by_kind"].items():
        lines.append(
            f"| {_cell(name)} | {group['num_rows']} | {format.percent(group['before'])} "
            f"| {format.percent(group['after'])} | {format.points(group['difference'])} |"
        )
    before, after = comparison["accuracy_before"], comparison["accuracy_after"]
    lines.append(
        f"| **all** | {comparison['num_pairs']} | {format.percent(before['accuracy'])} "
        f"| **{format.percent(after['accuracy'])}** "
        f"| {format.points(comparison['difference'])} |"
    )
    low, high = (format.points(comparison["interval"][end]) for end in ("low", "high"))
    return "\n".join(lines) + (
        f"\n\n95% interval of the difference {low} to {high} points, "
        f"{format.p_value(comparison['p_value'])} ({comparison['test']}, paired by row)."
    )


def _data(config: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    chosen = [
        f"{name} {', '.join(config[name])}"
        for name in ("kinds", "difficulties")
        if config.get(name)
    ]
    rows = f"{config['train_rows']:,} rows" if config.get("train_rows") else "Rows"
    sampling = (
        "greedy" if settings["temperature"] == 0 else f"temperature {settings['temperature']:g}"
    )
    return (
        f"{rows} of the task `{settings['task']}` of mrlm, split `train`, seed "
        f"{config.get('seed')}{''.join(f', {choice}' for choice in chosen)}. Measured on "
        f"{settings['num_rows']} rows of the split `{settings['split']}`, seed {settings['seed']}, "
        f"{sampling}, at most {settings['max_new_tokens']} new tokens. The two splits share no "
        "content."
    )


def _training(results: Mapping[str, Any], config: Mapping[str, Any], base: str | None) -> str:
    environment = results["environment"]
    cores = environment["cpu_cores"]
    machine = environment.get("gpu") or f"{cores} CPU core{'' if cores == 1 else 's'}"
    lines = [
        f"{results['title']}, from {f'`{base}`' if base else 'a local model'}, on {machine}, in "
        f"{format.duration(results['wall_seconds'])} with its evaluations. mrlm "
        f"{environment['mrlm']}, TRL {environment['trl']}, transformers "
        f"{environment['transformers']}, torch {environment['torch']}.",
        "",
        "| Setting | Value |",
        "|---|---|",
        *(
            f"| `{name}` | {_cell(str(config[name]))} |"
            for name in _SETTINGS
            if config.get(name) is not None
            and not (name == "num_train_epochs" and config.get("max_steps", -1) > 0)
        ),
        "",
        "```",
        results["command"],
        "```",
    ]
    return "\n".join(lines)


def _use(is_adapter: bool, base: str | None) -> str:
    imports = "from transformers import AutoModelForCausalLM, AutoTokenizer"
    name = "AutoModelForCausalLM"
    if is_adapter:
        name = "AutoPeftModelForCausalLM"
        imports = f"from peft import {name}\nfrom transformers import AutoTokenizer"
    serve = "vllm serve FOLDER"
    if is_adapter:
        serve = f"vllm serve {base or 'BASE_MODEL'} --enable-lora --lora-modules mine=FOLDER"
    return (
        "With `FOLDER` this folder, or the model's id on the Hub.\n\nIn transformers:\n\n"
        f"```python\n{imports}\n\n"
        f'model = {name}.from_pretrained("FOLDER")\n'
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n```\n\n'
        f"In vLLM, behind OpenAI's interface:\n\n```\n{serve}\n```\n\n"
        "In llama.cpp and in Ollama, from a GGUF file that mrlm writes with its Modelfile (Llama, "
        "Mistral, Qwen2 and Qwen3 architectures):\n\n"
        "```\nmrlm export FOLDER --output_dir exported\n"
        "llama-server -m exported/*.gguf --jinja\n"
        "ollama create mine -f exported/Modelfile && ollama run mine\n```"
    )


def _limits(results: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    limits = [
        f"Trained on generated rows of one task, {settings['task']}, and measured on held-out rows "
        "of the same generator: nothing here says what it does on other text.",
        "One run with one seed; another seed ends elsewhere.",
        "The licence, biases and unsafe answers of the base model carry over.",
        *results["warnings"],
        *results["notes"],
    ]
    return "\n".join(f"- {escape(' '.join(limit.split()), quote=False)}" for limit in limits)


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|")
