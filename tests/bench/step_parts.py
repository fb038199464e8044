"""Where the time of a step of the demo and of an evaluation goes: products, and what is not.

``make bench-parts``, with ``ARGS=--fp32`` as on a processor without fast bf16. Operators are timed
by PyTorch's profiler and put into groups; what no operator took is Python. Below stands how fast
products of the model's shapes are on this machine, by how many rows they have.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

ROOT = Path(__file__).parents[2]
PRODUCTS = {"aten::mm", "aten::addmm", "aten::mkldnn_linear", "mkldnn::_linear_pointwise"}
ATTENTION = {
    "aten::bmm",
    "aten::_softmax",
    "aten::_scaled_dot_product_flash_attention_for_cpu",
    "aten::_scaled_dot_product_flash_attention_for_cpu_backward",
}
COPIES = {"aten::copy_", "aten::cat", "aten::index", "aten::fill_", "aten::index_put_"}
OPTIMIZER = {"aten::_fused_adamw_", "aten::_foreach_norm", "aten::linalg_vector_norm"}
GROUPS = (
    "products of the layers",
    "product with the vocabulary",
    "on logits: sampling, log-probabilities",
    "attention",
    "optimizer, clipping",
    "copies, casts",
    "other operators",
    "Python",
)


def group_of(name: str, shapes: list[Any], vocabulary: int) -> str:
    """Which row of the table an operator belongs to."""
    has_vocabulary = any(vocabulary in shape for shape in shapes if isinstance(shape, list))
    if name in PRODUCTS:
        return GROUPS[1] if has_vocabulary else GROUPS[0]
    if name in OPTIMIZER:
        return GROUPS[4]
    # The embedding has as many rows as there are logits, and another width.
    if has_vocabulary and name not in COPIES and not name.startswith("aten::embedding"):
        return GROUPS[2]
    if name in ATTENTION:
        return GROUPS[3]
    return GROUPS[5] if name in COPIES else GROUPS[6]


def profiled(function: Any, vocabulary: int) -> tuple[float, Counter[str]]:
    """Seconds without the profiler, and seconds of each group with it."""
    start = time.perf_counter()
    function()
    plain = time.perf_counter() - start
    start = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        function()
    wall = time.perf_counter() - start
    groups: Counter[str] = Counter()
    for event in profiler.key_averages(group_by_input_shape=True):
        group = group_of(event.key, event.input_shapes, vocabulary)
        groups[group] += event.self_cpu_time_total / 1e6
    groups[GROUPS[-1]] = max(0.0, wall - sum(groups.values()))
    return plain, groups


def product_speed(config: Any, dtype: torch.dtype, rows: int) -> float:
    """Floating point operations a second, over the products of one layer."""
    width, inner = config.hidden_size, config.intermediate_size
    shapes = [(width, width), (width, inner), (inner, width)]
    pairs = [(torch.randn(rows, n).to(dtype), torch.randn(m, n).to(dtype)) for n, m in shapes]
    operations = sum(2 * x.numel() * w.shape[0] for x, w in pairs)
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        for x, w in pairs:
            torch.nn.functional.linear(x, w)
        best = min(best, time.perf_counter() - start)
    return operations / best


def build(folder: str, fp32: bool, others: list[str]) -> tuple[Any, Any, Any]:
    """The demo's trainer and its held-out rows and task; ``others`` are flags of the demo."""
    sys.path.insert(0, str(ROOT / "recipes"))
    from demo import DEMO
    from ppo_math import RecipeConfig

    from mrlm import PPOTrainer
    from mrlm.experiment.arguments import RolloutArguments, parse_arguments
    from mrlm.experiment.rewards import load_rewards
    from mrlm.experiment.rows import load_rows
    from mrlm.experiment.run import start_run
    from mrlm.models.policy import load_policy

    flags = ["--output_dir", folder, "--report_to", "none", "--disable_tqdm", "true"]
    flags += ["--max_steps", "56", *others]
    flags += ["--bf16", "false"] if fp32 else []
    arguments, config, model_config = parse_arguments(
        "demo", RolloutArguments, RecipeConfig, DEMO, flags
    )
    run = start_run("PPO", arguments, config, model_config)
    rows = load_rows(run)
    model, tokenizer = load_policy(model_config, config)
    trainer = PPOTrainer(
        model,
        load_rewards(run, rows.task),
        config,
        train_dataset=rows.train_rows(),
        processing_class=tokenizer,
    )
    trainer.create_optimizer()
    return trainer, rows.eval_tasks[0], tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fp32", action="store_true", help="as without fast bf16")
    parser.add_argument("--eval_rows", type=int, default=64, help="rows of the evaluation")
    parser.add_argument("--json", action="store_true", help="print the seconds")
    parser.add_argument("flags", nargs="*", help="of the demo, after --")
    arguments = parser.parse_args()
    if arguments.fp32:  # whatever asks for this processor's kind
        torch.cpu._is_avx512_bf16_supported = lambda: False
        torch.cpu._is_amx_tile_supported = lambda: False
    from mrlm.sampling import make_generator
    from mrlm.sampling.rollout import rollout
    from mrlm.sampling.types import SamplingParams

    console = Console(stderr=arguments.json)
    with tempfile.TemporaryDirectory() as folder:
        trainer, eval_task, tokenizer = build(folder, arguments.fp32, arguments.flags)
        model = trainer.model
        batches = iter(trainer.get_train_dataloader())
        trainer.current_gradient_accumulation_steps = 1

        def step() -> None:
            model.train()
            trainer.training_step(model, next(batches), None)
            trainer._clip_grad_norm(model)
            trainer.optimizer.step()
            trainer.optimizer.zero_grad()
            trainer.state.global_step += 1

        step()  # warms up
        vocabulary = model.config.vocab_size
        found = {"step": profiled(step, vocabulary)}
        rows = list(eval_task.rows)[: arguments.eval_rows]
        generator = make_generator(model, tokenizer)
        params = SamplingParams(eval_task.max_new_tokens, temperature=0.0, seed=0)

        def evaluation() -> None:
            rollout(generator, tokenizer, rows, eval_task.task, params)

        found["evaluation"] = profiled(evaluation, vocabulary)
    dtype = torch.float32 if arguments.fp32 else torch.bfloat16
    table = Table(title=f"seconds, {torch.get_num_threads()} threads, {dtype}")
    for column in ("group", *found):
        table.add_column(column, justify="left" if column == "group" else "right")
    for group in GROUPS:
        cells = [
            f"{groups[group]:.2f} ({groups[group] / sum(groups.values()):.0%})"
            for _, groups in found.values()
        ]
        table.add_row(group, *cells)
    table.add_row("sum, profiled", *(f"{sum(groups.values()):.2f}" for _, groups in found.values()))
    table.add_row("without the profiler", *(f"{plain:.2f}" for plain, _ in found.values()))
    console.print(table)
    for rows_at_once in (16, 64, 1024):
        speed = product_speed(model.config, dtype, rows_at_once)
        console.print(f"products of {rows_at_once} rows: {speed / 1e9:.0f} GFLOPS")
    if arguments.json:
        print(json.dumps({name: [plain, dict(groups)] for name, (plain, groups) in found.items()}))


if __name__ == "__main__":
    main()
