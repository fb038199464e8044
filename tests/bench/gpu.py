"""What a GPU makes of us, in at most 15 minutes: ``make bench-gpu``.

Samplers: milliseconds a token of 64 rows side by side, for our sampler with and without a CUDA
graph, transformers' ``generate`` and its continuous batching. Steps: TRL's GRPO, our GRPO and PPO
by TRL's path and by ours (``sampler="mrlm"``), with QLoRA, 8-bit Adam, vLLM in colocate mode, a
critic, and FSDP2 on one GPU. All rows have the same prompts and as good as all the same length.

Each run has a process of its own, so that peak memory is its own and one that fails takes no other
with it; a JSON file is written after each, a table in Markdown printed at the end. ``--device cpu
--tiny`` shows on a CPU that the script works; its figures say nothing.

Left out: several GPUs, and whether anything is learned.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

FSDP2 = Path(__file__).parents[2] / "recipes" / "accelerate" / "fsdp2.yaml"
SAMPLERS = (
    "mrlm, CUDA graph",
    "mrlm, static cache",
    "mrlm, growing cache",
    "generate",
    "continuous batching",
)
# Trainer, settings; in the order of what is to be known first, should the time not last.
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "TRL GRPO": ("TRL", {}),
    "GRPO, mrlm": ("GRPO", {"sampler": "mrlm"}),
    "PPO, mrlm": ("PPO", {"sampler": "mrlm"}),
    "GRPO": ("GRPO", {}),
    "PPO, value head": ("PPO", {}),
    "PPO, vLLM": ("PPO", {"use_vllm": True, "vllm_gpu_memory_utilization": 0.3}),
    "GRPO, 8-bit Adam": ("GRPO", {"optim": "adamw_bnb_8bit"}),
    "GRPO, QLoRA": ("GRPO", {}),
    "PPO, critic": ("PPO", {}),
    "GRPO, FSDP2": ("GRPO", {}),
    "PPO, value head, FSDP2": ("PPO", {}),
}
RUNS = (*SAMPLERS, *STEPS)
NEEDS = {"vLLM": "vllm", "8-bit Adam": "bitsandbytes", "QLoRA": "bitsandbytes"}
# Of runs of which only that they go is to be seen, or that take long to warm up.
NUM_STEPS = {"PPO, vLLM": 10, "GRPO, 8-bit Adam": 3, "GRPO, QLoRA": 3}
PER_PROMPT = 8
START = 20  # seconds that a process takes to start; with less time left, a run is left out


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="Hub id or path; default: the embedded 135M model")
    parser.add_argument("--steps", type=int, default=5, help="counted steps of each run")
    parser.add_argument("--completions", type=int, default=64, help="rows sampled side by side")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each completion")
    parser.add_argument("--minutes", type=float, default=15, help="in all; default: 15")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS), help="default: all")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-gpu.json"), help="JSON file")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a random model of two layers")
    parser.add_argument("--one", choices=RUNS, help="make this run here and print it as JSON")
    parsed = parser.parse_args(arguments)
    if parsed.completions < PER_PROMPT or parsed.completions % PER_PROMPT:
        parser.error(f"--completions {parsed.completions}: must be a multiple of {PER_PROMPT}")
    if parsed.steps < 1 or parsed.tokens < 1:
        parser.error("--steps and --tokens must be 1 or more")
    return parsed


# ---------------------------------------------------------------------- one run, in its process


def synchronize(options: argparse.Namespace) -> None:
    if options.device == "cuda":
        torch.cuda.synchronize()


def load(options: argparse.Namespace, **more: Any) -> tuple[Any, Any]:
    """Model and tokenizer, of which a rare token is all that ends a completion."""
    from mrlm.models.loading import load_model

    model, tokenizer = load_model(options.model, **more)
    rare = len(tokenizer) - 1
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(rare)
    model.generation_config.eos_token_id = rare
    return model, tokenizer


def prompt_ids(tokenizer: Any, rows: int) -> list[list[int]]:
    from mrlm.tasks import TASKS

    questions = TASKS["math"].build_dataset(rows // PER_PROMPT, 0, "train")["prompt"]
    encoded = [
        tokenizer.apply_chat_template(question, add_generation_prompt=True)["input_ids"]
        for question in questions
    ]
    return [ids for ids in encoded for _ in range(PER_PROMPT)]


def measure_sampler(run: str, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of each token of all rows, prompts included, of every counted call."""
    model, tokenizer = load(options)
    dtype = torch.float32 if options.device == "cpu" else torch.bfloat16
    model = model.to(options.device, dtype).eval()
    prompts = prompt_ids(tokenizer, options.completions)
    sample = make_sampler(run, model, tokenizer, prompts, options)
    sample()  # warms up, and records
    milliseconds = []
    for _ in range(min(3, options.steps)):
        synchronize(options)
        start = time.perf_counter()
        lengths = sample()
        synchronize(options)
        milliseconds.append((time.perf_counter() - start) * 1000 / options.tokens)
        if lengths != {options.tokens}:
            raise RuntimeError(f"{run}: lengths {lengths}, all should be {options.tokens}")
    return {"ms_a_token": milliseconds}


def make_sampler(
    run: str, model: Any, tokenizer: Any, prompts: list[list[int]], options: argparse.Namespace
) -> Callable[[], set[int]]:
    """What samples all rows once, and gives the lengths of the completions."""
    from transformers import GenerationConfig

    from mrlm.sampling.generator import Generator
    from mrlm.sampling.types import SamplingParams

    if run.startswith("mrlm"):
        static = "growing" not in run
        generator = Generator(model, tokenizer, dtype=model.dtype, static_cache=static)
        generator.eos_token_ids = set()
        if run == "mrlm, static cache" and generator.decoder is not None:
            generator.decoder.recorder = None
        params = SamplingParams(options.tokens, num_generations=PER_PROMPT)

        def ours() -> set[int]:
            said = generator.generate(prompts[::PER_PROMPT], params)
            if generator.decoder is not None and generator.decoder.failure is not None:
                raise RuntimeError(f"no CUDA graph: {generator.decoder.failure}")
            return {len(completion.token_ids) for completion in said}

        return ours
    config = GenerationConfig(
        max_new_tokens=options.tokens, do_sample=True, pad_token_id=tokenizer.pad_token_id
    )
    model.generation_config.eos_token_id = None
    model.config.eos_token_id = None
    if run == "continuous batching":
        return lambda: {
            len(output.generated_tokens)
            for output in model.generate_batch(prompts, config, progress_bar=False).values()
        }
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts], device=options.device)
    seen = torch.tensor(
        [[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=options.device
    )
    return lambda: {
        model.generate(input_ids=ids, attention_mask=seen, generation_config=config).shape[1]
        - width
    }


def make_trainer(run: str, options: argparse.Namespace, folder: str) -> Any:
    import trl

    from mrlm import PPOConfig, PPOTrainer
    from mrlm.models.loading import model_path
    from mrlm.tasks import TASKS
    from mrlm.trainers.grpo import GRPOConfig, GRPOTrainer

    classes: dict[str, tuple[Any, Any]] = {
        "TRL": (trl.GRPOTrainer, trl.GRPOConfig),
        "GRPO": (GRPOTrainer, GRPOConfig),
        "PPO": (PPOTrainer, PPOConfig),
    }
    kind, changes = STEPS[run]
    trainer_class, config_class = classes[kind]
    settings: dict[str, Any] = {
        "output_dir": folder,
        "max_steps": NUM_STEPS.get(run, options.steps) + 1,  # the first one warms up
        "per_device_train_batch_size": options.completions,
        "num_generations": PER_PROMPT,
        "max_completion_length": options.tokens,
        "use_cpu": options.device == "cpu",
        "bf16": options.device == "cuda",
        "activation_checkpointing": False,
        "learning_rate": 1e-6,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 1,
        "seed": 0,
    }
    if "critic" in run:
        settings["critic_model_name_or_path"] = model_path(options.model)
    loading: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    if "QLoRA" in run:
        from peft import LoraConfig
        from transformers import BitsAndBytesConfig

        loading["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
        arguments["peft_config"] = LoraConfig(r=16, target_modules="all-linear")
    model, tokenizer = load(options, **loading)
    task = TASKS["math"]
    return trainer_class(
        model,
        list(task.reward_funcs),
        config_class(**settings | changes),
        train_dataset=task.build_dataset(512, 0, "train"),
        processing_class=tokenizer,
        **arguments,
    )


def measure_steps(run: str, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of every counted step, and what came of them."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.start, self.seconds = 0.0, list[float]()

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            synchronize(options)
            self.start = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            synchronize(options)
            self.seconds.append(time.perf_counter() - self.start)

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(run, options, folder)
        trainer.add_callback(clock)
        trainer.train()
    logs = [log for log in trainer.state.log_history if "loss" in log]
    return {
        "seconds": clock.seconds[1:],
        "mean_length": statistics.mean(log["completions/mean_length"] for log in logs),
        "last_loss": logs[-1]["loss"],
        "notes": getattr(trainer, "notes", []),
    }


# ---------------------------------------------------------------------- all runs


def measure_apart(run: str, options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """A run in a process of its own; why it was ``left_out``; or the last words where it failed."""
    missing = next((name for part, name in NEEDS.items() if part in run), None)
    if missing is not None and importlib.util.find_spec(missing) is None:
        return {"left_out": f"{missing} is not installed"}
    if options.device == "cpu" and ("FSDP2" in run or "vLLM" in run):
        return {"left_out": "needs a GPU"}
    if seconds < START:
        return {"left_out": f"the {options.minutes:g} minutes were over"}
    launch = [sys.executable]
    if "FSDP2" in run:
        launch += ["-m", "accelerate.commands.launch", "--config_file", str(FSDP2)]
        launch += ["--num_processes", "1"]
    command = [*launch, __file__, "--one", run]
    for name in ("steps", "completions", "tokens", "device", "model"):
        if getattr(options, name) is not None:
            command += [f"--{name}", str(getattr(options, name))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"failed": f"it was not done after {seconds:.0f} seconds"}
    if done.returncode:
        return {"failed": "\n".join(done.stderr.strip().splitlines()[-12:])}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def tables(results: dict[str, dict[str, Any]], options: argparse.Namespace) -> str:
    """Markdown: samplers, steps beside the first one's, and what is not there."""
    lines = ["| sampler | ms a token | range | peak GiB |", "|---|---|---|---|"]
    for run, found in results.items():
        if times := found.get("ms_a_token"):
            lines.append(
                f"| {run} | {statistics.median(times):.2f} | {min(times):.2f} to {max(times):.2f} "
                f"| {found['peak_bytes'] / 2**30:.2f} |"
            )
    counted = {run: found for run, found in results.items() if "seconds" in found}
    medians = {run: statistics.median(found["seconds"]) for run, found in counted.items()}
    first = next(iter(medians), "")
    lines += [
        "",
        f"| run | s a step | range | tokens/s | times {first}'s speed | peak GiB |",
        "|---|---|---|---|---|---|",
    ]
    for run, found in counted.items():
        seconds, median = found["seconds"], medians[run]
        tokens = options.completions * found["mean_length"]
        lines.append(
            f"| {run} | {median:.2f} | {min(seconds):.2f} to {max(seconds):.2f} "
            f"| {tokens / median:.0f} | {medians[first] / median:.2f} "
            f"| {found['peak_bytes'] / 2**30:.2f} |"
        )
    lines.append("")
    for run, found in results.items():
        lines += [f"- {run}: {note}" for note in found.get("notes", ())]
        why = found.get("left_out") or found.get("failed", "").strip().rpartition("\n")[2]
        lines += [f"- {run}: {'left out' if 'left_out' in found else 'failed'}: {why}"] * bool(why)
    return "\n".join(lines)


def save_tiny_model(folder: Path) -> None:
    """A random Llama of two layers with the embedded model's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from mrlm.models.loading import load_tokenizer

    tokenizer = load_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    options = parse_arguments()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "bench-gpu needs an NVIDIA or AMD GPU that torch can use, and finds none here "
            f"(torch {torch.__version__}). On a CPU, `make bench` compares the trainers, and "
            "`--device cpu --tiny` shows that this script works."
        )
    if options.one:
        measure = measure_sampler if options.one in SAMPLERS else measure_steps
        result = measure(options.one, options)
        on_gpu = options.device == "cuda"
        result["peak_bytes"] = torch.cuda.max_memory_allocated() if on_gpu else 0
        print(json.dumps(result))
        return
    import transformers
    import trl

    from mrlm.files import write_json

    deadline = time.monotonic() + 60 * options.minutes
    results: dict[str, dict[str, Any]] = {}
    written = {
        "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, trl)},
        "model": options.model or "the embedded 135M model",
        "completions": options.completions,
        "tokens": options.tokens,
        "runs": results,
    }
    with tempfile.TemporaryDirectory() as folder:
        if options.tiny:
            save_tiny_model(Path(folder))
            options.model = folder
            written["model"] = "a random model of two layers"
        for run in options.runs:
            print(f"{run} ...", file=sys.stderr)
            results[run] = measure_apart(run, options, deadline - time.monotonic())
            write_json(options.out, written)
    print(
        f"\n{written['model']}, {options.completions} completions of {options.tokens} tokens, "
        f"on {written['device']} (torch {torch.__version__}, TRL {trl.__version__}):\n"
    )
    print(tables(results, options))


if __name__ == "__main__":
    main()
